"""Renders crops ahead of training: `python -m training.synth.crop_shards --count 24000 --out DIR --split train`.

A shard is four .npy files of up to 500 crops: `pixels` uint8 (N, 256, 256, 4), the letterboxed crop with its ink mask
as the fourth channel; `clean` uint8 (N, 64, 64), the die; `die` int64 (N, 2), its family and sibling; `kind` str (N,).
"""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stamp2vec.imaging import letterbox
from training.synth.crops import make_crop
from training.synth.fonts import Split

SIZE = 256
SHARD = 500
SIBLINGS, IMPRESSIONS = 2, 3
PARTS = ("pixels", "clean", "die", "kind")


@dataclass(frozen=True, slots=True)
class Crops:
    """All crops of a folder; the arrays of the module's docstring, joined."""

    pixels: list[np.ndarray]  # one (256, 256, 4) view a crop: the shards stay on disk
    clean: np.ndarray
    die: np.ndarray
    kind: np.ndarray


def render_shard(first: int, count: int, split: Split, seed: int) -> dict[str, np.ndarray]:
    """Crops `first` to `first + count`; neighbours share a die, then a family."""
    pixels, clean, dies, kinds = [], [], [], []
    for index in range(first, first + count):
        die, _ = divmod(index, IMPRESSIONS)
        family, sibling = divmod(die, SIBLINGS)
        crop = make_crop(family, sibling, split, seed=seed + index)
        image, _ = letterbox(crop.image, (SIZE, SIZE))
        mask, _ = letterbox(
            np.repeat((255 - crop.mask)[..., None], 3, 2), (SIZE, SIZE)
        )  # inverted: the padding is no ink
        pixels.append(np.dstack([image, 255 - mask[..., :1]]))
        clean.append((crop.clean * 255).astype(np.uint8))
        dies.append((crop.family, crop.sibling))
        kinds.append(crop.kind.value)
    return dict(zip(PARTS, (np.stack(pixels), np.stack(clean), np.array(dies), np.array(kinds))))


def read(folder: Path) -> Crops:
    """Every complete shard of a folder."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in PARTS}
    for last in sorted(folder.glob("*.kind.npy")):  # written last, so the others are there
        for name in PARTS:
            parts[name].append(np.load(last.with_name(last.name.replace("kind", name)), mmap_mode="r"))
    pixels = [crop for shard in parts.pop("pixels") for crop in shard]
    return Crops(pixels, *(np.concatenate(arrays) for arrays in parts.values()))


def main() -> None:
    """Render the shards that are missing."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--count", type=int, required=True, help="crops in all")
    flags.add_argument("--out", type=Path, required=True, help="folder; shards that are there are kept")
    flags.add_argument(
        "--split", type=Split, default=Split.TRAIN, help="train or test: dies, words and fonts never meet"
    )
    flags.add_argument("--seed", type=int, default=0, help="of the impressions")
    args = flags.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for first in range(0, args.count, SHARD):
        done = args.out / f"{first:07d}.kind.npy"
        if done.exists():
            continue
        shard = render_shard(first, min(SHARD, args.count - first), args.split, args.seed)
        for name, array in shard.items():
            partial = args.out / f"{first:07d}.{name}.partial"
            with partial.open("wb") as file:
                np.save(file, array)
            os.replace(partial, args.out / f"{first:07d}.{name}.npy")
        print(f"{done.name}: {first + len(shard['kind'])} of {args.count}", flush=True)


if __name__ == "__main__":
    main()
