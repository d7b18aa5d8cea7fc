"""Which stamps of a document are erased, and what is told of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.document.options import Options
from stamp2vec.document.placing import placed
from stamp2vec.document.stamps import AnalyzedPage
from stamp2vec.erasing import Mark, Result
from stamp2vec.erasing.marks import erase_marks
from stamp2vec.errors import InvalidCall, InvalidInput, Stamp2vecError
from stamp2vec.imaging import Page, negative
from stamp2vec.values import (
    DocumentResult,
    ErasedDocument,
    ErasedPage,
    ErasedStamp,
    InkColour,
    Outcome,
    PageResult,
    Source,
    Stamp,
    StampPlace,
    StampType,
    Timing,
)

_MAX_KEPT = 2_000
_ALL_LEFT = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseOptions:
    """Which stamps of a document are erased: of these types, inks and dies, each of which is any where it is empty.

    Dies are numbered as in the answer of an analysis with the same options. Those in `keep` stay. The others are as
    in Options.
    """

    types: tuple[StampType, ...] = ()
    inks: tuple[InkColour, ...] = ()
    dies: tuple[int, ...] = ()
    keep: tuple[StampPlace, ...] = ()
    min_score: float | None = None
    max_overlap: float | None = None
    pages: str = ""
    password: str | None = field(default=None, repr=False)

    def analysis(self) -> Options:
        """What has to be known of the document."""
        return Options(
            min_score=self.min_score,
            max_overlap=self.max_overlap,
            include_vectors=bool(self.dies),
            include_masks=True,
            pages=self.pages,
            password=self.password,
        )

    def faults(self) -> list[InvalidInput]:
        """What is wrong with them, an error a field."""
        found = self.analysis().faults()
        if any(number < 1 for number in self.dies):
            found.append(InvalidInput("dies are numbered from 1: send the die_group of a stamp", "only.die_groups"))
        if any(place.page < 1 or place.stamp < 1 for place in self.keep):
            found.append(InvalidInput("pages and stamps to keep are numbered from 1: send larger numbers", "keep"))
        if len(self.keep) > _MAX_KEPT:
            found.append(InvalidInput(f"there are more than {_MAX_KEPT:,} stamps to keep: send fewer", "keep"))
        return found

    def check(self) -> None:
        """InvalidCall, naming every field at fault, when something is wrong with them."""
        if found := self.faults():
            raise InvalidCall(found)

    def selects(self, stamp: Stamp, place: StampPlace) -> bool:
        """Whether a stamp is to be erased."""
        return (
            place not in self.keep
            and (not self.types or stamp.type in self.types)
            and (not self.inks or stamp.ink_colour in self.inks)
            and (not self.dies or stamp.die_group in self.dies)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What of a page is erased: `numbers` index its stamps, and `marks` are theirs, in this order."""

    page: PageResult
    numbers: tuple[int, ...]
    marks: tuple[Mark, ...]


def plans(result: DocumentResult, options: EraseOptions) -> list[Plan]:
    """One a page, in order. InvalidInput when a stamp that is to be kept does not exist."""
    known = {page.index + 1: len(page.stamps) for page in result.pages if page.error is None}
    for place in options.keep:
        if place.page not in known:
            raise InvalidInput(f"page {place.page}, of which a stamp is to be kept, was not analysed", "keep")
        if place.stamp > known[place.page]:
            found = f"page {place.page} has {known[place.page]} stamps, and no stamp {place.stamp} that could be kept"
            raise InvalidInput(f"{found}: take the numbers of an analysis with the same options", "keep")
    found_plans = []
    for page in result.pages:
        chosen = [
            number
            for number, stamp in enumerate(page.stamps)
            if options.selects(stamp, StampPlace(page.index + 1, number + 1))
        ]
        marks = [_mark(page.stamps[number]) for number in chosen]
        found_plans.append(Plan(page, tuple(chosen), tuple(marks)))
    return found_plans


def _mark(stamp: Stamp) -> Mark:
    if stamp.mask is None:
        raise ValueError("the stamp has no mask")
    return Mark(stamp.crop_box, stamp.mask, stamp.source, stamp.box_points)


def erased_page(plan: Plan, results: Sequence[Result], error: Stamp2vecError | None = None) -> ErasedPage:
    """What is told of a page; `error` says why it could not be rewritten."""
    page = plan.page
    done = dict(zip(plan.numbers, results))
    stamps = [_told(stamp, done.get(number)) for number, stamp in enumerate(page.stamps)] if error is None else []
    return ErasedPage(
        page.index, page.height, page.width, tuple(stamps), page.error or error, page.label, page.warnings
    )


def _told(stamp: Stamp, result: Result | None) -> ErasedStamp:
    if result is None:
        outcome, left, reason = Outcome.NOT_SELECTED, 1.0, ""
    elif result.left >= _ALL_LEFT:
        outcome, left, reason = Outcome.KEPT, 1.0, result.reason
    else:
        outcome = Outcome.PARTLY if result.left > 0 else Outcome.ERASED
        left, reason = result.left, result.reason
    return ErasedStamp(
        stamp.box,
        stamp.score,
        stamp.type,
        stamp.ink_colour,
        stamp.source,
        stamp.die_group,
        outcome,
        left,
        reason,
    )


def erased_document(
    result: DocumentResult,
    pages: Sequence[ErasedPage],
    data: bytes,
    media_type: str,
    warnings: Sequence[str],
    timing: Timing,
) -> ErasedDocument:
    """The answer; `warnings` are of the new file. The error of the first page when none could be read or rewritten."""
    if pages and all(page.error is not None for page in pages) and pages[0].error is not None:
        raise pages[0].error
    return ErasedDocument(
        data,
        media_type,
        tuple(pages),
        result.models,
        timing,
        result.request_id,
        (*result.warnings, *warnings),
        result.page_count,
    )


def without_stamps(read: Page, page: AnalyzedPage) -> NDArray[np.uint8]:
    """A page as it was analysed, without its stamps, of which each has a mask: uint8 (H, W, 3), as it is stored.

    What programs have laid over the page stays.
    """
    height, width = page.info.height, page.info.width
    if read.image.shape[:2] == (height, width):
        pixels = read.image.copy()
    else:
        pixels = np.array(Image.fromarray(read.image).resize((width, height), Image.Resampling.BOX))
    stamps = [placed(each.stamp, page) for each in page.stamps]
    marks = [_mark(stamp) for stamp in stamps if stamp.source is Source.PAGE]
    erase_marks(pixels, marks, np.zeros(pixels.shape[:2], np.bool_))
    return negative(pixels) if read.is_negative else pixels
