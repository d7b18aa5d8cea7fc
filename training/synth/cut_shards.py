"""Cuts stamps out of drawn pages ahead of training: `python -m training.synth.cut_shards --pages 4000 --out DIR`.

Where `crop_shards` draws a stamp on a little paper, these have what lies around and over stamps on pages: typeset
print, forms, signatures, other stamps. A shard is four .npy files of the stamps of up to 50 pages: `pixels` uint8
(N, 256, 256, 4), the letterboxed crop with its ink mask as the fourth channel, of which other stamps are no part;
`ink`, `capture` and `kind`, str (N,).
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from stamp2vec.errors import InvalidInput
from stamp2vec.imaging import letterbox
from stamp2vec.imaging.crop import crop
from training.synth.backgrounds import DEFAULT_FOLDER, DPI, Backgrounds
from training.synth.crop_shards import SIZE, complete, part, pictures, save
from training.synth.fonts import Split
from training.synth.page import StampedPage, make_page

PAGES = 50  # a shard
VIEWS = 2  # crops of a stamp in training: detectors differ in their boxes
PARTS = ("pixels", "ink", "capture", "kind")
# A box's errors, as shares of the mean of its two sides: of each edge, and of one box in five, which cuts the stamp.
ERROR, CUT, CUTTING = 0.03, 0.1, 0.2
FINEST = 1.4  # times the usual resolution: captures have 72 to 210 dpi
_SEED_STRIDE = 10_000_000


@dataclass(frozen=True, slots=True)
class Cuts:
    """All crops of a folder; the arrays of the module's docstring, joined."""

    pixels: list[np.ndarray]  # one (256, 256, 4) view a crop: the shards stay on disk
    ink: np.ndarray
    capture: np.ndarray
    kind: np.ndarray


@dataclass(frozen=True, slots=True)
class Plan:
    """Which pages a folder's crops are cut out of."""

    split: Split
    seed: int
    pages: int
    backgrounds: Path


def found_box(rng: np.random.Generator, box: tuple[float, float, float, float]) -> np.ndarray:
    """The box as a detector might report it: x1 y1 x2 y2 in pixels, never empty."""
    x1, y1, x2, y2 = box
    side = (x2 - x1 + y2 - y1) / 2
    reported = np.array(box) + rng.normal(0, ERROR, 4) * side
    if rng.random() < CUTTING:
        edge = int(rng.integers(4))
        along = (x2 - x1, y2 - y1)[edge % 2]
        reported[edge] += (1 if edge < 2 else -1) * rng.uniform(0, CUT) * along
    reported[2:] = np.maximum(reported[2:], reported[:2] + 4)
    return reported


def cut(page: StampedPage, index: int, rng: np.random.Generator) -> np.ndarray | None:
    """One stamp of a page, uint8 (256, 256, 4); None where the box leaves none of its ink in the crop."""
    try:
        pixels, (x1, y1, x2, y2) = crop(page.image, found_box(rng, page.stamps[index].box))
    except InvalidInput:  # beyond the edge of the page
        return None
    ink = page.inks[index][y1:y2, x1:x2]
    if not ink.any():
        return None
    image, _ = letterbox(pixels, (SIZE, SIZE))
    # Inverted, for the padding is no ink.
    mask, _ = letterbox(np.repeat((255 - ink)[..., None], 3, 2), (SIZE, SIZE))
    return np.dstack([image, 255 - mask[..., :1]])


def render_shard(plan: Plan, start: int) -> dict[str, np.ndarray]:
    """The stamps of pages `start` to `start + PAGES`."""
    backgrounds = Backgrounds.cached(plan.split, plan.backgrounds)
    pixels, inks, captures, kinds = [], [], [], []
    for number in range(start, min(start + PAGES, plan.pages)):
        seed = plan.seed * _SEED_STRIDE + number
        rng = np.random.default_rng([seed, 51])
        page = make_page(seed, plan.split, backgrounds, round(DPI * float(rng.uniform(1, FINEST))))
        for index, stamp in enumerate(page.stamps):
            for _ in range(VIEWS if plan.split is Split.TRAIN else 1):
                if (seen := cut(page, index, rng)) is not None:
                    pixels.append(seen)
                    inks.append(stamp.ink)
                    captures.append(page.capture)
                    kinds.append(stamp.kind.value)
    empty = np.zeros((0, SIZE, SIZE, 4), np.uint8)
    return dict(zip(PARTS, (np.stack(pixels) if pixels else empty, *map(np.array, (inks, captures, kinds)))))


def write_shard(plan: Plan, folder: Path, start: int) -> None:
    """Renders the shard that begins with page `start`, unless it exists; atomically, file by file, `kind` last."""
    name = f"{plan.seed:03d}{start:07d}"
    if (folder / f"{name}.kind.npy").exists():
        return
    for each, array in render_shard(plan, start).items():
        save(array, folder / f"{name}.{each}.npy")


def read(folder: Path) -> Cuts:
    """Every complete shard of a folder, to which others may be added meanwhile."""
    shards = complete(folder)
    columns = {name: [np.load(part(kind, name)) for kind in shards] for name in PARTS if name != "pixels"}
    joined = {name: np.concatenate([np.zeros(0, str), *arrays]) for name, arrays in columns.items()}
    return Cuts(pictures(folder), **joined)


def render(plan: Plan, folder: Path, workers: int) -> Iterator[int]:
    """Renders the shards that are missing; yields how many pages are done after each."""
    starts = range(0, plan.pages, PAGES)
    with ProcessPoolExecutor(workers) as pool:
        for start, _ in zip(starts, pool.map(partial(write_shard, plan, folder), starts), strict=True):
            yield min(start + PAGES, plan.pages)


def main() -> None:
    """Render the shards that are missing."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--pages", type=int, required=True, help="pages in all; a quarter of them has no stamp")
    flags.add_argument("--out", type=Path, required=True, help="folder; shards that are there are kept")
    flags.add_argument("--split", type=Split, choices=list(Split), default=Split.TRAIN)
    flags.add_argument("--seed", type=int, default=0, help="another seed adds other pages to the folder")
    flags.add_argument("--workers", type=int, default=1, help="processes")
    flags.add_argument("--backgrounds", type=Path, default=DEFAULT_FOLDER)
    args = flags.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for done in render(Plan(args.split, args.seed, args.pages, args.backgrounds), args.out, args.workers):
        print(f"{done} of {args.pages} pages", flush=True)


if __name__ == "__main__":
    main()
