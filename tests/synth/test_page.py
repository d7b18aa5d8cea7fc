"""Pages are the same from the same seed, and their truth lies on the ink."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.synth import shards
from training.synth.arrangements import Arrangement, arranged
from training.synth.backgrounds import Backgrounds
from training.synth.capture import Capture
from training.synth.die import DieKind, die_spec
from training.synth.dies.elements import LineText
from training.synth.fonts import Script, Split
from training.synth.impression import Impression, Ink
from training.synth.lookalikes import OVER, UNDER, Sheet
from training.synth.page import StampedPage, bare_number, captured, make_page, outline, stamp_on
from training.synth.placing import Placed

RED = Ink("red", (0.1, 1.0, 1.0))


@pytest.fixture(scope="module")
def backgrounds() -> Backgrounds:
    return Backgrounds.drawn(4)


def impression(height: int = 60, width: int = 90) -> Impression:
    """An ellipse of even ink, so that its extent is known."""
    ys, xs = np.mgrid[0:height, 0:width]
    inside = ((ys + 0.5) / height * 2 - 1) ** 2 + ((xs + 0.5) / width * 2 - 1) ** 2 <= 1
    coverage = inside.astype(np.float32)
    return Impression(coverage * 2, coverage, RED, 0.0, DieKind.OVAL, 1, 0, Script.LATIN)


def test_the_same_seed_gives_the_same_page(backgrounds: Backgrounds) -> None:
    for seed in range(3):
        first, again = (make_page(seed, Split.TRAIN, backgrounds) for _ in range(2))
        assert np.array_equal(first.image, again.image)
        assert np.array_equal(first.mask, again.mask)
        assert first.stamps == again.stamps
    assert not np.array_equal(
        make_page(3, Split.TRAIN, backgrounds).image, make_page(4, Split.TRAIN, backgrounds).image
    )


def test_boxes_lie_inside_the_page_and_tight_on_the_mask(backgrounds: Backgrounds) -> None:
    alone = 0
    for seed in range(24):
        page = make_page(seed, Split.TRAIN, backgrounds)
        height, width = page.image.shape[:2]
        assert page.mask.shape == (height, width)
        assert page.mask.dtype == np.uint8
        for stamp in page.stamps:
            x1, y1, x2, y2 = stamp.box
            assert 0 <= x1 < x2 <= width
            assert 0 <= y1 < y2 <= height
            assert 0.15 <= stamp.visible <= 1
        if len(page.stamps) == 1:
            ys, xs = np.nonzero(page.mask > 0.25 * 255)
            found = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
            assert np.abs(found - np.array(page.stamps[0].box)).max() <= 6
            alone += 1
    assert alone >= 4


def test_about_a_quarter_of_pages_carry_no_stamp(backgrounds: Backgrounds) -> None:
    free = sum(not make_page(seed, Split.TRAIN, backgrounds, dpi=75).stamps for seed in range(60))
    assert 6 <= free <= 27


def arranged_pages(arrangement: Arrangement, backgrounds: Backgrounds) -> list[StampedPage]:
    return [make_page(seed, Split.TEST, backgrounds, dpi=75, arrangement=arrangement) for seed in range(12)]


def test_two_stamps_of_an_arrangement_touch_or_nearly(backgrounds: Backgrounds) -> None:
    pairs = [page.stamps for page in arranged_pages(Arrangement.TOUCHING, backgrounds) if len(page.stamps) == 2]
    assert len(pairs) >= 9
    for one, other in pairs:
        gaps = [max(a.box[i], b.box[i]) - min(a.box[i + 2], b.box[i + 2]) for a, b in [(one, other)] for i in (0, 1)]
        sides = [stamp.box[i + 2] - stamp.box[i] for stamp in (one, other) for i in (0, 1)]
        assert max(gaps) < 0.35 * max(sides)


def test_a_stamp_at_the_edge_is_there_in_part(backgrounds: Backgrounds) -> None:
    stamps = [stamp for page in arranged_pages(Arrangement.EDGE, backgrounds) for stamp in page.stamps]
    assert len(stamps) >= 9
    assert all(0.2 < stamp.visible < 0.7 for stamp in stamps)


def test_faint_strikes_have_as_much_ink_as_their_name_says(backgrounds: Backgrounds) -> None:
    whole, faint = list[float](), list[float]()
    for seed in range(6):
        for arrangement, densities in ((Arrangement.FAINT_30, whole), (Arrangement.FAINT_15, faint)):
            sheet = Sheet(np.full((1170, 830, 3), 250, np.uint8), 100 / 25.4, np.random.default_rng(seed), Split.TEST)
            placed = arranged(sheet, arrangement, lambda order: impression())
            densities += [float(each.impression.density.max()) for each in placed]
    assert whole
    np.testing.assert_allclose(whole, 0.3 * 2, rtol=1e-5)
    np.testing.assert_allclose(faint, 0.15 * 2, rtol=1e-5)


def test_held_out_pages_come_from_held_out_dies_and_captures(backgrounds: Backgrounds) -> None:
    train, test = (make_page(7, split, backgrounds) for split in (Split.TRAIN, Split.TEST))
    assert train.capture != test.capture


def test_composited_ink_darkens_only_its_window_and_leaves_print_dark() -> None:
    page = np.full((200, 200, 3), 250, np.uint8)
    page[:, 100:104] = 10
    before = page.copy()
    stamp_on(page, Placed(impression(), 80, 70))
    changed = (page != before).any(axis=2)
    ys, xs = np.nonzero(changed)
    assert (ys.min(), ys.max() + 1) == (70, 130)
    assert (xs.min(), xs.max() + 1) == (80, 170)
    assert (page <= before).all()
    assert page[100, 102].max() <= 10


def test_a_stamp_over_the_edge_is_clipped_and_labelled_by_what_is_left() -> None:
    page = np.full((200, 200, 3), 250, np.uint8)
    stamp = Placed(impression(), 200 - 45, 50)
    stamp_on(page, stamp)
    truth = captured([stamp], Capture(page, np.eye(3), "none"))
    assert truth.stamps[0].visible == pytest.approx(0.5, abs=0.03)
    assert truth.stamps[0].box == pytest.approx((155, 50, 200, 110), abs=0.5)


def test_the_box_of_a_rotated_stamp_that_is_cut_off_is_of_its_visible_part() -> None:
    page = np.full((200, 200, 3), 250, np.uint8)
    bar = np.zeros((100, 100), np.float32)
    for row in range(100):
        bar[row, max(row - 8, 0) : row + 8] = 1  # falls from the left, so its foot is to the right
    stamp = Placed(dataclasses.replace(impression(100, 100), coverage=bar, density=2 * bar), 0, 150)
    stamp_on(page, stamp)
    (seen,) = captured([stamp], Capture(page, np.eye(3), "none")).stamps
    ys, xs = np.nonzero((page != 250).any(axis=2))
    assert xs.max() < 60
    assert seen.box == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


def test_ink_that_the_capture_lost_gets_no_label() -> None:
    blank = np.full((200, 200, 3), 250, np.uint8)
    truth = captured([Placed(impression(), 20, 20)], Capture(blank, np.eye(3), "none"))
    assert truth.stamps == ()
    assert truth.mask.max() == 0


def test_the_box_follows_the_ink_through_a_rotation() -> None:
    page = np.full((400, 400, 3), 250, np.uint8)
    stamp = Placed(impression(), 200, 100)
    stamp_on(page, stamp)
    rotated = np.ascontiguousarray(np.rot90(page, -1))
    clockwise = np.array([[0, -1, 400], [1, 0, 0], [0, 0, 1]], np.float64)
    truth = captured([stamp], Capture(rotated, clockwise, "none"))
    ys, xs = np.nonzero((rotated != 250).any(axis=2))
    assert truth.stamps[0].box == pytest.approx((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1), abs=0.5)
    assert truth.stamps[0].angle_deg == pytest.approx(90)


def test_the_outline_holds_all_ink() -> None:
    coverage = np.zeros((40, 50), np.float32)
    coverage[5:9, 10:20] = 1
    coverage[30, 44] = 0.2
    points = outline(coverage)
    assert points.min(0).tolist() == [10, 5]
    assert points.max(0).tolist() == [45, 31]


@pytest.mark.parametrize("drawer", [drawer for _, drawer in UNDER + OVER], ids=lambda drawer: drawer.__name__)
def test_every_lookalike_marks_the_page_even_where_it_hangs_over_the_edge(drawer) -> None:  # type: ignore[no-untyped-def]
    marked = 0
    for seed in range(4):
        page = np.full((500, 360, 3), 240, np.uint8)
        drawer(Sheet(page, 2.5, np.random.default_rng(seed), Split.TRAIN))
        marked += bool((page != 240).any())
    assert marked >= 3


def test_shards_resume_without_duplicates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "backgrounds"
    (cache / "train").mkdir(parents=True)
    Image.fromarray(Backgrounds.drawn(1).pick(np.random.default_rng(0))).save(cache / "train" / "a.jpg")
    out = tmp_path / "shard"

    def run(count: int, seed: int = 0) -> list[dict[str, object]]:
        assert list(shards.write(out, cache, Split.TRAIN, count, 320, seed, workers=1))[-1:] in ([count], [])
        return [json.loads(line) for line in (out / "labels.jsonl").read_text().splitlines()]

    first = run(3)
    with (out / "labels.jsonl").open("a") as stream:
        stream.write('{"file": "images/brok')  # a run that was killed in the middle of a line
    rows = run(5)
    assert rows[:3] == first
    assert [row["seed"] for row in rows] == [0, 1, 2, 3, 4]
    assert run(5) == rows
    assert len({row["file"] for row in run(2, seed=1)}) == 7
    for row in rows:
        image = np.array(Image.open(out / str(row["file"])))
        assert image.shape == (320, 320, 3)
        columns = ("kinds", "angles", "inks", "scripts")
        assert {len(row[name]) for name in columns} == {len(row["boxes"])}  # type: ignore[arg-type]
        assert set(row["scripts"]) <= {script.value for script in Script}  # type: ignore[call-overload]
        for x1, y1, x2, y2 in row["boxes"]:  # type: ignore[attr-defined]
            assert 0 <= x1 < x2 <= 320
            assert 0 <= y1 < y2 <= 320


def test_the_error_of_an_empty_cache_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"python -m training\.synth\.backgrounds"):
        Backgrounds.cached(Split.TRAIN, tmp_path)


def test_a_die_of_digits_alone_is_never_a_stamp_on_a_page() -> None:
    dies = [die_spec(family, 0, Split.TRAIN, DieKind.DATE) for family in range(120)]
    bare = [die for die in dies if bare_number(die)]
    assert 0 < len(bare) < len(dies) / 2
    for die in bare:
        assert [element.text.isdigit() for element in die.design.elements if isinstance(element, LineText)] == [True]
