import numpy as np
import pytest

from stamp2vec.pipelines.detection import MAX_DETECTIONS, non_maximum_suppression, select

A, NEAR_A, B = (0, 0, 10, 10), (0, 0, 10, 8), (20, 20, 30, 30)


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


def test_the_best_come_first_and_the_hopeless_not_at_all() -> None:
    boxes = np.array([A, B, (50, 50, 60, 60)], np.float32)
    found = select(boxes, np.array([0.3, 0.9, 0.001], np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[*B, 0.9], [*A, 0.3]], rtol=1e-6)


def test_there_is_a_most() -> None:
    x = np.arange(1000, dtype=np.float32)[:, None] * 20
    found = select(np.concatenate([x, x * 0, x + 10, x * 0 + 10], 1), np.linspace(0.1, 0.9, 1000, dtype=np.float32))
    assert found.shape == (MAX_DETECTIONS, 5)
    assert found[0, 4] == pytest.approx(0.9)
