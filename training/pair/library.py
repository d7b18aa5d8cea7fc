"""Renders impressions of families of dies that differ in one thing each, for pairs to be drawn from.

`python -m training.pair.library --out DIR --split train --families 1000`

One file a family, `<family>.npz`: what `Shelf` holds. Any two impressions of a family are a pair whose truth is known:
one die, or two that differ in one thing or two; and where each place of the die lies on each crop.
"""

import argparse
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stamp2vec.comparison.ink import ink_planes
from stamp2vec.files import write_whole
from stamp2vec.pipelines import SegmentationPipeline
from training.synth.crops import RENDER_PX_PER_MM, Shot, shoot
from training.synth.die import DieSpec, die_spec
from training.synth.dies.raster import rasterise_placed
from training.synth.fonts import Split
from training.synth.variants import Difference, vary

DPI = (130.0, 600.0)
LOOK_PX_PER_MM = RENDER_PX_PER_MM / 2
WEIGHTS = {
    Difference.LETTER: 3.0,
    Difference.DIGIT: 3.0,
    Difference.WORD: 2.0,
    Difference.DATE: 3.0,
    Difference.TEXTS: 1.0,
    Difference.EMBLEM: 1.0,
    Difference.RING: 1.0,
    Difference.FONT: 1.0,
}
LEAST_CHANGE_MM2 = 0.35  # of rubber: less than that is no other die to anybody
LETTER_CHANGE = 0.12  # of the square of the letter's height
ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class Die:
    """One die of a family: its face at LOOK_PX_PER_MM, uint8, and where its origin lies there, in those pixels."""

    relief: np.ndarray
    origin: np.ndarray
    difference: str  # from the first die of the family, or ORIGINAL
    letter_mm: float


@dataclass(frozen=True, slots=True)
class Crop:
    """One impression: `planes` uint8 (H, W, 3) of `ink_planes`; `to_crop` float64 (2, 3), from mm of the die to it.

    `image` is the crop itself, uint8 (H, W, 3), where it was kept.
    """

    die: int
    planes: np.ndarray
    to_crop: np.ndarray
    capture: str
    visible: float
    image: np.ndarray | None

    @property
    def px_per_mm(self) -> float:
        """Its resolution."""
        return float(np.sqrt(abs(np.linalg.det(self.to_crop[:, :2]))))


@dataclass(frozen=True, slots=True)
class Shelf:
    """A family: its dies, the first of them the original, and impressions of them."""

    family: int
    kind: str
    script: str
    dies: list[Die]
    crops: list[Crop]


def dies_of(family: int, split: Split, variants: int, rng: np.random.Generator) -> list[tuple[DieSpec, str, float]]:
    """The original of a family and some dies that differ from it in one thing each: spec, difference, letter height."""
    original = die_spec(family, 0, split)
    face, origin = rasterise_placed(original.design, LOOK_PX_PER_MM)
    chosen = [(original, ORIGINAL, 0.0)]
    kinds, weights = list(WEIGHTS), np.array(list(WEIGHTS.values()))
    for _ in range(4 * variants):
        if len(chosen) > variants:
            break
        difference = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
        found = vary(original, difference, rng)
        if found is None:
            weights[kinds.index(difference)] *= 0.2
            continue
        other, other_origin = rasterise_placed(found.spec.design, LOOK_PX_PER_MM)
        change = changed_mm2(face, origin, other, other_origin)
        if change < max(LEAST_CHANGE_MM2 if found.letter_mm == 0 else 0.0, LETTER_CHANGE * found.letter_mm**2):
            continue
        chosen.append((found.spec, difference.value, found.letter_mm))
        weights[kinds.index(difference)] *= 0.4
    return chosen


def changed_mm2(
    face: np.ndarray, origin: tuple[float, float], other: np.ndarray, other_origin: tuple[float, float]
) -> float:
    """Square millimetres of rubber that one of two faces has and the other has not."""
    x, y = (max(round(a), round(b)) for a, b in zip(origin, other_origin))
    height = max(len(face) + y - round(origin[1]), len(other) + y - round(other_origin[1]))
    width = max(face.shape[1] + x - round(origin[0]), other.shape[1] + x - round(other_origin[0]))
    laid = np.zeros((2, height, width), np.float32)
    for plane, relief, (left, top) in ((laid[0], face, origin), (laid[1], other, other_origin)):
        row, column = y - round(top), x - round(left)
        plane[row : row + len(relief), column : column + relief.shape[1]] = relief
    return float(np.abs(laid[0] - laid[1]).sum() / LOOK_PX_PER_MM**2)


def render(
    family: int, split: Split, variants: int, strikes: tuple[int, int], segmenter: SegmentationPipeline, keep: bool
) -> Shelf:
    """A family, with so many strikes of the original and of each variant."""
    rng = np.random.default_rng([list(Split).index(split), family, 4])
    chosen = dies_of(family, split, variants, rng)
    dies, shots, of = [], [], []
    for number, (spec, difference, letter_mm) in enumerate(chosen):
        relief, origin = rasterise_placed(spec.design, RENDER_PX_PER_MM)
        look, look_origin = rasterise_placed(spec.design, LOOK_PX_PER_MM)
        dies.append(Die(np.rint(look * 255).astype(np.uint8), np.array(look_origin), difference, letter_mm))
        for _ in range(strikes[number > 0]):
            shots.append(_in_mm(shoot(rng, spec, relief, split, DPI), origin))
            of.append(number)
    masks = segmenter([shot.image for shot in shots])
    crops = [_crop(die, shot, mask, keep) for die, shot, mask in zip(of, shots, masks, strict=True)]
    return Shelf(family, chosen[0][0].kind.value, chosen[0][0].script.value, dies, crops)


def _crop(die: int, shot: Shot, mask: np.ndarray, keep: bool) -> Crop:
    planes = ink_planes(shot.image, mask)
    scale = np.array([[planes.shape[1] / shot.image.shape[1]], [planes.shape[0] / shot.image.shape[0]]])
    return Crop(die, planes, shot.to_crop * scale, shot.capture, shot.visible, shot.image if keep else None)


def _in_mm(shot: Shot, origin: tuple[float, float]) -> Shot:
    """The same with `to_crop` from millimetres around the die's origin."""
    linear = shot.to_crop[:, :2]
    to_crop = np.column_stack([linear * RENDER_PX_PER_MM, shot.to_crop[:, 2] + linear @ np.array(origin)])
    return Shot(shot.image, shot.mask, shot.capture, shot.visible, to_crop)


def write(shelf: Shelf, folder: Path) -> None:
    """Writes the file of a family; no half of it is ever seen."""
    parts: dict[str, Any] = {
        "kind": shelf.kind,
        "script": shelf.script,
        "difference": [die.difference for die in shelf.dies],
        "letter_mm": [die.letter_mm for die in shelf.dies],
        "origin": np.stack([die.origin for die in shelf.dies]),
        "die": [crop.die for crop in shelf.crops],
        "capture": [crop.capture for crop in shelf.crops],
        "visible": [crop.visible for crop in shelf.crops],
        "to_crop": np.stack([crop.to_crop for crop in shelf.crops]),
    }
    parts |= {f"relief{k}": die.relief for k, die in enumerate(shelf.dies)}
    parts |= {f"planes{k}": crop.planes for k, crop in enumerate(shelf.crops)}
    parts |= {f"image{k}": crop.image for k, crop in enumerate(shelf.crops) if crop.image is not None}
    stream = io.BytesIO()
    np.savez(stream, **parts)
    write_whole(folder / f"{shelf.family:08d}.npz", stream.getvalue())


def read(path: Path) -> Shelf:
    """What `write` wrote."""
    with np.load(path) as parts:
        dies = [
            Die(parts[f"relief{k}"], parts["origin"][k], str(difference), float(parts["letter_mm"][k]))
            for k, difference in enumerate(parts["difference"])
        ]
        crops = [
            Crop(
                int(die),
                parts[f"planes{k}"],
                parts["to_crop"][k],
                str(parts["capture"][k]),
                float(parts["visible"][k]),
                parts.get(f"image{k}"),
            )
            for k, die in enumerate(parts["die"])
        ]
        return Shelf(int(path.stem), str(parts["kind"]), str(parts["script"]), dies, crops)


def main() -> None:
    """Render the families that are missing."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--out", type=Path, required=True, help="folder; families that are there are kept")
    flags.add_argument("--split", type=Split, default=Split.TRAIN, help="train or test")
    flags.add_argument("--first", type=int, default=0, help="number of the first family")
    flags.add_argument("--families", type=int, required=True, help="how many")
    flags.add_argument("--variants", type=int, default=5, help="dies a family besides its original")
    flags.add_argument("--strikes", type=int, nargs=2, default=(3, 2), help="of the original, of each variant")
    flags.add_argument("--keep", action="store_true", help="keep the crops' pictures, as evaluation needs")
    args = flags.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    segmenter = SegmentationPipeline.from_pretrained("stamp-unet")
    for family in range(args.first, args.first + args.families):
        if not (args.out / f"{family:08d}.npz").exists():
            write(render(family, args.split, args.variants, tuple(args.strikes), segmenter, args.keep), args.out)
            print(f"family {family}", flush=True)


if __name__ == "__main__":
    main()
