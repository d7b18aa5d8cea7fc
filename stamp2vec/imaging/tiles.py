"""Views of a page at a model's input size: the whole of it, and tiles of a large one, where small stamps are seen."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stamp2vec.imaging.letterbox import Letterbox, letterbox

LARGE = 2500  # pixels of the longer side, beyond which a page is looked at in tiles as well
TILE = 1750
OVERLAP = 350  # pixels that neighbours share: what is smaller is whole on one of them
MAX_VIEWS = 64  # of a page, one of which is the whole: as many images as a call takes
_AT_EDGE = 2.0  # pixels of the model's input within which a box counts as cut by the tile's edge


@dataclass(frozen=True, slots=True)
class View:
    """A part of a page as a model sees it.

    `pixels` is uint8 (h, w, 3) of the model's input size and `place` tells where the part lies in them; `left` and
    `top` tell where the part begins on the page, of `width` and `height` pixels.
    """

    pixels: NDArray[np.uint8]
    place: Letterbox
    left: int
    top: int
    width: int
    height: int

    def boxes_to_page(self, boxes: NDArray[np.floating]) -> NDArray[np.float32]:
        """Map boxes (N, 4), x1 y1 x2 y2 in pixels of the model's input, to pixels of the page, clipped to the part."""
        offset = np.array([self.left, self.top] * 2, np.float32)
        return self.place.boxes_to_image(boxes) + offset

    def cuts(self, boxes: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Which boxes (N, 4) in pixels of the page end where the part does and the page goes on: bool (N,)."""
        reach = _AT_EDGE / self.place.scale
        right, bottom = self.left + self.place.width, self.top + self.place.height
        cut = np.zeros(len(boxes), bool)
        if self.left > 0:
            cut |= boxes[:, 0] <= self.left + reach
        if self.top > 0:
            cut |= boxes[:, 1] <= self.top + reach
        if right < self.width:
            cut |= boxes[:, 2] >= right - reach
        if bottom < self.height:
            cut |= boxes[:, 3] >= bottom - reach
        return cut


def views(page: NDArray[np.uint8], size: tuple[int, int], *, tiled: bool) -> tuple[View, ...]:
    """The whole page, uint8 (H, W, 3), letterboxed to `size` (height, width); if `tiled`, the tiles of a large one too.

    At most 64.
    """
    height, width = page.shape[:2]
    parts = [(0, 0, width, height), *(tiles(height, width) if tiled else ())]
    return tuple(
        View(*letterbox(page[top:bottom, left:right], size), left, top, width, height)
        for left, top, right, bottom in parts
    )


def tiles(height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Parts of a page, x1 y1 x2 y2 in its pixels, row by row; none when its longer side is 2,500 pixels or less.

    They have 1,750 pixels a side, or as many as the page has, and share 350 or more with each neighbour; both grow on
    pages that would have more than 63.
    """
    if max(height, width) <= LARGE:
        return []
    growth = 1.0
    while True:
        side, shared = round(TILE * growth), round(OVERLAP * growth)
        rows, columns = _spans(height, side, shared), _spans(width, side, shared)
        if len(rows) * len(columns) < MAX_VIEWS:
            return [(left, top, right, bottom) for top, bottom in rows for left, right in columns]
        growth *= 1.1


def _spans(length: int, side: int, shared: int) -> list[tuple[int, int]]:
    """Intervals of `side` that cover 0..length evenly and share at least `shared` with each neighbour."""
    count = max(1, math.ceil((length - shared) / (side - shared)))
    last = max(0, length - side)
    starts = [round(index * last / max(1, count - 1)) for index in range(count)]
    return [(start, min(length, start + side)) for start in starts]
