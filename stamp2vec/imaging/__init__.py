"""Bytes to pages to arrays: formats, letterbox, tiles, crop, ink colour, draw.

Every picture in the library is a uint8 array of shape (H, W, 3), red first, as a person sees it.
"""

from stamp2vec.imaging.crop import crop
from stamp2vec.imaging.draw import annotate
from stamp2vec.imaging.formats import (
    READABLE,
    BrokenPage,
    Limits,
    Page,
    decode_image,
    decode_pages,
    pillow_image,
    raw_image,
)
from stamp2vec.imaging.ink import ink_colour
from stamp2vec.imaging.letterbox import Letterbox, letterbox
from stamp2vec.imaging.tiles import View, views

__all__ = [
    "READABLE",
    "BrokenPage",
    "Letterbox",
    "Limits",
    "Page",
    "View",
    "annotate",
    "crop",
    "decode_image",
    "decode_pages",
    "ink_colour",
    "letterbox",
    "pillow_image",
    "raw_image",
    "views",
]
