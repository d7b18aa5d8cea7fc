"""Rings and lines of drawn stamps, whose geometry is known, as straight strips."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.reading import find_places, straighten, unroll
from stamp2vec.strips import Line, Reading, Ring, Strip
from stamp2vec.values import StampType
from tests.conftest import ROOT
from tests.verdicts.seals import Design, Layout, draw

INK, PAPER = np.array([38, 62, 158]), np.array([247, 245, 238])
SIDE, RADIUS = 620, 239.0  # of a round crop, and of the rim on it
# Ts are heavy at their tops and Ls at their feet: a strip that is upside-down or read backwards has them elsewhere.
ROUND = Design(Layout.ROUND, upper="T T T T L L L L", centre="1 MAY", lower="L L L T")
OVAL = replace(ROUND, layout=Layout.OVAL)
RECTANGLE = replace(ROUND, layout=Layout.RECTANGLE, rings=1)


def impression(design: Design, degrees: float = 0.0, side: int = SIDE) -> np.ndarray:
    """Its ink in the middle of a square crop, turned clockwise: uint8 (side, side)."""
    die = Image.fromarray(np.rint(draw(design) * 255).astype(np.uint8))
    paper = Image.new("L", (side, side), 0)
    paper.paste(die, ((side - die.width) // 2, (side - die.height) // 2))
    return np.asarray(paper.rotate(-degrees, Image.Resampling.BICUBIC))


def page(mask: np.ndarray) -> np.ndarray:
    """A crop, uint8 (h, w, 3), that shows this ink."""
    share = mask[..., None] / 255
    return np.rint(PAPER * (1 - share) + INK * share).astype(np.uint8)


def rings(strips: tuple[Strip, ...], reading: Reading) -> list[tuple[Strip, Ring]]:
    return [(one, one.place) for one in strips if isinstance(one.place, Ring) and one.place.reading is reading]


def letters(strip: Strip, middle: float, spread: float) -> str:
    """T where letters are heavier at their tops, L where at their feet, read along a share of the strip.

    `middle` is where that share lies and `spread` how far it goes, both in shares of the strip's width.
    """
    width = strip.ink.shape[1]
    columns = (np.arange(round((middle - spread / 2) * width), round((middle + spread / 2) * width))) % width
    part = strip.ink[:, columns].astype(float)
    rows = np.flatnonzero(part.mean(1) > 12)
    part = part[rows[0] : rows[-1] + 1]
    inked = part.max(0) > 128
    starts = np.flatnonzero(np.diff(inked.astype(int), prepend=0) == 1)
    ends = np.flatnonzero(np.diff(inked.astype(int), append=0) == -1) + 1
    half, found = len(part) // 3, ""
    for start, end in zip(starts, ends):
        if end - start >= len(part) / 4:  # no dot between the texts
            letter = part[:, start:end]
            found += "T" if letter[:half].sum() > letter[-half:].sum() else "L"
    return found


@pytest.mark.parametrize("degrees", [0.0, 37.0, 120.0, -160.0])
def test_a_round_stamp_is_fitted_and_its_texts_stand_upright(degrees: float) -> None:
    mask = impression(ROUND, degrees)
    strips = unroll(page(mask), mask, StampType.ROUND, degrees)
    (upper, place), *_ = rings(strips, Reading.CLOCKWISE)
    (lower, lower_place), *_ = rings(strips, Reading.COUNTERCLOCKWISE)
    ellipse = place.ellipse
    assert np.hypot(ellipse.x - SIDE / 2, ellipse.y - SIDE / 2) < 0.01 * RADIUS
    assert ellipse.semi_minor == pytest.approx(RADIUS, rel=0.01)
    assert ellipse.semi_major == pytest.approx(RADIUS, rel=0.01)
    top = (degrees - place.start_degrees) % 360 / 360  # where the stamp's own top is in the strip
    foot = (lower_place.start_degrees - degrees - 180) % 360 / 360
    assert letters(upper, top, 0.55) == "TTTTLLLL"
    assert letters(lower, foot, 0.33) == "LLLT"
    assert upper.pixels.shape == (*upper.ink.shape, 3)


@pytest.mark.parametrize("degrees", [0.0, -25.0, 90.0])
def test_an_oval_stamp_is_fitted_with_its_rotation(degrees: float) -> None:
    mask = impression(OVAL, degrees)
    strips = unroll(page(mask), mask, StampType.OVAL, degrees)
    (upper, place), *_ = rings(strips, Reading.CLOCKWISE)
    ellipse = place.ellipse
    assert np.hypot(ellipse.x - SIDE / 2, ellipse.y - SIDE / 2) < 0.01 * RADIUS
    assert (ellipse.semi_major, ellipse.semi_minor) == pytest.approx((RADIUS, 169), rel=0.015)
    assert (ellipse.rotation_degrees - degrees + 90) % 180 - 90 == pytest.approx(0, abs=1)
    (whole,) = straighten(page(mask), mask, [replace(place, start_degrees=degrees % 360 + 180)])
    assert letters(whole, 0.5, 0.55) == "TTTTLLLL"
    assert upper.ink.shape[0] == pytest.approx((place.outer - place.inner) * ellipse.radius, abs=1)


@pytest.mark.parametrize(("design", "stamp_type"), [(ROUND, StampType.ROUND), (OVAL, StampType.OVAL)])
def test_the_rim_is_a_straight_line_of_a_strip(design: Design, stamp_type: StampType) -> None:
    mask = impression(design, 20)
    place = find_places(mask, stamp_type, 20)[0]
    assert isinstance(place, Ring)
    (strip,) = straighten(page(mask), mask, [replace(place, inner=0.9, outer=1.1)])
    first = (strip.ink > 128).argmax(0)
    assert first.std() < 0.01 * place.ellipse.radius
    assert first.mean() == pytest.approx(strip.ink.shape[0] / 2, abs=0.02 * place.ellipse.radius)


@pytest.mark.parametrize("side", [58, 90])
def test_a_stamp_of_few_pixels_is_fitted(side: int) -> None:
    ink = np.asarray(Image.fromarray(impression(ROUND)).resize((side, side), Image.Resampling.BOX))
    ring = next(place for place in find_places(ink, StampType.ROUND, 0.0) if isinstance(place, Ring))
    assert (ring.ellipse.x, ring.ellipse.y) == pytest.approx((side / 2, side / 2), abs=0.05 * side)
    assert ring.ellipse.radius == pytest.approx(RADIUS * side / SIDE, rel=0.1)


def test_a_ring_begins_between_its_texts() -> None:
    mask = impression(ROUND, 75)
    for strip in unroll(page(mask), mask, StampType.ROUND, 75)[:2]:
        sixtieth = strip.ink.shape[1] // 60
        assert strip.ink[:, :sixtieth].mean() < 3
        assert strip.ink[:, -sixtieth:].mean() < 3


def test_small_digits_between_the_ends_of_a_text_do_not_move_its_start() -> None:
    image = Image.new("L", (440, 440), 0)
    pen = ImageDraw.Draw(image)
    pen.ellipse((20, 20, 420, 420), outline=255, width=5)

    def strokes(degrees: float, width: float, radii: range) -> None:
        turn = np.radians(degrees + width * np.array([-1.0, -0.5, 0.0, 0.5, 1.0]))
        for each in turn:
            pen.line([(220 + r * np.sin(each), 220 - r * np.cos(each)) for r in (radii[0], radii[-1])], 255, 3)
        pen.line([(220 + radii[0] * np.sin(t), 220 - radii[0] * np.cos(t)) for t in turn], 255, 3)

    for degrees in range(-130, 131, 20):  # letters around the top, with gaps between them
        strokes(degrees, 6.0, range(130, 186))
    for number in range(13):  # digits around the foot, closer to each other and to the letters than those are
        strokes(180 + 6.0 * (number - 6), 2.0, range(168, 186))
    ring = next(place for place in find_places(np.asarray(image), StampType.ROUND, 0.0) if isinstance(place, Ring))
    assert 145 < ring.start_degrees < 215


def test_a_rim_that_is_worn_off_in_a_place_is_no_gap_between_texts() -> None:
    image = Image.new("L", (440, 440), 0)
    pen = ImageDraw.Draw(image)
    pen.ellipse((20, 20, 420, 420), outline=255, width=22)
    for degrees in range(-112, 113, 28):  # letters around the top
        turn = np.radians(degrees + np.array([-4.0, 0.0, 4.0]))
        for radius in (130, 140, 150, 160):
            pen.line([(220 + radius * np.sin(t), 220 - radius * np.cos(t)) for t in turn], 255, 4)
    pen.polygon(
        [(220 + r * np.sin(t), 220 - r * np.cos(t)) for r, t in ((175, 0.1), (260, 0.1), (260, 0.4), (175, 0.4))], 0
    )
    ring = next(place for place in find_places(np.asarray(image), StampType.ROUND, 0.0) if isinstance(place, Ring))
    assert 140 < ring.start_degrees < 220


def test_a_second_ring_of_text_is_apart_from_the_first() -> None:
    inner = np.asarray(
        Image.fromarray(np.rint(draw(replace(ROUND, rings=0)) * 255).astype(np.uint8)).resize((290, 290))
    )
    mask = impression(replace(ROUND, centre=" ")).copy()
    middle = slice(SIDE // 2 - 145, SIDE // 2 + 145)
    mask[middle, middle] = inner
    places = [place for place in find_places(mask, StampType.ROUND, 0) if isinstance(place, Ring)]
    assert [place.reading for place in places] == [*Reading, *Reading]
    outer, _, second, _ = places
    assert outer.inner < 0.7 < 0.86 < outer.outer
    assert second.inner < 0.4 < 0.53 < second.outer < outer.inner


def test_what_is_inside_of_the_rings_is_a_line() -> None:
    mask = impression(ROUND, 30)
    *_, last = unroll(page(mask), mask, StampType.ROUND, 25)
    assert isinstance(last.place, Line)
    assert last.place.angle_degrees == pytest.approx(30, abs=1.5)
    assert max(last.place.width, last.place.height) < 1.3 * RADIUS


@pytest.mark.parametrize("error", [-8.0, 0.0, 8.0])
@pytest.mark.parametrize("degrees", [0.0, -17.0, 90.0, 178.0])
def test_a_rectangle_is_deskewed(degrees: float, error: float) -> None:
    mask = impression(RECTANGLE, degrees)
    (strip,) = unroll(page(mask), mask, StampType.RECTANGLE, degrees + error)
    assert isinstance(strip.place, Line)
    assert strip.place.angle_degrees == pytest.approx(degrees, abs=0.5)
    assert (strip.place.x, strip.place.y) == pytest.approx((SIDE / 2, SIDE / 2), abs=3)
    assert (strip.place.width, strip.place.height) == pytest.approx((478, 214), rel=0.12)
    frame = (strip.ink > 128).argmax(0)[20:-20]
    assert frame.std() < 1.5


def test_print_around_a_stamp_does_not_move_it() -> None:
    mask = impression(ROUND).copy()
    mask[200:212, :] = 255
    mask[400:406, :] = 255
    mask[20:600, 30:60] = 255
    mask[560:600, 380:] = 255
    place = find_places(mask, StampType.ROUND, 0)[0]
    assert isinstance(place, Ring)
    assert np.hypot(place.ellipse.x - SIDE / 2, place.ellipse.y - SIDE / 2) < 0.02 * RADIUS


def test_the_ring_of_a_postmark_is_found_beside_its_lines() -> None:
    mask = np.zeros((SIDE, 1600), np.uint8)
    mask[:, :SIDE] = impression(ROUND)
    for row in range(120, 520, 60):
        mask[row : row + 8, 580:1560] = 255
    place = find_places(mask, StampType.ROUND, 0)[0]
    assert isinstance(place, Ring)
    assert np.hypot(place.ellipse.x - SIDE / 2, place.ellipse.y - SIDE / 2) < 0.02 * RADIUS
    assert place.ellipse.semi_major == pytest.approx(RADIUS, rel=0.02)


@pytest.mark.parametrize("kept", [0.35, 0.5, 0.65, 0.8])
def test_a_stamp_that_the_edge_of_the_page_cuts_keeps_its_centre(kept: float) -> None:
    mask = impression(ROUND)[:, : round(SIDE * kept)]
    strips = unroll(page(mask), mask, StampType.ROUND, 0)
    place = strips[0].place
    assert isinstance(place, Ring)
    assert np.hypot(place.ellipse.x - SIDE / 2, place.ellipse.y - SIDE / 2) < 0.02 * RADIUS
    (strip,) = straighten(page(mask), mask, [replace(place, inner=0.95, outer=1.05, start_degrees=180.0)])
    beyond = strip.pixels[:, round(0.72 * strip.pixels.shape[1]) : round(0.78 * strip.pixels.shape[1])]
    assert np.abs(beyond.astype(int) - PAPER).max() <= 2, "what is not on the crop is paper"


def test_a_third_of_a_ring_may_be_missing() -> None:
    mask = impression(ROUND).copy()
    mask[round(SIDE * 0.62) :] = 0
    place = find_places(mask, StampType.ROUND, 0)[0]
    assert isinstance(place, Ring)
    assert np.hypot(place.ellipse.x - SIDE / 2, place.ellipse.y - SIDE / 2) < 0.02 * RADIUS


@pytest.mark.parametrize("stamp_type", list(StampType))
def test_without_ink_there_are_no_strips(stamp_type: StampType) -> None:
    for side in (1, 8, 300):
        nothing = np.zeros((side, side), np.uint8)
        assert unroll(page(nothing), nothing, stamp_type, 0) == ()


@pytest.mark.parametrize("stamp_type", [StampType.ROUND, StampType.OVAL])
def test_what_is_no_ring_has_none(stamp_type: StampType) -> None:
    line = np.zeros((SIDE, SIDE), np.uint8)
    line[300:320, 60:560] = 255
    noise = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE), np.uint8)
    for mask in (impression(RECTANGLE), line, noise, np.full_like(noise, 255)):
        assert unroll(page(mask), mask, stamp_type, 0) == ()


def test_a_large_crop_gives_strips_of_bounded_size_at_the_same_places() -> None:
    mask = impression(ROUND)
    large = np.asarray(Image.fromarray(mask).resize((5 * SIDE, 5 * SIDE), Image.Resampling.BILINEAR))
    found, expected = unroll(page(large), large, StampType.ROUND, 0), find_places(mask, StampType.ROUND, 0)
    assert len(found) == len(expected)
    assert max(strip.ink.size for strip in found) < 1 << 19
    first, second = found[0].place, expected[0]
    assert isinstance(first, Ring)
    assert isinstance(second, Ring)
    assert first.ellipse.semi_major == pytest.approx(5 * second.ellipse.semi_major, rel=0.01)
    assert letters(found[0], -first.start_degrees % 360 / 360, 0.55) == "TTTTLLLL"


def test_the_edges_on_the_sample_page_are_those_of_the_stamps() -> None:
    result = DocumentPipeline.from_preset()((ROOT / "docs/sample/page.jpg").read_bytes(), include_unrolled=True)
    found = {stamp.type: 0 for stamp in result.pages[0].stamps}
    for stamp in result.pages[0].stamps:
        found[stamp.type] += 1
        place = stamp.unrolled[0].place
        x1, y1, x2, y2 = stamp.box
        middle = ((x1 + x2) / 2 - stamp.crop_box[0], (y1 + y2) / 2 - stamp.crop_box[1])
        if isinstance(place, Line):
            assert stamp.type is StampType.RECTANGLE
            assert (place.x, place.y) == pytest.approx(middle, abs=0.03 * place.width)
        else:
            points = place.ellipse.points(np.linspace(0, 2 * np.pi, 360))
            assert (place.ellipse.x, place.ellipse.y) == pytest.approx(middle, abs=0.03 * place.ellipse.radius)
            assert np.ptp(points, axis=0) == pytest.approx((x2 - x1, y2 - y1), rel=0.05)
    assert found == {StampType.ROUND: 2, StampType.OVAL: 1, StampType.RECTANGLE: 1}


def test_strips_of_a_chosen_band_height_and_span() -> None:
    mask = impression(ROUND)
    place = find_places(mask, StampType.ROUND, 0)[0]
    assert isinstance(place, Ring)
    chosen = replace(place, inner=0.5, outer=1.0, start_degrees=180.0, span_degrees=420.0)
    once, longer = straighten(page(mask), mask, [replace(chosen, span_degrees=360.0), chosen], height_px=48)
    assert once.ink.shape[0] == longer.ink.shape[0] == 48
    assert longer.ink.shape[1] == pytest.approx(once.ink.shape[1] * 420 / 360, abs=1)
    assert once.ink.shape[1] == pytest.approx(48 * 2 * np.pi * 0.75 / 0.5, rel=0.01)
    shown = once.ink.shape[1] * 60 // 360
    assert np.abs(longer.ink[:, -shown:].astype(int) - longer.ink[:, :shown]).mean() < 12, "it goes around again"


def test_what_cannot_be_straightened_is_refused() -> None:
    mask = impression(ROUND)
    crop = page(mask)
    place = find_places(mask, StampType.ROUND, 0)[0]
    assert isinstance(place, Ring)
    with pytest.raises(ValueError, match="a mask of the crop"):
        unroll(crop, mask[1:], StampType.ROUND, 0)
    with pytest.raises(ValueError, match="give uint8"):
        unroll(mask, mask, StampType.ROUND, 0)
    with pytest.raises(ValueError, match="outer edge beyond"):
        straighten(crop, mask, [replace(place, inner=0.9, outer=0.9)])
    with pytest.raises(ValueError, match="width and a height"):
        straighten(crop, mask, [Line(9, 9, 0, 9, 0)])
    with pytest.raises(ValueError, match="pixels high"):
        straighten(crop, mask, [place], height_px=5000)
