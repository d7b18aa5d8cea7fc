"""Trains a detector on rendered pages: `python -m training.detector.train --model NAME --shards DIR --work DIR`."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from stamp2vec.candidates import MAX_OVERLAP, SCORE_FLOOR, merge
from stamp2vec.candidates import detections as seen_on
from stamp2vec.imaging import views
from stamp2vec.manifest import Preset, Task
from stamp2vec.models import stamp_yolo, yolo_stamp
from stamp2vec.models.grids import grid
from stamp2vec.pipelines.detection import candidates_of
from training import imagenet
from training.crop_batches import recolour
from training.detector.calibration import calibrated, fold, platt
from training.detector.loss import Answers, detection_loss
from training.detector.pages import Batches, Framing, read_pages
from training.evaluate.detection import match, training_metrics
from training.run import Draft, Run, begin, parser

Detector = yolo_stamp.YoloStamp | stamp_yolo.StampYolo


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one detector is trained: its preset, its version, its input's side in px, and the framing of its pages.

    Its threshold is set so that drawn pages without a stamp get at most so many `false_alarms` each.
    """

    preset: Preset
    version: str
    size: int
    framing: Framing
    false_alarms: float


RECIPES = {
    "yolo-stamp": Recipe(Preset.FAST, "2.1.0", 448, Framing(448, 448, 0.7, 1.5), 0.10),
    "stamp-yolo": Recipe(Preset.ACCURATE, "2.2.0", 640, Framing(640, 640, 0.6, 2.0), 0.03),  # to twice the size: tiles
}


def main() -> None:
    """Train, score on the held-out pages, write weights and manifest."""
    flags = parser(__doc__ or "")
    flags.add_argument("--model", choices=RECIPES, default="yolo-stamp", help="which detector")
    flags.add_argument(
        "--shards", type=Path, required=True, help="folder with train/ and test/ of training.synth.shards"
    )
    flags.add_argument(
        "--start", help="where weights begin: a folder, a model's name, or random; else ImageNet where the model can"
    )
    args = flags.parse_args()
    recipe = RECIPES[args.model]
    torch.manual_seed(args.seed)
    model, start = fresh(args)
    run = Run(model, args, start)
    random = torch.Generator(run.device).manual_seed(args.seed + run.steps)
    for pixels, truth, taught in run.batches(
        Batches(args.shards / "train", recipe.framing, args.batch, args.seed + run.steps)
    ):
        with run.autocast():
            answers = ask(run.model, recolour(pixels.to(run.device, non_blocking=True), random))
        run.step(*detection_loss(answers, truth.to(run.device), taught and taught.to(run.device)))
    tiled = recipe.preset is Preset.ACCURATE
    boxes, found = detections(run.average, args.shards / "test", recipe.size, run.device, tiled=tiled)
    ranking = match(boxes, [np.zeros((0, 4))] * len(boxes), found).rankings[0]
    line = platt(torch.from_numpy(ranking.score).logit(eps=1e-6), torch.from_numpy(ranking.true))
    fold(run.average, *line)
    metrics = training_metrics(boxes, [calibrated(rows, *line) for rows in found], recipe.false_alarms)
    draft = Draft(
        name=args.model,
        version=recipe.version,
        task=Task.DETECT,
        architecture=args.model,
        presets=(recipe.preset,),
        input_height=recipe.size,
        input_width=recipe.size,
        threshold=round(metrics["threshold"], 3),
    )
    run.export(draft, metrics)


def fresh(args: argparse.Namespace) -> tuple[Detector, str]:
    """The network and where its weights are from: `--start`, ImageNet where the trunk can, or nowhere."""
    model: Detector = yolo_stamp.YoloStamp() if args.model == "yolo-stamp" else stamp_yolo.StampYolo()
    if args.start is None and isinstance(model, stamp_yolo.StampYolo):
        imagenet.load(model.trunk)
        return model, imagenet.SOURCE
    return model, begin(model, None if args.start == "random" else args.start) or "random"


def ask(model: Detector, pixels: Tensor) -> Answers:
    """A batch of pixels, uint8 (N, H, W, 3), through the network, with all that the loss wants."""
    strides = stamp_yolo.STRIDES if isinstance(model, stamp_yolo.StampYolo) else yolo_stamp.STRIDES
    centres, sizes = (part.to(pixels.device) for part in grid(pixels.shape[1], pixels.shape[2], strides))
    if isinstance(model, yolo_stamp.YoloStamp):
        return Answers(model(pixels), centres, sizes)
    sides, rest = model.raw(pixels)
    return Answers(torch.cat([stamp_yolo.boxes(sides, centres, sizes), rest], 2), centres, sizes, sides)


def detections(
    model: nn.Module, shards: Path, size: int, device: torch.device, *, tiled: bool = False
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The stamps (T, 4) of every page of `shards` and what the model finds there in service (K, 5), in px."""
    truths, found = [], []
    for page in read_pages(shards):
        parts = views(np.asarray(Image.open(page.path).convert("RGB")), (size, size), tiled=tiled)
        with torch.inference_mode():
            answers = candidates_of(model(torch.from_numpy(np.stack([part.pixels for part in parts])).to(device)))
        seen = [
            (part, seen_on(answer, part, SCORE_FLOOR, MAX_OVERLAP, tell_ink=False))
            for part, answer in zip(parts, answers, strict=True)
        ]
        stamps = merge(seen, MAX_OVERLAP, SCORE_FLOOR)
        truths.append(page.stamps[:, :4])
        found.append(np.array([[*stamp.box, stamp.score] for stamp in stamps]).reshape(-1, 5))
    return truths, found


if __name__ == "__main__":
    main()
