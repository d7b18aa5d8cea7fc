"""A JPEG in fewer pixels than it has: its decoder makes a half, a quarter or an eighth of them for less than all."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.imaging.formats.page import fitted, is_long

_STEPS = (8, 4, 2)
_MODES = ("RGB", "L")
_ENOUGH = 0.97  # of the pixels along a side that are wanted: a page of A4 has hardly less at a quarter of 150 dpi


def reduction_of(image: Image.Image, fit: tuple[int, int]) -> int:
    """By how much each side of a JPEG that is not loaded may be divided for `fit`, (height, width); 1 is not at all."""
    if image.mode not in _MODES or image.info.get("progressive"):  # of which the decoder holds all the same
        return 1
    if is_long(image.height, image.width):  # fitted as one it would lose what its pieces show
        return 1
    height, width = fitted(image.height, image.width, fit)
    least = max(_ENOUGH * height / image.height, _ENOUGH * width / image.width)
    return next((step for step in _STEPS if step * least <= 1), 1)


def reduced_size(image: Image.Image, reduction: int) -> tuple[int, int]:
    """Height and width of a JPEG each of whose sides is divided: the last pixel of a row or column may be of fewer."""
    return -(-image.height // reduction), -(-image.width // reduction)


def load_reduced(image: Image.Image, reduction: int) -> NDArray[np.uint8]:
    """The pixels of a JPEG, uint8 (h, w, 3) of its reduced size. Raises what Pillow does of a file that is damaged."""
    image.draft(None, (image.width // reduction, image.height // reduction))
    image.load()
    return np.asarray(image.convert("RGB"))
