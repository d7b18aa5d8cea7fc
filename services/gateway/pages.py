"""A document's bytes to pages that are ready for the detector, some at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.gateway.calls import Pixels
from services.gateway.validation import DOCUMENT_LIMITS
from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import Page, View, decode_pages, views

GROUP_PAGES = 8
_GROUP_PIXELS = 32_000_000  # nearly four A4 pages at 300 dpi
MAX_GROUP_PIXELS = _GROUP_PIXELS + DOCUMENT_LIMITS.max_pixels  # the last page of a group may be of any size


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page that could be decoded, and what the detector sees of it."""

    index: int
    image: Pixels
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """A page that could not."""

    index: int
    error: InvalidImage


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that go to the detector together."""

    sheets: tuple[Sheet, ...]
    broken: tuple[Broken, ...]
    is_last: bool

    @property
    def pixels(self) -> int:
        """Decoded pixels that it holds."""
        return sum(sheet.image.shape[0] * sheet.image.shape[1] for sheet in self.sheets)


class PageReader:
    """Reads the groups of one document, one after the other; not for two threads at once."""

    def __init__(self, document: bytes, size: tuple[int, int], *, tiled: bool) -> None:
        """`size` is the height and width of the detector's input; `tiled` says whether it looks at tiles as well."""
        self._document, self._size, self._tiled = document, size, tiled
        self._pages: Iterator[Page] | None = None

    def next_group(self) -> Group:
        """Decodes the next pages, at most 8 and MAX_GROUP_PIXELS; the last group may be empty.

        Raises InvalidImage when the document as a whole is none.
        """
        if self._pages is None:
            self._pages = decode_pages(self._document, DOCUMENT_LIMITS, "document")
        sheets: list[Sheet] = []
        broken: list[Broken] = []
        pixels = 0
        for page in self._pages:
            if page.image is not None:
                pixels += page.image.shape[0] * page.image.shape[1]
                sheets.append(Sheet(page.index, page.image, views(page.image, self._size, tiled=self._tiled)))
            elif page.error is not None:
                broken.append(Broken(page.index, page.error))
            if len(sheets) + len(broken) >= GROUP_PAGES or pixels >= _GROUP_PIXELS:
                return Group(tuple(sheets), tuple(broken), is_last=False)
        return Group(tuple(sheets), tuple(broken), is_last=True)
