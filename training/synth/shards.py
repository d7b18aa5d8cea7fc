"""Renders pages ahead of training, as pictures and one line of JSON a page.

    python -m training.synth.shards --count 12000 --size 640 --split train --out ~/.cache/stamp2vec/shards/train

A line is written only after its picture is complete, so a trainer may read the folder while it grows; a stopped run
resumes after the last complete line, and another ``--seed`` adds other pages to the same folder.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from stamp2vec.imaging import Letterbox, letterbox
from training.synth.arrangements import Arrangement
from training.synth.backgrounds import DEFAULT_FOLDER, Backgrounds
from training.synth.fonts import Split
from training.synth.page import make_page

_SEED_STRIDE = 10_000_000


@dataclass(frozen=True, slots=True)
class Job:
    """One page to render."""

    out: Path
    backgrounds: Path
    split: Split
    size: int
    seed: int
    arrangement: Arrangement | None


def boxes_to_model(placed: Letterbox, boxes: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Map boxes (N, 4) in pixels of a picture to pixels of the letterboxed one."""
    factor = np.array([placed.content_width / placed.width, placed.content_height / placed.height] * 2)
    offset = np.array([placed.pad_x, placed.pad_y] * 2)
    return np.asarray(np.asarray(boxes, np.float64).reshape(-1, 4) * factor + offset)


@cache
def _backgrounds(folder: Path, split: Split) -> Backgrounds:
    return Backgrounds.cached(split, folder)


def render(job: Job) -> str:
    """Make and save one page, a training page letterboxed; return its line for ``labels.jsonl``."""
    backgrounds = _backgrounds(job.backgrounds, job.split)
    page = make_page(job.seed, job.split, backgrounds, arrangement=job.arrangement)
    image, boxes = page.image, np.array([stamp.box for stamp in page.stamps], np.float64).reshape(-1, 4)
    if job.split is Split.TRAIN:
        image, placed = letterbox(image, (job.size, job.size))
        boxes = boxes_to_model(placed, boxes)
    file = f"images/{job.seed:012d}.jpg"
    Image.fromarray(image).save(job.out / file, quality=90, subsampling=0)
    row = {
        "file": file,
        "split": job.split.value,
        "seed": job.seed,
        "capture": page.capture,
        "boxes": [[round(float(value), 2) for value in box] for box in boxes],
        "kinds": [stamp.kind.value for stamp in page.stamps],
        "angles": [round(stamp.angle_deg, 1) for stamp in page.stamps],
        "inks": [stamp.ink for stamp in page.stamps],
        "scripts": [stamp.script.value for stamp in page.stamps],
    }
    return json.dumps(row, ensure_ascii=False)


def finished(labels: Path) -> set[int]:
    """Return the seeds of the complete lines, after cutting off a last line that was broken by a stop."""
    if not labels.exists():
        return set()
    text = labels.read_bytes()
    complete = text[: text.rfind(b"\n") + 1]
    if len(complete) != len(text):
        with labels.open("r+b") as stream:
            stream.truncate(len(complete))
    return {json.loads(line)["seed"] for line in complete.splitlines()}


def write(
    out: Path,
    backgrounds: Path,
    split: Split,
    count: int,
    size: int,
    seed: int,
    workers: int,
    arrangement: Arrangement | None = None,
) -> Iterator[int]:
    """Render the pages of ``seed`` that are still missing, in order; yield how many there are after each."""
    (out / "images").mkdir(parents=True, exist_ok=True)
    labels = out / "labels.jsonl"
    done = finished(labels)
    first = seed * _SEED_STRIDE
    jobs = [Job(out, backgrounds, split, size, s, arrangement) for s in range(first, first + count) if s not in done]
    descriptor = os.open(labels, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        if workers == 1:
            lines: Iterator[str] = map(render, jobs)
            yield from _append(descriptor, lines, count - len(jobs))
        else:
            with ProcessPoolExecutor(workers) as pool:
                yield from _append(descriptor, pool.map(render, jobs, chunksize=4), count - len(jobs))
    finally:
        os.close(descriptor)


def _append(descriptor: int, lines: Iterator[str], already: int) -> Iterator[int]:
    for index, line in enumerate(lines):
        os.write(descriptor, (line + "\n").encode())
        yield already + index + 1


def main() -> None:
    """Render pages with their labels, resuming where a former run stopped."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument(
        "--size",
        type=int,
        default=640,
        help="side of the square that training pages are letterboxed to; test pages stay as captured",
    )
    parser.add_argument("--split", type=Split, choices=list(Split), default=Split.TRAIN)
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other pages")
    parser.add_argument("--workers", type=int, default=1, help="processes; one a core at most")
    parser.add_argument(
        "--arranged", type=Arrangement, choices=list(Arrangement), help="stamps as detectors find hard, on every page"
    )
    parser.add_argument("--backgrounds", type=Path, default=DEFAULT_FOLDER)
    options = parser.parse_args()
    progress = write(
        options.out.expanduser(),
        options.backgrounds.expanduser(),
        options.split,
        options.count,
        options.size,
        options.seed,
        options.workers,
        options.arranged,
    )
    for number in progress:
        if number % 500 == 0 or number == options.count:
            print(f"{number} of {options.count} pages", flush=True)


if __name__ == "__main__":
    main()
