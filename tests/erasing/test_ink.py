"""What erasing does to pixels: the stamp goes, print stays, and nothing changes beyond it."""

import numpy as np
import pytest

from stamp2vec.ink.erasing import erase
from tests.erasing.sheets import INKS, outside, ring, sheet


@pytest.mark.parametrize("ink", INKS)
def test_coloured_ink_goes_and_print_under_it_stays(ink: str) -> None:
    stamped, clean = np.asarray(sheet(ink)), np.asarray(sheet())
    erasure = erase(stamped, ring())
    inked = ring() > 0
    before, after = (np.abs(page[inked].astype(int) - clean[inked]).mean() for page in (stamped, erasure.pixels))
    assert before > 40
    assert after < 0.12 * before
    print_under = inked & (clean.max(2) < 60)
    assert print_under.sum() > 300
    assert np.abs(erasure.pixels[print_under].astype(int) - clean[print_under]).mean() < 20
    assert erasure.left < 0.02


def test_no_ghost_of_a_stamp_stays_on_paper_with_grain() -> None:
    clean, erasure = np.asarray(sheet()), erase(np.asarray(sheet("blue")), ring())
    paper = (ring() > 0) & (clean.min(2) > 150)
    assert abs(float(erasure.pixels[paper].mean()) - float(clean[paper].mean())) < 2.5
    assert 0.4 < float(erasure.pixels[paper].std()) / float(clean[paper].std()) < 1.6


def test_nothing_changes_beyond_the_stamp() -> None:
    stamped = np.asarray(sheet("red"))
    erasure = erase(stamped, ring())
    np.testing.assert_array_equal(erasure.pixels[~erasure.changed], stamped[~erasure.changed])
    assert not erasure.changed[outside()].any()
    again = erase(stamped, ring())
    np.testing.assert_array_equal(again.pixels, erasure.pixels)


def test_writing_in_another_colour_stays() -> None:
    stamped = np.array(sheet("red"))
    stamped[150:156, 60:300] = (40, 60, 170)  # a stroke of blue pen, across the ring
    erasure = erase(stamped, ring())
    beside = np.zeros(ring().shape, bool)
    beside[151:155, 120:240] = True
    beside &= ring() == 0
    np.testing.assert_array_equal(erasure.pixels[beside], stamped[beside])
    crossing = erasure.pixels[151:155, 60:300].astype(int)
    assert (crossing.max(2) < 200).all(), "the stroke has no hole"


def test_pale_ink_is_told_from_black_print_without_a_colour() -> None:
    grey, clean = (
        np.asarray(sheet("green").convert("L").convert("RGB")),
        np.asarray(sheet().convert("L").convert("RGB")),
    )
    erasure = erase(grey, ring())
    inked = ring() > 0
    before, after = (np.abs(page[inked].astype(int) - clean[inked]).mean() for page in (grey, erasure.pixels))
    assert after < 0.4 * before
    print_under = inked & (clean.max(2) < 60)
    assert float(erasure.pixels[print_under].mean()) < 110


def test_strokes_that_cross_black_ink_have_no_holes() -> None:
    page = np.full((200, 300, 3), 255, np.uint8)
    page[95:101, 20:280] = 0  # a line of print
    mask = np.zeros((200, 300), np.uint8)
    mask[40:160, 145:153] = 255  # a bar of the stamp, as black
    stamped = page.copy()
    stamped[mask > 0] = 0
    visible = mask.copy()
    visible[95:101] = 0  # the segmenter does not see the stamp under the print
    erasure = erase(stamped, visible)
    assert (erasure.pixels[96:100, 140:160] < 60).all()
    assert (erasure.pixels[50:85, 146:152] > 200).all()


@pytest.mark.parametrize("level", [0, 255])
def test_a_page_of_nothing_is_no_error(level: int) -> None:
    page = np.full((50, 60, 3), level, np.uint8)
    full = erase(page, np.full((50, 60), 255, np.uint8))
    empty = erase(page, np.zeros((50, 60), np.uint8))
    assert full.pixels.shape == page.shape
    np.testing.assert_array_equal(empty.pixels, page)
    assert empty.left == 1
