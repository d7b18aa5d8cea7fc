import numpy as np
import pytest
from PIL import Image

from training.synth.crops import CLEAN_SIZE, make_crop
from training.synth.die import DieKind, die_spec, render
from training.synth.fonts import Script, Split
from training.synth.impression import SPECTRA, Ink, composite, pick_ink, place, strike

PX_PER_MM = 4.0
KINDS = list(DieKind)


def _square(image: np.ndarray, size: int) -> np.ndarray:
    out = np.zeros((size, size), np.float32)
    image = image[:size, :size]
    top, left = (size - image.shape[0]) // 2, (size - image.shape[1]) // 2
    out[top : top + image.shape[0], left : left + image.shape[1]] = image
    return out


def _correlation(target: np.ndarray, relief: np.ndarray, angle_deg: float) -> float:
    """The correlation of the rotated relief with the target, at the best shift (found by FFT)."""
    size = int(np.hypot(*relief.shape)) + 16
    planes = [_square(target, size), _square(place(relief, angle_deg, (1.0, 1.0), 2.0), size)]
    planes = [plane - plane.mean() for plane in planes]
    shifts = np.fft.irfft2(np.fft.rfft2(planes[0]) * np.conj(np.fft.rfft2(planes[1])), (size, size))
    return float(shifts.max() / (np.linalg.norm(planes[0]) * np.linalg.norm(planes[1])))


@pytest.mark.parametrize("kind", [DieKind.ROUND, DieKind.WORD, DieKind.STAR_ROUND])
def test_an_impression_is_rotated_as_stated_and_never_mirrored(kind: DieKind) -> None:
    for seed in range(3):
        spec = die_spec(seed, 0, Split.TRAIN, kind, Script.CJK)
        relief = render(spec, 3.0)
        stamp = strike(relief, np.random.default_rng(seed), 0.0, spec=spec, px_per_mm=3.0)
        mirrored = max(_correlation(stamp.coverage, relief[:, ::-1], angle) for angle in range(0, 360, 3))
        assert _correlation(stamp.coverage, relief, stamp.angle_deg) > mirrored + 0.01


def test_a_positive_rotation_is_clockwise() -> None:
    relief = np.zeros((40, 40), np.float32)
    relief[:10, 15:25] = 1  # a mark at the top
    rotated = place(relief, 90.0, (1.0, 1.0), 0.0)
    y, x = np.argwhere(rotated > 0.5).mean(axis=0)
    assert x > 25
    assert 15 < y < 25


@pytest.mark.parametrize("wear", [0.0, 0.5, 1.0])
def test_density_and_coverage_stay_in_bounds(wear: float) -> None:
    for index, kind in enumerate(KINDS):
        spec = die_spec(index, 0, Split.TRAIN, kind)
        relief = render(spec, PX_PER_MM)
        stamp = strike(relief, np.random.default_rng(index), wear, spec=spec, px_per_mm=PX_PER_MM)
        assert stamp.density.shape == stamp.coverage.shape
        assert stamp.density.dtype == stamp.coverage.dtype == np.float32
        assert np.isfinite(stamp.density).all()
        assert stamp.coverage.min() >= 0
        assert 0.2 < stamp.coverage.max() <= 1
        assert stamp.density.min() >= 0
        assert stamp.density.max() < 8
        assert (stamp.density[stamp.coverage == 0] == 0).all()
        # Tight, and something has printed.
        for edge in (stamp.coverage[0], stamp.coverage[-1], stamp.coverage[:, 0], stamp.coverage[:, -1]):
            assert edge.max() > 0.02
        assert stamp.coverage.sum() > 0.1 * relief.sum()
        assert stamp.kind is kind


def test_a_fresh_die_prints_its_own_face() -> None:
    """At angle 0 and no wear, ink lies on the rubber and nowhere else."""
    for seed in range(8):
        spec = die_spec(seed, 0, Split.TRAIN, DieKind.RECTANGLE)
        relief = render(spec, 6.0)
        stamp = strike(relief, np.random.default_rng(seed), 0.0, spec=spec, px_per_mm=6.0, angle_deg=0.0)
        assert stamp.angle_deg == 0
        height, width = (max(a, b) for a, b in zip(relief.shape, stamp.coverage.shape, strict=True))
        size = max(height, width)
        shifts = np.fft.irfft2(
            np.fft.rfft2(_square(stamp.coverage, size)) * np.conj(np.fft.rfft2(_square(relief, size))), (size, size)
        )
        norm = np.linalg.norm(stamp.coverage) * np.linalg.norm(relief)
        assert shifts.max() / norm > 0.75


def test_strikes_repeat_from_their_seed_and_differ_between_seeds() -> None:
    spec = die_spec(5, 0, Split.TRAIN)
    relief = render(spec, PX_PER_MM)
    first, again, other = (
        strike(relief, np.random.default_rng(seed), 0.5, spec=spec, px_per_mm=PX_PER_MM) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.density, again.density)
    assert first.ink == again.ink
    assert first.density.shape != other.density.shape or not np.array_equal(first.density, other.density)


def test_wear_reduces_ink() -> None:
    kept: dict[float, list[float]] = {0.0: [], 1.0: []}
    for seed in range(12):
        spec = die_spec(seed, 0, Split.TRAIN, DieKind.ROUND)
        relief = render(spec, PX_PER_MM)
        for wear, values in kept.items():
            stamp = strike(relief, np.random.default_rng(seed), wear, spec=spec, px_per_mm=PX_PER_MM)
            values.append(float(stamp.coverage.sum() / relief.sum()))
    assert np.mean(kept[1.0]) < np.mean(kept[0.0])


def test_inks_have_the_colour_of_their_name() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        ink = pick_ink(rng, DieKind.WORD)
        assert ink.name in SPECTRA
        red, green, blue = np.exp(-np.array(ink.absorption))
        if ink.name == "red":
            assert red > max(green, blue)
        if ink.name == "blue":
            assert blue > max(red, green)
        if ink.name == "green":
            assert green > max(red, blue)


def test_ink_darkens_paper_and_print_below_stays_dark() -> None:
    page = np.ones((20, 30, 3), np.float32)
    page[10] = 0.05
    density = np.full((10, 10), 1.5, np.float32)
    composite(page, density, Ink("red", (0.1, 1.0, 0.9)), 5, 25)  # half of it hangs over the right edge
    assert page[:, :25].min() == pytest.approx(0.05)
    assert (page[5:10, :25] == 1).all()
    assert page[6, 26, 1] == pytest.approx(np.exp(-1.5))
    assert page[6, 26, 0] > 0.8
    assert (page[10, 25:] <= 0.05).all()
    composite(page, density, Ink("red", (0.1, 1.0, 0.9)), -50, -50)  # wholly off the page
    assert np.isfinite(page).all()


def test_the_labels_of_a_crop_are_right() -> None:
    for seed in range(24):
        crop = make_crop(seed, seed % 3, Split.TRAIN, seed)
        assert crop.image.dtype == crop.mask.dtype == np.uint8
        assert crop.image.shape == (*crop.mask.shape, 3)
        assert min(crop.mask.shape) >= 8
        assert 48 <= max(crop.mask.shape) <= 900
        assert crop.mask.max() > 60
        assert crop.clean.shape == (CLEAN_SIZE, CLEAN_SIZE)
        assert crop.clean.dtype == np.float32
        assert crop.clean.min() >= 0
        assert 0.5 < crop.clean.max() <= 1
        # The longer side of the die fills the square.
        assert max(np.ptp(np.flatnonzero(crop.clean.max(axis=axis) > 0.05)) for axis in (0, 1)) >= CLEAN_SIZE - 4
        assert (crop.family, crop.sibling) == (seed, seed % 3)


def test_crops_repeat_from_their_seed() -> None:
    first, again, other = (make_crop(7, 1, Split.TEST, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.mask, again.mask)
    np.testing.assert_array_equal(first.clean, other.clean)
    assert first.image.shape != other.image.shape or not np.array_equal(first.image, other.image)


def test_siblings_are_distinguishable() -> None:
    """Also in families whose first siblings differ in an illegible line."""
    for family in (402, 408, 430, 463, 508, 513):
        dies = [make_crop(family, sibling, Split.TEST, 0).clean for sibling in range(4)]
        differences = [np.abs(dies[i] - dies[j]).sum() / dies[i].sum() for i in range(4) for j in range(i)]
        assert min(differences) > 0.015  # at 64 px; fine lines lose some of what they differ in


def test_ink_is_darker_than_the_paper_around_it() -> None:
    """Mask and image are aligned: over many crops, masked pixels are darker than the rest."""
    darker = []
    for seed in range(30):
        crop = make_crop(seed, 0, Split.TRAIN, seed)
        grey = np.asarray(Image.fromarray(crop.image).convert("L"), np.float32)
        ink, paper = grey[crop.mask > 160], grey[crop.mask < 5]
        if len(ink) > 20 and len(paper) > 20:
            darker.append(ink.mean() < paper.mean())
    assert len(darker) > 20
    assert np.mean(darker) > 0.85
