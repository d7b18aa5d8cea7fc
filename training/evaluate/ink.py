"""Reports of segmenters on drawn crops, overall and by slice, with a picture of the worst masks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from training.evaluate import models
from training.evaluate.montage import PAPER, Tile, sheet
from training.segmenter.figures import INK, Counts, count
from training.synth.cut_shards import Cuts, read

SURE = 127  # a mask's value above which a pixel is taken for ink
CHUNK = 64
WORST = 24
COLUMNS = 4
PANEL, GAP = 160, 4
MISSED, FALSE, FOUND = (30, 60, 220), (220, 30, 30), (30, 30, 30)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of some crops: their number, and the figures of their pixels, summed over the crops."""

    crops: int
    iou: float
    boundary_f: float


@dataclass(frozen=True, slots=True)
class Slice:
    """The figures of the crops of one value."""

    by: str
    value: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one segmenter; `data` as in detect.json."""

    model: str
    sha256: str
    data: str
    folder: str
    figures: Figures
    slices: list[Slice]


def score(references: Sequence[str], folder: Path, out: Path) -> list[Report]:
    """The reports of segmenters on the same crops, and `ink.png` with the worst masks of the first one.

    ValueError when the folder has no crops.
    """
    cuts = read(folder)
    if not cuts.pixels:
        raise ValueError(f"{folder} has no crop: render some with `python -m training.synth.cut_shards`")
    out.mkdir(parents=True, exist_ok=True)
    reports: list[Report] = []
    for reference in references:
        pipeline = models.segmenter(reference)
        found = [mask > SURE for mask in pipeline.run(crop[..., :3] for crop in cuts.pixels)]
        counts = list(compared(cuts.pixels, found))
        if not reports:
            picture(cuts, found, counts).save(out / "ink.png")
        columns = {"ink": cuts.ink, "capture": cuts.capture, "kind": cuts.kind}
        slices = [
            Slice(by, value, figures([each for each, of in zip(counts, values) if of == value]))
            for by, values in columns.items()
            for value in np.unique(values).tolist()
        ]
        manifest = pipeline.manifest
        reports.append(Report(manifest.reference, manifest.sha256, "synthetic", str(folder), figures(counts), slices))
    return reports


def compared(crops: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> Iterator[Counts]:
    """The counts of each crop, uint8 (256, 256, 4), and its mask, bool (256, 256)."""
    for start in range(0, len(crops), CHUNK):
        chosen = slice(start, start + CHUNK)
        true = np.stack([crop[..., 3] > INK * 255 for crop in crops[chosen]])
        yield from count(torch.from_numpy(true), torch.from_numpy(np.stack(found[chosen])))


def figures(counts: Sequence[Counts]) -> Figures:
    """The figures of some crops."""
    total = sum(counts, Counts())
    return Figures(len(counts), total.iou, total.boundary_f)


def picture(cuts: Cuts, found: Sequence[np.ndarray], counts: Sequence[Counts]) -> Image.Image:
    """The crops of lowest IoU beside their masks: found ink black, missed ink blue, what is no ink red."""
    order = np.argsort([each.iou for each in counts], kind="stable")[:WORST]
    tiles = []
    for number in order.tolist():
        crop, mask = cuts.pixels[number], found[number]
        true = crop[..., 3] > INK * 255
        shown = np.full((*mask.shape, 3), PAPER, np.uint8)
        shown[mask & true], shown[~mask & true], shown[mask & ~true] = FOUND, MISSED, FALSE
        pair = Image.new("RGB", (2 * PANEL + GAP, PANEL), PAPER)
        for place, pixels in enumerate((crop[..., :3], shown)):
            pair.paste(Image.fromarray(pixels).resize((PANEL, PANEL)), (place * (PANEL + GAP), 0))
        lines = (f"IoU {counts[number].iou:.2f}", f"{cuts.ink[number]}, {cuts.capture[number]}")
        tiles.append(Tile(pair, lines))
    return sheet([(f"The worst {len(tiles)} of {len(counts)} masks", tiles)], (2 * PANEL + GAP, PANEL), COLUMNS)


def table(reports: Sequence[Report]) -> Iterator[str]:
    """The reports as lines of text: a line for each model, then one for each value of a slice."""
    first = reports[0]
    yield f"ink of {first.data} stamps: {first.figures.crops} crops of {first.folder}"
    yield from _rows("", [(report.model, report.figures) for report in reports])
    for report in reports:
        for by in dict.fromkeys(part.by for part in report.slices):
            parts = [(part.value, part.figures) for part in report.slices if part.by == by]
            yield from _rows(f"{report.model} by {by}", parts)


def _rows(title: str, rows: Sequence[tuple[str, Figures]]) -> Iterator[str]:
    yield ""
    yield f"{title:32}{'crops':>8}{'IoU':>8}{'boundary F':>12}"
    for label, each in rows:
        yield f"  {label:30}{each.crops:>8}{each.iou:>8.3f}{each.boundary_f:>12.3f}"
