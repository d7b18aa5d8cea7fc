from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stamp2vec.values import Detection, InkColour, StampType
from training.evaluate.__main__ import boxes
from training.evaluate.attributes import Comparison, apart, compare, interval, measure
from training.evaluate.report import match_pages
from training.evaluate.truth import TruePage, TrueStamp

A, B, C = (10.0, 10, 50, 50), (100.0, 10, 140, 50), (10.0, 100, 90, 120)
SEAL = TrueStamp(A, "red", "star_round", "cjk", 40.0)
WORD = TrueStamp(B, "blue", "word", "latin", -3.0)
DATE = TrueStamp(C, "black", "date", "latin", -178.0)
FOUND_SEAL = Detection(A, 0.9, StampType.ROUND, 30.0, InkColour.RED)
FOUND_WORD = Detection(B, 0.8, StampType.RECTANGLE, 0.0, InkColour.VIOLET)
FOUND_DATE = Detection(C, 0.7, StampType.WORD, 175.0, None)


def page(path: Path, stamps: tuple[TrueStamp, ...], colour: tuple[int, int, int] = (250, 240, 220)) -> TruePage:
    Image.new("RGB", (200, 200), colour).save(path)
    return TruePage(path, 200, 200, stamps, capture="fax")


def compared(pages: list[TruePage], found: list[list[Detection]], threshold: float = 0.5) -> Comparison | None:
    return compare(pages, found, match_pages(pages, [boxes(of_page) for of_page in found]), threshold)


def test_predicted_attributes_are_compared_with_the_truth(tmp_path: Path) -> None:
    pages = [page(tmp_path / "a.png", (SEAL, WORD)), page(tmp_path / "b.png", (DATE,))]
    of = compared(pages, [[FOUND_WORD, FOUND_SEAL], [FOUND_DATE]])
    assert of is not None
    assert of.page.tolist() == [0, 0, 1]
    assert of.type.tolist() == [True, False, True]
    assert of.ink.tolist() == [True, False, False]  # an unknown ink is never right
    np.testing.assert_allclose(of.error, [10, 3, 7])  # 175 and -178 degrees are 7 apart
    assert of.rotated.tolist() == [True, False, True]
    figures = measure(of)
    assert figures == pytest.approx((2 / 3, 1, 1, 7, 1 / 3))


def test_only_matched_stamps_are_compared(tmp_path: Path) -> None:
    pages = [page(tmp_path / "a.png", (SEAL, WORD, DATE))]
    beside = replace(FOUND_DATE, box=(10.0, 150, 90, 170))
    of = compared(pages, [[FOUND_SEAL, replace(FOUND_WORD, score=0.4), beside]])
    assert of is not None
    assert of.error.tolist() == [10]


def test_ink_is_judged_on_pages_in_colour(tmp_path: Path) -> None:
    grey = page(tmp_path / "grey.png", (SEAL,), (200, 200, 200))
    seen = replace(FOUND_SEAL, ink_colour=InkColour.BLACK)
    of = compared([grey, page(tmp_path / "colour.png", (SEAL,))], [[seen], [FOUND_SEAL]])
    assert of is not None
    assert of.colour.tolist() == [False, True]
    assert measure(of).ink == 1
    of = compared([grey], [[seen]])
    assert of is not None
    assert np.isnan(measure(of).ink)


def test_predicting_upright_is_wrong_for_rotated_stamps(tmp_path: Path) -> None:
    pages = [page(tmp_path / "a.png", (SEAL, WORD))]
    of = compared(pages, [[replace(FOUND_SEAL, angle_degrees=0.0), FOUND_WORD]])
    assert of is not None
    assert (measure(of).rotation, measure(of).rotation_of_rotated) == (0.5, 0)


def test_real_pages_have_no_true_attributes(tmp_path: Path) -> None:
    assert compared([page(tmp_path / "a.png", (TrueStamp(A),))], [[FOUND_SEAL]]) is None


def test_figures_of_no_stamp_are_nan(tmp_path: Path) -> None:
    of = compared([page(tmp_path / "a.png", (SEAL,))], [[]])
    assert of is not None
    assert np.isnan(measure(of)).all()
    assert np.isnan(interval(of)).all()


def test_the_interval_is_that_of_a_proportion() -> None:
    half = np.arange(100) % 2 == 0
    always = np.ones(100, bool)
    of = Comparison(100, np.arange(100), half, always, np.where(half, 0.0, 90.0), always, always)
    low, high = interval(of)
    assert (low.type, high.type) == pytest.approx((0.5 - 1.96 * 0.05, 0.5 + 1.96 * 0.05), abs=0.02)
    assert (low.ink, high.ink) == (1, 1)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [(0, 0, 0), (10, -10, 20), (-170, 170, 20), (365, 0, 5), (180, -180, 0), (90, -90, 180)],
)
def test_rotations_differ_by_the_shorter_arc(one: float, other: float, expected: float) -> None:
    assert apart(one, other) == pytest.approx(expected)
