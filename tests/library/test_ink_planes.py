"""What a comparison sees of a crop: the stamp's own density, its ink, and what is printed or written over it."""

import numpy as np
import pytest

from stamp2vec.comparison.ink import INK, MOST_PX, OTHER, OWN, ink_planes, reduced
from tests.library.seals import BLUE, coloured, ink

NAME = "ORION 77"


def printed(crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The crop with three black bars over it, and where they are."""
    bars = np.zeros(crop.shape[:2], bool)
    bars[60:72], bars[150:162], bars[250:262] = True, True, True
    over = crop.copy()
    over[bars] = over[bars] // 8
    return over, bars


@pytest.mark.parametrize("colour", [BLUE, (190, 30, 40), (90, 40, 150), (20, 130, 90)])
def test_black_print_is_told_from_a_coloured_stamp(colour: tuple[int, int, int]) -> None:
    mask = ink(NAME)
    crop, bars = printed(coloured(mask, colour))
    planes = ink_planes(crop, mask).astype(int)
    alone = bars & (mask < 10)
    stamp = ~bars & (mask > 250)
    assert planes[alone][:, OTHER].mean() > 150
    assert planes[alone][:, OWN].mean() < 30
    assert planes[stamp][:, OWN].mean() > 150
    assert planes[stamp][:, OTHER].mean() < 10
    assert planes[bars & (mask > 250)][:, OWN].mean() > 100, "the stamp shows through the print"


def test_a_grey_crop_has_no_other_ink() -> None:
    mask = ink(NAME)
    crop, bars = printed(coloured(mask, (40, 40, 40)))
    planes = ink_planes(crop, mask)
    assert not planes[..., OTHER].any()
    assert planes[bars | (mask > 250)][:, OWN].min() > 150, "print and stamp are one"
    assert planes[~bars & (mask == 0)][:, OWN].max() == 0


def test_print_that_the_segmenter_leaves_out_is_no_ink() -> None:
    mask = ink(NAME)
    crop, bars = printed(coloured(mask))
    planes = ink_planes(crop, mask).astype(int)
    far = bars & (mask < 10) & (np.asarray(ink(NAME, scale=1.1)) < 10)
    assert planes[far][:, INK].mean() < 60
    assert planes[mask > 250][:, INK].min() > 120


def test_a_pale_strike_on_tinted_paper_looks_like_a_strong_one() -> None:
    mask = ink(NAME)
    strong = coloured(mask)
    pale = 255 - (255 - strong.astype(float)) / 3
    tinted = np.rint(pale * np.array([245, 235, 200]) / 255).astype(np.uint8)
    expected, found = (ink_planes(crop, mask).astype(int) for crop in (strong, tinted))
    for plane in (OWN, INK):
        assert np.abs(expected[mask > 250][:, plane] - found[mask > 250][:, plane]).mean() < 25
    assert found[mask == 0][:, OWN].max() < 40


def test_large_crops_are_reduced() -> None:
    crop = np.full((3000, 1500, 3), 255, np.uint8)
    assert reduced(crop).shape == (MOST_PX, MOST_PX // 2, 3)
    assert reduced(crop[:, :, 0]).shape == (MOST_PX, MOST_PX // 2)
    small = crop[:100, :90]
    assert reduced(small) is small
    assert reduced(crop[:1]).shape == (1, MOST_PX, 3)
    assert ink_planes(crop, crop[..., 0]).shape == (MOST_PX, MOST_PX // 2, 3)


@pytest.mark.parametrize("level", [0, 64, 128, 255])
@pytest.mark.parametrize("soft", [0, 255])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (40, 40)])
def test_any_crop_has_planes(level: int, soft: int, shape: tuple[int, int]) -> None:
    planes = ink_planes(np.full((*shape, 3), level, np.uint8), np.full(shape, soft, np.uint8))
    assert planes.shape == (*shape, 3)
    assert planes.dtype == np.uint8
    assert level == 0 or not planes[..., OWN].any(), "a crop of one level is paper"
