"""Which pages of a file are asked for."""

import re

from stamp2vec.errors import InvalidInput

_RANGE = re.compile(r"\s*(\d{1,9})\s*(-\s*(\d{0,9})\s*)?", re.ASCII)
_MAX_CHARS = 100_000  # 5,000 pages take a quarter of them, each named by itself
_SHOWN_CHARS = 60  # of a text that an error quotes


def selected_pages(text: str, page_count: int, field: str = "pages") -> list[int]:
    """Indices from 0 of pages such as "1-3,7" or "5-", which count from 1; all pages where `text` is empty.

    They are in order, each once, however often it is named. InvalidInput when the text cannot be understood, or names
    a page that the file lacks.
    """
    if not text:
        return list(range(page_count))
    if len(text) > _MAX_CHARS:
        raise InvalidInput(f"pages has {len(text):,} characters, {_MAX_CHARS:,} is the most: send fewer ranges", field)
    ranges = sorted(_range(part, page_count, field) for part in text.split(","))
    chosen: list[int] = []
    for first, last in ranges:  # thousands of them may overlap
        chosen.extend(range(max(first - 1, chosen[-1] + 1 if chosen else 0), last))
    return chosen


def _range(part: str, page_count: int, field: str) -> tuple[int, int]:
    """The first and the last page, counted from 1."""
    found = _RANGE.fullmatch(part)
    if not found:
        message = f"pages {_shown(part)} cannot be understood: send numbers from 1, such as '1-3,7'"
        raise InvalidInput(message, field)
    first = int(found[1])
    last = first if not found[2] else int(found[3]) if found[3] else page_count
    if not 1 <= first <= last <= page_count:
        raise InvalidInput(f"there are no pages {_shown(part)}: the file has {page_count}, from 1 on", field)
    return first, last


def _shown(part: str) -> str:
    text = part.strip()
    return repr(text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}...")
