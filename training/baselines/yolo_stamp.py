"""Trains the published yolo-stamp: `python -m training.baselines.yolo_stamp --shards DIR --work DIR --minutes N`.

Gayer, Ershova, Arlazarov 2022, doi 10.1134/S1054661822040046, describe the network; github.com/stamps-labs/stamp2vec
and huggingface.co/stamps-labs/yolo-stamp publish code and weights. Its facts taken here: the layers, the input
of 448 px with ImageNet's mean and deviation, the grid of 7 x 7 cells, the three anchors, the weights of the loss, AdamW
with a learning rate of 1e-3, and batches of 8.

Repaired, as these are slips, not design: boxes that do not meet have no intersection (there, two negative sides make
a positive one); of a cell's three anchors, the two that fit the stamp worse have no object as their target (there, an
object); stamps of one cell with different best anchors are all targets (there, the last one alone).

Taken from this project, so that only network and loss differ: pages letterboxed (there, squeezed into the
square), framed and recoloured as for our yolo-stamp and never mirrored, weights averaged, a learning rate that falls
with the time, suppression at our overlap, the threshold with the best F1 on held-out pages (there, 0.7). The loss is
divided by the number of predictions, which AdamW does not mind, to keep gradients below the clipping norm.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stamp2vec.detection.candidates import BOX, NUMBERS, ROTATION, SCORE, TYPE
from stamp2vec.models.grids import cell_centres
from stamp2vec.values import Preset, StampType, Task, Views
from training.crop_batches import recolour
from training.detector.pages import Batches, read_pages
from training.detector.train import RECIPES, predict, served
from training.evaluate.detection import training_metrics
from training.run import Draft, Run, parser

NAME = "published-yolo-stamp"
SIZE, STRIDE = 448, 64
ANCHORS = ((1.5340836, 1.2584243), (1.4957767, 2.2319886), (1.2508985, 0.8233350))  # width and height, in cells
LAYERS = (  # channels, and whether a 2 x 2 max-pooling follows
    (8, True), (16, True), (16, True), (16, True), (16, True), (24, False),
    (24, False), (48, True), (48, False), (48, False), (64, False),
)  # fmt: skip
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
XY, WH, OBJECT, NO_OBJECT = 0.5, 2.0, 10.0, 2.0
LARGEST = 3.0  # of the logarithm of a box's side in anchors: beyond any page, yet finite


class PublishedYoloStamp(nn.Module):
    """uint8 (N, H, W, 3), H and W multiples of 64 -> (N, A, 13) as in `stamp2vec.models.grids`, three a cell.

    It predicts neither rotation nor type: every stamp is upright and of type OTHER.
    """

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        channels = 3
        for width, pooled in LAYERS:
            blocks += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width)]
            blocks += [nn.MaxPool2d(2)] * pooled + [nn.Hardtanh()]
            channels = width
        wide = 256
        blocks += [nn.Conv2d(channels, wide, 1), nn.BatchNorm2d(wide), nn.Hardtanh()]
        self.layers = nn.Sequential(*blocks, nn.Conv2d(wide, 5 * len(ANCHORS), 1))
        self.register_buffer("mean", torch.tensor(MEAN) * 255, persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION) * 255, persistent=False)
        self.register_buffer("anchors", torch.tensor(ANCHORS), persistent=False)

    def raw(self, images: Tensor) -> Tensor:
        """(N, H, W, 3) -> (N, H / 64, W / 64, 3, 5): for each anchor x, y, width, height and object, all as logits."""
        pixels = (images.float() - self.get_buffer("mean")) / self.get_buffer("deviation")
        return self.layers(pixels.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).unflatten(3, (len(ANCHORS), 5))  # type: ignore[no-any-return]

    def boxes(self, raw: Tensor) -> Tensor:
        """(..., 3, 5) -> (..., 3, 4): centre from the cell's corner, width and height, in cells."""
        return torch.cat(
            [raw[..., :2].sigmoid(), raw[..., 2:4].clamp(max=LARGEST).exp() * self.get_buffer("anchors")], -1
        )

    def predictions(self, raw: Tensor) -> Tensor:
        """(N, H / 64, W / 64, 3, 5) -> (N, A, 13), boxes in pixels of the input."""
        boxes = self.boxes(raw).flatten(1, 2)  # (N, cells, 3, 4)
        corners = cell_centres(raw.shape[1:3], STRIDE).to(boxes) - STRIDE / 2
        centre, half = corners[:, None] + boxes[..., :2] * STRIDE, boxes[..., 2:] * STRIDE / 2
        output = boxes.new_zeros((*boxes.shape[:3], NUMBERS))
        output[..., BOX] = torch.cat([centre - half, centre + half], -1)
        output[..., SCORE] = raw[..., 4].flatten(1, 2)
        output[..., ROTATION.start] = 1.0  # the cosine
        output[..., TYPE.start + list(StampType).index(StampType.OTHER)] = 1.0
        return output.flatten(1, 2)

    def forward(self, images: Tensor) -> Tensor:
        """The output of the library's detectors."""
        return self.predictions(self.raw(images).float())


def loss(model: PublishedYoloStamp, raw: Tensor, boxes: Tensor, weight: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Squared errors of place, size and objectness, each stamp at the anchor of its cell that overlaps it most.

    raw (N, S, S, 3, 5) float; boxes (N, T, 4) px; weight (N, T), 0 for padding.
    """
    page, stamp = weight.nonzero(as_tuple=True)
    box = boxes[page, stamp] / STRIDE
    centre, size = (box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]
    column, row = centre.long().clamp(0, raw.shape[1] - 1).unbind(1)
    truth = torch.cat([centre - torch.stack([column, row], 1), size], 1)  # (P, 4), as `boxes` of the model
    predicted = model.boxes(raw[page, row, column])  # (P, 3, 4)
    anchor = overlap(predicted.detach(), truth[:, None]).argmax(1)
    holds = torch.zeros_like(raw[..., 4], dtype=torch.bool)
    holds[page, row, column, anchor] = True
    at = predicted[torch.arange(len(predicted), device=predicted.device), anchor]
    score = raw[..., 4].sigmoid()
    parts = {
        "xy": XY * F.mse_loss(at[:, :2], truth[:, :2], reduction="sum"),
        "wh": WH * F.mse_loss(at[:, 2:], truth[:, 2:], reduction="sum"),
        "object": OBJECT * ((1 - score).square() * holds).sum(),
        "none": NO_OBJECT * (score.square() * ~holds).sum(),
    }
    each = torch.stack(list(parts.values())) / score.numel()
    return each.sum(), dict(zip(parts, each.tolist(), strict=True))


def overlap(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of boxes (..., 4) given as centre, width and height -> (...)."""
    low = torch.maximum(a[..., :2] - a[..., 2:] / 2, b[..., :2] - b[..., 2:] / 2)
    high = torch.minimum(a[..., :2] + a[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2)
    both = (high - low).clamp(min=0).prod(-1)
    return both / (a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - both)


def main() -> None:
    """Train, score on the held-out pages, write weights and manifest."""
    flags = parser(__doc__ or "")
    flags.add_argument(
        "--shards", type=Path, required=True, help="folder with train/ and test/ of training.synth.shards"
    )
    flags.set_defaults(batch=8, lr=1e-3, out=Path("out/baselines"))
    args = flags.parse_args()
    torch.manual_seed(args.seed)
    run = Run(PublishedYoloStamp(), args)
    random = torch.Generator(run.device).manual_seed(args.seed + run.steps)
    ours = RECIPES["yolo-stamp"]
    pages = Batches(args.shards / "train", ours.framing, args.batch, args.seed + run.steps)
    for pixels, truth, _ in run.batches(pages):
        stamps = truth.to(run.device)
        with run.autocast():
            raw = run.model.raw(recolour(pixels.to(run.device, non_blocking=True), random))
        run.step(*loss(run.model, raw.float(), stamps.boxes, stamps.weight))
    held_out = read_pages(args.shards / "test")
    found = list(map(served, predict(run.average, held_out, SIZE, run.device, Views.WHOLE)))
    metrics = training_metrics([page.stamps[:, :4] for page in held_out], found, ours.false_alarms)
    draft = Draft(
        name=NAME,
        version="1.0.0",
        task=Task.DETECT,
        architecture=NAME,
        presets=(Preset.FAST,),
        input_height=SIZE,
        input_width=SIZE,
        threshold=round(metrics["threshold"], 3),
    )
    run.export(draft, metrics)


if __name__ == "__main__":
    main()
