import math

import numpy as np
import pytest

from training.synth.die import FREQUENCY, DieKind, die_spec, render
from training.synth.dies.elements import ArcText, Design, Facing
from training.synth.dies.raster import rasterise
from training.synth.fonts import TABLE, Family, Script, Split, Style, pick, table
from training.synth.impression import blur

PX_PER_MM = 4.0


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """The correlation of two reliefs, softened by half a millimetre and each centred on a canvas that holds both."""
    height, width = max(a.shape[0], b.shape[0]), max(a.shape[1], b.shape[1])
    canvases = np.zeros((2, height, width), np.float32)
    for canvas, relief in zip(canvases, (a, b), strict=True):
        top, left = (height - relief.shape[0]) // 2, (width - relief.shape[1]) // 2
        canvas[top : top + relief.shape[0], left : left + relief.shape[1]] = blur(relief, 0.5 * PX_PER_MM)
    return float(np.corrcoef(canvases[0].ravel(), canvases[1].ravel())[0, 1])


@pytest.mark.parametrize("split", Split)
@pytest.mark.parametrize("script", Script)
@pytest.mark.parametrize("kind", DieKind)
def test_every_kind_prints_in_every_script(kind: DieKind, script: Script, split: Split) -> None:
    for family in range(2):
        spec = die_spec(family, 0, split, kind, script)
        relief = render(spec, PX_PER_MM)
        assert relief.dtype == np.float32
        assert relief.min() >= 0
        assert relief.max() > 0.9
        assert 0.01 < relief.mean() < 0.97
        assert 2 < max(relief.shape) / PX_PER_MM < 130
        assert relief.shape[0] <= math.ceil(spec.design.height * PX_PER_MM)
        assert relief.shape[1] <= math.ceil(spec.design.width * PX_PER_MM)
        # Tight: each side of the array touches the design.
        for edge in (relief[0], relief[-1], relief[:, 0], relief[:, -1]):
            assert edge.max() > 0


def test_the_same_name_is_the_same_die() -> None:
    for family in range(12):
        first, again = die_spec(family, 1, Split.TRAIN), die_spec(family, 1, Split.TRAIN)
        assert first == again
        np.testing.assert_array_equal(render(first, PX_PER_MM), render(again, PX_PER_MM))


def test_families_and_splits_differ() -> None:
    specs = [die_spec(family, 0, split) for family in range(20) for split in Split]
    designs = {spec.design for spec in specs}
    assert len(designs) == len(specs)


@pytest.mark.parametrize("kind", DieKind)
def test_siblings_differ_in_one_thing(kind: DieKind) -> None:
    """A sibling keeps most of the elements, and no two of the first four are alike."""
    for family in range(4):
        designs = [die_spec(family, sibling, Split.TRAIN, kind).design for sibling in range(4)]
        assert len(set(designs)) == 4
        for design in designs[1:]:
            assert abs(len(design.elements) - len(designs[0].elements)) <= 60


@pytest.mark.parametrize("kind", [DieKind.ROUND, DieKind.STAR_ROUND, DieKind.NOTARY, DieKind.RECTANGLE])
def test_siblings_are_similar_and_other_families_are_not(kind: DieKind) -> None:
    siblings, strangers = [], []
    for family in range(8):
        own = render(die_spec(family, 0, Split.TRAIN, kind, Script.LATIN), PX_PER_MM)
        sibling = render(die_spec(family, 1, Split.TRAIN, kind, Script.LATIN), PX_PER_MM)
        stranger = render(die_spec(family + 100, 0, Split.TRAIN, kind, Script.LATIN), PX_PER_MM)
        siblings.append(correlation(own, sibling))
        strangers.append(correlation(own, stranger))
    assert np.median(siblings) > 0.5
    assert np.median(siblings) > np.median(strangers) + 0.2
    assert max(siblings) < 0.9999


def test_resolution_changes_the_grid_and_not_the_design() -> None:
    for kind in (DieKind.ROUND, DieKind.WORD, DieKind.RECTANGLE):
        spec = die_spec(3, 0, Split.TRAIN, kind)
        coarse, fine = render(spec, 4.0), render(spec, 8.0)
        assert fine.shape[0] == pytest.approx(2 * coarse.shape[0], abs=4)
        assert fine.shape[1] == pytest.approx(2 * coarse.shape[1], abs=4)
        assert fine.mean() == pytest.approx(coarse.mean(), rel=0.12)


def test_kinds_are_drawn_as_often_as_stated() -> None:
    drawn = [die_spec(family, 0, Split.TRAIN).kind for family in range(250)]
    assert sum(FREQUENCY.values()) == pytest.approx(1)
    for kind, share in FREQUENCY.items():
        assert drawn.count(kind) / 250 == pytest.approx(share, abs=0.09)


def _families(split: Split) -> list[Family]:
    return [family for family in table() if family.split is split]


def test_many_words_are_one_thin_line() -> None:
    """Common in offices: detectors trained on few of them missed most on real pages."""
    shapes = [render(die_spec(family, 0, Split.TRAIN, DieKind.WORD), PX_PER_MM).shape for family in range(60)]
    assert sum(width > 8 * height for height, width in shapes) >= 6


def test_no_typeface_is_in_both_splits() -> None:
    train = {path for family in _families(Split.TRAIN) for path, _ in family.files}
    test = {path for family in _families(Split.TEST) for path, _ in family.files}
    assert train
    assert test
    assert train.isdisjoint(test)
    assert {f.design for f in _families(Split.TRAIN)}.isdisjoint(f.design for f in _families(Split.TEST))


def test_dies_of_a_split_use_typefaces_of_that_split() -> None:
    for split in Split:
        own = {family.design for family in _families(split)}
        for family in range(60):
            for element in die_spec(family, 0, split).design.elements:
                face = getattr(element, "face", None)
                assert face is None or face.design in own


def test_a_picked_face_has_the_characters_of_the_text() -> None:
    rng = np.random.default_rng(0)
    for split in Split:
        for _ in range(20):
            assert pick(rng, Script.CJK, split, None, "银行转讫专用章").covers("银行转讫专用章")
            assert pick(rng, Script.LATIN, split, Style.SERIF, "Größe").covers("Größe")
    assert not pick(rng, Script.LATIN, Split.TRAIN, Style.MONO).covers("\U0010fffd")


def test_an_impossible_text_names_what_to_install() -> None:
    with pytest.raises(RuntimeError, match="make system-training"):
        pick(np.random.default_rng(0), Script.LATIN, Split.TRAIN, Style.SERIF, "\U0010fffd")


def test_arabic_is_shaped() -> None:
    """Letters that join take other forms, so a word is not as wide as its letters standing alone."""
    word = "المستقبل"
    for seed in range(6):
        for split in Split:
            font = pick(np.random.default_rng(seed), Script.ARABIC, split, None, word).at(64)
            assert font.getlength(word) < 0.9 * sum(font.getlength(letter) for letter in word)


def test_bent_letters_stand_upright_at_top_and_bottom() -> None:
    """An F has its ink to the left of its middle: it does where it stands upright, on either arc."""
    face = pick(np.random.default_rng(2), Script.LATIN, Split.TRAIN, Style.SANS, "F")
    for centre, facing in ((0.0, Facing.OUTWARD), (180.0, Facing.INWARD)):
        letter = rasterise(Design(40, 40, (ArcText("F", face, 6.0, 15.0, 15.0, centre, 60.0, facing),)), 8.0)
        left, right = np.array_split(letter, 2, axis=1)
        upper, lower = np.array_split(letter, 2, axis=0)
        assert left.sum() > right.sum()
        assert upper.sum() > lower.sum()


def test_a_line_reads_clockwise_on_top_and_counter_clockwise_below() -> None:
    face = pick(np.random.default_rng(3), Script.LATIN, Split.TRAIN, Style.SANS, "I.")
    for centre, facing in ((0.0, Facing.OUTWARD), (180.0, Facing.INWARD)):
        line = rasterise(Design(40, 40, (ArcText("MM......", face, 5.0, 15.0, 15.0, centre, 90.0, facing),)), 8.0)
        left, right = np.array_split(line, 2, axis=1)
        assert left.sum() > 2 * right.sum()


def test_every_typeface_comes_from_a_package_that_the_makefile_installs() -> None:
    installed = set(TABLE.with_name("apt-packages.txt").read_text(encoding="utf-8").split())
    assert {family.package for family in table()} <= installed
