"""What the reader learns from: letters are where the strips of drawn lines and stamps show them."""

import numpy as np
import pytest

from stamp2vec.reading.alphabet import BLANK, CHARACTERS, class_of
from stamp2vec.reading.canvas import LINE_PX, STEP_PX
from stamp2vec.reading.places import reading_places
from stamp2vec.strips import Ring
from stamp2vec.values import StampType
from training.reader import stamps
from training.reader.examples import UNKNOWN, example
from training.reader.lines import VIETNAMESE, Kind, Line, draw
from training.synth import vocabulary
from training.synth.die import DieKind, die_spec
from training.synth.dies.elements import ArcText, Facing
from training.synth.fonts import Script, Split

ORNAMENTS = "*"


def test_every_letter_that_is_drawn_is_a_class() -> None:
    lists = [lists for lists in vars(vocabulary).values() if isinstance(lists, dict)]
    texts = [text for each in lists for script in (Script.LATIN, Script.CYRILLIC) for text in each.get(script, ())]
    letters = {letter for text in (*texts, *VIETNAMESE) for letter in text + text.upper()}
    assert {letter for letter in letters if class_of(letter) == BLANK} <= set(ORNAMENTS)
    assert all(class_of(letter) < len(CHARACTERS) for letter in letters)


def inked(line: Line) -> np.ndarray:
    """The columns of a strip with ink, bool (W,)."""
    dark = line.pixels < np.median(line.pixels) - 25
    return np.asarray(dark.any(0))


@pytest.mark.parametrize("kind", [Kind.LATIN, Kind.VIETNAMESE, Kind.CYRILLIC, Kind.HAN, Kind.OTHER])
def test_letters_of_a_line_stand_on_its_ink(kind: Kind) -> None:
    rng = np.random.default_rng(3)
    for _ in range(8):
        line = draw(rng, kind, Split.TRAIN, 0.0)
        assert line.letters
        for letter in line.letters:
            if letter.character.isalnum() and not letter.cut:
                assert inked(line)[int(letter.left) : int(letter.right) + 1].any(), letter
        twice = line.turned().turned()
        np.testing.assert_array_equal(twice.pixels, line.pixels)
        assert [one.left for one in twice.letters] == pytest.approx([one.left for one in line.letters])


def test_letters_of_a_ring_stand_where_its_strip_shows_them() -> None:
    rng = np.random.default_rng(5)
    spec = die_spec(stamps.FIRST_FAMILY + 3, 0, Split.TRAIN, DieKind.ROUND, Script.CYRILLIC)
    stamp = stamps.struck(rng, spec, 10.0, 0.0)
    arcs = [each for each in spec.design.elements if isinstance(each, ArcText)]
    places = [
        place
        for place in reading_places(stamp.ink, StampType.ROUND, stamp.impression.angle_deg)
        if isinstance(place, Ring)
    ]
    strips = list(stamps.lines_at(stamp, places))
    for facing in Facing:
        wanted = "".join(each.text for each in arcs if each.facing is facing).replace(" ", "")
        best = max(
            (
                "".join(a.character for a in strip.letters if a.upside_down is (facing is Facing.INWARD))
                for strip in strips
            ),
            key=len,
        )
        assert set(wanted) <= set(best)
    line = max(strips, key=lambda strip: sum(not letter.cut for letter in strip.letters))
    dark = 255.0 - line.pixels
    for letter in line.letters:
        if letter.character.isalnum() and not letter.cut and 3 < letter.left < letter.right < line.pixels.shape[1] - 3:
            assert dark[:, int(letter.left) : int(letter.right) + 1].max() > 128, letter


def test_an_example_says_what_its_columns_show() -> None:
    rng = np.random.default_rng(1)
    said = 0
    for _ in range(20):
        line = draw(rng, Kind.LATIN, Split.TRAIN, 0.0)
        one = example(rng, line, 1600)
        assert one.pixels.shape == (LINE_PX, 1600)
        assert one.columns.shape == (1600 // STEP_PX,)
        shown = set(one.columns.tolist()) - {BLANK, UNKNOWN}
        if one.text is not None:
            said += 1
            assert shown <= {*one.text, class_of(" ")}
    assert said > 5


def test_what_stands_on_its_head_or_is_not_read_says_nothing() -> None:
    rng = np.random.default_rng(2)
    for _ in range(5):
        turned = example(rng, draw(rng, Kind.LATIN, Split.TRAIN, 0.0).turned(), 320)
        assert turned.text is None
        assert set(turned.columns.tolist()) == {BLANK}
        foreign = example(rng, draw(rng, Kind.OTHER, Split.TRAIN, 0.0), 320)
        assert foreign.text is None
        assert all(kind in (BLANK, UNKNOWN) or kind >= len(CHARACTERS) for kind in foreign.columns.tolist())
