"""Pieces of text, and what engines read of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stamp2vec.engines.reading.letters import Letters
from stamp2vec.engines.reading.ppocr import Box, PpOcr
from stamp2vec.texts import Writing

# Mean scores of the characters below which a text is no reading, found on drawn lines: of scripts that it does not know
# PP-OCR reads letters as well, half of which are below.
_LEAST_SCORE = 0.65
_LEAST_SCORE_OF_TESSERACT = 0.4

_GAP = 0.3  # of a line's height: narrower gaps are between letters,
_TIMES_USUAL = 2.5  # and so are all that are not so many times as wide as most of a line
_CHANGE = 1.5  # log-odds that are needed for a word to stand otherwise than the one before it
_PAPER = 0.12  # of its height, beside the ink of a part

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A piece of a strip, and the ways up to try: True is turned by half a turn."""

    strip: int
    box: Box
    pixels: Grey
    writing: Writing
    ways: tuple[bool, ...]

    def picture(self, turned: bool) -> Grey:
        """The piece, one way up."""
        return np.ascontiguousarray(self.pixels[::-1, ::-1]) if turned else self.pixels


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one engine reads of a piece, one way up."""

    letters: Letters
    turned: bool
    engine: str

    @property
    def is_sure(self) -> bool:
        """Whether it is a reading at all."""
        least = _LEAST_SCORE if self.engine == PpOcr.name else _LEAST_SCORE_OF_TESSERACT
        return self.letters.mean_score >= least

    @property
    def amount(self) -> float:
        """How much it reads: each character as far as the engine is sure of it."""
        return sum(self.letters.scores) if self.letters.text.strip() else 0.0


def words(line: Grey) -> list[tuple[int, int]]:
    """A line of text, uint8 (h, w), cut in its widest gaps: from and to, in pixels, of each part with a little paper.

    The two texts of a ring, which stand opposite ways up, are found as one line where they come near each other.
    """
    height, width = line.shape
    level = (float(np.median(line)) + float(np.quantile(line, 0.02))) / 2
    edges = np.flatnonzero(np.diff((line < level).any(0), prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        return []
    gaps = starts[1:] - ends[:-1]
    least = max(_GAP * height, _TIMES_USUAL * float(np.median(gaps))) if len(gaps) else 0.0
    wide = np.flatnonzero(gaps >= least)
    firsts, lasts = starts[[0, *(wide + 1)]], ends[[*wide, -1]]
    margin = round(_PAPER * height)
    return [
        (max(0, first - margin), min(width, last + margin))
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)
    ]


def same_states(odds: NDArray[np.floating], gaps: Sequence[float]) -> list[bool]:
    """Whether each word stands on its head, by its log-odds of that, (N,), where neighbours mostly stand alike.

    The most likely states (Viterbi, 1967); a change costs less across a wide gap, in heights of the line.
    """
    totals, changes = np.array([-odds[0], odds[0]]) / 2, []
    for odd, gap in zip(odds[1:], gaps, strict=True):
        changed = totals[::-1] - _CHANGE / (1 + max(0.0, gap))
        changes.append(changed > totals)
        totals = np.maximum(totals, changed) + np.array([-odd, odd]) / 2
    state = int(totals[1] > totals[0])
    states = [bool(state)]
    for change in reversed(changes):
        state = 1 - state if change[state] else state
        states.append(bool(state))
    return states[::-1]
