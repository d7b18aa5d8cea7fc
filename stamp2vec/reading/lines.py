"""The lines of a straightened block of text, by its ink alone."""

import numpy as np
from numpy.typing import NDArray

from stamp2vec.strips import Line

_MARKED = 96  # of a soft mask
_SOLID = 0.6  # share of a block that is inked, from which on its letters are what is not
_FRAME = 0.85  # share of a row or column that is inked, within a pixel beside it, from which on it is part of a frame
_GAP = 0.06  # of the ink of a full row; a row with less is a gap
_LEAST_HEIGHT_PX = 5
_SMALL = 0.45  # of the median height: lower ones are accents and dots of the line next to them
_NEAR = 0.35  # of the median height, how far away those are
_MARGIN = 0.2  # of a line's height around it
_MOST_LINES = 12
_MOST_ASPECT = 36  # of a line's strip

Run = tuple[int, int]


def split_lines(ink: NDArray[np.uint8], block: Line) -> list[Line]:
    """The lines of text in a block, from top to bottom; `ink` is the block straightened, uint8 (h, w).

    At most twelve, those with the most ink; empty where there is none.
    """
    marked = ink >= _MARKED
    if marked.mean() > _SOLID:
        marked = ~marked
    marked = marked & ~_crossing(marked, 1)[:, None] & ~_crossing(marked, 0)[None, :]
    amount = marked.sum(1)
    full = float(np.quantile(amount, 0.9))
    runs = _joined(_runs(amount > max(1.0, _GAP * full)))
    lines = [_line(marked, run, block) for run in runs if run[1] - run[0] >= _LEAST_HEIGHT_PX]
    most = sorted(lines, key=lambda line: line.width * line.height, reverse=True)[:_MOST_LINES]
    return [line for line in lines if line in most]


def _crossing(marked: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    """The rows (1) or columns (0) that a line of ink crosses from end to end, if it is a little out of true."""
    rows = marked if axis == 1 else marked.T
    thick = rows.copy()
    thick[1:] |= rows[:-1]
    thick[:-1] |= rows[1:]
    return np.asarray(thick.mean(1) > _FRAME)


def _runs(inked: NDArray[np.bool_]) -> list[Run]:
    edges = np.flatnonzero(np.diff(inked, prepend=False, append=False))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _joined(runs: list[Run]) -> list[Run]:
    """Accents and dots joined with the line that they are next to."""
    if not runs:
        return []
    median = float(np.median([end - first for first, end in runs]))
    joined = [runs[0]]
    for first, end in runs[1:]:
        last_first, last_end = joined[-1]
        is_small = min(end - first, last_end - last_first) < _SMALL * median
        if is_small and first - last_end < _NEAR * median:
            joined[-1] = (last_first, end)
        else:
            joined.append((first, end))
    return joined


def _line(marked: NDArray[np.bool_], run: Run, block: Line) -> Line:
    """Where on the crop rows first to end of a block lie, and the columns of their ink."""
    height, width = marked.shape
    columns = np.flatnonzero(marked[run[0] : run[1]].any(0))
    margin = _MARGIN * (run[1] - run[0])
    left, right = columns[0] - margin, columns[-1] + 1 + margin
    thin = max(0.0, (right - left) / _MOST_ASPECT - (run[1] - run[0]) - 2 * margin)  # too long to be read as it is
    top, bottom = run[0] - margin - thin / 2, run[1] + margin + thin / 2
    x_scale, y_scale = block.width / width, block.height / height
    across, down = ((left + right) / 2 - width / 2) * x_scale, ((top + bottom) / 2 - height / 2) * y_scale
    turn = np.radians(block.angle_degrees)
    return Line(
        x=float(block.x + across * np.cos(turn) - down * np.sin(turn)),
        y=float(block.y + across * np.sin(turn) + down * np.cos(turn)),
        width=float((right - left) * x_scale),
        height=float((bottom - top) * y_scale),
        angle_degrees=block.angle_degrees,
    )
