"""Which pages of a file are asked for."""

import re

from stamp2vec.errors import InvalidInput

_RANGE = re.compile(r"\s*(\d{1,9})\s*(-\s*(\d{0,9})\s*)?")


def selected_pages(text: str, page_count: int, field: str = "pages") -> list[int]:
    """Indices from 0 of pages such as "1-3,7" or "5-", which count from 1; all pages where `text` is empty.

    They are in order, each once, however often it is named. InvalidInput when the text cannot be understood, or names
    a page that the file lacks.
    """
    if not text:
        return list(range(page_count))
    chosen: set[int] = set()
    for part in text.split(","):
        found = _RANGE.fullmatch(part)
        if not found:
            raise InvalidInput(f'pages {text!r} cannot be understood: send numbers from 1, such as "1-3,7"', field)
        first = int(found[1])
        last = first if not found[2] else int(found[3]) if found[3] else page_count
        if not 1 <= first <= last <= page_count:
            raise InvalidInput(f"there are no pages {part.strip()}: the file has {page_count}, from 1 on", field)
        chosen.update(range(first - 1, last))
    return sorted(chosen)
