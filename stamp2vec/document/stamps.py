"""What is known of the pages and stamps of a document before its dies are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stamp2vec.errors import Stamp2vecError
from stamp2vec.values import Stamp


@dataclass(frozen=True, slots=True, eq=False)
class AnalyzedStamp:
    """A stamp whose die group is still to be determined.

    `picture` is its crop, uint8 (h, w, 3), as large as its ink is compared; None where there is too little of it to
    determine its die, or nothing to compare it by. `crop_png` is its crop as a PNG file, where it is to be sent: as
    pixels, those of a document take far more memory.
    """

    stamp: Stamp
    picture: NDArray[np.uint8] | None = None
    crop_png: bytes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AnalyzedPage:
    """A page and its stamps, best first; or the error that it ended in. Its sides are in pixels."""

    index: int
    height: int
    width: int
    stamps: tuple[AnalyzedStamp, ...]
    error: Stamp2vecError | None = None


def in_order(pages: Sequence[AnalyzedPage]) -> list[AnalyzedPage]:
    """By their index."""
    return sorted(pages, key=lambda page: page.index)


def failed_page(index: int, error: Stamp2vecError, height: int = 0, width: int = 0) -> AnalyzedPage:
    """A page that could not be read (its sides are 0) or analysed. It costs no other page anything."""
    return AnalyzedPage(index, height, width, (), error)
