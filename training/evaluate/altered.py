"""Rendered pages made into others that people send: rolls and receipts, and negatives of microfilm."""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

import numpy as np
from PIL import Image

from training.evaluate.truth import TruePage, TrueStamp

_OF_LONG_PAGES = 6
_WIDTH = 1000  # pixels of a long page


class Alteration(StrEnum):
    """`long` is six pages below each other, of one width; `negative` has light and dark exchanged."""

    LONG = "long"
    NEGATIVE = "negative"


def altered(pages: Sequence[TruePage], alteration: Alteration, folder: Path) -> list[TruePage]:
    """Pages with their truth, written to a folder as PNG files. ValueError with too few for a long one."""
    folder.mkdir(parents=True, exist_ok=True)
    if alteration is Alteration.NEGATIVE:
        return [_written(255 - _pixels(page), page.stamps, folder / f"{page.path.stem}.png") for page in pages]
    if len(pages) < _OF_LONG_PAGES:
        raise ValueError(f"a long page is made of {_OF_LONG_PAGES} pages, and there are {len(pages)}")
    starts = range(0, len(pages) - _OF_LONG_PAGES + 1, _OF_LONG_PAGES)
    groups = [pages[first : first + _OF_LONG_PAGES] for first in starts]
    return [_joined(group, folder / f"{group[0].path.stem}.png") for group in groups]


def _joined(pages: Sequence[TruePage], path: Path) -> TruePage:
    parts, stamps, top = [], list[TrueStamp](), 0
    for page in pages:
        scale = _WIDTH / page.width
        height = round(page.height * scale)
        part = Image.fromarray(_pixels(page)).resize((_WIDTH, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
        parts.append(np.asarray(part))
        for stamp in page.stamps:
            x1, y1, x2, y2 = (edge * scale for edge in stamp.box)
            stamps.append(replace(stamp, box=(x1, y1 + top, x2, y2 + top)))
        top += height
    return _written(np.concatenate(parts), tuple(stamps), path)


def _pixels(page: TruePage) -> np.ndarray:
    with Image.open(page.path) as picture:
        return np.asarray(picture.convert("RGB"))


def _written(pixels: np.ndarray, stamps: tuple[TrueStamp, ...], path: Path) -> TruePage:
    Image.fromarray(pixels).save(path, compress_level=1)
    height, width = pixels.shape[:2]
    return TruePage(path, width, height, stamps)
