"""The detector: pages in, stamps' boxes out."""
