"""Trains a detector on rendered pages: `python -m training.detector.train --model NAME --shards DIR --work DIR`."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from stamp2vec.detection.candidates import SCORE_FLOOR, detections, from_answer
from stamp2vec.detection.votes import merge
from stamp2vec.imaging import View, views
from stamp2vec.limits import DEFAULT_MAX_OVERLAP
from stamp2vec.models import stamp_yolo, yolo_stamp
from stamp2vec.models.grids import grid
from stamp2vec.values import Preset, Task, Views
from training import imagenet
from training.crop_batches import recolour
from training.detector.calibration import calibrated, fold, platt
from training.detector.loss import Predictions, detection_loss
from training.detector.pages import Batches, Framing, RenderedPage, read_pages
from training.evaluate.detection import match, training_metrics
from training.run import Draft, Run, begin, parser

Detector = yolo_stamp.YoloStamp | stamp_yolo.StampYolo
Candidates = list[tuple[View, np.ndarray]]  # of one page, by view


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one detector is trained: preset, version, views of a page, its input's side in px, and framing of its pages.

    Its threshold is set so that drawn pages without a stamp get at most so many `false_alarms` each.
    """

    preset: Preset
    version: str
    views: Views
    size: int
    framing: Framing
    false_alarms: float


RECIPES = {
    "yolo-stamp": Recipe(Preset.FAST, "2.1.0", Views.WHOLE, 448, Framing(448, 448, 0.7, 1.5), 0.10),
    "stamp-yolo": Recipe(
        Preset.ACCURATE, "2.2.0", Views.WHOLE_AND_TILES, 640, Framing(640, 640, 0.6, 2.0), 0.03
    ),  # to twice the size: tiles
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
    for pixels, truth, teacher in run.batches(
        Batches(args.shards / "train", recipe.framing, args.batch, args.seed + run.steps)
    ):
        with run.autocast():
            predictions = forward(run.model, recolour(pixels.to(run.device, non_blocking=True), random))
        run.step(*detection_loss(predictions, truth.to(run.device), teacher and teacher.to(run.device)))
    pages = read_pages(args.shards / "test")
    found = predict(run.average, pages, recipe.size, run.device, recipe.views)
    truths = [page.stamps[:, :4] for page in pages]
    ranking = match(truths, [np.zeros((0, 4))] * len(truths), list(map(served, found))).rankings[0]
    line = platt(torch.from_numpy(ranking.score).logit(eps=1e-6), torch.from_numpy(ranking.true))
    fold(run.average, *line)
    metrics = training_metrics(truths, [served(each, *line) for each in found], recipe.false_alarms)
    draft = Draft(
        name=args.model,
        version=recipe.version,
        task=Task.DETECT,
        architecture=args.model,
        presets=(recipe.preset,),
        views=recipe.views,
        input_height=recipe.size,
        input_width=recipe.size,
        threshold=round(metrics["threshold"], 3),
    )
    run.export(draft, metrics)


def fresh(args: argparse.Namespace) -> tuple[Detector, str]:
    """The network and the source of its weights: `--start`, ImageNet for the trunk, or random."""
    model: Detector = yolo_stamp.YoloStamp() if args.model == "yolo-stamp" else stamp_yolo.StampYolo()
    if args.start is None and isinstance(model, stamp_yolo.StampYolo):
        imagenet.load(model.trunk)
        return model, imagenet.SOURCE
    return model, begin(model, None if args.start == "random" else args.start) or "random"


def forward(model: Detector, pixels: Tensor) -> Predictions:
    """The network's predictions of a batch, uint8 (N, H, W, 3), with the inputs of the loss."""
    strides = stamp_yolo.STRIDES if isinstance(model, stamp_yolo.StampYolo) else yolo_stamp.STRIDES
    centres, sizes = (part.to(pixels.device) for part in grid(pixels.shape[1], pixels.shape[2], strides))
    if isinstance(model, yolo_stamp.YoloStamp):
        return Predictions(model(pixels), centres, sizes)
    sides, rest = model.raw(pixels)
    return Predictions(torch.cat([stamp_yolo.boxes(sides, centres, sizes), rest], 2), centres, sizes, sides)


def predict(
    model: nn.Module, pages: Sequence[RenderedPage], size: int, device: torch.device, shown: Views
) -> list[Candidates]:
    """The candidates of each view of each page, the views as in service but without pixels."""
    found = []
    for page in pages:
        parts = views(np.asarray(Image.open(page.path).convert("RGB")), (size, size), shown)
        with torch.inference_mode():
            answers = model(torch.from_numpy(np.stack([part.pixels for part in parts])).to(device))
        rows = from_answer(answers.float().cpu().numpy())
        bare = [replace(part, pixels=np.zeros((0, 0, 3), np.uint8)) for part in parts]
        found.append(list(zip(bare, rows, strict=True)))
    return found


def served(found: Candidates, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
    """The stamps of a page as in service, float (K, 5) in px, with calibrated scores."""
    by_view = [
        (part, detections(calibrated(rows, scale, shift), part, SCORE_FLOOR, DEFAULT_MAX_OVERLAP, with_ink=False))
        for part, rows in found
    ]
    stamps = merge(by_view, DEFAULT_MAX_OVERLAP, SCORE_FLOOR)
    return np.array([[*stamp.box, stamp.score] for stamp in stamps]).reshape(-1, 5)


if __name__ == "__main__":
    main()
