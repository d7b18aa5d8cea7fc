"""Square windows of a page around a box, for a model that looks at one thing and at what is around it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.imaging.letterbox import WHITE


@dataclass(frozen=True, slots=True)
class Square:
    """A square of a page: its upper left corner and its side, in whole pixels; it may reach beyond the page."""

    left: int
    top: int
    side: int

    @classmethod
    def around(cls, box: Sequence[float], times: float) -> "Square":
        """The one with the middle of a box, x1 y1 x2 y2, and with so many times its longer side, at least 8 pixels."""
        x1, y1, x2, y2 = box
        side = max(8, round(max(x2 - x1, y2 - y1) * times))
        return cls(round((x1 + x2 - side) / 2), round((y1 + y2 - side) / 2), side)

    def pixels(self, page: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """What it shows of a page, uint8 (H, W, 3), scaled to (size, size, 3), antialiased; white beyond the page."""
        height, width = page.shape[:2]
        left, right = max(0, self.left), min(width, self.left + self.side)
        top, bottom = max(0, self.top), min(height, self.top + self.side)
        seen = page[top:bottom, left:right]
        if seen.shape[:2] != (self.side, self.side):
            paper = np.full((self.side, self.side, 3), WHITE, np.uint8)
            if seen.size:
                paper[top - self.top : bottom - self.top, left - self.left : right - self.left] = seen
            seen = paper
        shown = Image.fromarray(seen).resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0)
        return np.asarray(shown)

    def to_page(self, boxes: NDArray[np.floating], size: int) -> NDArray[np.float64]:
        """Boxes (..., 4) in pixels of a picture of it that is `size` pixels a side -> in pixels of the page."""
        scale, corner = self.side / size, np.array([self.left, self.top] * 2)
        return np.asarray(np.asarray(boxes, np.float64) * scale + corner)

    def from_page(self, boxes: NDArray[np.floating], size: int) -> NDArray[np.float64]:
        """The reverse of `to_page`."""
        scale, corner = size / self.side, np.array([self.left, self.top] * 2)
        return np.asarray((np.asarray(boxes, np.float64) - corner) * scale)
