"""Draws pages and cuts out of them what a refiner learns from: candidates of detectors, true stamps, anything else.

    python -m training.refiner.windows --pages 4000 --out ~/.cache/stamp2vec/windows/train --detector yolo-stamp

Nothing of a page but these windows is kept. A file is written for every so many pages, and only when it is whole: a run
that was stopped resumes there, and training may read a folder that grows. `--shards` reads stored pages instead.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from stamp2vec import engines
from stamp2vec.detection.candidates import iou
from stamp2vec.imaging.squares import Square
from stamp2vec.pipelines import DetectionPipeline
from stamp2vec.values import StampType, Task
from training.detector.pages import OUTLINE
from training.synth.backgrounds import DEFAULT_FOLDER, Backgrounds
from training.synth.fonts import Split
from training.synth.page import StampTruth, make_page
from training.synth.shards import _SEED_STRIDE

SIDE = 192  # px that a window is kept at
TIMES = 2.2  # its side, in longer sides of the box: room to look beside it, as training does
PAGES_A_FILE = 50
LEAST_SCORE, MOST = 0.02, 16  # of the candidates of a page that are looked at
STRAY = 3  # windows of a page that are around nothing in particular
TRUE, STRAYING = 0, 1  # where a window is from; a detector by its place in --detector, from 2 on
_TYPES = tuple(StampType)


# The columns of a row, float32 (WIDTH,); boxes in pixels of the window. Of the stamp that the box overlaps most: its
# box, the overlap, the cosine and sine of its rotation, its type, how much of it is on the page; nan without one.
BOX, TRUTH, IOU, ROTATION, TYPE, VISIBLE = slice(0, 4), slice(4, 8), 8, slice(9, 11), 11, 12
SCORE, SOURCE, PAGE, STAMPS = 13, 14, 15, 16  # the detector's score; then where from, the page, the stamps on it
WIDTH = 17


def windows(
    image: np.ndarray,
    stamps: Sequence[StampTruth],
    detectors: Sequence[DetectionPipeline],
    rng: np.random.Generator,
    page: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The windows of a page, uint8 (N, SIDE, SIDE, 3), and a row about each, float32 (N, WIDTH)."""
    found: list[tuple[Sequence[float], float, int]] = [(stamp.box, np.nan, TRUE) for stamp in stamps]
    height, width = image.shape[:2]
    for _ in range(STRAY):
        middle, longer = rng.uniform(0, 1, 2) * (width, height), max(width, height) * np.exp(rng.uniform(-4, -1))
        sides = longer * np.array([1.0, np.exp(-rng.exponential(0.7))])[:: rng.choice([1, 1, 1, -1])]
        found.append(((*(middle - sides / 2), *(middle + sides / 2)), np.nan, STRAYING))
    for number, detector in enumerate(detectors):
        candidates = detector(image, min_score=LEAST_SCORE, max_detections=MOST)
        found += [(candidate.box, candidate.score, 2 + number) for candidate in candidates]
    truths = np.array([stamp.box for stamp in stamps], np.float64).reshape(-1, 4)
    pixels, rows = [], []
    for box, score, source in found:
        square = Square.around(box, TIMES)
        pixels.append(square.pixels(image, SIDE))
        row = np.full(WIDTH, np.nan, np.float32)
        row[BOX] = square.from_page(np.array(box), SIDE)
        overlaps = iou(np.array(box), truths)
        row[IOU] = overlaps.max(initial=0.0)
        if len(truths) and row[IOU] > 0:
            stamp = stamps[int(overlaps.argmax())]
            row[TRUTH] = square.from_page(np.array(stamp.box), SIDE)
            angle = np.deg2rad(stamp.angle_deg)
            row[ROTATION] = np.cos(angle), np.sin(angle)
            row[TYPE], row[VISIBLE] = _TYPES.index(OUTLINE[stamp.kind]), stamp.visible
        row[SCORE], row[SOURCE] = score, source
        row[PAGE], row[STAMPS] = page, len(stamps)
        rows.append(row)
    return np.stack(pixels), np.stack(rows)


def read(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """The windows, mapped into memory, and the rows of each file of a folder that is complete."""
    return [
        (np.load(file, mmap_mode="r"), np.load(file.with_suffix("").with_suffix(".rows.npy")))
        for file in sorted(folder.glob("*.pixels.npy"))
    ]


def write(out: Path, name: str, pixels: np.ndarray, rows: np.ndarray) -> None:
    """One file of windows and one of rows; the former last, for it says that both are there."""
    out.mkdir(parents=True, exist_ok=True)
    for kind, array in (("rows", rows), ("pixels", pixels)):
        partial = out / f"{name}.{kind}.partial"
        with partial.open("wb") as file:
            np.save(file, array)
        os.replace(partial, out / f"{name}.{kind}.npy")


def files(seed: int, count: int) -> Iterator[tuple[str, range]]:
    """The name of each file and the seeds of the pages that it is cut out of."""
    first = seed * _SEED_STRIDE
    for start in range(first, first + count, PAGES_A_FILE):
        yield f"{start:012d}", range(start, min(start + PAGES_A_FILE, first + count))


def main() -> None:
    """Draw, search, cut."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pages", type=int, required=True)
    parser.add_argument("--split", type=Split, choices=list(Split), default=Split.TRAIN)
    parser.add_argument("--seed", type=int, default=500, help="another seed makes other pages")
    parser.add_argument("--detector", action="append", default=[], help="whose candidates are cut out; may be repeated")
    parser.add_argument("--backgrounds", type=Path, default=DEFAULT_FOLDER)
    options = parser.parse_args()
    torch.set_num_threads(1)
    detectors = [DetectionPipeline(engines.load(name, Task.DETECT)) for name in options.detector]
    backgrounds = Backgrounds.cached(options.split, options.backgrounds.expanduser())
    out = options.out.expanduser()
    for name, seeds in files(options.seed, options.pages):
        if (out / f"{name}.pixels.npy").exists():
            continue
        made = []
        for seed in seeds:
            page = make_page(seed, options.split, backgrounds)
            made.append(windows(page.image, page.stamps, detectors, np.random.default_rng(seed), seed))
        write(out, name, *(np.concatenate(parts) for parts in zip(*made, strict=True)))
        print(f"{name}: {sum(len(rows) for _, rows in made)} windows of {len(seeds)} pages", flush=True)


if __name__ == "__main__":
    main()
