"""Two impressions laid over each other: where they come to lie, and what the places of them say together."""

import dataclasses

import numpy as np
import pytest

from stamp2vec.comparison import Inked, LaidPair, judge_ink, lay
from stamp2vec.comparison.evidence import AGREES, CONTRADICTS, evidence, overlay_of
from stamp2vec.comparison.frames import SIDE_PX
from stamp2vec.comparison.registration import register
from stamp2vec.values import Verdict
from tests.library import pairs
from tests.library.seals import SIDE, seal

PLACES = SIDE_PX // 4
NAME = "ORION 77"
# The log-odds are the correlation, and what contradicts most counts against it.
CALIBRATION = dataclasses.replace(pairs.CALIBRATION, intercept=0.0, correlation=6.0, worst_letter=-0.2)


def places(agrees: float = 0.0, contradicts: float = 0.0, letters: int = 1) -> np.ndarray:
    """A band of 10 rows that agrees so surely, and windows of the size of a letter that contradict so surely."""
    said = np.zeros((PLACES, PLACES, 2), np.uint8)
    said[40:50, :, AGREES] = round(255 * agrees)
    for letter in range(letters):
        said[5:10, 5 + 6 * letter : 10 + 6 * letter, CONTRADICTS] = round(255 * contradicts)
    return said


def pair(**values: object) -> LaidPair:
    """Two stamps that fit each other perfectly."""
    picture = np.zeros((2 * SIDE_PX, SIDE_PX, 3), np.uint8)
    fitting = LaidPair(picture, correlation=1.0, mirrored=False, coarseness=1.0, swapped=False)
    return dataclasses.replace(fitting, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("turn", "scale", "shift"), [(0, 1.0, 0), (37, 0.9, 8), (-118, 0.85, -10), (180, 1.0, 5), (91, 0.8, 0)]
)
@pytest.mark.parametrize("mirrored", [False, True], ids=["upright", "mirrored"])
def test_every_turn_scale_and_hand_is_found(turn: float, scale: float, shift: int, mirrored: bool) -> None:
    die, other = seal(NAME), seal(NAME, turn, scale, shift, mirrored=mirrored)
    found = register(die.ink, other.ink)
    assert found.correlation > 0.95
    assert found.mirrored == mirrored
    linear = found.b[:, :2] @ np.linalg.inv(found.a[:, :2])
    assert np.sqrt(abs(np.linalg.det(linear))) == pytest.approx(scale, abs=0.02)
    assert (np.linalg.det(linear) < 0) == mirrored
    middle = found.on_b(np.zeros((2, 1)))[:, 0]
    np.testing.assert_allclose(middle, [SIDE / 2 + shift, SIDE / 2], atol=3)


def test_a_bend_is_found() -> None:
    die, bent = seal(NAME), seal(NAME, bent=8)
    found = register(die.ink, bent.ink)
    left, middle, right = found.on_b(np.array([[-0.85, 0, 0.85], [0, 0, 0]]))[1]
    assert min(left, right) < middle - 2, "its edges have moved up"
    straight = register(die.ink, die.ink)
    left, middle, right = straight.on_b(np.array([[-0.85, 0, 0.85], [0, 0, 0]]))[1]
    np.testing.assert_allclose([left, right], middle, atol=0.3)


@pytest.mark.parametrize("other", [seal(NAME, 37, 0.9, 8), seal("VESTA 41"), seal(NAME, mirrored=True)])
def test_it_does_not_matter_which_stamp_is_the_first(other: Inked) -> None:
    die = seal(NAME)
    one, two = lay(die, other), lay(other, die)
    np.testing.assert_array_equal(one.picture, two.picture)
    assert one.swapped != two.swapped
    for name in ("correlation", "mirrored", "coarseness"):
        assert getattr(one, name) == getattr(two, name)
    said = places(1.0, 0.5)
    a, b = overlay_of(one, said), overlay_of(two, said)
    np.testing.assert_array_equal(a.a_ink, b.b_ink)
    np.testing.assert_array_equal(a.b_ink, b.a_ink)
    assert (a.missing_ink, a.added_ink) == (b.added_ink, b.missing_ink)


def test_an_overlay_has_the_stamps_in_the_order_in_which_they_were_named() -> None:
    whole, part = seal(NAME), seal(NAME, 37, 0.9, blot=True)
    for a, b in ((whole, part), (part, whole)):
        seen = overlay_of(lay(a, b), places(1.0))
        lost, kept = (seen.missing_ink, seen.added_ink) if a is whole else (seen.added_ink, seen.missing_ink)
        assert lost > 0.1
        assert kept < 0.03
        assert seen.a_ink.shape == seen.b_ink.shape == (SIDE_PX, SIDE_PX)
        assert seen.agrees.shape == seen.contradicts.shape == (PLACES, PLACES)


def test_a_coarse_crop_is_known_by_its_pixels() -> None:
    fine, coarse = seal(NAME), seal(NAME, side=120)
    assert lay(fine, fine).coarseness < 2
    assert lay(fine, coarse).coarseness == lay(coarse, fine).coarseness > 3


def test_a_part_of_a_stamp_is_known_by_the_ink_at_its_edge() -> None:
    whole = seal(NAME)
    part = Inked(np.ascontiguousarray(whole.planes[:, : SIDE // 2]))
    assert not whole.is_cut
    assert part.is_cut
    assert not lay(whole, whole).cut
    assert lay(whole, part).cut
    assert lay(part, whole).cut


def test_places_are_counted_and_windows_are_of_letters() -> None:
    seen = evidence(pair(correlation=0.5), places(1.0, 1.0))
    assert seen.correlation == 0.5
    assert seen.agreeing == pytest.approx(10 * PLACES)
    assert seen.worst_letter == pytest.approx(np.log(0.9999 / 0.0001), rel=1e-3)
    assert seen.typical_letter < seen.worst_letter
    weighed = dataclasses.replace(
        CALIBRATION, intercept=-1.0, correlation=2.0, worst_letter=-0.5, worst_letter_by_typical=-0.1
    )
    expected = -1.0 + 2.0 * seen.correlation - 0.5 * seen.worst_letter
    expected -= 0.1 * seen.worst_letter * seen.typical_letter
    assert seen.log_odds(weighed) == pytest.approx(expected)


def test_one_letter_that_contradicts_outweighs_all_that_agree() -> None:
    """Whatever the calibration makes of it: the verdict is no longer SAME."""
    same = judge_ink(pair(), places(1.0), CALIBRATION)
    assert (same.verdict, same.reason) == (Verdict.SAME, "")
    sure = dataclasses.replace(CALIBRATION, worst_letter=0.0)
    one = judge_ink(pair(), places(1.0, 0.9), sure)
    assert one.probability is not None
    assert one.probability > 0.99
    assert one.verdict is Verdict.CANNOT_TELL
    assert "look at the places that the overlay marks" in one.reason


@pytest.mark.parametrize(
    ("laid", "said", "verdict", "reason"),
    [
        (pair(), places(1.0), Verdict.SAME, ""),
        (pair(mirrored=True), places(1.0), Verdict.MIRRORED, "mirror image"),
        (pair(), places(0.0), Verdict.CANNOT_TELL, "too little ink is on both"),
        (pair(coarseness=2.1), places(1.0), Verdict.CANNOT_TELL, "scan both stamps at 300 dpi"),
        (pair(coarseness=2.5, mirrored=True), places(1.0), Verdict.CANNOT_TELL, "300 dpi"),
        (pair(correlation=-0.2), places(1.0, 1.0), Verdict.DIFFERENT, ""),
        (pair(correlation=-0.2, coarseness=9.0), places(1.0, 1.0), Verdict.DIFFERENT, ""),
        (pair(correlation=0.2), places(1.0, 0.6), Verdict.CANNOT_TELL, "could not be laid over each other"),
        (pair(correlation=0.4), places(1.0, 0.6), Verdict.CANNOT_TELL, "some of the ink may differ"),
        (pair(correlation=-0.9), places(0.2), Verdict.CANNOT_TELL, "could not be laid over each other"),
        (pair(correlation=-0.2, cut=True), places(1.0, 1.0), Verdict.CANNOT_TELL, "compare whole stamps"),
        (pair(cut=True), places(1.0), Verdict.SAME, ""),
    ],
)
def test_the_verdict_follows_from_what_the_places_say(
    laid: LaidPair, said: np.ndarray, verdict: Verdict, reason: str
) -> None:
    judgement = judge_ink(laid, said, CALIBRATION)
    assert judgement.verdict is verdict
    assert reason in judgement.reason
    assert bool(judgement.reason) == (verdict not in (Verdict.SAME, Verdict.DIFFERENT))
    assert judgement.overlay is not None
    assert judgement.overlay.mirrored == laid.mirrored


def test_lost_ink_makes_no_two_dies() -> None:
    """However improbable the calibration finds one die: without a place that contradicts it is no DIFFERENT."""
    against = dataclasses.replace(CALIBRATION, intercept=-50.0)
    for laid in (pair(), pair(correlation=0.4), pair(correlation=0.0), lay(seal(NAME), seal(NAME, blot=True))):
        judgement = judge_ink(laid, places(1.0), against)
        assert judgement.probability is not None
        assert judgement.probability < 0.01
        assert judgement.verdict is Verdict.CANNOT_TELL
        assert judgement.reason


def test_the_probability_follows_the_prior() -> None:
    laid, said = pair(correlation=0.5), places(1.0, 0.5)
    probabilities = {prior: judge_ink(laid, said, CALIBRATION, prior).probability for prior in (1e-9, 0.01, 0.5, 0.99)}
    found = [value for value in probabilities.values() if value is not None]
    assert found == sorted(found)
    log_odds = evidence(laid, said).log_odds(CALIBRATION)
    assert probabilities[0.5] == pytest.approx(1 / (1 + np.exp(-log_odds)))
    assert probabilities[0.01] == pytest.approx(1 / (1 + np.exp(-log_odds - np.log(0.01 / 0.99))))
    assert judge_ink(laid, said, CALIBRATION).probability == probabilities[0.5]
    assert judge_ink(pair(), places(1.0), CALIBRATION, 0.001).verdict is Verdict.CANNOT_TELL


@pytest.mark.parametrize("intercept", [-1e300, 1e300])
def test_evidence_is_never_surer_than_what_was_measured(intercept: float) -> None:
    judgement = judge_ink(pair(), places(1.0), dataclasses.replace(CALIBRATION, intercept=intercept))
    assert judgement.probability == pytest.approx(0.999 if intercept > 0 else 0.001)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("segmenter", ""),
        ("segmenter", "https://models.example/x"),
        ("segmenter", "stamp-unet@1.1.0"),
        ("intercept", float("nan")),
        ("typical_letter", np.inf),
    ],
)
def test_a_calibration_that_cannot_be_right_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        dataclasses.replace(CALIBRATION, **{name: value})  # type: ignore[arg-type]


def plain(height: int, width: int, level: int, soft: int) -> Inked:
    return Inked.of(np.full((height, width, 3), level, np.uint8), np.full((height, width), soft, np.uint8))


def noise(height: int, width: int) -> Inked:
    rng = np.random.default_rng(0)
    crop, mask = rng.integers(0, 256, (height, width, 3), np.uint8), rng.integers(0, 256, (height, width), np.uint8)
    return Inked.of(crop, mask)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "hostile",
    [
        plain(SIDE, SIDE, 0, 255),
        plain(SIDE, SIDE, 255, 255),
        plain(SIDE, SIDE, 255, 0),
        plain(1, SIDE, 0, 255),
        plain(SIDE, 1, 0, 255),
        plain(1, 1, 0, 255),
        noise(SIDE, SIDE),
        noise(3, 1200),
        noise(1500, 1100),
    ],
    ids=["ink", "mask", "paper", "row", "column", "pixel", "noise", "thin", "large"],
)
def test_any_two_pictures_can_be_laid_over_each_other(hostile: Inked) -> None:
    stamp = seal(NAME)
    for a, b in ((hostile, stamp), (hostile, hostile)):
        laid = lay(a, b)
        assert laid.picture.shape == (2 * SIDE_PX, SIDE_PX, 3)
        assert np.isfinite([laid.correlation, laid.coarseness]).all()
        seen = overlay_of(laid, places(0.5, 0.5))
        assert -1 <= seen.correlation <= 1
        assert 0 <= seen.missing_ink <= 1
        assert 0 <= seen.added_ink <= 1
        assert judge_ink(laid, places(0.5, 0.5), CALIBRATION).probability is not None
