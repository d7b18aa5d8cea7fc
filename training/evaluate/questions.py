"""Pairs of stamps that verdicts are asked for: drawn ones of `training.pair.trial`, or real ones of a kit."""

import json
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np

from stamp2vec.comparison import Inked, LaidPair, lay
from stamp2vec.pipelines import SegmentationPipeline
from training.evaluate.embedder import visible_bucket
from training.evaluate.stamps import read_kit
from training.evaluate.truth import bucket
from training.pair.calibrate import laid_pair
from training.pair.library import Crop, Shelf, read
from training.pair.pairs import OTHER
from training.pair.trial import Trial, half_of, load
from training.synth.variants import Difference

ONE_DIE, TWO_DIES, REAL = "one die", "two dies", "real stamps"
LETTER_EDGES, LETTER_PX = (0, 8, 12, 16, 24), 12
LARGE = f"letter or digit, {LETTER_PX} px or more"
HALF_VISIBLE = 0.5

Slice = tuple[str, str, np.ndarray]  # by what, the value, and which pairs have it, bool (N,)


class Questions(Protocol):
    """N pairs, whose truth is `data`, "synthetic" or "real", from `folders`, with a name each.

    `same`, bool (N,), says whether one die made both; `whole`, bool (N,), which of those pairs are of whole crops.
    """

    data: str
    folders: list[str]
    names: list[str]
    same: np.ndarray
    whole: np.ndarray

    def pictures(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Both crops of a pair, uint8 (H, W, 3)."""

    def laid(self, number: int) -> LaidPair:
        """Both laid over each other."""

    def slices(self) -> Iterator[Slice]:
        """Which pairs are told apart; all of a slice are of one die, or all of two."""


class TrialQuestions:
    """The trials of a folder, with the pictures of the library that they were made from."""

    def __init__(self, library: Path, trials: Path) -> None:
        """OSError when there are no trials."""
        self.data, self.folders = "synthetic", [str(library), str(trials)]
        self.library, self.looked = library, load(trials)
        self.names = [_named(trial) for trial in self.looked.trials]
        self.same = np.array([trial.same for trial in self.looked.trials])
        self.whole = self.same & ~np.array([trial.half for trial in self.looked.trials])

    def pictures(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """OSError when the library lacks a family, ValueError when it has no pictures."""
        trial = self.looked.trials[number]
        a, b = _shelf(self.library, trial.family).crops[trial.a], _shelf(self.library, trial.other).crops[trial.b]
        part = half_of(b, trial.family) if trial.half else b
        return pictured(a, a), pictured(b, part)

    def laid(self, number: int) -> LaidPair:
        """See Questions."""
        return laid_pair(self.looked, number)

    def slices(self) -> Iterator[Slice]:
        """By what the dies differ in; then of pairs of one die, and of those that differ in a letter, by all else."""
        trials = self.looked.trials
        difference = np.array([trial.difference for trial in trials])
        letter = np.array([trial.letter_px for trial in trials])
        inked = self.whole & np.array([trial.visible >= HALF_VISIBLE for trial in trials])
        one = np.isin(difference, (Difference.LETTER.value, Difference.DIGIT.value))
        large = one & (letter >= LETTER_PX)
        yield ONE_DIE, "at least half of the ink", inked
        yield ONE_DIE, "fainter", self.whole & ~inked
        yield ONE_DIE, "a part against the whole", self.same & ~self.whole
        yield TWO_DIES, LARGE, large
        for kind in Difference:
            yield TWO_DIES, kind.value, difference == kind.value
        yield TWO_DIES, "siblings of all kinds", ~self.same & (difference != OTHER)
        yield TWO_DIES, "other dies", difference == OTHER
        heights = np.array([bucket(px, LETTER_EDGES) for px in letter])
        for value in np.unique(heights).tolist():
            yield "letter or digit, px", value, one & (heights == value)
        columns = {
            "visible": [{visible_bucket(trial.visible)} for trial in trials],
            "capture": [{trial.capture_a, trial.capture_b} for trial in trials],
            "script": [{trial.script} for trial in trials],
        }
        for by, values in columns.items():
            for value in sorted(set(chain.from_iterable(values))):
                of = np.array([value in each for each in values])
                yield f"{ONE_DIE}, {by}", value, (self.whole if by == "visible" else inked) & of
                yield f"{LARGE}, {by}", value, large & of


class KitQuestions:
    """Every two stamps of one set of a kit."""

    def __init__(self, kit: Path, name: str, segmenter: SegmentationPipeline) -> None:
        """ValueError when the kit is none, or has no two stamps of that set."""
        self.data, self.folders = "real", [str(kit), name]
        stamps = read_kit(kit)
        chosen = np.flatnonzero(stamps.slices["set"] == name).tolist()
        if len(chosen) < 2:
            sets = ", ".join(np.unique(stamps.slices["set"]).tolist())
            raise ValueError(f"{kit} has no two stamps of a set {name!r}: name one of {sets}")
        self.crops = [stamps.pictures[place]() for place in chosen]
        self.inked = [Inked.of(*both) for both in zip(self.crops, segmenter(self.crops), strict=True)]
        self.pairs = np.column_stack(np.triu_indices(len(chosen), 1)).tolist()
        rows = json.loads((kit / "stamps.json").read_text(encoding="utf-8"))
        files = [Path(rows[place]["file"]).name for place in chosen]
        self.names = [f"{files[a]}, {files[b]}" for a, b in self.pairs]
        identity = stamps.identity[chosen]
        self.same = self.whole = np.array([bool(identity[a] == identity[b]) for a, b in self.pairs])

    def pictures(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """See Questions."""
        a, b = self.pairs[number]
        return self.crops[a], self.crops[b]

    def laid(self, number: int) -> LaidPair:
        """See Questions."""
        a, b = self.pairs[number]
        return lay(self.inked[a], self.inked[b])

    def slices(self) -> Iterator[Slice]:
        """By the truth alone."""
        yield REAL, "same die", self.same
        yield REAL, "two dies", ~self.same


def pictured(crop: Crop, part: Crop) -> np.ndarray:
    """The picture of as much of a crop as `part` has of it, uint8 (H, W, 3). ValueError when the library has none."""
    if crop.image is None:
        raise ValueError("the library has no pictures: render it with `python -m training.pair.library --keep`")
    scale = np.array(crop.image.shape[:2]) / crop.planes.shape[:2]
    origin = (crop.to_crop[:, 2] - part.to_crop[:, 2])[::-1]
    top, left = np.rint(origin * scale).astype(int).tolist()
    bottom, right = np.rint((origin + part.planes.shape[:2]) * scale).astype(int).tolist()
    return np.ascontiguousarray(crop.image[top:bottom, left:right])


@lru_cache(maxsize=4)
def _shelf(library: Path, family: int) -> Shelf:
    return read(library / f"{family:08d}.npz")


def _named(trial: Trial) -> str:
    letter = f" of {trial.letter_px:.0f} px" if trial.letter_px else ""
    part = ", a part" if trial.half else ""
    captures = f"{trial.capture_a}, {trial.capture_b}"
    return f"{trial.difference}{letter}{part}, {trial.visible:.0%} visible, {captures}, family {trial.family}"
