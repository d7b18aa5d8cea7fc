"""What every reader of a format gives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stamp2vec.errors import InvalidImage
from stamp2vec.values import Resolution, Source


@dataclass(frozen=True, slots=True)
class Overlay:
    """Something that lies over a page, x1, y1, x2, y2 in its stored pixels: the page itself does not show it."""

    source: Source
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PageInfo:
    """What is known of a page besides its pixels.

    `height` and `width` count the pixels as they are stored, upright: boxes are answered in these. `resolution` is
    theirs, None where the file does not say it or says something absurd. `to_points` (a, b, c, d, e, f) takes a place
    (x, y) in stored pixels to (ax + cy + e, bx + dy + f) in the user space of a PDF page, None of other files. `label`
    is what a PDF calls the page, for example "iv". `warnings` say, each in a sentence with what to do, what of the page
    may be missing.
    """

    height: int
    width: int
    resolution: Resolution | None = None
    to_points: tuple[float, float, float, float, float, float] | None = None
    label: str = ""
    warnings: tuple[str, ...] = ()
    overlays: tuple[Overlay, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One page of a file: uint8 (H, W, 3), read-only, upright and in square pixels.

    Where the stored pixels are not square, it is larger than `info` says along the axis of the lower resolution; a page
    that was reduced is smaller. One that `is_negative` has the negative of its pixels, see `imaging.tone`.
    """

    index: int
    image: NDArray[np.uint8]
    info: PageInfo
    is_negative: bool = False

    @property
    def is_reduced(self) -> bool:
        """Whether it has fewer pixels than are stored, see `read_fitted`."""
        height, width = self.image.shape[:2]
        return bool(height < self.info.height and width < self.info.width)

    @property
    def scale(self) -> tuple[float, float]:
        """Stored pixels a pixel of `image`, along a row and along a column."""
        return self.info.width / self.image.shape[1], self.info.height / self.image.shape[0]


def fitted(height: int, width: int, size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a picture of these sides where it is made as large as `size` (height, width) takes it."""
    scale = min(size[0] / height, size[1] / width)
    return min(size[0], max(1, round(height * scale))), min(size[1], max(1, round(width * scale)))


LONG = 2.0


def is_long(height: int, width: int) -> bool:
    """Whether one side of a picture is so much longer than the other that it is looked at in pieces, never as one."""
    return max(height, width) > LONG * min(height, width)


def whole(image: NDArray[np.uint8]) -> Page:
    """A picture that is decoded already, uint8 (H, W, 3), as the one page of a file that says no more of it."""
    return Page(0, image, PageInfo(*image.shape[:2]))


@dataclass(frozen=True, slots=True)
class BrokenPage:
    """A page that cannot be decoded."""

    index: int
    error: InvalidImage


class NoRoom(Exception):
    """There is no room for the pixels of a page now."""


Allocate = Callable[[int, int], NDArray[np.uint8]]
"""Height and width -> the array, uint8 (height, width, 3), that a page is to be read into. NoRoom if there is none."""


def new_array(height: int, width: int) -> NDArray[np.uint8]:
    """An Allocate: memory of this process."""
    return np.empty((height, width, 3), np.uint8)


class Reader(Protocol):
    """A file that is open: its pages in any order, one in memory at a time."""

    @property
    def page_count(self) -> int:
        """Of those that a person would turn to; no thumbnails, no masks."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the file as a whole, though it can be read."""

    def read(self, index: int, allocate: Allocate = new_array) -> Page:
        """A page, from 0. InvalidImage when it cannot be read; the others can all the same.

        `allocate` is called once the size is known, before the pixels are decoded; what it raises is passed on.
        """

    def close(self) -> None:
        """Lets go of the file."""
