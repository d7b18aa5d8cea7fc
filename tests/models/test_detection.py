"""From a model's output to candidates, and from those to the stamps of a page."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stamp2vec.detection.candidates import (
    MAX_CANDIDATES,
    NUMBERS,
    detections,
    from_answer,
    non_maximum_suppression,
    rank,
    select,
)
from stamp2vec.detection.options import faults
from stamp2vec.detection.votes import merge
from stamp2vec.engines.torch import TorchEngine
from stamp2vec.hub.manifest import Manifest
from stamp2vec.imaging import View, views
from stamp2vec.limits import MAX_DETECTIONS
from stamp2vec.pipelines import DetectionPipeline
from stamp2vec.values import Detection, InkColour, StampType, Views
from tests.library.conftest import MODELS, manifest

A, NEAR_A, B = (0, 0, 10, 10), (0, 0, 10, 8), (20, 20, 30, 30)
PAGE = np.full((4961, 3508, 3), 255, np.uint8)


@pytest.mark.parametrize(
    ("boxes", "kept"),
    [
        ([], []),
        ([A], [0]),
        ([A, B], [0, 1]),
        ([A, NEAR_A, B], [0, 2]),
        ([NEAR_A, A, B, B], [0, 2]),
        ([A, (5, 0, 15, 10)], [0, 1]),
    ],
)
def test_overlapping_boxes_are_dropped(boxes: list[tuple[int, ...]], kept: list[int]) -> None:
    assert non_maximum_suppression(np.array(boxes, float).reshape(-1, 4), 0.5).tolist() == kept


def test_candidates_are_sorted_and_low_scores_dropped() -> None:
    rows = [(*A, 0.3), (*B, 0.9), (50, 50, 60, 60, 0.001), (70, 70, 80, 80, np.nan), (0, 0, np.inf, 10, 0.95)]
    found = select(np.array(rows, np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[*B, 0.9], [*A, 0.3]], rtol=1e-6)


def test_the_number_of_candidates_is_limited() -> None:
    x = np.arange(4000, dtype=np.float32)[:, None] * 20
    scores = np.linspace(0.1, 0.9, 4000, dtype=np.float32)[:, None]
    rows = np.concatenate([x, x * 0, x + 10, x * 0 + 10, scores], 1)
    found = select(rows)
    assert found.shape == (MAX_DETECTIONS, 5)
    assert found[0, 4] == pytest.approx(0.9)
    assert len(rank(rows)) == MAX_CANDIDATES
    assert rank(rows)[0, 4] == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("cosine", "sine", "degrees"), [(1, 0, 0), (0, 1, 90), (0, -1, -90), (-1, 0.0, 180), (-1, -0.0, 180), (2, 2, 45)]
)
def test_the_answer_of_a_model_becomes_candidates(cosine: float, sine: float, degrees: float) -> None:
    """Suppression is left to the caller."""
    answers = np.zeros((1, 5, NUMBERS), np.float32)
    answers[0, :, :4] = [NEAR_A, A, B, B, B]
    answers[0, :, 4] = [1.0, 3.0, -6.0, -1000.0, np.nan]
    answers[0, :, 5:7] = cosine, sine
    answers[0, :, 7 + 3] = 5.0
    (rows,) = from_answer(answers)
    assert rows.shape == (2, 7)
    np.testing.assert_allclose(rows[:, :4], [A, NEAR_A])
    np.testing.assert_allclose(rows[:, 4], 1 / (1 + np.exp([-3.0, -1.0])), rtol=1e-5)
    np.testing.assert_allclose(rows[:, 5], degrees, atol=1e-4)
    assert [list(StampType)[int(kind)] for kind in rows[:, 6]] == [StampType.TRIANGLE] * 2


def _fresh_state() -> dict[str, torch.Tensor]:
    from stamp2vec.models import build

    return build("yolo-stamp", MODELS[0][2]).state_dict()


def candidate(x1: float, y1: float, x2: float, y2: float, score: float) -> list[float]:
    return [x1, y1, x2, y2, score, -30.0, 4.0]


def test_candidates_become_stamps_with_their_ink() -> None:
    page = np.full((200, 100, 3), 250, np.uint8)
    page[50:60, 20:80] = (40, 60, 200)
    (view,) = views(page, (100, 100), Views.WHOLE)  # half the size, 25 pixels of margin left and right
    rows = np.array([candidate(35, 25, 65, 30, 0.9), candidate(0, 0, 20, 20, 0.8), candidate(40, 60, 50, 70, 0.3)])
    (found,) = detections(rows, view, 0.5, 0.5)
    assert found == Detection((20, 50, 80, 60), float(np.float32(0.9)), StampType.WORD, -30.0, InkColour.BLUE)


def test_overlapping_stamps_are_kept_when_the_caller_allows_it() -> None:
    view = views(np.full((100, 100, 3), 255, np.uint8), (100, 100), Views.WHOLE)[0]
    rows = np.array([candidate(0, 0, 50, 50, 0.9), candidate(10, 0, 60, 50, 0.8), candidate(0, 1, 50, 51, 0.7)])
    assert [each.score for each in detections(rows, view, 0.5, 0.5)] == pytest.approx([0.9])
    assert [each.score for each in detections(rows, view, 0.5, 0.7)] == pytest.approx([0.9, 0.8])


def test_overlaps_are_measured_on_the_page() -> None:
    view = views(np.full((100, 100, 3), 255, np.uint8), (100, 100), Views.WHOLE)[0]
    rows = np.array([[10, 10, 30, 100, 0.9, 0, 0], [10, 10, 30, 300, 0.8, 0, 0]], np.float32)
    assert [each.score for each in detections(rows, view, 0.5, 0.5)] == pytest.approx([0.9])  # the same box on the page


@pytest.mark.parametrize(
    ("min_score", "max_overlap", "fields"),
    [
        (None, None, []),
        (0.0, 0.0, []),
        (1.0, 0.9, []),
        (0.5, float(np.float32(0.9)), []),
        (1.01, 0.91, ["min_score", "max_overlap"]),
        (float("nan"), float("nan"), ["min_score", "max_overlap"]),
        (-0.1, -0.1, ["min_score", "max_overlap"]),
    ],
)
def test_options_are_checked(min_score: float | None, max_overlap: float | None, fields: list[str]) -> None:
    assert [fault.field for fault in faults(min_score, max_overlap)] == fields


def seen_at(*boxes: tuple[float, float, float, float, float]) -> list[tuple[View, list[Detection]]]:
    """Each box with its score, on every view of an A3 page at 300 dpi that holds any of it, cut to that view."""
    seen = []
    for view in views(PAGE, (640, 640), Views.WHOLE_AND_TILES):
        found = []
        for x1, y1, x2, y2, score in boxes:
            right, bottom = view.left + view.place.width, view.top + view.place.height
            box = (max(x1, view.left), max(y1, view.top), min(x2, right), min(y2, bottom))
            if box[0] < box[2] and box[1] < box[3]:
                found.append(Detection(box, score, StampType.ROUND, 0.0, None))
        seen.append((view, found))
    return seen


def test_detections_of_one_stamp_in_all_views_merge() -> None:
    (found,) = merge(seen_at((800, 1000, 1100, 1300, 0.9)), 0.5, 0.01)
    assert found.box == pytest.approx((800, 1000, 1100, 1300))
    assert found.score == pytest.approx(0.9)


def two_views(
    whole: list[Detection], tile: list[Detection], max_overlap: float = 0.5, min_score: float = 0.01
) -> list[Detection]:
    """The merged stamps of the whole page and its first tile, both of which show a seal at 100, 100 in full."""
    page, first = views(PAGE, (640, 640), Views.WHOLE_AND_TILES)[:2]
    return merge([(page, whole), (first, tile)], max_overlap, min_score)


def seal(left: float, score: float, kind: StampType = StampType.ROUND) -> Detection:
    return Detection((left, 100.0, left + 400.0, 500.0), score, kind, 0.0, None)


def test_scores_of_views_that_show_a_stamp_in_full_are_averaged() -> None:
    """Odds of 9 and 1 have the geometric mean 3; the box is weighted by score, the type is of the higher score."""
    (found,) = two_views([seal(100.0, 0.9)], [seal(120.0, 0.5, StampType.OVAL)])
    assert found.score == pytest.approx(0.75)
    assert found.box[0] == pytest.approx(100 + 20 * 0.5 / 1.4)
    assert found.type is StampType.ROUND


def test_a_view_that_misses_a_stamp_lowers_its_score() -> None:
    (found,) = two_views([seal(100.0, 0.9)], [])
    assert found.score == pytest.approx(1 / (1 + (99 / 9) ** 0.5))  # odds of 9, and of 1 to 99
    assert two_views([seal(100.0, 0.9)], [], min_score=0.5) == []


def test_views_of_too_small_or_partial_stamps_have_no_vote() -> None:
    word = Detection((100.0, 100.0, 300.0, 140.0), 0.9, StampType.WORD, 0.0, None)
    assert two_views([], [word])[0].score == pytest.approx(0.9)
    below = Detection((100.0, 2600.0, 500.0, 3000.0), 0.9, StampType.ROUND, 0.0, None)
    assert two_views([below], [])[0].score == pytest.approx(0.9)


def test_boxes_of_two_views_match_within_some_pixels() -> None:
    """A line 10 pixels high in the input, 4 lower in one view: the IoU is below a half."""
    word = Detection((500.0, 300.0, 900.0, 380.0), 0.9, StampType.WORD, 0.0, None)
    lower = Detection((500.0, 330.0, 900.0, 410.0), 0.9, StampType.WORD, 0.0, None)
    for max_overlap in (0.0, 0.5, 0.9):
        (found,) = two_views([word], [lower], max_overlap)
        assert found.score == pytest.approx(0.9)
        assert found.box == pytest.approx((500, 315, 900, 395))


def test_the_maximum_overlap_applies_to_merged_stamps() -> None:
    page, upper = seal(140.0, 0.96), seal(300.0, 0.95)
    (found,) = two_views([page], [upper], max_overlap=0.3)
    assert found.score == pytest.approx(0.955, abs=0.001)
    apart = two_views([seal(100.0, 0.9), seal(240.0, 0.85)], [seal(140.0, 0.9)])
    assert len(apart) == 1


def test_a_box_votes_for_the_stamp_that_it_fits_best() -> None:
    """The whole page has two that overlap, the tile only one of them."""
    found = two_views([seal(100.0, 0.96), seal(180.0, 0.95)], [seal(180.0, 0.95)], max_overlap=0.9)
    assert [each.box[0] for each in found] == pytest.approx([180.0, 100.0])
    assert [each.score for each in found] == pytest.approx([0.95, 0.33], abs=0.01)


def test_overlapping_stamps_of_two_views_match_when_the_caller_keeps_them() -> None:
    one, other = seal(100.0, 0.9), seal(160.0, 0.8)
    assert len(two_views([one, other], [one, other])) == 1
    found = two_views([one, other], [one, other], max_overlap=0.9)
    assert [each.box[0] for each in found] == pytest.approx([100.0, 160.0])
    assert [each.score for each in found] == pytest.approx([0.9, 0.8])


def test_a_stamp_across_the_edges_of_tiles_is_whole() -> None:
    """1,500 pixels high, more than tiles overlap: only the whole page shows all of it."""
    across = (1200.0, 1500.0, 2200.0, 3000.0, 0.9)
    seen = seen_at(across)
    assert sum(len(found) for _, found in seen) > 3
    assert [each.box for each in merge(seen, 0.5, 0.01)] == [pytest.approx(across[:4])]
    # The pieces score more than the whole, as a good view of a part may.
    seen[0] = (seen[0][0], [Detection(across[:4], 0.5, StampType.ROUND, 0.0, None)])
    assert [each.box for each in merge(seen, 0.5, 0.01)] == [pytest.approx(across[:4])]


def test_stamps_that_only_tiles_resolve_stay_even_when_cut() -> None:
    """The whole page shows both less than 8 pixels high, and has no vote."""
    seen = seen_at((2000, 1000, 2200, 1060, 0.6), (700, 2780, 900, 2840, 0.7))
    seen[0] = (seen[0][0], [])
    seen[3:] = [(view, []) for view, _ in seen[3:]]  # only the upper tiles have the second one, cut off
    assert sorted(each.score for each in merge(seen, 0.5, 0.5)) == pytest.approx([0.6, 0.7])


def test_a_whole_box_represents_a_stamp_that_no_view_shows_well() -> None:
    """A close-up, four fifths of the picture: its piece on a tile scores more."""
    page, upper, *_ = views(np.full((600, 400, 3), 255, np.uint8), (640, 640), Views.WHOLE_AND_TILES)
    whole = Detection((10.0, 10.0, 390.0, 560.0), 0.5, StampType.ROUND, 0.0, None)
    piece = Detection((10.0, 10.0, 390.0, 400.0), 0.9, StampType.ROUND, 0.0, None)
    assert merge([(page, [whole]), (upper, [piece])], 0.5, 0.01) == [whole]


def test_a_page_keeps_its_best_300() -> None:
    view = views(np.full((64, 64, 3), 255, np.uint8), (64, 64), Views.WHOLE)[0]
    many = [Detection((i, 0.0, i + 1.0, 1.0), 1 - i / 1000, StampType.WORD, 0.0, None) for i in range(400)]
    assert merge([(view, many)], 0.5, 0.01) == many[:MAX_DETECTIONS]
    assert merge([(view, many)], 0.5, 0.01, 5) == many[:5]
    assert merge([(view, many)], 0.5, 0.998) == many[:3]
    grid = [(x, y, x + 40.0, y + 60.0) for x in range(0, 2800, 60) for y in range(0, 2800, 100)]
    words = [Detection(box, 0.9, StampType.WORD, 0.0, None) for box in grid]
    assert len(words) > MAX_DETECTIONS
    assert len(two_views(words, words)) == MAX_DETECTIONS


class CountingEngine(TorchEngine):
    """Records the sizes of its batches."""

    def __init__(self, manifest: Manifest, state: dict[str, torch.Tensor]) -> None:
        super().__init__(manifest, state)
        self.batches: list[int] = []

    def infer(self, batch: np.ndarray) -> list[np.ndarray]:
        self.batches.append(len(batch))
        return super().infer(batch)


def test_the_manifest_selects_whole_page_or_tiles() -> None:
    name, task, config, side, vector_size = MODELS[0]
    fast = manifest(name, task, config, side, vector_size)
    for described, inputs in ((fast, 1), (replace(fast, views=Views.WHOLE_AND_TILES), 5)):
        engine = CountingEngine(described, _fresh_state())
        assert isinstance(DetectionPipeline(engine)(PAGE), list)
        assert engine.batches == [inputs]
