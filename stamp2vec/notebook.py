"""A result beside the document that it is of: `show(result, "scan.pdf")` in the last line of a notebook's cell.

A result alone shows empty sheets with boxes, since it does not hold the pixels of its pages.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from stamp2vec.display import MOST_PAGES, MOST_STAMPS, PAGE_PX, document_html
from stamp2vec.errors import InvalidInput
from stamp2vec.files import File, contents
from stamp2vec.imaging import BrokenPage, Limits, Page, decode_pages
from stamp2vec.limits import MAX_STREAMED_PAGES
from stamp2vec.values import DocumentResult, PageResult

_LIMITS = Limits(max_pages=MAX_STREAMED_PAGES)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a notebook shows: HTML that needs no other file."""

    html: str = field(repr=False)

    def _repr_html_(self) -> str:
        return self.html


def show(result: DocumentResult, document: File, *, password: str | None = None) -> Shown:
    """The first pages with stamps, with a box around each stamp and its crop, a table, and how alike the stamps are.

    `document` is the file that was analysed, or its path. Only the pages that are shown are decoded, one at a time.
    UnreadableFile or InvalidImage when it cannot be read, InvalidInput when it is another: with fewer pages, or of
    another size.
    """
    wanted = {page.index: page for page in [page for page in result.pages if page.stamps][:MOST_PAGES]}
    if not wanted:
        return Shown(document_html(result))
    chosen = ",".join(str(index + 1) for index in wanted)
    pictures: dict[int, np.ndarray] = {}
    for page in decode_pages(contents(document), _LIMITS, "document", pages=chosen, password=password):
        if isinstance(page, BrokenPage):
            raise page.error
        found = wanted[page.index]
        if (found.width, found.height) != (page.info.width, page.info.height):
            raise InvalidInput(f"page {page.index + 1} has another size than in the result: pass the same file")
        wanted[page.index] = _with_crops(found, page)
        pictures[page.index] = _reduced(page.image)
    pages = tuple(wanted.get(page.index, page) for page in result.pages)
    return Shown(document_html(replace(result, pages=pages), pictures))


def _with_crops(found: PageResult, page: Page) -> PageResult:
    """A page whose first stamps have crops, cut from its picture where they were not asked for."""
    across, down = page.scale
    stamps = list(found.stamps)
    for index, stamp in enumerate(stamps[:MOST_STAMPS]):
        x1, y1, x2, y2 = stamp.crop_box
        if stamp.crop is None:
            part = page.image[round(y1 / down) : round(y2 / down), round(x1 / across) : round(x2 / across)]
            stamps[index] = replace(stamp, crop=part.copy())  # a view would keep the whole page
    return replace(found, stamps=tuple(stamps))


def _reduced(image: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(image)
    picture.thumbnail((PAGE_PX, PAGE_PX))
    return np.asarray(picture)
