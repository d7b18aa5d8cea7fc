"""The pair network's data: what variants differ in, whether truth lies where the ink does, what trials ask about."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from stamp2vec.comparison.frames import blurred, framed, sampled, then
from stamp2vec.models.stamp_pair import AGREES, CONTRADICTS, NOTHING
from stamp2vec.pipelines import SegmentationPipeline
from training.pair import truth
from training.pair.calibrate import GENUINE_SHARE, STRANGER_SHARE, fitted, weights_of
from training.pair.library import Crop, Die, Shelf, read, render, write
from training.pair.pairs import (
    OTHER,
    SAME,
    WINDOW_PX,
    WINDOWS_A_PAIR,
    Window,
    draw,
    face,
    ink,
    inverse,
    level,
    windows,
)
from training.pair.train import place_loss
from training.pair.trial import Laid, trials
from training.synth.die import DieKind, DieSpec, die_spec
from training.synth.dies.elements import ArcText, Design, LineText
from training.synth.fonts import Script, Split
from training.synth.variants import Difference, Variant, vary

pytestmark = pytest.mark.usefixtures("typefaces")


def lines(design: Design) -> list[LineText | ArcText]:
    return [element for element in design.elements if isinstance(element, LineText | ArcText)]


def ornaments(design: Design) -> list[object]:
    return [element for element in design.elements if not isinstance(element, LineText | ArcText)]


def varied(difference: Difference) -> tuple[DieSpec, Variant]:
    """The first round seal that has something of the kind, and one that differs in that."""
    for family in range(60):
        original = die_spec(family, 0, Split.TRAIN, DieKind.ROUND, Script.LATIN)
        if (found := vary(original, difference, np.random.default_rng(family))) is not None:
            return original, found
    raise AssertionError(f"no seal differs in {difference}")


def changed_lines(original: DieSpec, found: Variant) -> list[tuple[str, str]]:
    pairs = zip(lines(original.design), lines(found.spec.design), strict=True)
    return [(before.text, after.text) for before, after in pairs if before.text != after.text]


def changed_characters(original: DieSpec, found: Variant) -> list[tuple[str, str]]:
    return [
        (a, b) for before, after in changed_lines(original, found) for a, b in zip(before, after, strict=True) if a != b
    ]


def one_letter(original: DieSpec, found: Variant) -> bool:
    return [(a.isalpha(), b.isalpha()) for a, b in changed_characters(original, found)] == [(True, True)]


def one_digit(original: DieSpec, found: Variant) -> bool:
    return [(a.isdigit(), b.isdigit()) for a, b in changed_characters(original, found)] == [(True, True)]


def one_word(original: DieSpec, found: Variant) -> bool:
    ((before, after),) = changed_lines(original, found)
    return sum(a != b for a, b in zip(before.split(), after.split(), strict=True)) == 1


def one_date(original: DieSpec, found: Variant) -> bool:
    ((before, after),) = changed_lines(original, found)
    return any(map(str.isdigit, before)) and any(map(str.isdigit, after))


def no_word(original: DieSpec, found: Variant) -> bool:
    return not changed_lines(original, found)


TEXT = (True, True, False)  # the same faces, the same ornaments, the same lines
CASES = {
    Difference.LETTER: (one_letter, TEXT),
    Difference.DIGIT: (one_digit, TEXT),
    Difference.WORD: (one_word, TEXT),
    Difference.DATE: (one_date, TEXT),
    Difference.FONT: (no_word, (False, True, False)),
    Difference.EMBLEM: (no_word, (True, False, True)),
    Difference.RING: (no_word, (True, False, False)),  # a thicker rim leaves the lines less room
}


@pytest.mark.parametrize("difference", CASES, ids=lambda difference: difference.value)
def test_a_variant_differs_in_one_thing(difference: Difference) -> None:
    original, found = varied(difference)
    differs, same = CASES[difference]
    before, after = original.design, found.spec.design
    assert found.difference is difference
    assert differs(original, found)
    assert same == (
        [line.face for line in lines(before)] == [line.face for line in lines(after)],
        ornaments(before) == ornaments(after),
        lines(before) == lines(after),
    )
    assert (found.letter_mm > 0) == (difference not in (Difference.EMBLEM, Difference.RING))


@pytest.fixture(scope="module")
def shelves() -> list[Shelf]:
    """Two families of the test split."""
    segmenter = SegmentationPipeline.from_pretrained("stamp-unet")
    return [render(family, Split.TEST, 2, (3, 1), segmenter, keep=False) for family in range(2)]


def test_a_family_survives_its_file(shelves: list[Shelf], tmp_path: Path) -> None:
    write(shelves[0], tmp_path)
    found = read(tmp_path / "00000000.npz")
    assert (found.kind, found.script) == (shelves[0].kind, shelves[0].script)
    assert [die.difference for die in found.dies] == [die.difference for die in shelves[0].dies]
    for before, after in zip(shelves[0].crops, found.crops, strict=True):
        assert (before.die, before.capture, before.visible) == (after.die, after.capture, after.visible)
        np.testing.assert_array_equal(before.planes, after.planes)
        np.testing.assert_array_equal(before.to_crop, after.to_crop)
        assert after.image is None


def test_a_face_lies_where_its_ink_is(shelves: list[Shelf]) -> None:
    placed = [(crop, shelf.dies[crop.die]) for shelf in shelves for crop in shelf.crops if crop.visible > 0.4]
    assert len(placed) > 4
    for crop, die in placed:
        right, beside = correlation(crop, die, 0.0), correlation(crop, die, 0.6)
        assert right > 0.6, (crop.capture, crop.visible)
        assert right > beside + 0.05


def correlation(crop: Crop, die: Die, beside_mm: float) -> float:
    """Of a crop's ink with the face of its die, laid so far beside its place."""
    at = framed(ink(crop))
    to_mm = then(np.array([[1, 0, beside_mm], [0, 1, 0]]), then(inverse(crop.to_crop), at))
    side = 192
    found = blurred(sampled(ink(crop), at, side), 1.0), level(face(die, to_mm, side))
    return float(np.corrcoef(found[0].ravel(), found[1].ravel())[0, 1])


def test_windows_depend_on_the_seed_alone(shelves: list[Shelf]) -> None:
    first, again, other = (drawn(shelves[0], seed) for seed in (1, 1, 2))
    assert len(first) == WINDOWS_A_PAIR
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.planes, same.planes)
        np.testing.assert_array_equal(one.faces, same.faces)
    assert first[0].planes.shape == (2, WINDOW_PX, WINDOW_PX, 3)
    assert first[0].faces.shape == (2, WINDOW_PX // 2, WINDOW_PX // 2)
    assert not np.array_equal(first[0].planes, other[0].planes)


def drawn(shelf: Shelf, seed: int) -> list[Window]:
    rng = np.random.default_rng(seed)
    return list(windows(draw(shelf, rng), rng))


def strokes() -> tuple[torch.Tensor, torch.Tensor]:
    """Faces (1, 2, 96, 96) of two dies that share the stroke at the left and not that at the right; and their ink."""
    faces = torch.zeros(1, 2, 96, 96)
    faces[0, :, 28:68, 14:18] = 1
    faces[0, 0, 28:68, 60:64] = 1
    faces[0, 1, 28:68, 72:76] = 1
    return faces, faces.repeat_interleave(2, 2).repeat_interleave(2, 3)


def test_places_agree_and_contradict_where_both_left_ink() -> None:
    said = truth.places(*strokes())[0]
    assert said.shape == (48, 48)
    assert said[24, 8] == AGREES
    assert (said[20:28, 30:38] == CONTRADICTS).any()
    assert not (said[:, :20] == CONTRADICTS).any()
    assert said[2, 46] == NOTHING


@pytest.mark.parametrize("lost", [0, 1])
def test_what_one_lacks_is_no_evidence(lost: int) -> None:
    faces, ink = strokes()
    ink[:, lost] = 0
    assert not torch.isin(truth.places(faces, ink), torch.tensor([AGREES, CONTRADICTS])).any()
    faces, ink = strokes()
    ink[:, lost, :, 100:] = 0  # it shows the stroke at the left alone
    said = truth.places(faces, ink)[0]
    assert said[24, 8] == AGREES
    assert not (said == CONTRADICTS).any()


def test_a_letter_counts_as_much_as_an_emblem() -> None:
    target = torch.full((1, 24, 24), AGREES)
    target[0, :2, :4] = CONTRADICTS
    large = torch.full((1, 24, 24), AGREES)
    large[0, :12] = CONTRADICTS
    blind = torch.zeros(1, 3, 24, 24)
    blind[:, AGREES] = 4.0  # sees a difference nowhere
    torch.testing.assert_close(place_loss(blind, target), place_loss(blind, large))


def test_trials_ask_about_every_kind(shelves: list[Shelf]) -> None:
    asked = list(trials(shelves[0], shelves[1]))
    differences = [die.difference for die in shelves[0].dies[1:]]
    assert Counter(trial.difference for trial in asked) == Counter([SAME] * 4 + differences + [OTHER])
    assert [trial.half for trial in asked if trial.same] == [False, False, False, True]
    for trial in asked:
        of = shelves[0].crops[trial.a].die, shelves[trial.other].crops[trial.b].die
        assert trial.same == (trial.family == trial.other and of[0] == of[1])
        assert 0 < trial.visible <= 1
    letters = [trial.letter_px > 0 for trial in asked if trial.difference in ("letter", "digit", "word")]
    assert all(letters)


def test_calibration_finds_the_weights() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(1, (0.5, 1, 1, 2, 1, 1), (20_000, 6))
    weights, intercept = np.array([3, 1, -1, 0.5, -2, 0.0]), 0.5
    same = rng.random(20_000) < 1 / (1 + np.exp(-(features @ weights + intercept)))
    slopes, constant = fitted(features, same.astype(float), np.ones(20_000))
    np.testing.assert_allclose(slopes, weights, atol=0.15)
    assert constant == pytest.approx(intercept, abs=0.2)


def test_each_kind_of_trial_has_its_share(shelves: list[Shelf]) -> None:
    asked = list(trials(shelves[0], shelves[1]))
    weights = weights_of(Laid(asked, np.zeros(0), np.zeros(0)))
    same = np.array([trial.same for trial in asked])
    other = np.array([trial.difference == OTHER for trial in asked])
    assert weights[same].sum() == pytest.approx(GENUINE_SHARE)
    assert weights[other].sum() == pytest.approx((1 - GENUINE_SHARE) * STRANGER_SHARE)
    assert weights.sum() == pytest.approx(1)
