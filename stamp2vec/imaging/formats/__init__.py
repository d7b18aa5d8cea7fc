"""Hostile bytes to pages, uint8 RGB arrays, or an InvalidImage with the remedy; a reader a format."""

from stamp2vec.imaging.formats.limits import Limits
from stamp2vec.imaging.formats.pages import BrokenPage, Page, decode_image, decode_pages, pillow_image, raw_image
from stamp2vec.imaging.formats.raster import READABLE

__all__ = ["READABLE", "BrokenPage", "Limits", "Page", "decode_image", "decode_pages", "pillow_image", "raw_image"]
