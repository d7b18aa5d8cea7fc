"""How the segmenter is trained."""
