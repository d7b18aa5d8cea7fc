"""The embedder: crops in, vectors out."""
