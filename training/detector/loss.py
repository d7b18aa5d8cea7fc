"""Which grid cell answers for which stamp, and what it pays: task-aligned assignment and its losses.

Feng et al. 2021, TOOD, arXiv 2108.07755 (assignment, normalised targets); Zheng et al. 2020, arXiv 1911.08287 (CIoU).
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

TOP_K = 8
ALPHA, BETA = 0.5, 4.0
MIN_REACH = 12.0  # px; a word stamp can lie between the cells of a grid, so cells this near to its centre may answer
BOX_WEIGHT = 5.0


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """(M, 4) and (N, 4) boxes -> (M, N) intersection over union."""
    size = (torch.min(a[:, None, 2:], b[:, 2:]) - torch.max(a[:, None, :2], b[:, :2])).clamp(min=0)
    both = size.prod(2)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(1), (b[:, 2:] - b[:, :2]).prod(1)
    return both / (area_a[:, None] + area_b - both).clamp(min=1e-6)


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


def assign(predicted: Tensor, logits: Tensor, centres: Tensor, truth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Task-aligned assignment on one page.

    predicted (A, 4) and truth (T, 4) in px, logits (A,), centres (A, 2) of the grid cells in px.
    Returns the cells that answer (P,), the stamp of each (P,) and the score each should give (P,).
    """
    middle, half = (truth[:, :2] + truth[:, 2:]) / 2, (truth[:, 2:] - truth[:, :2]) / 2
    near = ((centres - middle[:, None]).abs() <= half.clamp(min=MIN_REACH)[:, None]).all(2)  # (T, A)
    iou = pairwise_iou(truth, predicted)
    alignment = (logits.sigmoid().pow(ALPHA) * iou.clamp(min=1e-3).pow(BETA)).masked_fill(~near, 0.0)
    best, cells = alignment.topk(min(TOP_K, alignment.shape[1]), dim=1)
    chosen = torch.zeros_like(alignment).scatter_(1, cells, (best > 0).to(alignment))
    alignment = alignment * chosen
    share = alignment / alignment.amax(1, keepdim=True).clamp(min=1e-9)  # the best cell of a stamp is worth 1 ...
    target = share * (iou * chosen).amax(1, keepdim=True)  # ... times the best IoU anyone reaches
    owner_alignment, owner = alignment.max(0)  # a cell that several stamps want serves the one it fits best
    cell = owner_alignment.nonzero().squeeze(1)
    return cell, owner[cell], target[owner[cell], cell]


def detection_loss(output: Tensor, centres: Tensor, truths: list[Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Loss of a batch: output (N, A, 5) as the model gives it, centres (A, 2), a (T, 4) float tensor a page."""
    boxes, logits = output[..., :4].float(), output[..., 4].float()
    targets = torch.zeros_like(logits)
    box_loss, cells = boxes.sum() * 0.0, 0
    for page, truth in enumerate(truths):
        if not len(truth):
            continue
        with torch.no_grad():
            cell, stamp, target = assign(boxes[page], logits[page], centres, truth)
        targets[page, cell] = target
        box_loss = box_loss + ((1 - complete_iou(boxes[page, cell], truth[stamp])) * target).sum()
        cells += len(cell)
    total = targets.sum().clamp(min=1.0)
    error = (logits.detach().sigmoid() - targets).abs()
    score_loss = (
        F.binary_cross_entropy_with_logits(logits, targets, reduction="none") * error.clamp(min=0.1)
    ).sum() / total
    box_loss = BOX_WEIGHT * box_loss / total
    return score_loss + box_loss, {"box": box_loss.item(), "score": score_loss.item(), "cells": cells / len(truths)}
