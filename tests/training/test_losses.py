import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from stamp2vec.models.yolo_stamp import STRIDES, cell_centres
from training.detector.loss import assign, complete_iou, detection_loss, pairwise_iou
from training.embedder.loss import SHARPNESS, triplet_loss

CENTRES = torch.cat([cell_centres(torch.Size([224 // s, 224 // s]), s) for s in STRIDES])


def guess(stride: float = 16.0) -> Tensor:
    """An untrained grid: a box of one stride on every cell."""
    return torch.cat([CENTRES - stride / 2, CENTRES + stride / 2], 1)


def answers(truth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return assign(guess(), torch.full((len(CENTRES),), -4.6), CENTRES, truth)


def test_iou_of_pairs() -> None:
    a = torch.tensor([[0.0, 0, 10, 10], [100, 100, 110, 110]])
    b = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10]])
    torch.testing.assert_close(pairwise_iou(a, b), torch.tensor([[1.0, 1 / 3], [0, 0]]))


def test_ciou_is_one_for_the_same_box_and_falls_with_distance() -> None:
    box = torch.tensor([[0.0, 0, 10, 10]])
    values = [complete_iou(box, box + shift).item() for shift in (0, 2, 5, 20, 100)]
    assert values[0] == pytest.approx(1.0)
    assert values == sorted(values, reverse=True)
    assert values[-1] < -0.8


def test_a_stamp_that_lies_between_the_cells_is_answered_for() -> None:
    cell, stamp, target = answers(torch.tensor([[40.0, 14.0, 120.0, 18.0]]))  # 4 px high, no cell centre inside
    assert len(cell) > 0
    assert stamp.unique().tolist() == [0]
    assert (target > 0).all()


def test_two_stamps_that_overlap_each_get_cells_and_share_none() -> None:
    cell, stamp, _ = answers(torch.tensor([[20.0, 20, 100, 100], [60, 60, 140, 140]]))
    assert sorted(stamp.unique().tolist()) == [0, 1]
    assert len(cell.unique()) == len(cell)


def test_the_best_cell_of_a_stamp_is_asked_for_its_iou() -> None:
    truth = torch.tensor([[32.0, 32, 48, 48]])
    cell, _, target = answers(truth)
    assert target.max().item() == pytest.approx(pairwise_iou(truth, guess()[cell]).max().item())


def test_a_page_without_stamps_costs_only_scores() -> None:
    output = torch.cat([guess(), torch.full((len(CENTRES), 1), -4.6)], 1)[None].requires_grad_()
    loss, figures = detection_loss(output, CENTRES, [torch.zeros(0, 4)])
    loss.backward()
    assert figures["box"] == 0
    assert output.grad is not None
    assert (output.grad[..., 4] > 0).all()


def test_a_perfect_answer_costs_nearly_nothing() -> None:
    truth = torch.tensor([[32.0, 32, 48, 48]])
    logits = torch.full((len(CENTRES), 1), -12.0)
    logits[pairwise_iou(truth, guess())[0].argmax()] = 12.0
    loss, _ = detection_loss(torch.cat([guess(), logits], 1)[None], CENTRES, [truth])
    worse, _ = detection_loss(torch.cat([guess() + 8, logits], 1)[None], CENTRES, [truth])
    assert loss.item() < 0.2 * worse.item()


def test_a_positive_never_passes_for_a_negative() -> None:
    angles = torch.tensor([0.0, 0.2, 1.0, 1.3])  # two dies; every positive is nearer than every negative
    vectors = torch.stack([angles.cos(), angles.sin()], 1)
    negatives, positive = [[2, 3], [2, 3], [0, 1], [0, 1]], [1, 0, 3, 2]

    def distance(i: int, j: int) -> float:
        return SHARPNESS * (1 - math.cos(angles[i] - angles[j]))

    expected = [
        math.log(1 + sum(math.exp(distance(i, positive[i]) - distance(i, n)) for n in negatives[i])) for i in range(4)
    ]
    loss = triplet_loss(vectors, torch.tensor([0, 0, 1, 1]))
    assert loss.item() == pytest.approx(sum(expected) / 4, rel=1e-4)


def test_triplets_pull_apart_vectors_that_have_collapsed() -> None:
    torch.manual_seed(0)
    vectors = (torch.ones(8, 4) + 0.01 * torch.randn(8, 4)).requires_grad_()
    identity = torch.arange(8) // 2
    for _ in range(100):
        (gradient,) = torch.autograd.grad(triplet_loss(F.normalize(vectors, dim=1), identity), vectors)
        vectors = (vectors - 0.5 * gradient).detach().requires_grad_()
    unit = F.normalize(vectors, dim=1)
    similarity = unit @ unit.T
    same = identity[:, None] == identity
    assert similarity[same].min() > similarity[~same].max()
