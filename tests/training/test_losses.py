import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from stamp2vec.detection.candidates import ROTATION, SCORE, TYPE
from stamp2vec.models.grids import grid
from stamp2vec.models.stamp_yolo import BINS, boxes
from training.detector.loss import (
    TEACHER_SHARE,
    Predictions,
    Stamps,
    assign,
    complete_iou,
    detection_loss,
    pairwise_iou,
    sides_loss,
)
from training.embedder.loss import SHARPNESS, relation_loss, triplet_loss

CENTRES, STRIDES = grid(224, 224, (16, 32))
SEAL = torch.tensor([[32.0, 32, 48, 48]])


def untrained(stride: float = 16.0) -> Tensor:
    """An untrained grid: a box of one stride on every cell."""
    return torch.cat([CENTRES - stride / 2, CENTRES + stride / 2], 1)


def page(boxes: Tensor, weight: float = 1.0) -> Stamps:
    """One page of upright stamps (T, 4) of the first type."""
    upright = torch.tensor([1.0, 0.0]).expand(len(boxes), -1)
    weights = torch.full((len(boxes),), weight)
    return Stamps(boxes[None], upright[None], torch.zeros(1, len(boxes), dtype=torch.long), weights[None])


def parts(stamps: Stamps) -> tuple[Tensor, ...]:
    return stamps.boxes, stamps.rotation, stamps.type, stamps.weight


PADDING = page(torch.zeros(1, 4), weight=0.0)


def assigned(truth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The assigned cells of one page (P,), the stamp of each and its target score."""
    owner, target = assign(untrained()[None], torch.full((1, len(CENTRES)), -4.6), CENTRES, page(truth))
    cell = target[0].nonzero()[:, 0]
    return cell, owner[0, cell], target[0, cell]


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


def test_a_stamp_between_the_cells_is_assigned() -> None:
    cell, stamp, target = assigned(torch.tensor([[40.0, 14.0, 120.0, 18.0]]))  # 4 px high, no cell centre inside
    assert len(cell) > 0
    assert stamp.unique().tolist() == [0]
    assert (target > 0).all()


def test_two_stamps_that_overlap_each_get_cells_and_share_none() -> None:
    cell, stamp, _ = assigned(torch.tensor([[20.0, 20, 100, 100], [60, 60, 140, 140]]))
    assert sorted(stamp.unique().tolist()) == [0, 1]
    assert len(cell.unique()) == len(cell)


def test_the_target_of_the_best_cell_is_its_iou() -> None:
    truth = torch.tensor([[32.0, 32, 48, 48]])
    cell, _, target = assigned(truth)
    assert target.max().item() == pytest.approx(pairwise_iou(truth, untrained()[cell]).max().item())


def one(weight: float = 1.0) -> Stamps:
    """A single upright stamp of the first type."""
    return page(SEAL, weight)


def predicted(logits: Tensor, shift: float = 0.0) -> Tensor:
    """A prediction (1, A, 13) with boxes of one stride, the given logits, and the right rotation and type."""
    attributes = torch.tensor([1.0, 0.0, 9.0, -9, -9, -9, -9, -9]).expand(len(CENTRES), -1)
    return torch.cat([untrained() + shift, logits[:, None], attributes], 1)[None]


def test_a_page_without_stamps_has_only_a_score_loss() -> None:
    output = predicted(torch.full((len(CENTRES),), -4.6)).requires_grad_()
    loss, figures = detection_loss(Predictions(output, CENTRES, STRIDES), PADDING)
    loss.backward()
    assert figures["box"] == figures["attributes"] == 0
    assert output.grad is not None
    assert (output.grad[..., SCORE] > 0).all()


def test_a_perfect_prediction_has_hardly_any_loss() -> None:
    logits = torch.full((len(CENTRES),), -12.0)
    logits[pairwise_iou(SEAL, untrained())[0].argmax()] = 12.0
    loss, _ = detection_loss(Predictions(predicted(logits), CENTRES, STRIDES), one())
    worse, _ = detection_loss(Predictions(predicted(logits, 8.0), CENTRES, STRIDES), one())
    assert loss.item() < 0.2 * worse.item()


def test_pages_of_a_batch_are_assigned_independently() -> None:
    two = torch.tensor([[20.0, 20, 100, 100], [60, 60, 140, 140]])
    batch = Stamps(*(torch.cat([full, empty.expand_as(full)]) for full, empty in zip(parts(page(two)), parts(PADDING))))
    owner, target = assign(untrained().expand(2, -1, -1), torch.full((2, len(CENTRES)), -4.6), CENTRES, batch)
    alone, scores = assign(untrained()[None], torch.full((1, len(CENTRES)), -4.6), CENTRES, page(two))
    torch.testing.assert_close(target[:1], scores)
    assert torch.equal(owner[0][target[0] > 0], alone[0][scores[0] > 0])
    assert not target[1].any()


@pytest.mark.parametrize("part", [ROTATION, TYPE])
def test_a_wrong_rotation_or_type_adds_loss(part: slice) -> None:
    output = predicted(torch.full((len(CENTRES),), -4.6))
    right, _ = detection_loss(Predictions(output, CENTRES, STRIDES), one())
    output[..., part] = output[..., part].flip(-1)
    wrong, figures = detection_loss(Predictions(output, CENTRES, STRIDES), one())
    assert wrong > right + 0.1
    assert figures["attributes"] > 0.1


def test_a_teacher_moves_the_target_by_its_own_score() -> None:
    logits = torch.full((len(CENTRES),), -4.6)
    best = int(pairwise_iou(SEAL, untrained())[0].argmax())

    def optimum(truth: Stamps, teacher: Stamps | None) -> float:
        """The score of least loss in the best cell, where the gradient changes sign."""
        low, high = -9.0, 9.0
        for _ in range(30):
            logits[best] = (low + high) / 2
            output = predicted(logits).requires_grad_()
            detection_loss(Predictions(output, CENTRES, STRIDES), truth, teacher)[0].backward()
            assert output.grad is not None
            low, high = (low, float(logits[best])) if output.grad[0, best, SCORE] > 0 else (float(logits[best]), high)
        return torch.sigmoid(torch.tensor((low + high) / 2)).item()

    alone = optimum(one(), None)
    assert optimum(one(), one(0.5)) == pytest.approx(alone * (1 - TEACHER_SHARE + TEACHER_SHARE * 0.5), rel=0.02)
    assert optimum(PADDING, one(0.4)) == pytest.approx(alone * TEACHER_SHARE * 0.4, rel=0.02)


def test_sides_between_two_bins_are_learnt_as_their_mean() -> None:
    centres, strides = torch.tensor([[100.0, 100.0]]), torch.tensor([[8.0]])
    truth = torch.tensor([[100.0 - 20, 100 - 12, 100 + 8, 100 + 50]])
    sides = torch.zeros(1, 4, BINS, requires_grad=True)
    for _ in range(300):
        (gradient,) = torch.autograd.grad(sides_loss(sides, centres, strides, truth).sum(), sides)
        sides = (sides - 3.0 * gradient).detach().requires_grad_()
    torch.testing.assert_close(boxes(sides[None], centres, strides)[0], truth, atol=1.0, rtol=0)


def test_a_side_beyond_the_last_bin_has_a_finite_loss() -> None:
    far = torch.tensor([[-4000.0, -4000, 4000, 4000]])
    loss = sides_loss(torch.zeros(1, 4, BINS), torch.zeros(1, 2), torch.full((1, 1), 8.0), far)
    assert loss.isfinite().all()


def test_relation_loss_is_zero_when_similarities_agree() -> None:
    torch.manual_seed(0)
    vectors = F.normalize(torch.randn(12, 16), dim=1)
    rotated = vectors @ torch.linalg.qr(torch.randn(16, 16))[0]  # other numbers, the same similarities
    assert relation_loss(rotated, vectors).item() == pytest.approx(0.0, abs=1e-5)
    assert relation_loss(F.normalize(torch.randn(12, 16), dim=1), vectors).item() > 0.1


def test_a_positive_is_never_taken_as_a_negative() -> None:
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
