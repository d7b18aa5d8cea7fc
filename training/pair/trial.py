"""Trials of verdicts: which pairs of rendered families are asked about, and what is known of each.

`python -m training.pair.trial --library DIR --out DIR` registers them; evaluation and calibration read what it writes.
"""

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from stamp2vec.comparison.evidence import Inked, lay
from stamp2vec.comparison.frames import SIDE_PX
from training.pair.library import Crop, Shelf, read
from training.pair.pairs import OTHER, SAME, cut, named

BATCH = 100


@dataclass(frozen=True, slots=True)
class Trial:
    """One pair: crops `a` and `b` of families `family` and `other`; `half` whether only a part of `b` is shown.

    `difference` is what the dies differ in, or "same"; `letter_px` the height of capitals of the line that differs on
    the coarser crop, 0 where unknown; `visible` of the impression that shows less, 0 to 1.
    """

    family: int
    a: int
    other: int
    b: int
    half: bool
    difference: str
    letter_px: float
    visible: float
    capture_a: str
    capture_b: str
    kind: str
    script: str

    @property
    def same(self) -> bool:
        """Whether one die made both."""
        return self.difference == SAME


def trials(shelf: Shelf, stranger: Shelf) -> Iterator[Trial]:
    """Every two strikes of the original, whole and cut; it against each variant; and against another family's die."""
    of = np.array([crop.die for crop in shelf.crops])
    originals = np.flatnonzero(of == 0).tolist()
    for number, a in enumerate(originals):
        for b in originals[number + 1 :]:
            yield _trial(shelf, a, shelf, b, False)
    if len(originals) > 1:
        yield _trial(shelf, originals[0], shelf, originals[1], True)
    for b in np.flatnonzero(of > 0).tolist():
        yield _trial(shelf, originals[b % len(originals)], shelf, b, False)
    yield _trial(shelf, originals[-1], stranger, 0, False)


def _trial(shelf: Shelf, a: int, other: Shelf, b: int, half: bool) -> Trial:
    crops = shelf.crops[a], other.crops[b]
    dies = shelf.dies[crops[0].die], other.dies[crops[1].die]
    stranger = shelf.family != other.family
    difference = OTHER if stranger else SAME if crops[0].die == crops[1].die else named(*dies)
    letter_mm = 0.0 if stranger else max(die.letter_mm for die in dies)
    return Trial(
        shelf.family,
        a,
        other.family,
        b,
        half,
        difference,
        letter_mm * min(crop.px_per_mm for crop in crops),
        min(crop.visible for crop in crops),
        crops[0].capture,
        crops[1].capture,
        shelf.kind,
        shelf.script,
    )


def all_trials(folder: Path) -> list[tuple[Trial, Crop, Crop]]:
    """The trials of a folder of families, with their crops; the stranger is the nearest family of the same kind."""
    shelves = [read(file) for file in sorted(folder.glob("*.npz"))]
    found = []
    for number, shelf in enumerate(shelves):
        later = shelves[number + 1 :] + shelves[:number]
        stranger = next((one for one in later if one.kind == shelf.kind), later[0])
        for trial in trials(shelf, stranger):
            a, b = shelf.crops[trial.a], (shelf if trial.other == shelf.family else stranger).crops[trial.b]
            if trial.half:
                b = half_of(b, shelf.family)
            found.append((trial, a, b))
    return found


def half_of(crop: Crop, family: int) -> Crop:
    """The part of a crop that is shown of it in a trial of a family."""
    return cut(crop, np.random.default_rng([family, 9]))


@dataclass(frozen=True, slots=True)
class Laid:
    """N trials laid over each other: `pictures` uint8 (N, 2 S, S, 3) as a pair network takes them, and what else `lay`
    tells, float64 (N, 4): correlation, mirrored, coarseness and cut.
    """

    trials: list[Trial]
    pictures: np.ndarray
    measures: np.ndarray


def load(folder: Path) -> Laid:
    """What `main` wrote."""
    rows = np.load(folder / "trials.npy", allow_pickle=False)
    names = [field.name for field in fields(Trial)]
    listed = [Trial(**{name: row[name].item() for name in names}) for row in rows]
    return Laid(listed, np.load(folder / "pictures.npy", mmap_mode="r"), np.load(folder / "measures.npy"))


def main() -> None:
    """Register all trials of a library."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--library", type=Path, required=True, help="folder of training.pair.library")
    flags.add_argument("--out", type=Path, required=True, help="folder")
    args = flags.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    pairs = all_trials(args.library)
    shape = (len(pairs), 2 * SIDE_PX, SIDE_PX, 3)
    pictures = np.lib.format.open_memmap(args.out / "pictures.npy", "w+", np.uint8, shape)
    measures = np.zeros((len(pairs), 4))
    for number, (_, a, b) in enumerate(pairs):
        pair = lay(Inked(a.planes), Inked(b.planes))
        pictures[number] = pair.picture
        measures[number] = pair.correlation, pair.mirrored, pair.coarseness, pair.cut
        if number % BATCH == 0:
            print(f"{number} of {len(pairs)}", flush=True)
    np.save(args.out / "measures.npy", measures)
    np.save(args.out / "trials.npy", _table([trial for trial, _, _ in pairs]))


def _table(rows: list[Trial]) -> np.ndarray:
    types = {"float": "f8", "int": "i8", "bool": "?", "str": "U16"}
    columns = [(field.name, types[getattr(field.type, "__name__", str(field.type))]) for field in fields(Trial)]
    return np.array([tuple(asdict(row).values()) for row in rows], columns)


if __name__ == "__main__":
    main()
