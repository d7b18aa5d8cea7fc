"""The one crop rule: what of a page the segmenter and the embedder see of a stamp; and what goes with a crop."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stamp2vec.errors import InvalidInput
from stamp2vec.limits import MIN_SIDE_PX


def crop(
    image: NDArray[np.uint8],
    box: Sequence[float] | NDArray[np.floating],
    margin: float = 0.08,
) -> tuple[NDArray[np.uint8], tuple[int, int, int, int]]:
    """Cut a box and a margin out of a page, uint8 (H, W, 3).

    `box` is x1 y1 x2 y2 in pixels of the page. The margin on each side is this share of the mean of the box's
    two sides: the error of a detected edge depends on the stamp's size more than on the length of that edge.
    The result has whole pixels, lies inside the page and is at least 8 pixels a side, as far as the page is.

    Returns the crop, a view of the page, and its x1, y1, x2, y2. Raises InvalidInput for a box that is empty,
    not finite or outside of the page.
    """
    height, width = image.shape[:2]
    x1, y1, x2, y2 = (float(edge) for edge in box)
    inside = x1 < x2 and y1 < y2 and x1 < width and y1 < height and x2 > 0 and y2 > 0
    if not inside or not all(map(math.isfinite, (x1, y1, x2, y2))):
        raise InvalidInput(
            f"box {(x1, y1, x2, y2)} covers nothing of a page of {width} x {height} pixels: give x1 y1 x2 y2 inside it",
            "box",
        )
    space = margin * ((x2 - x1) + (y2 - y1)) / 2
    left, right = _span(x1 - space, x2 + space, width)
    top, bottom = _span(y1 - space, y2 + space, height)
    return image[top:bottom, left:right], (left, top, right, bottom)


def check_mask(crop: NDArray[np.uint8], mask: NDArray[np.uint8]) -> None:
    """ValueError unless they are a picture, uint8 (h, w, 3), and a mask of it, uint8 (h, w)."""
    if crop.ndim != 3 or crop.shape[2] != 3 or crop.dtype != np.uint8 or not crop.size:
        raise ValueError(f"the crop is {crop.dtype} {crop.shape}: give uint8 (h, w, 3)")
    if mask.shape != crop.shape[:2] or mask.dtype != np.uint8:
        raise ValueError(f"the mask is {mask.dtype} {mask.shape}: give uint8 {crop.shape[:2]}, a mask of the crop")


def _span(low: float, high: float, limit: int) -> tuple[int, int]:
    """Whole pixels that cover low..high inside 0..limit, at least MIN_SIDE_PX of them."""
    first, last = max(0, math.floor(low)), min(limit, math.ceil(high))
    missing = max(0, MIN_SIDE_PX - (last - first))
    first = max(0, min(first - missing // 2, limit - MIN_SIDE_PX))
    return first, min(limit, max(last, first + MIN_SIDE_PX))
