"""A second look at candidates: which are looked at, what is seen of them, and what becomes of them."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stamp2vec import engines, hub
from stamp2vec.calibration import RefinementCalibration
from stamp2vec.detection.candidates import SCORE_FLOOR
from stamp2vec.detection.refinement import LEAST_SCORE, MOST, TIMES, Windows, refined, without_overlaps, worth_a_look
from stamp2vec.document import Refiner, measured_with, refined_stamps
from stamp2vec.errors import InvalidInput, WeightsError
from stamp2vec.imaging import Square
from stamp2vec.models import build
from stamp2vec.pipelines import DetectionPipeline, RefinementPipeline
from stamp2vec.values import Detection, ModelInfo, StampType, Task
from tests.library.conftest import manifest, page_image

CALIBRATION = RefinementCalibration("yolo-stamp@0.0.1", 0.5, 0.25, 2.0, box_share=0.5, threshold=0.4)
SIZE = 128


def candidate(score: float, x: float = 100.0) -> Detection:
    return Detection((x, 100.0, x + 40, 120.0), score, StampType.WORD, 3.0, None)


def answer(logit: float, box: tuple[float, ...] = (24.0, 46.0, 104.0, 82.0)) -> np.ndarray:
    return np.array([*box, logit, 90.0, 0.8, list(StampType).index(StampType.OVAL)], np.float32)


def page(height: int = 300, width: int = 400) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("box", "left", "top", "side"),
    [
        ((100, 100, 140, 120), 90, 80, 60),
        ((100, 100, 120, 140), 80, 90, 60),
        ((50, 50, 51, 51), 46, 46, 8),
        ((0, 0, 40, 40), -10, -10, 60),
    ],
    ids=["wide", "high", "tiny", "at the corner"],
)
def test_a_window_is_a_square_around_the_middle_of_its_box(
    box: tuple[float, ...], left: int, top: int, side: int
) -> None:
    assert Square.around(box, TIMES) == Square(left, top, side)


def test_beyond_the_page_a_window_is_white() -> None:
    pixels = Square(-64, 236, 128).pixels(page(), SIZE)
    assert (pixels[:, :64] == 255).all()
    assert (pixels[64:] == 255).all()
    np.testing.assert_array_equal(pixels[:64, 64:], page()[236:300, :64])
    assert (Square(1000, 1000, 50).pixels(page(), SIZE) == 255).all(), "beside the page there is nothing"


def test_windows_are_taken_back_to_the_page() -> None:
    square, boxes = Square(-20, 40, 64), np.array([[0.0, 10.0, 30.0, 60.0]])
    np.testing.assert_allclose(square.to_page(square.from_page(boxes, SIZE), SIZE), boxes)
    np.testing.assert_allclose(square.to_page(np.array([0.0, 0.0, SIZE, SIZE]), SIZE), [-20, 40, 44, 104])


def test_only_the_best_candidates_that_may_be_stamps_are_looked_at() -> None:
    many = [candidate(0.9)] * (MOST + 3)
    assert len(worth_a_look(many)) == len(Windows.of(page(), many, SIZE).pixels) == MOST
    few = [candidate(0.9), candidate(LEAST_SCORE), candidate(LEAST_SCORE - 0.001)]
    windows = Windows.of(page(), few, SIZE)
    assert [pixels.shape for pixels in windows.pixels] == [(SIZE, SIZE, 3)] * 2
    assert (windows.height, windows.width) == (300, 400)


def test_an_answer_makes_score_box_rotation_and_type() -> None:
    found = [candidate(0.5)]
    (again,) = refined(found, Windows.of(page(), found, SIZE), [answer(1.0)], CALIBRATION)
    assert again.score == pytest.approx(1 / (1 + math.exp(-(0.5 + 0.25 * 0.0 + 2.0 * 1.0))))
    # The window is 60 pixels of the page from (90, 80): the answer is the box (101.25, 101.56, 138.75, 118.44).
    np.testing.assert_allclose(again.box, (100.625, 100.78125, 139.375, 119.21875))
    assert (again.angle_degrees, again.type) == (90.0, StampType.OVAL)


def test_candidates_are_sorted_again_and_those_not_looked_at_stay() -> None:
    found = [candidate(0.9), candidate(0.6), candidate(0.01, 300.0)]
    again = refined(found, Windows.of(page(), found, SIZE), [answer(-2.0), answer(2.0)], CALIBRATION)
    assert [each.score for each in again] == sorted((each.score for each in again), reverse=True)
    assert again[0].score > 0.9 > again[1].score
    assert candidate(0.01, 300.0) in again


@pytest.mark.parametrize("box", [(math.nan,) * 4, (500.0, 0.0, 600.0, 40.0), (90.0, 40.0, 20.0, 90.0)])
def test_an_answer_without_a_place_on_the_page_is_no_stamp(box: tuple[float, ...]) -> None:
    edge = Detection((370.0, 100.0, 400.0, 120.0), 0.9, StampType.WORD, 0.0, None)
    only = dataclasses.replace(CALIBRATION, box_share=1.0)
    assert refined([edge], Windows.of(page(), [edge], SIZE), [answer(3.0, box)], only) == []


def test_boxes_are_clipped_to_the_page() -> None:
    edge = Detection((370.0, 280.0, 400.0, 300.0), 0.9, StampType.WORD, 0.0, None)
    (again,) = refined([edge], Windows.of(page(), [edge], SIZE), [answer(3.0, (0.0, 0.0, 128.0, 128.0))], CALIBRATION)
    assert again.box[2:] == (400.0, 300.0)


def test_candidates_that_become_one_stamp_are_found_once() -> None:
    left, right = candidate(0.9), candidate(0.8, 112.0)
    windows = Windows.of(page(), [left, right], SIZE)
    whole = [answer(2.0), answer(1.0, (0.0, 46.0, 80.0, 82.0))]
    refiner = Refiner(info(CALIBRATION), dataclasses.replace(CALIBRATION, box_share=1.0))
    assert len(without_overlaps([left, right], 0.6)) == 2
    (stamp,) = refined_stamps([left, right], windows, whole, refiner, None, 0.6)
    assert stamp.score == refiner.calibration.probability(0.9, 2.0)


@pytest.mark.parametrize(("least", "count"), [(None, 1), (0.0, 2), (0.99, 0)])
def test_the_threshold_is_that_of_both(least: float | None, count: int) -> None:
    found = [candidate(0.9), candidate(0.8, 300.0)]
    windows = Windows.of(page(), found, SIZE)
    stamps = refined_stamps(
        found, windows, [answer(1.0), answer(-1.0)], Refiner(info(CALIBRATION), CALIBRATION), least, None
    )
    assert len(stamps) == count
    assert (
        len(refined_stamps(found, windows, [answer(1.0)] * 2, Refiner(info(CALIBRATION), CALIBRATION), None, None, 1))
        == 1
    )


def info(*calibrations: RefinementCalibration) -> ModelInfo:
    described = manifest("stamp-refine", Task.REFINE, {}, SIZE, 0)
    return dataclasses.replace(described, refinement_calibrations=calibrations).info


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"detector": "yolo-stamp"}, "name and version"),
        ({"detector": "https://models.example/x@1.0.0"}, "name and version"),
        ({"intercept": math.nan}, "finite"),
        ({"by_refiner": -0.1}, "0 or more"),
        ({"by_detector": -1.0}, "0 or more"),
        ({"box_share": 1.1}, "0 to 1"),
        ({"threshold": -0.1}, "0 to 1"),
    ],
)
def test_a_calibration_that_makes_no_sense_is_refused(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        dataclasses.replace(CALIBRATION, **change)


def test_scores_of_0_and_1_have_a_probability_too() -> None:
    for score in (0.0, 1.0):
        assert 0 < CALIBRATION.probability(score, 0.0) < 1
    assert 0 <= CALIBRATION.probability(1.0, 1e9) <= 1


def test_a_refiner_is_for_the_detector_that_it_was_measured_with() -> None:
    detector = manifest("yolo-stamp", Task.DETECT, {}, 448, 0).info
    newer = dataclasses.replace(detector, version="0.0.2")
    of_newer = dataclasses.replace(CALIBRATION, detector="yolo-stamp@0.0.2")
    both = info(of_newer, CALIBRATION)
    assert measured_with(detector, [detector, info(), both]) == Refiner(both, CALIBRATION)
    assert measured_with(newer, [both]) == Refiner(both, of_newer)
    assert measured_with(newer, [info(CALIBRATION)]) is None
    assert measured_with(detector, [info()]) is None


@pytest.fixture
def refiner(bundle: Path, tmp_path: Path) -> Path:
    """A refiner with random weights, for the detector of the bundle."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = build("stamp-refine", {})
    described = manifest("stamp-refine", Task.REFINE, {}, SIZE, 0)
    described = dataclasses.replace(described, refinement_calibrations=(CALIBRATION,))
    hub.save(tmp_path / "stamp-refine" / "0.0.1", described, network.state_dict())
    return tmp_path


def test_a_bundled_refiner_is_used_with_its_detector(
    refiner: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = DetectionPipeline.from_pretrained("yolo-stamp")
    assert alone.refiner is None
    assert alone.threshold == alone.manifest.threshold
    monkeypatch.setattr(hub.weights, "BUNDLED", (bundle, refiner))
    both = DetectionPipeline.from_pretrained("yolo-stamp")
    assert both.threshold == CALIBRATION.threshold
    picture = np.asarray(page_image(1))
    candidates = alone(picture, min_score=SCORE_FLOOR)
    assert both.refiner is not None
    assert both.measured is not None
    windows = Windows.of(picture, candidates, SIZE)
    expected = refined_stamps(candidates, windows, both.refiner(windows), both.measured, SCORE_FLOOR, None)
    found = both(picture, min_score=SCORE_FLOOR)
    assert [each.score for each in found] == [each.score for each in expected]
    assert [each.box for each in found] != [each.box for each in candidates]
    first, second = both([picture, picture])
    assert first == second
    assert [each.score for each in first] == pytest.approx([each.score for each in both(picture)], abs=1e-4)
    assert both(np.full((200, 300, 3), 255, np.uint8), min_score=1.0) == []


def test_a_refiner_of_another_detector_is_refused(refiner: Path, bundle: Path) -> None:
    folder = refiner / "stamp-refine" / "0.0.1"
    pipeline = RefinementPipeline.from_pretrained(folder)
    described, weights = hub.load("yolo-stamp")
    hub.save(refiner / "other", dataclasses.replace(described, version="0.0.2"), weights)
    other = engines.load(refiner / "other", Task.DETECT)
    with pytest.raises(InvalidInput, match=r"was measured with yolo-stamp@0\.0\.1, not with yolo-stamp@0\.0\.2"):
        DetectionPipeline(other, pipeline)
    with pytest.raises(WeightsError, match="is made to refine"):
        DetectionPipeline.from_pretrained(folder)


def test_an_answer_of_a_network_is_as_it_is_described(refiner: Path) -> None:
    pipeline = RefinementPipeline.from_pretrained(refiner / "stamp-refine" / "0.0.1")
    windows = Windows.of(page(), [candidate(0.9, float(x)) for x in range(0, 300, 25)], SIZE)
    answers = pipeline(windows)
    assert [each.shape for each in answers] == [(8,)] * 12
    for each in answers:
        assert each.dtype == np.float32
        assert -180 < each[5] <= 180
        assert 0 <= each[6] <= 1
        assert each[7] in range(len(StampType))
