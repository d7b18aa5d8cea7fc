"""Trains yolo-stamp on rendered pages: `python -m training.detector.train --shards DIR --work DIR --minutes 60`."""

from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from stamp2vec.manifest import Preset, Task
from stamp2vec.models.yolo_stamp import STRIDES, YoloStamp, cell_centres
from stamp2vec.pipelines.detection import select
from training.detector.calibration import fold, platt
from training.detector.loss import detection_loss
from training.detector.pages import Batches, load, read_pages
from training.evaluate.detection import match, training_metrics
from training.run import Draft, Run, parser

SIZE = 448


def main() -> None:
    """Train, score on the held-out pages, write weights and manifest."""
    flags = parser(__doc__ or "")
    flags.add_argument(
        "--shards", type=Path, required=True, help="folder with train/ and test/ of training.synth.shards"
    )
    args = flags.parse_args()
    torch.manual_seed(args.seed)
    run = Run(YoloStamp(), args)
    model = run.average
    centres = torch.cat([cell_centres(torch.Size([SIZE // s, SIZE // s]), s) for s in STRIDES]).to(run.device)
    batches = iter(
        DataLoader(Batches(args.shards / "train", SIZE, args.batch, args.seed + run.steps), None, num_workers=1)
    )
    while run.going():
        pixels, truths = next(batches)
        with run.autocast():
            output = run.model(pixels.to(run.device))
        run.step(*detection_loss(output, centres, [t.to(run.device) for t in truths]))
    truths, found = detections(model, args.shards / "test", run.device)
    ranking = match(truths, [np.zeros((0, 4))] * len(truths), found).rankings[0]
    fold(model, *platt(torch.from_numpy(ranking.score).logit(), torch.from_numpy(ranking.true)))
    metrics = training_metrics(*detections(model, args.shards / "test", run.device))
    draft = Draft(
        name="yolo-stamp",
        version="1.0.0",
        task=Task.DETECT,
        architecture="yolo-stamp",
        presets=(Preset.FAST,),
        input_height=SIZE,
        input_width=SIZE,
        threshold=round(metrics["threshold"], 3),
    )
    run.export(draft, metrics)


def detections(model: YoloStamp, shards: Path, device: torch.device) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The stamps (T, 4) of every page of `shards` and what the model finds there (K, 5), in px of its input."""
    truths, found = [], []
    for page in read_pages(shards):
        pixels, boxes = load(page, SIZE)
        with torch.inference_mode():
            output = model(torch.from_numpy(pixels)[None].to(device))[0].cpu()
        truths.append(boxes)
        found.append(select(output[:, :4].numpy(), output[:, 4].sigmoid().numpy()))
    return truths, found


if __name__ == "__main__":
    main()
