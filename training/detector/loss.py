"""Task-aligned assignment of stamps to grid cells, and the losses.

Feng et al. 2021, TOOD, arXiv 2108.07755 (assignment, normalised targets); Zheng et al. 2020, arXiv 1911.08287 (CIoU);
Li et al. 2020, arXiv 2006.04388 (distribution focal loss).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from stamp2vec.detection.candidates import BOX, ROTATION, SCORE, TYPE

TOP_K = 8
ALPHA, BETA = 0.5, 4.0
MIN_REACH = (
    12.0  # px; a word stamp can lie between the cells of a grid, so cells this near to its centre are candidates
)
BOX_WEIGHT, SIDES_WEIGHT, ROTATION_WEIGHT, TYPE_WEIGHT = 5.0, 1.0, 1.0, 0.3
TEACHER_SHARE = 0.5  # of the target, when there is a teacher


@dataclass(frozen=True, slots=True)
class Stamps:
    """The stamps of a batch of pages, padded to T a page: boxes (N, T, 4) px, rotation (N, T, 2) as cosine and sine.

    type (N, T) int as in StampType; weight (N, T) is 1 for the truth, the score for a teacher's stamp, 0 for padding.
    """

    boxes: Tensor
    rotation: Tensor
    type: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> "Stamps":
        """The same on another device."""
        parts = (self.boxes, self.rotation, self.type, self.weight)
        return Stamps(*(part.to(device, non_blocking=True) for part in parts))


@dataclass(frozen=True, slots=True)
class Predictions:
    """A detector's output of a batch (N, A, 13) and, where it has them, its sides' logits (N, A, 4, BINS).

    centres (A, 2) and strides (A, 1) of the cells, in px.
    """

    output: Tensor
    centres: Tensor
    strides: Tensor
    sides: Tensor | None = None


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """(..., M, 4) and (..., K, 4) boxes -> (..., M, K) intersection over union."""
    a, b = a[..., :, None, :], b[..., None, :, :]
    both = (torch.min(a[..., 2:], b[..., 2:]) - torch.max(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    area_a, area_b = (a[..., 2:] - a[..., :2]).prod(-1), (b[..., 2:] - b[..., :2]).prod(-1)
    return both / (area_a + area_b - both).clamp(min=1e-6)


def complete_iou(a: Tensor, b: Tensor) -> Tensor:
    """CIoU of matched boxes, (N, 4) and (N, 4) -> (N,): IoU less the distance of centres and of aspect ratios."""
    size = (torch.min(a[:, 2:], b[:, 2:]) - torch.max(a[:, :2], b[:, :2])).clamp(min=0)
    size_a, size_b = (a[:, 2:] - a[:, :2]).clamp(min=1e-3), (b[:, 2:] - b[:, :2]).clamp(min=1e-3)
    both = size.prod(1)
    iou = both / (size_a.prod(1) + size_b.prod(1) - both).clamp(min=1e-6)
    hull = torch.max(a[:, 2:], b[:, 2:]) - torch.min(a[:, :2], b[:, :2])
    offset = (a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2
    distance = offset.pow(2).sum(1) / hull.pow(2).sum(1).clamp(min=1e-6)
    aspect = (torch.atan(size_a[:, 0] / size_a[:, 1]) - torch.atan(size_b[:, 0] / size_b[:, 1])).pow(2) * 4 / math.pi**2
    with torch.no_grad():
        weight = aspect / (1 - iou + aspect).clamp(min=1e-6)
    return iou - distance - weight * aspect


def sides_loss(sides: Tensor, centres: Tensor, strides: Tensor, boxes: Tensor) -> Tensor:
    """Distribution focal loss of matched cells, (P,): cross-entropy with the two steps around each true distance.

    sides (P, 4, BINS) logits, centres (P, 2), strides (P, 1) and boxes (P, 4) in px.
    """
    reach = torch.cat([centres - boxes[:, :2], boxes[:, 2:] - centres], 1) / strides
    reach = reach.clamp(0, sides.shape[2] - 1.01)
    lower = reach.floor()
    odds = sides.log_softmax(2)
    below = odds.gather(2, lower.long()[..., None])[..., 0]
    above = odds.gather(2, lower.long()[..., None] + 1)[..., 0]
    return -(below * (lower + 1 - reach) + above * (reach - lower)).mean(1)


def assign(predicted: Tensor, logits: Tensor, centres: Tensor, stamps: Stamps) -> tuple[Tensor, Tensor]:
    """Task-aligned assignment.

    predicted (N, A, 4) in px, logits (N, A), centres (A, 2) of the grid cells in px. Returns the stamp that each cell
    is assigned to, int (N, A), and its target score, (N, A): 0 where it is assigned to none.
    """
    truth = stamps.boxes
    middle, half = (truth[..., :2] + truth[..., 2:]) / 2, (truth[..., 2:] - truth[..., :2]) / 2
    candidate = ((centres - middle[:, :, None]).abs() <= half.clamp(min=MIN_REACH)[:, :, None]).all(3)  # (N, T, A)
    candidate &= stamps.weight[:, :, None] > 0
    iou = pairwise_iou(truth, predicted)
    score = logits.sigmoid().pow(ALPHA)[:, None]
    alignment = (score * iou.clamp(min=1e-3).pow(BETA)).masked_fill(~candidate, 0.0)
    best, cells = alignment.topk(min(TOP_K, alignment.shape[2]), dim=2)
    chosen = torch.zeros_like(alignment).scatter_(2, cells, (best > 0).to(alignment))
    alignment = alignment * chosen
    share = alignment / alignment.amax(2, keepdim=True).clamp(min=1e-9)  # 1 for the best cell of a stamp ...
    target = share * (iou * chosen).amax(2, keepdim=True)  # ... times the best IoU of its cells
    owner_alignment, owner = alignment.max(1)  # a cell chosen by several stamps goes to the best aligned
    return owner, target.gather(1, owner[:, None])[:, 0] * (owner_alignment > 0)


def detection_loss(
    predictions: Predictions, truth: Stamps, teacher: Stamps | None = None
) -> tuple[Tensor, dict[str, float]]:
    """The loss of a batch against its true stamps, blended with the teacher's detections; and its parts by name."""
    output = predictions.output.float()
    logits = output[..., SCORE]
    sources = [(truth, 1.0)] if teacher is None else [(truth, 1 - TEACHER_SHARE), (teacher, TEACHER_SHARE)]
    targets = torch.zeros_like(logits)
    box_loss, side_loss, attribute_loss = (output.sum() * 0.0 for _ in range(3))
    for stamps, share in sources:
        with torch.no_grad():
            owner, target = assign(output[..., BOX], logits, predictions.centres, stamps)
            targets += target * stamps.weight.gather(1, owner) * share
            page, cell = target.nonzero(as_tuple=True)
            stamp = owner[page, cell]
            weight = target[page, cell] * stamps.weight[page, stamp] * share
        predicted, boxes = output[page, cell], stamps.boxes[page, stamp]
        box_loss = box_loss + ((1 - complete_iou(predicted[:, BOX], boxes)) * weight).sum()
        if predictions.sides is not None:
            sides = predictions.sides[page, cell].float()
            side_losses = sides_loss(sides, predictions.centres[cell], predictions.strides[cell], boxes)
            side_loss = side_loss + (side_losses * weight).sum()
        rotation = (predicted[:, ROTATION] - stamps.rotation[page, stamp]).pow(2).sum(1)
        outline = F.cross_entropy(predicted[:, TYPE], stamps.type[page, stamp], reduction="none")
        attribute_loss = attribute_loss + ((ROTATION_WEIGHT * rotation + TYPE_WEIGHT * outline) * weight).sum()
    total = targets.sum().clamp(min=1.0)
    error = (logits.detach().sigmoid() - targets).abs()
    score_loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="none") * error.clamp(min=0.1)
    parts = {
        "score": score_loss.sum() / total,
        "box": BOX_WEIGHT * box_loss / total,
        "sides": SIDES_WEIGHT * side_loss / total,
        "attributes": attribute_loss / total,
    }
    figures = torch.stack(list(parts.values()))
    return figures.sum(), dict(zip(parts, figures.tolist()))
