"""Renders crops ahead of training: `python -m training.synth.crop_shards --count 80000 --out DIR --split train`.

A shard is seven .npy files of up to 500 crops: `pixels` uint8 (N, 256, 256, 4), the letterboxed crop with its ink mask
as the fourth channel; `clean` uint8 (N, 64, 64), the die; `die` int64 (N, 2), its family and sibling; `size` int64
(N, 2), rows and columns of the crop before it was letterboxed; `capture` str (N,) and `visible` float64 (N,) as in
CropSample; `kind` str (N,). Folders rendered before there were `size`, `capture` and `visible` are read without them.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from stamp2vec.imaging import letterbox
from training.synth.crops import make_crop
from training.synth.fonts import Split

SIZE = 256
SHARD = 500
PARTS = ("pixels", "clean", "die", "size", "capture", "visible", "kind")
TEACHER = "taught"  # the file part with distillation targets, float32 (N, D), of training.embedder.teach
OPTIONAL_PARTS = ("size", "capture", "visible", TEACHER)


@dataclass(frozen=True, slots=True)
class Crops:
    """All crops of a folder; the arrays of the module's docstring, joined; None for a part that a shard lacks."""

    pixels: list[np.ndarray]  # one (256, 256, 4) view a crop: the shards stay on disk
    clean: list[np.ndarray]  # one (64, 64) view a crop
    die: np.ndarray
    kind: np.ndarray
    size: np.ndarray | None = None
    capture: np.ndarray | None = None
    visible: np.ndarray | None = None
    teacher: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Which crops a folder holds: `impressions` of each of `siblings` dies of family `first`, then of the next one."""

    split: Split
    seed: int
    siblings: int
    impressions: int
    first: int


def render_shard(plan: Plan, start: int, count: int) -> dict[str, np.ndarray]:
    """Crops `start` to `start + count`; neighbours share a die, then a family."""
    pixels, clean, dies, sizes, captures, visible, kinds = [], [], [], [], [], [], []
    for index in range(start, start + count):
        family, sibling = divmod(index // plan.impressions, plan.siblings)
        crop = make_crop(plan.first + family, sibling, plan.split, seed=plan.seed + index)
        image, _ = letterbox(crop.image, (SIZE, SIZE))
        mask, _ = letterbox(
            np.repeat((255 - crop.mask)[..., None], 3, 2), (SIZE, SIZE)
        )  # inverted: the padding is no ink
        pixels.append(np.dstack([image, 255 - mask[..., :1]]))
        clean.append((crop.clean * 255).astype(np.uint8))
        dies.append((crop.family, crop.sibling))
        sizes.append(crop.image.shape[:2])
        captures.append(crop.capture)
        visible.append(crop.visible)
        kinds.append(crop.kind.value)
    columns = (dies, sizes, captures, visible, kinds)
    return dict(zip(PARTS, (np.stack(pixels), np.stack(clean), *map(np.array, columns))))


def write_shard(plan: Plan, folder: Path, end: int, start: int) -> None:
    """Renders the shard that begins with crop `start`, unless it exists; atomically, file by file."""
    if (folder / f"{start:07d}.kind.npy").exists():
        return
    for name, array in render_shard(plan, start, min(SHARD, end - start)).items():
        save(array, folder / f"{start:07d}.{name}.npy")


def complete(folder: Path) -> list[Path]:
    """The `kind` files of complete shards: a shard's `kind` is written last."""
    return sorted(folder.glob("*.kind.npy"))


def part(kind: Path, name: str) -> Path:
    """The file of part `name` of the shard whose `kind` file is given."""
    return kind.with_name(kind.name.replace("kind", name))


def save(array: np.ndarray, file: Path) -> None:
    """Writes one part of a shard atomically."""
    unfinished = file.with_suffix(".partial")
    with unfinished.open("wb") as stream:
        np.save(stream, array)
    os.replace(unfinished, file)


def read(folder: Path) -> Crops:
    """Every complete shard of a folder, to which others may be added meanwhile."""
    shards = complete(folder)
    parts: dict[str, list[np.ndarray]] = {}
    for name in (*PARTS, TEACHER):
        files = [part(kind, name) for kind in shards]
        if name not in OPTIONAL_PARTS or all(file.exists() for file in files):
            parts[name] = [np.asarray(np.load(file, mmap_mode="r")) for file in files]
    teacher = np.concatenate(parts.pop(TEACHER)) if TEACHER in parts else None
    pixels, clean = ([crop for shard in parts.pop(name) for crop in shard] for name in ("pixels", "clean"))
    return Crops(pixels, clean, teacher=teacher, **{name: np.concatenate(arrays) for name, arrays in parts.items()})


def pictures(folder: Path) -> list[np.ndarray]:
    """The crops of every complete shard with their ink, uint8 (256, 256, 4) each, views of files."""
    shards = [np.load(part(kind, "pixels"), mmap_mode="r") for kind in complete(folder)]
    return [np.asarray(crop) for shard in shards for crop in shard]


def main() -> None:
    """Render the shards that are missing."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--count", type=int, required=True, help="crops in all")
    flags.add_argument("--out", type=Path, required=True, help="folder; shards that are there are kept")
    flags.add_argument(
        "--split", type=Split, default=Split.TRAIN, help="train or test: dies, words and fonts never meet"
    )
    flags.add_argument("--seed", type=int, default=0, help="of the impressions")
    flags.add_argument("--first", type=int, default=0, help="number of the first family")
    flags.add_argument("--siblings", type=int, default=4, help="dies a family")
    flags.add_argument("--impressions", type=int, default=4, help="crops a die")
    flags.add_argument("--workers", type=int, default=1, help="processes")
    args = flags.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    plan = Plan(args.split, args.seed, args.siblings, args.impressions, args.first)
    with ProcessPoolExecutor(args.workers) as pool:
        starts = range(0, args.count, SHARD)
        for start, _ in zip(starts, pool.map(partial(write_shard, plan, args.out, args.count), starts), strict=True):
            print(f"{min(start + SHARD, args.count)} of {args.count}", flush=True)


if __name__ == "__main__":
    main()
