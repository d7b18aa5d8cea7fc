"""The stamp alone, on transparency and on white: its colour, and what is left out."""

import numpy as np
import pytest
from PIL import Image

from stamp2vec.ink.lifting import lift, on_white
from tests.library.seals import coloured, ink

NAME = "ORION 77"
RED, BLUE, VIOLET, GREEN = (200, 30, 45), (30, 60, 180), (90, 40, 150), (20, 130, 90)


def tinted(crop: np.ndarray, paper: tuple[int, int, int]) -> np.ndarray:
    """The same ink on other paper."""
    return np.rint(crop * (np.array(paper) / 255)).astype(np.uint8)


@pytest.mark.parametrize("colour", [RED, BLUE, VIOLET, GREEN, (45, 45, 48)])
@pytest.mark.parametrize("paper", [(255, 255, 255), (232, 214, 170)])
def test_the_colour_is_the_ink_s_own_on_any_paper(colour: tuple[int, int, int], paper: tuple[int, int, int]) -> None:
    mask = ink(NAME)
    lifted = lift(tinted(coloured(mask, colour), paper), mask)
    inked, bare = mask > 250, mask == 0
    assert np.abs(lifted[inked][:, :3].mean(0) - colour).max() < 22, "not the paper's mix"
    assert np.ptp(lifted[..., :3].reshape(-1, 3), axis=0).max() == 0, "one colour, also where it is transparent"
    assert lifted[inked][:, 3].mean() > 235
    assert lifted[bare][:, 3].mean() < 2


def test_a_soft_edge_stays_soft() -> None:
    mask = ink(NAME)
    lifted = lift(coloured(mask, BLUE), mask)
    edge = (mask > 60) & (mask < 190)
    assert np.corrcoef(lifted[edge][:, 3], mask[edge])[0, 1] > 0.7
    assert 40 < lifted[edge][:, 3].mean() < 215


@pytest.mark.parametrize(("colour", "other"), [(RED, (20, 20, 20)), (BLUE, (25, 25, 25)), (RED, (25, 60, 170))])
def test_print_and_pen_of_another_colour_are_left_out(
    colour: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    mask = ink(NAME)
    bars = np.zeros(mask.shape, bool)
    bars[60:65], bars[150:155], bars[250:255] = True, True, True
    crop = coloured(mask, colour).astype(float)
    crop[bars] *= np.array(other) / 255
    wrong = np.maximum(mask, bars * np.uint8(200))  # a segmenter that takes all of it for the stamp's
    lifted = lift(np.rint(crop).astype(np.uint8), wrong)
    assert lifted[bars & (mask == 0)][:, 3].mean() < 25
    assert lifted[~bars & (mask > 250)][:, 3].mean() > 200
    assert np.abs(lifted[0, 0, :3].astype(int) - colour).max() < 40


def test_ink_under_black_print_is_kept() -> None:
    mask = ink(NAME)
    bars = np.zeros(mask.shape, bool)
    bars[60:68], bars[150:158] = True, True
    crop = coloured(mask, RED).astype(float)
    crop[bars] *= 0.25
    lifted = lift(np.rint(crop).astype(np.uint8), mask)
    assert lifted[bars & (mask > 250)][:, 3].mean() > 100


def test_nothing_that_the_mask_lacks_is_taken_along() -> None:
    mask = ink(NAME)
    crop = coloured(mask, BLUE)
    upper = mask.copy()
    upper[160:] = 0
    lifted = lift(crop, upper)
    assert not lifted[175:, :, 3].any()
    assert lifted[:150, :, 3][mask[:150] > 250].mean() > 235


def test_where_there_is_no_ink_all_is_transparent() -> None:
    paper = np.full((40, 50, 3), 240, np.uint8)
    assert not lift(paper, np.zeros((40, 50), np.uint8))[..., 3].any()
    assert not lift(paper, np.full((40, 50), 255, np.uint8))[..., 3].any(), "a mask of bare paper"
    assert lift(paper[:1, :1], np.zeros((1, 1), np.uint8)).shape == (1, 1, 4)


def test_a_large_crop_is_lifted_as_a_small_one() -> None:
    mask = ink(NAME)
    small = lift(coloured(mask, RED), mask)
    large = np.asarray(Image.fromarray(mask).resize((2240, 2240), Image.Resampling.BICUBIC))
    lifted = lift(coloured(large, RED), large)
    again = np.asarray(Image.fromarray(lifted[..., 3]).resize((320, 320), Image.Resampling.BOX))
    assert np.abs(again.astype(int) - small[..., 3]).mean() < 4
    assert np.abs(lifted[0, 0, :3].astype(int) - small[0, 0, :3]).max() < 10


def test_on_white_is_what_a_viewer_shows() -> None:
    mask = ink(NAME)
    lifted = lift(tinted(coloured(mask, GREEN), (230, 220, 190)), mask)
    white = Image.new("RGBA", (mask.shape[1], mask.shape[0]), "white")
    expected = np.asarray(Image.alpha_composite(white, Image.fromarray(lifted)).convert("RGB"))
    shown = on_white(lifted)
    assert np.abs(shown.astype(int) - expected).max() <= 1
    assert (shown[mask == 0] > 250).all()


def test_a_crop_without_its_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="a mask of the crop"):
        lift(np.zeros((9, 9, 3), np.uint8), np.zeros((8, 9), np.uint8))
    with pytest.raises(ValueError, match="give uint8"):
        lift(np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8))
