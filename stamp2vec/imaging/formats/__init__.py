"""Hostile bytes to pages, uint8 RGB arrays, or an InvalidImage with the remedy; a reader a format."""

from stamp2vec.imaging.formats.limits import Limits
from stamp2vec.imaging.formats.page import (
    Allocate,
    BrokenPage,
    NoRoom,
    Overlay,
    Page,
    PageInfo,
    Reader,
    fitted,
    is_long,
    new_array,
    whole,
)
from stamp2vec.imaging.formats.pages import (
    decode_image,
    decode_pages,
    decode_picture,
    open_file,
    pages_to_read,
    pillow_image,
    raw_image,
    read_fitted,
    read_page,
    warn_of_damage,
)
from stamp2vec.imaging.formats.raster import READABLE

__all__ = [
    "READABLE",
    "Allocate",
    "BrokenPage",
    "Limits",
    "NoRoom",
    "Overlay",
    "Page",
    "PageInfo",
    "Reader",
    "decode_image",
    "decode_pages",
    "decode_picture",
    "fitted",
    "is_long",
    "new_array",
    "open_file",
    "pages_to_read",
    "pillow_image",
    "raw_image",
    "read_fitted",
    "read_page",
    "warn_of_damage",
    "whole",
]
