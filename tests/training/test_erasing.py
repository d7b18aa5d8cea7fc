"""The evaluation of erasing: its measures, on pages of which the answer is known."""

import numpy as np
import pytest

from stamp2vec.values import Preset
from training.evaluate.erasing import Erased, _reports, _ssim, table
from training.evaluate.reading import edits, touched_lines
from training.evaluate.unstamped import Case, Imprint, Word


@pytest.mark.parametrize(
    ("text", "truth", "count"),
    [("", "", 0), ("abc", "abc", 0), ("", "abc", 3), ("abcd", "abc", 1), ("xbc", "abc", 1), ("kitten", "sitting", 3)],
)
def test_edits(text: str, truth: str, count: int) -> None:
    assert edits(text, truth) == edits(truth, text) == count


def case(words: tuple[Word, ...], ink: np.ndarray) -> Case:
    blank = np.full((*ink.shape, 3), 255, np.uint8)
    return Case(blank, blank, ink, words, (Imprint((0, 0, 400, 100), "red"),), "clean")


def test_words_under_a_stamp_become_lines() -> None:
    ink = np.zeros((200, 400), np.uint8)
    ink[:100] = 255
    words = (
        Word("two", (10.0, 20.0, 60.0, 40.0)),
        Word("words", (70.0, 20.0, 150.0, 40.0)),
        Word("apart", (300.0, 20.0, 380.0, 40.0)),
        Word("below", (10.0, 60.0, 90.0, 80.0)),
        Word("beyond", (10.0, 150.0, 90.0, 170.0)),
    )
    lines = touched_lines(case(words, ink), (0, 0, 400, 200))
    assert [line.text for line in lines] == ["two words", "apart", "below"]
    assert lines[0].box == (4, 14, 156, 46)
    assert not touched_lines(case(words, np.zeros_like(ink)), (0, 0, 400, 200))


def test_a_page_on_its_side_has_no_lines() -> None:
    ink = np.full((400, 200), 255, np.uint8)
    words = (Word("two", (20.0, 10.0, 40.0, 60.0)), Word("words", (20.0, 70.0, 40.0, 150.0)))
    assert touched_lines(case(words, ink), (0, 0, 200, 400)) == []


def test_similarity_is_one_of_the_same_and_less_of_others() -> None:
    page = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    assert _ssim(page, page) == pytest.approx(1)
    assert _ssim(page, 255 - page) < 0.2


def test_error_rates_are_of_all_letters_of_a_group() -> None:
    values = {"psnr_before": 8.0, "psnr": 20.0, "ssim_before": 0.5, "ssim": 0.9, "residual": 0.1}
    stamps = [
        Erased("red", "clean", True, True, **values, letters=90, edits_before=45, edits=9, edits_clean=0),
        Erased("black", "clean", False, False, **values, letters=10, edits_before=5, edits=5, edits_clean=1),
    ]
    reports = {each.group: each for each in _reports(Preset.FAST, stamps)}
    assert (reports["all"].error_before, reports["all"].error, reports["all"].found) == (0.5, 0.14, 0.5)
    assert reports["coloured, and found"].error == 0.1
    assert "grey or black, and found" not in reports
    rows = list(table(list(reports.values())))
    assert len(rows) == len(reports) + 2
