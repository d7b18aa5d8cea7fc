"""A document's bytes to pages that are ready for the detector, some at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.gateway.upstream.calls import Pixels
from services.gateway.validation import DOCUMENT_LIMITS
from stamp2vec.document import page_views
from stamp2vec.imaging import BrokenPage, Page, View, decode_pages
from stamp2vec.values import ModelInfo

GROUP_PAGES = 8
_GROUP_PIXELS = 32_000_000  # nearly four A4 pages at 300 dpi
MAX_GROUP_PIXELS = _GROUP_PIXELS + DOCUMENT_LIMITS.max_pixels  # the last page of a group may be of any size


@dataclass(frozen=True, slots=True, eq=False)
class ReadPage:
    """A page that could be decoded, and what the detector gets of it."""

    index: int
    image: Pixels
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that go to the detector together."""

    pages: tuple[ReadPage, ...]
    broken: tuple[BrokenPage, ...]
    is_last: bool

    @property
    def pixels(self) -> int:
        """Decoded pixels that it holds."""
        return sum(page.image.shape[0] * page.image.shape[1] for page in self.pages)


class PageReader:
    """Reads the groups of one document, one after the other; not for two threads at once."""

    def __init__(self, document: bytes, detector: ModelInfo) -> None:
        self._document, self._detector = document, detector
        self._pages: Iterator[Page | BrokenPage] | None = None

    def next_group(self) -> Group:
        """Decodes the next pages, at most 8 and MAX_GROUP_PIXELS; the last group may be empty.

        Raises InvalidImage when the document as a whole is none.
        """
        if self._pages is None:
            self._pages = decode_pages(self._document, DOCUMENT_LIMITS, "document")
        pages: list[ReadPage] = []
        broken: list[BrokenPage] = []
        pixels = 0
        for page in self._pages:
            if isinstance(page, BrokenPage):
                broken.append(page)
            else:
                pixels += page.image.shape[0] * page.image.shape[1]
                pages.append(ReadPage(page.index, page.image, page_views(page.image, self._detector)))
            if len(pages) + len(broken) >= GROUP_PAGES or pixels >= _GROUP_PIXELS:
                return Group(tuple(pages), tuple(broken), is_last=False)
        return Group(tuple(pages), tuple(broken), is_last=True)
