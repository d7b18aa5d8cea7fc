"""What is to be erased of a page, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from stamp2vec.ink.erasing import erase
from stamp2vec.values import Source

_AROUND = 0.25  # of the longer side of a stamp: how much of the page around it shows what paper it lies on
_LEAST_AROUND_PX, _MOST_AROUND_PX = 24, 120


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """A stamp on a page: `box` is x1, y1, x2, y2 in whole stored pixels of the upright page, `mask` its soft ink, uint8
    (h, w) of the box. `source` is what shows it, and `box_points` where it is in the user space of a PDF page.
    """

    box: tuple[int, int, int, int]
    mask: NDArray[np.uint8]
    source: Source = Source.PAGE
    box_points: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The share of a stamp's ink that is still on the page, 0 to 1, and why; an empty reason where none is."""

    left: float
    reason: str = ""


PRINT_KEPT = "print or writing that it crosses could not be told from its ink everywhere, and was kept with that"
NO_INK = "no ink of it was found on the page"
_SLIGHT = 0.02  # of the ink: less is not seen


class Eraser(Protocol):
    """A file that is open for being rewritten. Errors are those of Reader."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the new file has or lacks other than the stamps, each a sentence with what to do."""

    def erase(self, index: int, marks: Sequence[Mark]) -> list[Result]:
        """Takes stamps off a page, from 0. InvalidImage when the page cannot be rewritten; it stays as it was."""

    def save(self, target: BinaryIO) -> str:
        """Writes the new file at the start of an empty one, and returns its media type."""


def erase_marks(page: NDArray[np.uint8], marks: Sequence[Mark], changed: NDArray[np.bool_]) -> list[Result]:
    """Erases stamps from a page, uint8 (H, W, 3), in place; sets `changed`, bool (H, W), where a pixel was written."""
    return [_erase(page, mark, changed) for mark in marks]


def window(shape: tuple[int, ...], mark: Mark) -> tuple[tuple[slice, slice], NDArray[np.uint8]]:
    """The part of a page (H, W, ...) that shows a stamp and the paper around it, and the stamp's mask there."""
    x1, y1, x2, y2 = mark.box
    around = min(max(_LEAST_AROUND_PX, round(_AROUND * max(x2 - x1, y2 - y1))), _MOST_AROUND_PX)
    left, top = max(0, x1 - around), max(0, y1 - around)
    right, bottom = min(shape[1], x2 + around), min(shape[0], y2 + around)
    mask = np.zeros((bottom - top, right - left), np.uint8)
    mask[y1 - top : y2 - top, x1 - left : x2 - left] = mark.mask
    return (slice(top, bottom), slice(left, right)), mask


def _erase(page: NDArray[np.uint8], mark: Mark, changed: NDArray[np.bool_]) -> Result:
    part, mask = window(page.shape, mark)
    seen = np.ascontiguousarray(page[part])
    turned = _is_light_on_dark(seen, mask)
    erasure = erase(255 - seen if turned else seen, mask)
    page[part][erasure.changed] = 255 - erasure.pixels[erasure.changed] if turned else erasure.pixels[erasure.changed]
    changed[part] |= erasure.changed
    if erasure.left <= _SLIGHT:
        return Result(0.0)
    return Result(erasure.left, NO_INK if not erasure.changed.any() else PRINT_KEPT)


def _is_light_on_dark(seen: NDArray[np.uint8], mask: NDArray[np.uint8]) -> bool:
    """Whether a stamp on a part of a page, uint8 (h, w, 3), is lighter than its paper: ink only takes light away."""
    inked = mask >= 128
    if not inked.any() or inked.all():
        return False
    return bool(np.median(seen[inked]) > np.median(seen[~inked]))
