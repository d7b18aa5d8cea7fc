"""What is made of the readings of a stamp: lines, dates and numbers, with no engine."""

import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from stamp2vec.cli import tables
from stamp2vec.engines.reading.confidence import probability
from stamp2vec.engines.reading.letters import Letters, as_number, with_marks
from stamp2vec.engines.reading.transcript import both_ways, spans
from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import whole
from stamp2vec.reading.alphabet import CHARACTERS, CLASSES, WRITINGS, class_of
from stamp2vec.reading.canvas import CANVAS_HEIGHT_PX, CANVAS_WIDTH_PX, from_canvas, strip_canvas
from stamp2vec.reading.choosing import chosen
from stamp2vec.reading.encoding import readings_from_array, readings_to_array
from stamp2vec.reading.lines import split_lines
from stamp2vec.reading.places import reading_places
from stamp2vec.reading.scripts import as_cyrillic, in_one_script, plain, script_of
from stamp2vec.reading.straightening import positions
from stamp2vec.reading.summary import ReadLine, summary
from stamp2vec.strips import Ellipse, Line, Ring
from stamp2vec.strips import Reading as Way
from stamp2vec.texts import Reading, Script, StripReadings, Writing
from stamp2vec.values import DocumentResult, PageResult, Stamp, StampType, Timing

SIZE = (CANVAS_HEIGHT_PX, CANVAS_WIDTH_PX)
CIRCLE = Ellipse(200.0, 200.0, 190.0, 190.0, 0.0)
OUTER = Ring(CIRCLE, 0.7, 0.95, 180.0, 420.0, Way.CLOCKWISE)
WIDER = dataclasses.replace(OUTER, inner=0.55)
INNER = dataclasses.replace(OUTER, inner=0.35, outer=0.55)
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def reading(text: str, box: tuple[int, int, int, int] = (0, 8, 100, 56), **more: object) -> Reading:
    values: dict[str, object] = {"confidence": 0.95, "score": 0.97, "upside_down": False, "engine": "pp-ocrv6", **more}
    return Reading(box=box, text=text, script=script_of(text), **values)  # type: ignore[arg-type]


def strips(*readings: tuple[Reading, ...]) -> list[StripReadings]:
    return [StripReadings(each) for each in readings]


def texts(places: list[Ring | Line], *readings: tuple[Reading, ...]) -> list[str]:
    return [line.text for line in chosen(places, strips(*readings), 64, 0.0)]


def ring_box(ring: Ring, first: float, last: float) -> tuple[int, int, int, int]:
    """The part of a ring's strip from so many degrees after its start."""
    width = positions(ring, 64).shape[1]
    return round(first / ring.span_degrees * width), 8, round(last / ring.span_degrees * width), 56


def test_a_strip_comes_out_of_its_canvas_as_it_went_in() -> None:
    strip = np.random.default_rng(0).integers(0, 256, (64, 300, 3), np.uint8)
    canvas, place = strip_canvas(whole(strip), SIZE)
    assert canvas.shape == (*SIZE, 3)
    np.testing.assert_array_equal(from_canvas(canvas), strip)
    assert (place.x_scale, place.y_scale) == (1, 1)


def test_boxes_are_in_pixels_of_the_picture_that_was_sent() -> None:
    _, place = strip_canvas(whole(np.zeros((32, 200, 3), np.uint8)), SIZE)
    (found,) = place.restore(StripReadings((reading("A", (40, 16, 80, 64)),))).readings
    assert found.box == (20, 8, 40, 32)


def test_a_strip_that_cannot_be_read_at_its_height_is_refused() -> None:
    strip_canvas(whole(np.zeros((20, 800, 3), np.uint8)), SIZE)
    with pytest.raises(InvalidImage, match="wider than 40 times its height: cut it"):
        strip_canvas(whole(np.zeros((20, 801, 3), np.uint8)), SIZE)


def test_readings_are_bytes_between_processes() -> None:
    for strip in (StripReadings(()), StripReadings((reading("徽商"), reading("")), ("w",))):
        assert readings_from_array(readings_to_array(strip)) == strip


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("STAMP Ltd. 12", Script.LATIN),
        ("ООО «Вектор»", Script.CYRILLIC),
        ("徽商银行 ABC", Script.HAN),
        ("カタカナ", Script.HAN),
        ("شركة", Script.ARABIC),
        ("საქართველო", Script.OTHER),
        ("18.10.2021", None),
        ("", None),
    ],
)
def test_the_script_of_a_text(text: str, script: Script | None) -> None:
    assert script_of(text) is script


def test_letters_that_look_alike() -> None:
    assert as_cyrillic("TOO ABC 12") == "ТОО АВС 12"
    assert as_cyrillic("TOO VECTOR") is None
    assert as_cyrillic("12") is None
    assert plain("Spółka  Z O.O.") == plain("SPÓŁKA zoo")


@pytest.mark.parametrize(
    ("read", "number"),
    [
        ("３４０１0３0423１９2", "3401030423192"),
        ("1 1 0 1 0 2 0", "1101020"),
        ("No 2 0 2 4 A", "No 2024 A"),
        ("1 2 3", "1 2 3"),
        ("12 34 56 78", "12 34 56 78"),
        ("18 10 2 0 2 1", "18 10 2021"),
        ("徽商银行", "徽商银行"),
    ],
)
def test_digits_that_stand_apart_are_a_number(read: str, number: str) -> None:
    scores = tuple(0.5 + 0.01 * at for at in range(len(read)))
    letters = as_number(Letters(read, scores))
    assert letters.text == number
    assert len(letters.scores) == len(number)
    assert letters.scores[-1] == scores[-1]


def test_of_two_bands_the_reading_with_more_sure_letters_stays() -> None:
    found = texts(
        [OUTER, WIDER],
        (reading("STAMP WORKS", ring_box(OUTER, 90, 200)),),
        (reading("STAMP WCRKS LTD", ring_box(WIDER, 90, 240), score=0.6),),
    )
    assert found == ["STAMP WORKS"]


def test_a_text_that_is_read_again_past_the_seam_is_there_once() -> None:
    whole_text, again = ring_box(OUTER, 20, 150), ring_box(OUTER, 380, 420)
    assert texts([OUTER], (reading("NORTHWIND TRADING", whole_text), reading("NORTH", again))) == ["NORTHWIND TRADING"]


def test_unsure_readings_on_a_stamp_in_an_unknown_script_are_none() -> None:
    unread = dataclasses.replace(reading("", ring_box(OUTER, 10, 150)), script=Script.OTHER)
    junk, sure = reading("QUGA", ring_box(OUTER, 160, 200), score=0.7), reading("7701", ring_box(OUTER, 220, 250))
    assert texts([OUTER], (unread, junk, sure)) == ["", "", "7701"]
    assert texts([OUTER], (junk, sure)) == ["QUGA", "7701"]


@pytest.mark.parametrize("upside_down", [False, True])
def test_a_text_all_around_that_is_read_past_the_seam_says_nothing_twice(upside_down: bool) -> None:
    around = reading("KAZAN * ALPHA WORKS * KAZ", ring_box(OUTER, 5, 415), upside_down=upside_down)
    (line,) = chosen([OUTER], strips((around,)), 64, 0.0)
    assert line.text == "KAZAN * ALPHA WORKS *"
    assert line.span_degrees == 360


def test_of_the_band_of_digits_numbers_alone_are_taken() -> None:
    thin = dataclasses.replace(OUTER, inner=0.792, outer=0.968)
    letters, number = reading("CUT LETTERS", ring_box(thin, 20, 150)), reading("1782548", ring_box(thin, 200, 260))
    assert texts([thin], (letters, number)) == ["1782548"]


def test_the_number_between_the_ends_of_a_chinese_text_does_not_displace_it() -> None:
    thin = dataclasses.replace(OUTER, inner=0.792, outer=0.968)
    name = reading("徽商银行股份有限公司", ring_box(WIDER, 40, 340), score=0.7)
    number = reading("3401030423192", ring_box(thin, 10, 60), upside_down=True)
    assert texts([WIDER, thin], (name,), (number,)) == [name.text, number.text]


def test_rings_are_read_from_the_outside_in_and_each_from_its_foot() -> None:
    outer = (
        reading("SECOND", ring_box(OUTER, 150, 250)),
        reading("FIRST", ring_box(OUTER, 20, 120)),
        reading("BELOW", ring_box(OUTER, 290, 350), upside_down=True),
    )
    inner = (reading("INSIDE", ring_box(INNER, 100, 250)),)
    lines = chosen([INNER, OUTER], strips(inner, outer), 64, 0.0)
    assert [line.text for line in lines] == ["FIRST", "SECOND", "BELOW", "INSIDE"]
    first, _, below, _ = [line.arc for line in lines]
    assert first is not None
    assert below is not None
    assert (first.inward, below.inward) == (False, True)
    assert (first.start_degrees, first.end_degrees) == pytest.approx((200, 300), abs=2)
    assert (below.start_degrees, below.end_degrees) == pytest.approx((170, 110), abs=2)
    assert (first.inner_radius, first.outer_radius) == pytest.approx((0.731, 0.919), abs=0.01)


def test_pieces_near_each_other_are_one_line() -> None:
    line = Line(200, 100, 300, 40, 0)
    near = (reading("18", (0, 8, 60, 56)), reading("OCT", (80, 8, 200, 56)), reading("2021", (330, 8, 470, 56)))
    found = chosen([line], strips(near), 64, 0.0)
    assert [each.text for each in found] == ["18 OCT", "2021"]
    assert found[0].box == pytest.approx((50, 85, 175, 115), abs=1)


def test_lines_of_a_stamp_that_stands_on_its_head_are_read_from_its_top() -> None:
    places: list[Ring | Line] = [Line(200, 100, 300, 40, 0), Line(200, 200, 300, 40, 0)]
    lower, upper = reading("SECOND LINE", upside_down=True), reading("FIRST LINE", upside_down=True)
    assert texts(places, (lower,), (upper,)) == ["FIRST LINE", "SECOND LINE"]


def test_alike_letters_on_a_stamp_in_cyrillic_are_cyrillic() -> None:
    places: list[Ring | Line] = [Line(200, 100, 300, 40, 0), Line(200, 200, 300, 40, 0)]
    assert texts(places, (reading("ВЕКТОРБАНК"),), (reading("TOO"),)) == ["ВЕКТОРБАНК", "ТОО"]
    assert texts(places, (reading("VECTOR"),), (reading("TOO"),)) == ["VECTOR", "TOO"]


def block(*lines: str) -> np.ndarray:
    """Ink of lines of text in a frame, uint8 (h, w)."""
    image = Image.new("L", (420, 40 + 50 * len(lines)), 0)
    pen, font = ImageDraw.Draw(image), ImageFont.truetype(FONT, 30)
    pen.rectangle((4, 4, image.width - 5, image.height - 5), outline=255, width=4)
    for number, line in enumerate(lines):
        pen.text((210, 45 + 50 * number), line, 255, font, "mm")
    return np.asarray(image)


def test_a_block_is_split_into_its_lines_without_its_frame() -> None:
    ink = block("ZAPŁACONO", "18 i 19", "Ętna")
    whole_block = Line(210, 95, 420, 190, 0)
    lines = split_lines(ink, whole_block)
    assert [round(line.y) for line in lines] == pytest.approx([45, 95, 145], abs=4)
    assert all(30 <= line.height <= 60 for line in lines)
    assert all(line.width < 300 for line in lines)
    assert split_lines(np.zeros((100, 100), np.uint8), whole_block) == []


def test_letters_that_are_left_out_of_solid_ink_are_lines_too() -> None:
    image = Image.new("L", (400, 200), 255)
    pen, font = ImageDraw.Draw(image), ImageFont.truetype(FONT, 40)
    pen.text((200, 55), "FIRST", 0, font, "mm")
    pen.text((200, 145), "SECOND", 0, font, "mm")
    first, second = split_lines(np.asarray(image), Line(200.0, 100.0, 400.0, 200.0, 0.0))
    assert (first.y, second.y) == pytest.approx((55, 145), abs=4)
    assert first.width < 200


def test_lines_of_a_turned_block_are_where_they_are_on_the_crop() -> None:
    ink = block("FIRST", "SECOND")
    first, second = split_lines(ink, Line(300, 300, 420, 140, 90))
    assert (first.x, first.y) == pytest.approx((325, 300), abs=4)
    assert (second.x, second.y) == pytest.approx((275, 300), abs=4)
    assert first.angle_degrees == 90


def test_every_band_of_a_ring_that_may_hold_letters_is_read() -> None:
    image = Image.new("L", (400, 400), 0)
    pen = ImageDraw.Draw(image)
    pen.ellipse((10, 10, 390, 390), outline=255, width=5)
    pen.text((200, 200), "PAID", 255, ImageFont.truetype(FONT, 50), "mm")
    places = reading_places(np.asarray(image), StampType.ROUND, 0.0)
    rings = [place for place in places if isinstance(place, Ring)]
    assert len(rings) >= 2
    assert all(ring.span_degrees > 360 and ring.reading is Way.CLOCKWISE for ring in rings)
    assert all(positions(ring, 64).shape[1] <= CANVAS_WIDTH_PX for ring in rings)
    (line,) = [place for place in places if isinstance(place, Line)]
    assert (line.x, line.y) == pytest.approx((200, 200), abs=10)


def test_nothing_is_read_of_a_stamp_without_ink() -> None:
    assert reading_places(np.zeros((200, 200), np.uint8), StampType.ROUND, 0.0) == ()


def line(text: str, second: str | None, confidence: float = 0.97) -> ReadLine:
    return ReadLine((reading(text, confidence=confidence),), (0, 0, 10, 10), None, second)


def test_a_date_on_which_two_readings_agree_is_not_in_doubt() -> None:
    found = summary([line("RECEIVED 18.10.2021", "Received 18.10.2021")], ())
    assert [(date.iso, date.text, date.line, date.doubtful) for date in found.dates] == [
        ("2021-10-18", "18.10.2021", 0, False)
    ]
    assert found.numbers == ()
    assert found.words == ("received",)
    assert not found.lines[0].doubtful


@pytest.mark.parametrize(
    ("second", "confidence"), [("18.10.2024", 0.97), ("", 0.97), (None, 0.97), ("18.10.2021", 0.5)]
)
def test_a_date_is_in_doubt(second: str | None, confidence: float) -> None:
    (date,) = summary([line("18.10.2021", second, confidence)], ()).dates
    assert date.doubtful


def test_numbers_have_three_digits_at_least_and_no_marks() -> None:
    found = summary([line("No. 38/9241, tel. 12-34", "No. 38/9241, tel. 12-34")], ())
    assert [(number.digits, number.text, number.doubtful) for number in found.numbers] == [
        ("389241", "38/9241", False),
        ("1234", "12-34", False),
    ]
    assert summary([line("12", "12")], ()).numbers == ()
    (number,) = summary([line("7701123456", "7701128456")], ()).numbers
    assert number.doubtful


def test_words_are_those_of_what_is_more_likely_right() -> None:
    assert summary([line("RECEIVED", None, 0.6), line("SEOIOANI", None, 0.1)], ()).words == ("received",)


def test_text_that_could_not_be_read_is_a_line_without_text() -> None:
    unread = ReadLine((dataclasses.replace(reading(""), script=Script.OTHER),), (0, 0, 9, 9), None, None)
    found = summary([unread], ("a warning",))
    assert [(each.text, each.script, each.doubtful) for each in found.lines] == [("", Script.OTHER, False)]
    assert (found.words, found.warnings) == ((), ("a warning",))


def columns(text: str) -> np.ndarray:
    """Logits of a strip whose columns show these characters; a dot is blank, and # a letter of an unknown writing."""
    logits = np.zeros((len(text), CLASSES), np.float32)
    other = len(CHARACTERS) + WRITINGS.index(Writing.OTHER)
    for place, letter in enumerate(text):
        logits[place, {".": 0, "#": other}.get(letter, class_of(letter))] = 12
    return logits


@pytest.mark.parametrize(
    ("shown", "texts"),
    [
        ("..SST.T.AAA.M..P..", ["STTAMP"]),
        (". P.A I.D.. .5. .", ["PAI D 5"]),
        ("A.B.C" + 12 * "." + "D.E.F", ["ABC", "DEF"]),
        ("A" + 8 * "." + "B" + 8 * "." + "C" + 8 * "." + "D", ["ABCD"]),
        ("-.'.N.o.-.", ["No"]),
        ("..-..", []),
        ("......", []),
        ("oO.K", ["OK"]),
    ],
)
def test_columns_are_lines_of_text(shown: str, texts: list[str]) -> None:
    assert [plain(span.letters.text) for span in spans(columns(shown))] == [plain(text) for text in texts]


def test_letters_of_an_unknown_writing_are_no_text() -> None:
    (span,) = spans(columns("##.##.#.1.##"))
    assert span.writing is Writing.OTHER
    assert (span.first, span.end) == (0, 12)


def test_what_is_read_one_way_up_is_not_read_the_other() -> None:
    upright = columns("S.T.A.M.P" + 20 * ".")
    turned = columns("W.O.R.K.S" + 15 * "." + "d.V..")
    found = [(span.letters.text, way) for span, way in both_ways(upright, turned)]
    assert found == [("STAMP", False), ("WORKS", True)]


def test_a_text_ends_where_the_other_of_a_ring_begins() -> None:
    """Some letters of it can be read upside down."""
    first, second, below = ".".join("ALPHABETAGAMMA"), ".".join("DELTAEPSILON"), ".".join("HUOWXSNHUOWXSNHUOWXSN")
    gap = len(below) + 6
    upright = columns(first + "...N" + "O".center(gap - 8, ".") + "H..." + second)
    turned = columns("." * (len(second) + 3) + below + "." * (len(first) + 3))
    assert [(plain(span.letters.text), way) for span, way in both_ways(upright, turned)] == [
        ("alphabetagamman", False),
        ("huowxsnhuowxsnhuowxsn", True),
        ("hdeltaepsilon", False),
    ]


def test_letters_that_look_alike_are_of_the_script_of_their_word() -> None:
    assert in_one_script("ОАО ВЕКТОР") == "OAO BEKTOP"  # nothing there is Cyrillic alone
    assert in_one_script("OOO ЗВЕЗДA, No. 7") == "ООО ЗВЕЗДА, Nо. 7".replace("Nо", "No")
    assert in_one_script("САRGО БАHK") == "CARGO БАНК"


def test_marks_of_one_reading_are_put_on_the_letters_of_another() -> None:
    bare, marked = (
        Letters(text, tuple(0.9 for _ in text)) for text in ("CONG TY CÔ PHAN DAU TU", "côNGTY CỔ PHẦN.ĐẦU Tư")
    )
    both = with_marks(bare, marked)
    assert both.text == "CÔNG TY CỔ PHẦN ĐẦU TƯ"
    assert both.scores[0] == 0.9 > both.scores[1]
    assert with_marks(bare, bare) == bare
    left_out = Letters("C PHÂN", tuple(0.8 for _ in "C PHÂN"))
    assert with_marks(left_out, Letters("CỔ PHẦN", tuple(0.9 for _ in "CỔ PHẦN"))).text == "CỔ PHẦN"


@pytest.mark.parametrize("engine", ["stamp-text", "pp-ocrv6", "tesseract-rus", "tesseract-ara"])
def test_confidence_rises_with_the_scores(engine: str) -> None:
    chances = [probability(engine, [score] * 10) for score in (0.5, 0.8, 0.95, 0.99, 1.0)]
    assert chances == sorted(chances)
    assert 0 <= chances[0] < 0.2 < 0.5 < chances[-1] < 1


def test_text_as_people_see_it() -> None:
    read = summary([line("No. 7701", "No. 7701"), line("18.10.21", "18.10.21")], ("arabic text was not read",))
    stamp = Stamp((0, 0, 90, 90), 0.9, StampType.ROUND, 0.0, None, (0, 0, 99, 99), None, None, None, text=read)
    page = PageResult(0, 100, 100, (stamp,), None)
    timing = Timing(0, 0, 0, 0, 0, 0)
    result = DocumentResult((page,), np.zeros((0, 0), np.float32), None, None, (), timing, "")
    shown = tables.texts("a.png", result).splitlines()
    assert shown[1:] == [
        "  0.97  No. 7701",
        "  0.97  18.10.21",
        "  dates: 2021-10-18 ?",
        "  numbers: 7701",
        "  warning: arabic text was not read",
    ]
