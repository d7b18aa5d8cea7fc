"""Reports of embedders on one set of stamps: retrieval or verification, overall and by slice, with pictures."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stamp2vec.hub.manifest import Manifest
from training.evaluate import models, retrieval, verification
from training.evaluate.confusions import Confusion, picture
from training.evaluate.stamps import Stamps, embedded, joined, read_crops, read_kit
from training.evaluate.verification import Pairs

VISIBLE_EDGES = (0.0, 0.25, 0.5, 0.75, 0.9)
_WORST = 24


@dataclass(frozen=True, slots=True)
class Slice:
    """The figures of the queries or pairs of one value; a pair belongs to the values of both its stamps."""

    by: str
    value: str
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one embedder by kind, such as `random` impostors, or by set of a kit; `data` as in detect.json."""

    command: str
    model: str
    sha256: str
    data: str
    folders: list[str]
    stamps: int
    distractors: int
    figures: dict[str, dict[str, Any]]
    slices: list[Slice]


@dataclass(frozen=True, slots=True)
class Truth:
    """The evaluation set of embedders: stamps, of which the last `distractors` are never queries."""

    stamps: Stamps
    distractors: int
    data: str
    folders: list[str]


def read_truth(crops: Sequence[Path], kit: Path | None, distractors: Sequence[Path]) -> Truth:
    """Rendered crops or the stamps of a kit, with distractors behind them. ValueError when they cannot be used."""
    stamps = read_kit(kit) if kit else read_crops(crops)
    count = 0
    if distractors:
        others = read_crops(distractors)
        count = len(others)
        stamps = joined(stamps, replace(others, group=np.full(count, -1 if kit else 0)))
    folders = [str(folder) for folder in (*crops, *([kit] if kit else []), *distractors)]
    return Truth(stamps, count, "real" if kit else "synthetic", folders)


def score_retrieval(model: str, truth: Truth) -> tuple[Report, list[Confusion]]:
    """The retrieval report, and the queries whose nearest stamp is of another die, the most similar first."""
    pipeline = models.embedder(model)
    vectors = embedded(pipeline, truth.stamps)
    group = truth.stamps.group.copy()
    if truth.distractors:
        group[-truth.distractors :] = -1
    found = retrieval.retrieve(vectors, truth.stamps.identity, group)

    def measured(kept: np.ndarray) -> dict[str, Any]:
        return asdict(retrieval.measure(found.where(kept[found.query])))

    figures = {"all": asdict(retrieval.measure(found))}
    slices = list(_slices(truth.stamps, found.query, measured))
    missed = np.flatnonzero(~found.hit[:, 0])
    alike = np.einsum("nd,nd->n", vectors[found.query[missed]], vectors[found.nearest[missed, 0]])
    worst = [
        Confusion(int(found.query[missed[at]]), int(found.nearest[missed[at], 0]), float(alike[at]))
        for at in np.argsort(-alike)[:_WORST]
    ]
    return _report("retrieve", pipeline.manifest, truth, figures, slices), worst


def score_verification(model: str, truth: Truth) -> tuple[Report, list[Confusion]]:
    """The verification report; and the most similar impostor pairs, then the least similar genuine pairs."""
    pipeline = models.embedder(model)
    vectors = embedded(pipeline, truth.stamps)
    pairs = verification.make_pairs(truth.stamps)
    similarity = verification.similarities(vectors, pairs)

    def measured(kept: np.ndarray) -> dict[str, Any]:
        chosen = kept[pairs.a] | kept[pairs.b]
        return _errors(similarity[chosen], pairs.where(chosen))

    figures = _errors(similarity, pairs)
    known = pipeline.manifest.verification
    if known is not None:
        # Calibration is measured on the families that the curve was not fitted on.
        fresh = ~(truth.stamps.fitted[pairs.a] | truth.stamps.fitted[pairs.b])
        rest = pairs.where(fresh)
        weights = rest.weights(known.genuine_share, known.sibling_share)
        figures["trust"] = asdict(verification.trust(known.probability(similarity[fresh]), rest, weights))
    slices = list(_slices(truth.stamps, np.unique([pairs.a, pairs.b]), measured))
    order = np.argsort(similarity, kind="stable")
    impostors, genuine = order[~pairs.genuine[order]][::-1][:_WORST], order[pairs.genuine[order]][:_WORST]
    worst = [Confusion(int(pairs.a[at]), int(pairs.b[at]), float(similarity[at])) for at in (*impostors, *genuine)]
    return _report("verify", pipeline.manifest, truth, figures, slices), worst


def _errors(similarity: np.ndarray, pairs: Pairs) -> dict[str, Any]:
    genuine = similarity[pairs.genuine]
    kinds = {"random": pairs.random, "sibling": pairs.sibling}
    return {kind: asdict(verification.figures(genuine, similarity[of])) for kind, of in kinds.items()}


def _report(
    command: str, manifest: Manifest, truth: Truth, figures: dict[str, dict[str, Any]], slices: list[Slice]
) -> Report:
    own = len(truth.stamps) - truth.distractors
    where = (truth.data, truth.folders, own, truth.distractors)
    return Report(command, manifest.reference, manifest.sha256, *where, figures, slices)


def _slices(stamps: Stamps, counted: np.ndarray, measured: Callable[[np.ndarray], dict[str, Any]]) -> Iterator[Slice]:
    """Every slice with a stamp that counts; `measured` takes a bool (N,), the stamps of a slice."""
    columns = dict(stamps.slices)
    if np.isfinite(stamps.visible).all():
        columns["visible"] = np.array([visible_bucket(share) for share in stamps.visible])
    for by, values in columns.items():
        for value in filter(None, np.unique(values[counted]).tolist()):
            yield Slice(by, value, measured(values == value))


def visible_bucket(share: float) -> str:
    """The interval, closed below, that the share of a die that shows lies in; as text that sorts like numbers."""
    low = max(edge for edge in VISIBLE_EDGES if edge <= share)
    above = [edge for edge in VISIBLE_EDGES if edge > low]
    return f"{low:.2f}-{above[0] if above else 1:.2f}"


def sheet(worst: Sequence[Confusion], truth: Truth) -> Image.Image:
    """The confusions as a picture, each two stamps beside each other."""
    return picture(worst, truth.stamps.pictures, truth.stamps.identity)


def table(reports: Sequence[Report]) -> Iterator[str]:
    """The reports as lines of text: a line for each model and kind of figures."""
    first = reports[0]
    yield f"{first.command} on {first.data} stamps: {first.stamps}, and {first.distractors} distractors"
    for folder in first.folders:
        yield f"  {folder}"
    for kind in dict.fromkeys(kind for report in reports for kind in report.figures):
        rows = [(report.model, report.figures[kind]) for report in reports if kind in report.figures]
        yield from _rows(kind, rows)
    for report in reports:
        for by in dict.fromkeys(part.by for part in report.slices):
            parts = [part for part in report.slices if part.by == by]
            if report.command == "retrieve":
                yield from _rows(f"{report.model} by {by}", [(part.value, part.figures) for part in parts])
            else:
                for kind in parts[0].figures:
                    title = f"{report.model} by {by}, {kind} impostors"
                    yield from _rows(title, [(part.value, part.figures[kind]) for part in parts])


def _rows(title: str, rows: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    names = list(rows[0][1])
    yield ""
    yield f"{title:28}" + "".join(f"{name:>{max(10, len(name) + 2)}}" for name in names)
    for label, figures in rows:
        yield f"  {label:26}" + "".join(f"{_shown(figures[name]):>{max(10, len(name) + 2)}}" for name in names)


def _shown(value: float | int | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
