"""The colour of ink: on white and tinted paper, in bad light, under and over black print."""

import io

import numpy as np
import pytest
from PIL import Image

from stamp2vec.imaging import ink_colour, ink_colours
from stamp2vec.values import InkColour

# -ln(R, G, B) of inks of the trade, to a largest value of 1.
SPECTRA = {
    InkColour.BLACK: (1.0, 0.99, 0.95),
    InkColour.BLUE: (1.0, 0.84, 0.22),
    InkColour.VIOLET: (0.66, 1.0, 0.3),
    InkColour.RED: (0.12, 1.0, 0.88),
    InkColour.GREEN: (1.0, 0.33, 0.62),
    InkColour.GREY: (0.98, 1.0, 0.96),
}
DENSITY = {InkColour.BLACK: 1.8, InkColour.GREY: 0.45}


def stamped(ink: InkColour, paper: tuple[int, int, int] = (250, 250, 250), density: float | None = None) -> np.ndarray:
    """A ring of ink on noisy paper, uint8 (120, 120, 3)."""
    y, x = np.mgrid[:120, :120] - 59.5
    radius = np.hypot(x, y)
    film = ((radius > 40) & (radius < 52)) * (density or DENSITY.get(ink, 1.0))
    light = np.exp(-film[..., None] * np.array(SPECTRA[ink])) * paper
    pixels: np.ndarray = (light + np.random.default_rng(0).normal(0, 4, light.shape)).clip(0, 255).astype(np.uint8)
    return pixels


@pytest.mark.parametrize("ink", InkColour)
@pytest.mark.parametrize("paper", [(250, 250, 250), (240, 225, 180), (190, 210, 185), (150, 140, 145)])
def test_every_ink_has_its_colour_on_every_paper(ink: InkColour, paper: tuple[int, int, int]) -> None:
    assert ink_colour(stamped(ink, paper)) is ink


@pytest.mark.parametrize("ink", [InkColour.BLUE, InkColour.VIOLET, InkColour.RED, InkColour.GREEN])
def test_faint_ink_keeps_its_hue(ink: InkColour) -> None:
    assert ink_colour(stamped(ink, density=0.35)) is ink


@pytest.mark.parametrize("ink", [InkColour.BLUE, InkColour.VIOLET, InkColour.RED, InkColour.GREEN])
def test_black_print_under_the_stamp_does_not_make_it_black(ink: InkColour) -> None:
    crop = stamped(ink)
    crop[10:110:12, :] = crop[10:110:12, :] // 8
    crop[11:110:12, :] = crop[11:110:12, :] // 8
    assert ink_colour(crop) is ink


def test_a_mask_separates_the_stamp_from_its_surroundings() -> None:
    crop = stamped(InkColour.BLACK)
    mask = np.where(crop.mean(2) < 150, 255, 0).astype(np.uint8)
    crop[45:75, 45:75] = (220, 40, 60)
    crop[:12] = (220, 40, 60)
    assert ink_colour(crop) is InkColour.RED
    assert ink_colour(crop, mask) is InkColour.BLACK
    assert ink_colour(crop, np.zeros_like(mask)) is InkColour.RED  # a mask without ink changes nothing


@pytest.mark.parametrize("ink", InkColour)
def test_on_a_grey_scan_ink_is_black_or_grey(ink: InkColour) -> None:
    grey = stamped(ink).mean(2, keepdims=True).astype(np.uint8)
    assert ink_colour(np.repeat(grey, 3, 2)) in (InkColour.BLACK, InkColour.GREY)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_without_ink_there_is_no_colour(level: int) -> None:
    assert ink_colour(np.full((8, 8, 3), level, np.uint8)) is None


def test_thin_black_strokes_have_not_the_hue_that_a_jpeg_gives_them() -> None:
    """Of its paper: a JPEG has one hue for four pixels."""
    crop = np.full((120, 120, 3), (255, 240, 140), np.uint8)
    y, x = np.mgrid[:120, :120] - 59.5
    for radius in (20, 35, 45, 55):
        crop[np.abs(np.hypot(x, y) - radius) < 0.8] = (30, 28, 16)
    file = io.BytesIO()
    Image.fromarray(crop).save(file, "JPEG", quality=75)
    assert ink_colour(np.asarray(Image.open(file))) in (InkColour.BLACK, InkColour.GREY)


def test_of_many_inks_none_is_named() -> None:
    crop = stamped(InkColour.RED)
    for part, ink in enumerate((InkColour.RED, InkColour.GREEN, InkColour.BLUE)):
        crop[:, 40 * part : 40 * part + 40] = stamped(ink)[:, 40 * part : 40 * part + 40]
    assert ink_colour(crop) is None


def test_yellow_is_no_ink() -> None:
    crop = np.full((40, 40, 3), 250, np.uint8)
    crop[10:30] = (240, 220, 90)
    assert ink_colour(crop) is None


def test_a_large_crop_is_sampled() -> None:
    crop = stamped(InkColour.VIOLET).repeat(10, 0).repeat(10, 1)
    assert ink_colour(crop, np.full(crop.shape[:2], 255, np.uint8)) is InkColour.VIOLET


def test_of_many_crops_together_each_has_the_answer_that_it_has_alone() -> None:
    crops = [
        stamped(ink, paper)[:side]
        for ink in InkColour
        for paper, side in [((250, 250, 250), 120), ((190, 210, 185), 61)]
    ]
    crops = [*crops, np.full((8, 30, 3), 255, np.uint8)] * 6  # more than are looked at together
    assert ink_colours(crops) == [ink_colour(crop) for crop in crops]
    masks = [np.where(crop.mean(2) < 150, 255, 0).astype(np.uint8) for crop in crops]
    assert ink_colours(crops, masks) == [ink_colour(crop, mask) for crop, mask in zip(crops, masks, strict=True)]
    assert ink_colours([]) == []
