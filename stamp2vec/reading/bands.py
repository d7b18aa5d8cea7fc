"""Where the text of a ring is, between its rims: letters change along the ring, lines around it do not."""

import numpy as np
from numpy.typing import NDArray

Profile = NDArray[np.float64]

INNERMOST, OUTERMOST = 0.3, 1.04  # what is looked at, as shares of the ellipse's mean semi-axis
ROWS = 74  # of the strip that is looked at: a hundredth of the radius each
OUTER_DEFAULT = (0.62, 0.95)  # where no band stands out; holds the letters of most seals
_WINDOW = 6  # rows: about the least height of letters
_BRIGHT = 0.8  # the quantile of the windows' change that letters have
_GAP = 0.22  # of that change; less is a gap
_EDGE = 0.35  # of a band's own change, at which its letters end
_LINE = 0.75  # share of a row that is inked, from which on it is a line around the stamp
_RIM, _RIM_ROWS = 0.965, 10  # a band that reaches so far out and is no higher is a rope or teeth
_INNERMOST_OUTER = 0.5  # the outer letters reach at least so far out
_MARGIN = 1  # row on each side
_MOST_INNER = 30  # rows; an inner band that is higher is a picture
_MARKED = 96  # of soft ink
_PARTS = 36  # of the way around, in each of which the centre has its limit
_AROUND, _NEAR_ROWS = 0.75, 15  # share of the parts in which a line around the centre is marked, and how near it is
LETTER_ROWS = 28  # the most that letters of one line are high
_SECTORS, _LEAST_FULL = 24, 0.4  # parts of the way around, and the share of them that an inner ring of text has ink in


def find_bands(ink: NDArray[np.uint8]) -> list[tuple[float, float]]:
    """The bands that hold text in a ring's unrolled ink, from the outermost in; each its inner and its outer edge.

    `ink` is uint8 (ROWS, w), from OUTERMOST to INNERMOST, all the way around. The first is always there; it is
    OUTER_DEFAULT where no letters stand out.
    """
    soft = ink.astype(np.float64) / 255
    changes = abs(np.diff(soft, axis=1)).sum(1)
    changes[soft.mean(1) > _LINE] = 0
    windows = np.convolve(changes, np.ones(_WINDOW) / _WINDOW, "valid")
    runs = [run for run in _runs(changes, _GAP * float(np.quantile(windows, _BRIGHT))) if not _is_rim(*run)]
    if not runs or runs[0][0] > row_of(_INNERMOST_OUTER):
        return [OUTER_DEFAULT]
    outer, *inner = runs
    inner = [run for run in inner if _is_ring(soft, *run)]
    return [_shares(*run) for run in (outer, *inner)]


def centre_limits(ink: NDArray[np.uint8], innermost: tuple[float, float]) -> NDArray[np.float64]:
    """How far out the centre reaches in each part of the way around, float (_PARTS,): levels of the ellipse.

    That is up to the innermost band, or to a line around the centre that is near it. A band that is higher than letters
    are holds a line of the centre as well: there the centre goes on to where its ink ends.
    """
    last = row_of(innermost[0])
    parts = np.array_split(ink >= _MARKED, _PARTS, axis=1)
    around = np.mean([part.any(1) for part in parts], axis=0)
    lines = np.flatnonzero(around[last - _MARGIN : last + _NEAR_ROWS] >= _AROUND)
    if len(lines):
        return np.full(_PARTS, OUTERMOST - (last + int(lines[-1])) / 100)
    first = last - max(0, round((innermost[1] - innermost[0]) * 100) - LETTER_ROWS)
    limits = []
    for part in parts:
        empty = np.flatnonzero(~part[first:last].any(1))
        limits.append(OUTERMOST - (first + int(empty[-1]) + 1) / 100 if len(empty) else innermost[0])
    return np.array(limits)


def row_of(share: float) -> int:
    """The row of the unrolled ink that is at this level."""
    return round((OUTERMOST - share) * 100)


def _shares(first: int, last: int) -> tuple[float, float]:
    """The inner and outer edge of rows first to last, with a margin."""
    return round(OUTERMOST - (last + _MARGIN) / 100, 2), round(OUTERMOST - max(first - _MARGIN, 0) / 100, 2)


def _runs(changes: Profile, gap: float) -> list[tuple[int, int]]:
    """Runs of rows that change more than a gap, as high as letters, each without the fainter rows at its ends."""
    above = np.concatenate([[False], changes > gap, [False]])
    found = []
    for first, last in np.flatnonzero(above[1:] != above[:-1]).reshape(-1, 2).tolist():
        if last - first < _WINDOW:
            continue
        level = np.convolve(changes[first:last], np.ones(_WINDOW) / _WINDOW, "valid").max()
        rows = np.flatnonzero(changes[first:last] >= _EDGE * level) + first
        if rows[-1] + 1 - rows[0] >= _WINDOW:
            found.append((int(rows[0]), int(rows[-1]) + 1))
    return found


def _is_rim(first: int, last: int) -> bool:
    return first <= row_of(_RIM) and last - first <= _RIM_ROWS


def _is_ring(soft: Profile, first: int, last: int) -> bool:
    """Whether the ink of these rows goes around, with a gap inside of it."""
    full = np.mean([part.max() > 0.5 for part in np.array_split(soft[first:last].max(0), _SECTORS)])
    return last - first <= _MOST_INNER and last < len(soft) - 1 and bool(full >= _LEAST_FULL)
