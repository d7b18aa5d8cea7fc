"""TIFF by its own directories: a page is decoded in parts, and what of it is damaged is told."""

from stamp2vec.imaging.formats.tiff.reader import TiffReader, is_tiff

__all__ = ["TiffReader", "is_tiff"]
