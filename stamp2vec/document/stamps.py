"""What is known of the pages and stamps of a document before its dies are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stamp2vec.document.options import Options
from stamp2vec.errors import Stamp2vecError
from stamp2vec.imaging import BrokenPage, Page, PageInfo
from stamp2vec.strips import Place
from stamp2vec.values import Stamp


@dataclass(frozen=True, slots=True, eq=False)
class StripPngs:
    """A strip, its page and its ink as PNG files."""

    pixels: bytes
    ink: bytes
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class StampPngs:
    """The pictures of a stamp as PNG files, each where it is to be sent: as pixels, those of a document take far more
    memory. They are named as those of Stamp.
    """

    crop: bytes = b""
    unrolled: tuple[StripPngs, ...] = ()
    transparent: bytes = b""
    ink: bytes = b""

    @property
    def size(self) -> int:
        """Bytes of them all."""
        strips = sum(len(strip.pixels) + len(strip.ink) for strip in self.unrolled)
        return len(self.crop) + strips + len(self.transparent) + len(self.ink)


@dataclass(frozen=True, slots=True, eq=False)
class AnalyzedStamp:
    """A stamp whose die group is still to be determined; its boxes and mask are in square pixels, see AnalyzedPage.

    `picture` is its crop, uint8 (h, w, 3), as large as its ink is compared; None where there is too little of it to
    determine its die, or nothing to compare it by. `pngs` are its pictures, where they have been encoded:
    then the stamp has none of them.
    """

    stamp: Stamp
    picture: NDArray[np.uint8] | None = None
    pngs: StampPngs | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AnalyzedPage:
    """A page and its stamps, best first; or the error that it ended in.

    Its pixels are not held. `scale` is how many stored pixels, along a row and a column, there are for each of the
    square ones that the models saw. `erased` is the page without its stamps, uint8 (H, W, 3) in stored pixels, where it
    was asked for; `erased_png` the same as a PNG file, where it is to be sent.
    """

    index: int
    info: PageInfo
    stamps: tuple[AnalyzedStamp, ...]
    error: Stamp2vecError | None = None
    scale: tuple[float, float] = (1.0, 1.0)
    erased: NDArray[np.uint8] | None = None
    erased_png: bytes | None = None


def in_order(pages: Sequence[AnalyzedPage]) -> list[AnalyzedPage]:
    """By their index."""
    return sorted(pages, key=lambda page: page.index)


def answered_stamps(stamps: Sequence[AnalyzedStamp], options: Options) -> tuple[AnalyzedStamp, ...]:
    """Stamps without the masks that only the page without stamps needed."""
    if options.include_masks:
        return tuple(stamps)
    return tuple(replace(each, stamp=replace(each.stamp, mask=None)) for each in stamps)


def failed_page(page: Page | BrokenPage, error: Stamp2vecError) -> AnalyzedPage:
    """A page that could not be read (its sides are 0) or analysed. It costs no other page anything."""
    return AnalyzedPage(page.index, PageInfo(0, 0) if isinstance(page, BrokenPage) else page.info, (), error)
