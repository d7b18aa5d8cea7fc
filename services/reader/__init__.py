"""The reader: strips in, text out."""
