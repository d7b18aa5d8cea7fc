"""That the drawn cases are what their names say, whatever verdicts they get."""

from itertools import zip_longest

import numpy as np
import pytest

from tests.verdicts.cases import CASES, DESIGNS, FORTY_LETTERS, LEFT_HALF, SIBLINGS, TIMBER, Case
from tests.verdicts.seals import Design, draw, face_of

pytestmark = pytest.mark.usefixtures("typefaces")

OF_ONE_LETTER = [name for name in SIBLINGS if name.startswith(("letter", "a character", "digit"))]
VISIBLE_PX = 24  # that are paper on one of two siblings and ink on the other
DIFFERENT_SHARE = 0.4  # of the ink of siblings of one layout, at most


def texts(design: Design) -> str:
    return "\n".join((design.upper, design.centre, design.lower))


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_crops_are_pictures_of_the_size_of_scanned_stamps(case: Case) -> None:
    for crop, again in zip(case.crops(), case.crops(), strict=True):
        assert crop.dtype == np.uint8
        assert crop.shape[2:] == (3,)
        assert min(crop.shape[:2]) >= 45
        assert max(crop.shape[:2]) <= 1300
        np.testing.assert_array_equal(crop, again)


@pytest.mark.parametrize("design", [*DESIGNS.values(), *(b for _, b in SIBLINGS.values()), FORTY_LETTERS])
def test_a_typeface_has_all_letters_of_its_seal(design: Design) -> None:
    assert face_of(design.typeface, design.script, design.bold).covers(texts(design))


@pytest.mark.parametrize("name", SIBLINGS)
def test_siblings_differ_visibly_and_have_most_in_common(name: str) -> None:
    die, other = SIBLINGS[name]
    assert die != other
    if die.layout is other.layout:
        difference = np.abs(draw(die) - draw(other))
        assert (difference > 0.5).sum() >= VISIBLE_PX
        assert difference.sum() < DIFFERENT_SHARE * draw(die).sum()


@pytest.mark.parametrize("name", OF_ONE_LETTER)
def test_siblings_of_one_letter_have_all_others_in_common(name: str) -> None:
    die, other = SIBLINGS[name]
    assert sum(a != b for a, b in zip_longest(texts(die), texts(other))) == 1


def test_the_ring_of_the_small_crops_has_forty_letters() -> None:
    assert len(FORTY_LETTERS.upper.replace(" ", "")) == 40
    (case,) = (one for one in CASES if FORTY_LETTERS in one.dies)
    assert max(side for crop in case.crops() for side in crop.shape) <= 120


def test_a_capture_that_keeps_the_left_half_is_half_as_wide() -> None:
    (case,) = (one for one in CASES if LEFT_HALF in one.captures and one.dies == (TIMBER, TIMBER))
    whole, half = case.crops()
    assert half.shape[1] == pytest.approx(whole.shape[1] / 2, rel=0.15)
