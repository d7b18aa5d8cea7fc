"""The columns of stamp-text to spans of text: which letters, of which writing, and where."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stamp2vec.engines.reading.letters import Letters
from stamp2vec.reading.alphabet import BLANK, CHARACTERS, GROUP, WRITINGS, class_of
from stamp2vec.reading.scripts import in_one_script
from stamp2vec.texts import Writing

_FAR = 9  # columns, about the height of the strip, by which letters of one line are apart at most,
_TIMES_USUAL = 2.5  # or so many times the usual gap of a line that is letter-spaced
_NEIGHBOURS = 4  # letters on each side, of which that gap is the median
_FOREIGN = 0.3  # share of a span's columns from which it is of another writing: numbers are within such lines as well
_SEEN = 0.15  # probability of letters from which something is written in a column
_LEAST = 5  # columns of another writing; less are specks
_BESIDE = " .,:;-–/·'’_"  # signs that no text begins with, nor ends with but for a full stop: specks are read so
_NEAR, _MORE = 16, 1.7  # columns on each side, a few letters, and how many times more is far more
_COVERED = 0.3  # share of the shorter of two spans from which they are of one text
FOREIGN_LETTER = "\ufffd"  # in place of what another engine is to read
_SPACE = class_of(" ")

Columns = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Letter:
    """A character, or one of the writings of the alphabet, in columns `first` to `end` of the output."""

    kind: int
    score: float
    first: int
    end: int

    @property
    def writing(self) -> Writing:
        """What it is written in."""
        return WRITINGS[self.kind - len(CHARACTERS)] if self.kind >= len(CHARACTERS) else Writing.ALPHABET


@dataclass(frozen=True, slots=True)
class Span:
    """A line of text, in columns `first` to `end`; `letters` is what stamp-text reads, without other writings.

    `weight` is in how many columns it sees letters, whichever they are, each as sure as it is: the other way up there
    are few.
    """

    first: int
    end: int
    writing: Writing
    letters: Letters
    weight: float

    def turned(self, columns: int) -> "Span":
        """On the strip that it stands upside down on, which has so many columns."""
        return replace(self, first=columns - self.end, end=columns - self.first)


def spans(logits: Columns) -> list[Span]:
    """The lines of text from left to right, of logits (T, CLASSES)."""
    chances = _chances(logits)
    return _spans(chances, _seen(chances))


def both_ways(upright: Columns, turned: Columns) -> list[tuple[Span, bool]]:
    """What is read of a strip, by its logits and those of the strip turned by half a turn; True for turned spans.

    All are where they stand on the strip as it lies. Where far more letters are seen one way, there and around, the
    other does not count: of the two texts of a ring one begins where the other ends.
    """
    chances = _chances(upright), _chances(turned)
    seen = _seen(chances[0]), _seen(chances[1])
    near = _around(seen[0]), _around(seen[1])
    along = _spans(chances[0], seen[0] * (_MORE * near[0] >= near[1][::-1]))
    across = _spans(chances[1], seen[1] * (_MORE * near[1] >= near[0][::-1]))
    return _apart(along, [span.turned(len(upright)) for span in across])


def _chances(logits: Columns) -> Columns:
    chances = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(chances / chances.sum(1, keepdims=True))


def _seen(chances: Columns) -> Columns:
    """How surely some letter is in each column, whichever it is: (T,)."""
    return np.asarray(1 - chances[:, BLANK] - chances[:, _SPACE])


def _around(seen: Columns) -> Columns:
    return np.convolve(np.pad(seen, _NEAR), np.ones(2 * _NEAR + 1, np.float32), "valid")


def _spans(chances: Columns, seen: Columns) -> list[Span]:
    letters = list(_letters(chances))
    found = []
    for first, end in _extents(seen > _SEEN):
        part = [letter for letter in letters if first <= letter.first < end]
        if (read := _read(part)) is not None:
            found.append(Span(first, end, *read, float(seen[first:end].sum())))
    return found


def _letters(chances: Columns) -> Iterator[Letter]:
    """CTC's best path, where capitals and letters of two alphabets that look alike are one until one is chosen."""
    grouped = np.zeros_like(chances)
    np.add.at(grouped.T, GROUP, chances.T)
    best = grouped.argmax(1)
    changes = np.flatnonzero(np.diff(best, prepend=-1, append=-1))
    for first, end in pairwise(changes.tolist()):
        group = int(best[first])
        if group != BLANK:
            kind = int((chances[first:end].sum(0) * (group == GROUP)).argmax())
            yield Letter(kind, float(grouped[first:end, group].max()), first, end)


def _extents(seen: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Runs of columns in which some letter is seen, whichever it is, joined over all gaps that are not wide."""
    edges = np.flatnonzero(np.diff(seen, prepend=False, append=False))
    firsts, ends = edges[::2], edges[1::2]
    if not len(firsts):
        return
    gaps = firsts[1:] - ends[:-1]
    usual = [np.median(gaps[max(0, n - _NEIGHBOURS) : n + 1 + _NEIGHBOURS]) for n in range(len(gaps))]
    wide = [n for n, gap in enumerate(gaps.tolist()) if gap > max(_FAR, _TIMES_USUAL * usual[n])]
    for first, last in pairwise([0, *(n + 1 for n in wide), len(firsts)]):
        yield int(firsts[first]), int(ends[last - 1])


def _read(part: list[Letter]) -> tuple[Writing, Letters] | None:
    """What letters are written in, and what they say; None where there are signs alone."""
    widths = Counter[Writing]()
    for letter in part:
        widths[letter.writing] += letter.end - letter.first
    foreign, width = max(((each, widths[each]) for each in WRITINGS), key=lambda one: one[1])
    if width > _FOREIGN * widths.total():
        scores = tuple(letter.score for letter in part)
        return (foreign, Letters(FOREIGN_LETTER * len(scores), scores)) if width >= _LEAST else None
    part = _without_signs([letter for letter in part if letter.writing is Writing.ALPHABET])
    text = in_one_script("".join(CHARACTERS[letter.kind] for letter in part))
    return (Writing.ALPHABET, Letters(text, tuple(letter.score for letter in part))) if text else None


def _without_signs(part: list[Letter]) -> list[Letter]:
    while part and CHARACTERS[part[0].kind] in _BESIDE:
        part = part[1:]
    while part and CHARACTERS[part[-1].kind] in _BESIDE.replace(".", ""):
        part = part[:-1]
    return part if any(CHARACTERS[letter.kind].isalnum() for letter in part) else []


def _apart(upright: Sequence[Span], turned: Sequence[Span]) -> list[tuple[Span, bool]]:
    """Where spans of both ways lie over each other, those in which more is seen."""
    both = [(span, False) for span in upright] + [(span, True) for span in turned]
    kept: list[tuple[Span, bool]] = []
    for span, way in sorted(both, key=lambda each: each[0].weight, reverse=True):
        if all(way == other_way or not _overlap(span, other) for other, other_way in kept):
            kept.append((span, way))
    return sorted(kept, key=lambda each: each[0].first)


def _overlap(one: Span, other: Span) -> bool:
    common = min(one.end, other.end) - max(one.first, other.first)
    return common > _COVERED * min(one.end - one.first, other.end - other.first)
