"""Trains a refiner on drawn windows: `python -m training.refiner.train --windows DIR --work DIR`."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import IterableDataset, get_worker_info

from stamp2vec import hub
from stamp2vec.detection.refinement import TIMES as SEEN
from stamp2vec.engines.torch import tensors
from stamp2vec.models.stamp_refine import BINS, Raw, StampRefine
from stamp2vec.values import Preset, Task
from training.crop_batches import recolour, uniform
from training.detector.loss import complete_iou
from training.refiner import windows
from training.run import Draft, Run, begin, parser

TRUNK = "stamp-yolo"  # whose trunk the network begins with
SIZE = 128  # px of the input
SHARES = {windows.TRUE: 0.15, windows.STRAYING: 0.05}  # of a batch; the rest are candidates of detectors
NOTHING, STAMP = 0.3, 0.55  # overlap up to which a window is of nothing, and from which it is of a stamp
SPREAD = math.radians(7.5)  # of the rotation that is learnt
ROTATED, QUARTERS = 0.2, 0.1  # shares of the windows that are rotated by any angle, and by a multiple of 90 degrees
WEIGHTS = {"score": 1.0, "box": 1.0, "rotation": 0.4, "type": 0.15}
RECIPE = Draft(
    name="stamp-refine",
    version="1.0.0",
    task=Task.REFINE,
    architecture="stamp-refine",
    presets=tuple(Preset),
    input_height=SIZE,
    input_width=SIZE,
)


class Batches(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless batches of windows in the SHARES of their sources; files that are written meanwhile join."""

    def __init__(self, folder: Path, batch: int, seed: int) -> None:
        self.folder, self.batch, self.seed = folder, batch, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """uint8 (N, S, S, 3) and float32 (N, windows.WIDTH). ValueError when the folder has no windows."""
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, 0 if worker is None else worker.id])
        while True:
            files = windows.read(self.folder)
            if not files:
                raise ValueError(f"{self.folder} has no windows: cut some with `python -m training.refiner.windows`")
            source = np.concatenate([rows[:, windows.SOURCE] for _, rows in files])
            place = [(file, row) for file, (_, rows) in enumerate(files) for row in range(len(rows))]
            odds = np.full(len(source), (1 - sum(SHARES.values())) / max(1, (source > windows.STRAYING).sum()))
            for kind, share in SHARES.items():
                odds[source == kind] = share / max(1, (source == kind).sum())
            for _ in range(max(1, len(source) // (2 * self.batch))):
                chosen = [place[index] for index in rng.choice(len(source), self.batch, p=odds / odds.sum())]
                pixels = np.stack([files[file][0][row] for file, row in chosen])
                yield (
                    torch.from_numpy(pixels),
                    torch.from_numpy(np.stack([files[file][1][row] for file, row in chosen])),
                )


@dataclass(frozen=True, slots=True)
class Target:
    """What a batch should give: `score` (N,) 0 to 1; `box` (N, 4) in shares of the input; `rotation` (N, BINS); `type`
    (N,); and which of the N have a `stamp` and a known box (`boxed`).
    """

    score: Tensor
    box: Tensor
    rotation: Tensor
    type: Tensor
    stamp: Tensor
    boxed: Tensor

    def to(self, device: torch.device) -> "Target":
        """The same on another device."""
        return Target(*(getattr(self, name).to(device, non_blocking=True) for name in Target.__slots__))


def augmented(pixels: Tensor, rows: Tensor, random: torch.Generator) -> tuple[Tensor, Target]:
    """Windows as a detector with other errors would have them, rotated at times: uint8 (N, SIZE, SIZE, 3)."""
    count, side = len(pixels), windows.SIDE
    longer = side / windows.TIMES
    true = rows[:, windows.SOURCE] == windows.TRUE
    loose = true & (uniform(0, 1, count, random) < 0.6)
    error = torch.where(loose, 0.15, torch.where(true, 0.05, 0.03))
    scale = (error * 1.2 * torch.randn(count, generator=random)).clamp(-0.38, 0.38).exp()
    shift = (error[:, None] * longer * torch.randn((count, 2), generator=random)).clamp(-0.35 * longer, 0.35 * longer)
    draw = uniform(0, 1, count, random)
    free = draw < ROTATED
    quarters = torch.where(draw < ROTATED + QUARTERS, torch.randint(4, (count,), generator=random), 0) * (math.pi / 2)
    turn = torch.where(free, uniform(-math.pi, math.pi, count, random), quarters)
    cos, sin = turn.cos(), turn.sin()
    back = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)  # from the new to the old
    half = SEEN * longer * scale / side  # of what is seen, in halves of the window
    maps = torch.cat([back * half[:, None, None], (shift * 2 / side)[:, :, None]], 2)
    darkness = 255 - pixels.permute(0, 3, 1, 2).float()
    grid = F.affine_grid(maps, [count, 3, SIZE, SIZE], align_corners=False)
    seen = (255 - F.grid_sample(darkness, grid, align_corners=False)).round().byte().permute(0, 2, 3, 1)

    truth = rows[:, windows.TRUTH]
    corners = torch.stack([truth[:, [0, 1]], truth[:, [2, 1]], truth[:, [2, 3]], truth[:, [0, 3]]], 1)  # (N, 4, 2)
    moved = ((corners - side / 2 - shift[:, None]) / (half * side)[:, None, None]) @ back + 0.5  # back transposed
    box = torch.cat([moved.amin(1), moved.amax(1)], 1)
    overlap = same_shape_overlap(truth, shift + side / 2, longer * scale)
    known = ~truth[:, 0].isnan()
    score = torch.where(known, ((overlap - NOTHING) / (STAMP - NOTHING)).clamp(0, 1), torch.zeros(count))
    stamp = known & (overlap > NOTHING)
    angle = torch.atan2(rows[:, windows.ROTATION][:, 1], rows[:, windows.ROTATION][:, 0]).nan_to_num() + turn
    bins = (torch.arange(BINS) + 0.5) * (2 * math.pi / BINS)
    rotation = (((bins - angle[:, None]).cos() - 1) / SPREAD**2).exp()
    return recolour(seen.contiguous(), random), Target(
        score,
        box.nan_to_num(),
        rotation / rotation.sum(1, keepdim=True),
        rows[:, windows.TYPE].nan_to_num().long(),
        stamp,
        stamp & ~free,
    )


def same_shape_overlap(truth: Tensor, middle: Tensor, longer: Tensor) -> Tensor:
    """IoU of true boxes (N, 4) with boxes of their shape around `middle` (N, 2) that have these longer sides, (N,).

    A refiner does not see the box of a candidate, but where its middle is and how long it is; it gives the shape.
    """
    sides = truth[:, 2:] - truth[:, :2]
    mine = sides * (longer / sides.amax(1))[:, None]
    low = torch.maximum(truth[:, :2], middle - mine / 2)
    high = torch.minimum(truth[:, 2:], middle + mine / 2)
    both = (high - low).clamp(min=0).prod(1)
    return both / (sides.prod(1) + mine.prod(1) - both)


def refinement_loss(raw: Raw, target: Target) -> tuple[Tensor, dict[str, float]]:
    """The weighted sum of the losses of all that a refiner says, and each of them."""
    parts = {"score": F.binary_cross_entropy_with_logits(raw.score, target.score)}
    boxed, stamp = target.boxed, target.stamp
    boxes = 1 - complete_iou(raw.box[boxed], target.box[boxed]) + 2 * (raw.box - target.box)[boxed].abs().mean(1)
    parts["box"] = boxes.sum() / len(boxed)
    entropy = F.cross_entropy(raw.rotation[stamp], target.rotation[stamp], reduction="sum")
    parts["rotation"] = entropy / len(stamp)
    parts["type"] = F.cross_entropy(raw.type[stamp], target.type[stamp], reduction="sum") / len(stamp)
    figures = {name: value.item() for name, value in parts.items()}
    return torch.stack([parts[name] * weight for name, weight in WEIGHTS.items()]).sum(), figures


def fresh(start: str | None) -> tuple[StampRefine, str]:
    """A model to train and where its weights are from: `start`, or the accurate detector for the trunk."""
    model = StampRefine()
    if start is not None:
        return model, begin(model, start) or ""
    manifest, weights = hub.load(TRUNK)
    shared = {each: weights[f"trunk.{each}"] for each in model.state_dict() if f"trunk.{each}" in weights}
    model.load_state_dict(tensors(shared), strict=False)
    for layer in (model.heads.look, model.heads.where):
        nn.init.normal_(layer.weight, std=0.001)  # the features of a trained trunk are large
    return model, f"trunk of {manifest.reference}"


def main() -> None:
    """Train, write weights and manifest."""
    flags = parser(__doc__ or "")
    flags.add_argument("--start", help="a bundled model or a folder with weights to begin with")
    flags.add_argument("--windows", type=Path, required=True, help="folder of training.refiner.windows")
    args = flags.parse_args()
    torch.manual_seed(args.seed)
    model, start = fresh(args.start)
    run = Run(model, args, start)
    random = torch.Generator().manual_seed(args.seed + run.steps)
    for pixels, rows in run.batches(Batches(args.windows, args.batch, args.seed + run.steps)):
        seen, target = augmented(pixels, rows, random)
        run.step(*refinement_loss(run.model.raw(seen.to(run.device)), target.to(run.device)))
    run.export(RECIPE, {})


if __name__ == "__main__":
    main()
