"""The segmenter: crops in, ink masks out."""
