"""Hostile bytes to pages, uint8 RGB arrays, or an InvalidImage with the remedy; a reader a format."""

from stamp2vec.imaging.formats.limits import Limits
from stamp2vec.imaging.formats.page import BrokenPage, Overlay, Page, PageInfo, Reader
from stamp2vec.imaging.formats.pages import (
    decode_image,
    decode_pages,
    decode_picture,
    open_file,
    pages_to_read,
    pillow_image,
    raw_image,
)
from stamp2vec.imaging.formats.raster import READABLE

__all__ = [
    "READABLE",
    "BrokenPage",
    "Limits",
    "Overlay",
    "Page",
    "PageInfo",
    "Reader",
    "decode_image",
    "decode_pages",
    "decode_picture",
    "open_file",
    "pages_to_read",
    "pillow_image",
    "raw_image",
]
