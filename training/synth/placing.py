"""Where an impression lies on a page."""

from __future__ import annotations

from dataclasses import dataclass

from training.synth.impression import Impression

INKED = 0.15


@dataclass(frozen=True, slots=True)
class Placed:
    """An impression with its top-left corner on the page, in page pixels; it may hang over the edge."""

    impression: Impression
    x: int
    y: int


def window(stamp: Placed, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns of the impression's own arrays that fall on a page of ``shape``."""
    h, w = stamp.impression.coverage.shape
    rows = slice(max(-stamp.y, 0), max(min(h, shape[0] - stamp.y), 0))
    columns = slice(max(-stamp.x, 0), max(min(w, shape[1] - stamp.x), 0))
    return rows, columns


def on_page(stamp: Placed, shape: tuple[int, int]) -> float:
    """Return the share of its ink that is on a page of ``shape``."""
    inked = stamp.impression.coverage > INKED
    return float(inked[window(stamp, shape)].sum() / max(inked.sum(), 1))
