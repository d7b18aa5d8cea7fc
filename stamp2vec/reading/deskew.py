"""The rotation of straight lines of ink, and the rectangle around them."""

import numpy as np
from numpy.typing import NDArray

from stamp2vec.strips import Line

_REACH_DEGREES = 15.0  # on both sides of where the detector saw it; farther off, emblems look more like lines than text
_STEPS_DEGREES = (1.0, 0.2)
_MARKED = 96  # of a soft mask
_LEAST_PIXELS = 30
_MOST_PIXELS = 10_000  # that are weighed
_OUTERMOST = 0.002  # share of the ink on each side that a rectangle leaves out: specks
_MARGIN = 0.04  # of the rectangle's lower side, on each side
_LEAST_MARGIN_PX = 2.0


def deskewed(points: NDArray[np.float64], angle_degrees: float) -> Line | None:
    """The rectangle around ink at these points, (N, 2) of x and y; None where there is too little.

    Its rotation is the one near `angle_degrees` at which rows of ink and the gaps between them stand out most.
    """
    if len(points) < _LEAST_PIXELS:
        return None
    some = points[:: -(-len(points) // _MOST_PIXELS)]
    best, reach = angle_degrees, _REACH_DEGREES
    for step in _STEPS_DEGREES:
        count = round(reach / step)
        angles = best + step * np.arange(-count, count + 1)
        best = float(angles[np.argmax([_contrast(some, angle) for angle in angles])])
        reach = step
    turn = np.radians(best)
    along = points @ (np.cos(turn), np.sin(turn))
    down = points @ (-np.sin(turn), np.cos(turn))
    (left, right), (top, bottom) = (np.quantile(side, (_OUTERMOST, 1 - _OUTERMOST)) for side in (along, down))
    margin = max(_LEAST_MARGIN_PX, _MARGIN * min(right - left, bottom - top))
    across, below = (left + right) / 2, (top + bottom) / 2
    return Line(
        x=float(across * np.cos(turn) - below * np.sin(turn)),
        y=float(across * np.sin(turn) + below * np.cos(turn)),
        width=float(right - left + 2 * margin),
        height=float(bottom - top + 2 * margin),
        angle_degrees=best,
    )


def marked(ink: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The middles of inked pixels of a soft mask, uint8 (h, w): (N, 2), x and y."""
    rows, columns = np.nonzero(ink >= _MARKED)
    return np.column_stack([columns + 0.5, rows + 0.5])


def _contrast(points: NDArray[np.float64], angle_degrees: float) -> float:
    """How unevenly the ink spreads over rows of this rotation: lines of text and the gaps between them."""
    turn = np.radians(angle_degrees)
    rows = points @ (-np.sin(turn), np.cos(turn))
    counts = np.bincount((rows - rows.min()).astype(np.int64))
    return float((counts.astype(np.float64) ** 2).sum())
