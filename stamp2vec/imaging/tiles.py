"""Views of a page at a model's input size: the whole, tiles that show small stamps larger, pieces of long ones."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stamp2vec.imaging.formats import is_long
from stamp2vec.imaging.letterbox import Letterbox, letterbox
from stamp2vec.limits import MAX_IMAGES
from stamp2vec.values import Views

SMALL = 480  # pixels of the longer side, up to which a page has no tiles
ZOOM = 1.5  # how much larger a tile shows what is on a page, unless its shorter side or TILE limit it
OBLONG = 0.8  # shorter by longer side, up to which one row of tiles as high as the page is short will do
TILE = 2800  # pixels a side, at most, so that small stamps on plans are seen; A4 and Letter at 300 dpi are narrower
OVERLAP = 0.2  # share of a tile that neighbours have in common: what is smaller is whole on one of them
PIECE = 1.5  # length of a piece of a long page, in shorter sides of the page
PIECE_OVERLAP = 1 / 3  # share of a piece that neighbours have in common: half of the page's shorter side
MAX_VIEWS = MAX_IMAGES  # of a page, one of which is the whole: they go into one call
_AT_EDGE = 2.0  # pixels of the model's input within which a box counts as cut by the tile's edge
_TOO_SMALL = 8.0  # pixels of the model's input: of less height or width, stamps are seen badly
_TOO_LARGE = 0.6  # share of the model's input: of more, stamps are seen badly


@dataclass(frozen=True, slots=True)
class View:
    """A part of a page as a model sees it.

    `pixels` is uint8 (h, w, 3) of the model's input size and `place` is where the part lies in them; `left` and
    `top` are where the part begins on the page, of `width` and `height` pixels.
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

    def sees(self, boxes: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Which boxes (N, 4) in pixels of the page it has whole, and neither too small nor too large: bool (N,)."""
        sides = (boxes[:, 2:] - boxes[:, :2]) * self.place.scale
        fits = (sides.min(1) >= _TOO_SMALL) & (sides.max(1) <= _TOO_LARGE * max(self.place.size))
        return fits & ~self.cuts(boxes)  # type: ignore[no-any-return]


def views(page: NDArray[np.uint8], size: tuple[int, int], shown: Views) -> tuple[View, ...]:
    """At most 64 views of a page, uint8 (H, W, 3), letterboxed to `size` (height, width).

    The first is the whole page, other than of a long page: that is shown in pieces alone.
    """
    height, width = page.shape[:2]
    if is_long(height, width):
        parts = pieces(height, width, shown)
    else:
        parts = [(0, 0, width, height), *(tiles(height, width) if shown is Views.WHOLE_AND_TILES else ())]
    return tuple(
        View(*letterbox(page[top:bottom, left:right], size), left, top, width, height)
        for left, top, right, bottom in parts
    )


def tiles(height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Parts of a page, x1 y1 x2 y2 in its pixels, row by row; none when its longer side is 480 pixels or less.

    They are squares, as far as the page is so wide and high: of two thirds of its longer side, or of its shorter one
    where that is more and the page oblong, and of 2,800 pixels at most. A fifth or more of each is on its neighbour as
    well. So A4 up to 300 dpi has two tiles, and A3 at 300 dpi four. They grow on pages that would have more than 63.
    """
    longer, shorter = max(height, width), min(height, width)
    if longer <= SMALL:
        return []
    oblong = shorter <= OBLONG * longer
    side = min(TILE, max(shorter if oblong else 0, math.ceil(longer / ZOOM)))
    return _grid(height, width, side, OVERLAP, MAX_VIEWS - 1)


def pieces(height: int, width: int, shown: Views) -> list[tuple[int, int, int, int]]:
    """Parts of a long page, x1 y1 x2 y2 in its pixels, in order: of one and a half times its shorter side.

    A third of each is on its neighbour as well. Where tiles are shown they have 2,800 pixels at most. They grow on
    pages that would have more than 64.
    """
    side = math.ceil(PIECE * min(height, width))
    return _grid(height, width, min(TILE, side) if shown is Views.WHOLE_AND_TILES else side, PIECE_OVERLAP, MAX_VIEWS)


def _grid(height: int, width: int, side: int, overlap: float, most: int) -> list[tuple[int, int, int, int]]:
    """Squares of `side` that cover a page row by row, as far as it is so wide and high; of a larger side if need be."""
    while True:
        rows, columns = _spans(height, side, overlap), _spans(width, side, overlap)
        if len(rows) * len(columns) <= most:
            return [(left, top, right, bottom) for top, bottom in rows for left, right in columns]
        side = round(side * 1.1) + 1


def _spans(length: int, side: int, overlap: float) -> list[tuple[int, int]]:
    """Intervals of `side` that cover 0..length evenly, each sharing at least this part of it with its neighbour."""
    shared = round(overlap * side)
    count = max(1, math.ceil((length - shared) / (side - shared)))
    last = max(0, length - side)
    starts = [round(index * last / max(1, count - 1)) for index in range(count)]
    return [(start, min(length, start + side)) for start in starts]
