"""The most that is read of a file."""

from dataclasses import dataclass

from stamp2vec.limits import MAX_FILE_BYTES, MAX_PAGE_PIXELS, MAX_PAGES


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that is read; `max_pages` is of those that are asked for."""

    max_bytes: int = MAX_FILE_BYTES
    max_pixels: int = MAX_PAGE_PIXELS
    max_pages: int = MAX_PAGES
