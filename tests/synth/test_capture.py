"""Captures keep their contracts, and the homography maps the ink."""

import numpy as np
import pytest
from PIL import Image

from training.synth import capture as module
from training.synth.capture import capture, chains, degrade, homography_between, transform_points
from training.synth.chains import draw_chain
from training.synth.fonts import Split

BLOCK = (300, 500, 420, 580)


def page_with_block() -> np.ndarray:
    page = np.full((900, 640, 3), 255, np.uint8)
    x1, y1, x2, y2 = BLOCK
    page[y1:y2, x1:x2] = (150, 0, 0)
    return page


@pytest.mark.parametrize("split", list(Split))
def test_every_capture_is_an_rgb_uint8_page_and_the_same_again_from_the_same_seed(split: Split) -> None:
    seen = set()
    for seed in range(40):
        first = capture(page_with_block(), np.random.default_rng(seed), split)
        again = capture(page_with_block(), np.random.default_rng(seed), split)
        assert first.image.dtype == np.uint8
        assert first.image.ndim == 3
        assert first.image.shape[2] == 3
        assert first.homography.shape == (3, 3)
        assert np.array_equal(first.image, again.image)
        assert np.array_equal(first.homography, again.homography)
        seen.add(first.name)
    assert seen <= set(chains(split))
    assert len(seen) >= 3


def test_the_splits_share_no_chain() -> None:
    assert not set(chains(Split.TRAIN)) & set(chains(Split.TEST))


@pytest.mark.parametrize("split", list(Split))
def test_the_homography_moves_a_box_with_its_ink(split: Split) -> None:
    x1, y1, x2, y2 = BLOCK
    corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float64)
    for seed in range(60):
        shot = capture(page_with_block(), np.random.default_rng(seed), split)
        moved = transform_points(shot.homography, corners)
        left, top = moved.min(0)
        right, bottom = moved.max(0)
        height, width = shot.image.shape[:2]
        if left < 2 or top < 2 or right > width - 2 or bottom > height - 2:
            continue
        # Only near the block: a photograph's table top may be as dark as ink.
        pad = 8
        near = shot.image[
            max(int(top) - pad, 0) : int(bottom) + pad + 1, max(int(left) - pad, 0) : int(right) + pad + 1
        ].astype(int)
        green = near[..., 1]
        dark = green < (np.percentile(green, 3) + np.percentile(green, 99)) / 2
        ys, xs = np.nonzero(dark)
        # Dust specks may lie outside, so the extent is read where most of a row or column is ink.
        found = np.array([*np.percentile(xs, [1, 99]), *np.percentile(ys, [1, 99])])
        origin = np.array([max(int(left) - pad, 0)] * 2 + [max(int(top) - pad, 0)] * 2)
        expected = np.array([left, right, top, bottom])
        assert np.abs(found + origin - expected).max() < 6, (seed, shot.name)


@pytest.mark.parametrize("shape", [(64, 64, 3), (37, 91, 3), (256, 256, 3)])
@pytest.mark.parametrize("split", list(Split))
def test_degrading_a_crop_keeps_its_shape_and_does_not_move_it(shape: tuple[int, int, int], split: Split) -> None:
    crop = np.full(shape, 245, np.uint8)
    rows, columns = slice(shape[0] // 4, shape[0] // 2), slice(shape[1] // 3, 2 * shape[1] // 3)
    crop[rows, columns] = (20, 30, 120)
    for seed in range(30):
        result = degrade(crop, np.random.default_rng(seed), split)
        assert result.shape == shape
        assert result.dtype == np.uint8
        inside = result[rows, columns].mean()
        outside = np.delete(result, np.r_[rows], axis=0).mean()
        assert inside < outside - 10


def test_chains_change_the_picture() -> None:
    rng = np.random.default_rng(3)
    page = Image.fromarray(page_with_block())
    for _ in range(10):
        name, chain = draw_chain(rng, Split.TRAIN)
        assert not np.array_equal(np.array(chain(page, rng).convert("RGB")), page_with_block()), name


def test_a_homography_takes_four_corners_to_four_others() -> None:
    source = np.array([[0, 0], [100, 0], [100, 50], [0, 50]], np.float64)
    target = np.array([[5, 3], [90, 10], [95, 60], [-4, 44]], np.float64)
    assert np.allclose(transform_points(homography_between(source, target), source), target)


def test_warping_moves_pixels_as_the_homography_moves_points() -> None:
    spot = np.zeros((80, 80), np.uint8)
    spot[30:34, 50:54] = 255
    target = np.array([[6, 4], [150, 20], [140, 170], [10, 150]], np.float64)
    homography = homography_between(np.array([[0, 0], [80, 0], [80, 80], [0, 80]], np.float64), target)
    warped = np.array(module.warp(Image.fromarray(spot), homography, (160, 180), 0)).astype(float)
    ys, xs = np.mgrid[0:180, 0:160] + 0.5
    centre = np.array([(xs * warped).sum(), (ys * warped).sum()]) / warped.sum()
    assert np.abs(centre - transform_points(homography, np.array([[52.0, 32.0]]))[0]).max() < 0.5
