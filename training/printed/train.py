"""Trains stamp-print: `python -m training.printed.train --windows DIR --held-out DIR --work DIR --minutes 60`."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import IterableDataset, get_worker_info

from stamp2vec.imaging.windows import grown
from stamp2vec.ink.printed import NAME, print_planes
from stamp2vec.models.stamp_print import StampPrint
from stamp2vec.values import Preset, Task
from training.printed.windows import Window, load
from training.run import Draft, Run, parser

WIDTH = 12
SIDE_PX = 192  # of a patch
_SCALES = (0.6, 1.25)  # pages have 180 to 375 dots an inch
_EXPOSURE = 0.15  # deviation of the logarithm of a factor on all densities
_SIDEWAYS = 0.25
_STROKED = 0.5  # of the patches, on which rules and pens are drawn: the letters have none
_MOST_STROKES = 5
_RULES = 0.5  # of these, which are straight and along the page's sides
_STROKE_PX, _STROKE_DENSITY = (2.0, 7.0), (0.9, 2.3)
_UNMASKED = 0.6  # of them, of which a segmenter sees that they are not the stamp's
_KNOWN, _FIRST, _NEW = 600, 50, 2  # windows that are drawn from, those to begin with, and those read anew a batch
_INKED = 76  # of 255
_NEAR_PX = 4  # what is erased around a mask
_DARK, _FULL = 0.12, 0.6  # density that is dark at all, and from which a pixel counts in full
_CLEAR = (0.25, 0.75)  # share of a pixel's density, up to which it is ink, and from which it is print
_ELSEWHERE = 0.02  # weight of what is not erased
HELD_OUT = 300

Patch = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]
Batch = tuple[Tensor, Tensor, Tensor]


class Batches(IterableDataset[Batch]):
    """Endless batches of patches around ink."""

    def __init__(self, folder: Path, batch: int, seed: int) -> None:
        self.folder, self.batch, self.seed = folder, batch, seed

    def __iter__(self) -> Iterator[Batch]:
        """Planes uint8 (N, 192, 192, 3), their share of print, 0 to 1, and weights, float32 (N, 192, 192)."""
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, 0 if worker is None else worker.id])
        files = _files(self.folder)
        known: list[Window] = []
        while True:
            new = _NEW if known else _FIRST
            known = [*known, *(load(files[int(rng.integers(len(files)))]) for _ in range(new))][-_KNOWN:]
            patches: list[Patch] = []
            while len(patches) < self.batch:
                patches += drawn(known[int(rng.integers(len(known)))], rng)
            yield tensors(patches)


def _files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise ValueError(f"{folder} has no windows: draw some with `python -m training.printed.windows`")
    return files


def tensors(patches: list[Patch]) -> Batch:
    """A batch of patches."""
    planes, shares, weights = (torch.from_numpy(np.stack(each)) for each in zip(*patches, strict=True))
    return planes, shares, weights


def drawn(window: Window, rng: np.random.Generator) -> Iterator[Patch]:
    """A patch around some inked pixel, at a random scale and exposure; none of a window without ink."""
    rows, columns = np.nonzero(window.mask > _INKED)
    if not len(rows):
        return
    if rng.random() < _STROKED:
        window = _with_strokes(window, rng)
    side = round(SIDE_PX / float(np.exp(rng.uniform(*np.log(_SCALES)))))
    chosen = int(rng.integers(len(rows)))
    top, left = (int(each[chosen]) - side // 2 + int(rng.integers(-side // 3, side // 3)) for each in (rows, columns))
    exposure = np.float32(np.exp(rng.normal(0, _EXPOSURE)))
    patch = _patch(window, exposure, top, left, side)
    turn = int(rng.integers(4)) if rng.random() < _SIDEWAYS else 0
    planes, share, weight = patch
    yield np.rot90(planes, turn).copy(), np.rot90(share, turn).copy(), np.rot90(weight, turn).copy()


def _with_strokes(window: Window, rng: np.random.Generator) -> Window:
    """With rules of forms, and what pens write, under the stamp."""
    height, width = window.mask.shape
    level, clean, mask = window.level, window.clean, window.mask.astype(np.float32)
    for _ in range(int(rng.integers(1, _MOST_STROKES + 1))):
        drawn_on = Image.new("L", (width, height))
        thickness = float(rng.uniform(*_STROKE_PX))
        ImageDraw.Draw(drawn_on).line(_way(rng, height, width), 255, max(1, round(thickness)), joint="curve")
        blurred = drawn_on.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.0))))
        soft = np.asarray(blurred, np.float32) / np.float32(255)
        stroke = soft * np.float32(rng.uniform(*_STROKE_DENSITY))
        level, clean = np.maximum(level, stroke), np.maximum(clean, stroke)
        if rng.random() < _UNMASKED:
            mask *= 1 - soft * np.float32(rng.uniform(0.5, 1))
    return Window(level, clean, np.asarray(mask, np.uint8))


def _way(rng: np.random.Generator, height: int, width: int) -> list[tuple[float, float]]:
    """Of a rule from side to side, or of a pen, whose way is a cubic curve (Bezier)."""
    if rng.random() < _RULES:
        at = float(rng.uniform(0.1, 0.9))
        lean = float(rng.normal(0, 0.01))
        if rng.random() < 0.5:
            return [(0, (at - lean) * height), (width, (at + lean) * height)]
        return [((at - lean) * width, 0), ((at + lean) * width, height)]
    points = rng.uniform(0, 1, (4, 2)) * (width, height)
    t = np.linspace(0, 1, 40)[:, None]
    curve = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    return [(x, y) for x, y in sum(weight * point for weight, point in zip(curve, points, strict=True)).tolist()]


def _patch(window: Window, exposure: np.float32, top: int, left: int, side: int) -> Patch:
    soft = window.mask.astype(np.float32) / np.float32(255)

    def cut(plane: np.ndarray) -> np.ndarray:
        """The patch, beyond the window's edge 0, at the size that the network is trained at."""
        around = ((side, side), (side, side), *((0, 0),) * (plane.ndim - 2))
        part = np.pad(plane, around)[top + side : top + 2 * side, left + side : left + 2 * side]
        filter_ = Image.Resampling.BILINEAR if side < SIDE_PX else Image.Resampling.BOX
        return np.asarray(Image.fromarray(np.ascontiguousarray(part)).resize((SIDE_PX, SIDE_PX), filter_))

    planes = cut(print_planes(np.maximum(window.level * exposure, 0), soft))
    level, clean, mask = (cut(np.maximum(each, 0)) for each in (window.level, window.clean, soft))
    low, high = _CLEAR
    share = np.clip((np.clip(clean / np.maximum(level, _DARK), 0, 1) - low) / (high - low), 0, 1)
    near = np.clip((grown(mask, _NEAR_PX) - 0.1) / 0.3, 0, 1)
    weight = near * np.clip(level / _FULL, _ELSEWHERE, 1) + _ELSEWHERE
    return planes, np.asarray(share, np.float32), np.asarray(weight, np.float32)


def print_loss(logits: Tensor, share: Tensor, weight: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of every pixel by how much it matters; and how many of those are told right."""
    entropy = F.binary_cross_entropy_with_logits(logits, share, reduction="none")
    right = ((logits > 0) == (share > 0.5)).float()
    total = weight.sum()
    return (entropy * weight).sum() / total, {"right": ((right * weight).sum() / total).item()}


def main() -> None:
    """Train, score on held-out windows, write weights and manifest."""
    flags = parser(__doc__ or "")
    flags.add_argument("--windows", type=Path, required=True, help="folder of training.printed.windows, split train")
    flags.add_argument("--held-out", type=Path, required=True, help="another folder of it, to score")
    args = flags.parse_args()
    torch.manual_seed(args.seed)
    run = Run(StampPrint(WIDTH), args)
    for planes, share, weight in run.batches(Batches(args.windows, args.batch, args.seed + run.steps)):
        with run.autocast():
            logits = run.model(planes.to(run.device))
        run.step(*print_loss(logits.float(), share.to(run.device), weight.to(run.device)))
    draft = Draft(
        name=NAME,
        version="1.0.0",
        task=Task.ERASE,
        architecture=NAME,
        config={"width": WIDTH},
        presets=tuple(Preset),
        input_height=SIDE_PX,
        input_width=SIDE_PX,
    )
    run.export(draft, score(run, args.held_out))


def score(run: Run[StampPrint], folder: Path) -> dict[str, float]:
    """The share of held-out pixels that are told right, by how much they matter."""
    rng = np.random.default_rng(3)
    files = _files(folder)
    right = []
    for number in range(HELD_OUT):
        for patch in drawn(load(files[number % len(files)]), rng):
            planes, share, weight = tensors([patch])
            with torch.inference_mode():
                logits = run.average(planes.to(run.device)).float().cpu()
            right.append(print_loss(logits, share, weight)[1]["right"])
    return {"right": float(np.mean(right))}


if __name__ == "__main__":
    main()
