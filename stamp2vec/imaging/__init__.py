"""Bytes to pages to arrays: formats, letterbox, tiles, crop, ink colour, draw.

Every picture in the library is a uint8 array of shape (H, W, 3), red first, as a person sees it.
"""

from stamp2vec.imaging.crop import crop
from stamp2vec.imaging.draw import annotate
from stamp2vec.imaging.formats import (
    READABLE,
    BrokenPage,
    Limits,
    NoRoom,
    Overlay,
    Page,
    PageInfo,
    Reader,
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
    whole,
)
from stamp2vec.imaging.ink import ink_colour, ink_colours
from stamp2vec.imaging.letterbox import Letterbox, letterbox, letterboxed
from stamp2vec.imaging.squares import Square
from stamp2vec.imaging.tiles import View, views
from stamp2vec.imaging.tone import negative, prepared

__all__ = [
    "READABLE",
    "BrokenPage",
    "Letterbox",
    "Limits",
    "NoRoom",
    "Overlay",
    "Page",
    "PageInfo",
    "Reader",
    "Square",
    "View",
    "annotate",
    "crop",
    "decode_image",
    "decode_pages",
    "decode_picture",
    "ink_colour",
    "ink_colours",
    "letterbox",
    "letterboxed",
    "negative",
    "open_file",
    "pages_to_read",
    "pillow_image",
    "prepared",
    "raw_image",
    "read_fitted",
    "read_page",
    "views",
    "warn_of_damage",
    "whole",
]
