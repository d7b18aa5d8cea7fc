"""A peer takes part only where it answers as we do."""

import numpy as np
import pytest

from bench.peers.answers import difference
from bench.peers.job import Answer, numbers
from stamp2vec.values import Detection, InkColour, StampType, Task

STAMPS = (
    Detection((10, 20, 110, 120), 0.9, StampType.ROUND, 12.5, InkColour.BLUE),
    Detection((200, 20, 290, 80), 0.4, StampType.RECTANGLE, -170.0, None),
)
FOUND = numbers(STAMPS)
VECTOR = np.full(4, 0.5, np.float32)


def changed(answer: Answer, index: int, by: float) -> Answer:
    other = answer.copy()
    other[index] += by
    return other


def test_an_answer_has_eight_numbers_a_stamp() -> None:
    assert FOUND.tolist()[:6] == pytest.approx([10, 20, 110, 120, 0.9, 12.5])
    assert FOUND.shape == (16,)
    assert numbers([]).shape == (0,)


@pytest.mark.parametrize(("index", "by"), [(0, 0.05), (4, -0.005), (5, 0.05)])
def test_engines_may_differ_a_little(index: int, by: float) -> None:
    assert difference(Task.DETECT, FOUND, changed(FOUND, index, by)) == ""
    assert difference(Task.EMBED, VECTOR, changed(VECTOR, 0, 1e-4)) == ""


@pytest.mark.parametrize(("index", "by"), [(0, 1), (4, 0.1), (5, 1), (6, 1), (7, -1), (8, np.nan)])
def test_another_box_score_angle_type_or_ink_differs(index: int, by: float) -> None:
    assert difference(Task.DETECT, FOUND, changed(FOUND, index, by)).startswith("1 of 16 numbers")


def test_a_missing_stamp_and_another_vector_differ() -> None:
    assert difference(Task.DETECT, FOUND, numbers(STAMPS[:1])) == "8 numbers in place of 16"
    assert difference(Task.EMBED, VECTOR, changed(VECTOR, 3, 0.01)) == "1 of 4 numbers, the first 0.51 in place of 0.5"
