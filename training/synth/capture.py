"""The last step: a finished page through a scanner, a fax, a copier or a telephone's camera.

A chain changes tone only, so that it serves crops too (`degrade`); `capture` adds geometry, returned as a homography.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops

from training.synth.chains import Array, chains, degrade, draw_chain, smooth_field
from training.synth.fonts import Split

__all__ = ["Capture", "capture", "chains", "degrade", "homography_between", "transform_points", "warp"]

Matrix = npt.NDArray[np.float64]
_PHOTOGRAPHED = frozenset({"photo", "handheld"})
_AT_FULL_SIZE = frozenset({"fax", "otsu", "halftone", "copier"})


@dataclass(frozen=True, slots=True)
class Capture:
    """A captured page: uint8 (H, W, 3), the 3x3 homography from page pixels to its pixels, the chain's name."""

    image: Array
    homography: Matrix
    name: str


def transform_points(homography: Matrix, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Map (N, 2) x, y points through a 3x3 homography."""
    mapped = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return mapped[:, :2] / mapped[:, 2:]


def _scale(x: float, y: float) -> Matrix:
    return np.diag([x, y, 1.0])


def _skew(size: tuple[int, int], angle_deg: float) -> Matrix:
    angle = np.deg2rad(angle_deg)
    c, s = np.cos(angle), np.sin(angle)
    cx, cy = size[0] / 2, size[1] / 2
    return np.array([[c, -s, cx - c * cx + s * cy], [s, c, cy - s * cx - c * cy], [0, 0, 1]])


def homography_between(source: npt.NDArray[np.floating], target: npt.NDArray[np.floating]) -> Matrix:
    """Return the 3x3 homography that takes four (4, 2) points to four others."""
    rows = []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    solution = np.linalg.solve(np.array(rows), np.asarray(target, np.float64).ravel())
    return np.append(solution, 1.0).reshape(3, 3)


def _perspective(size: tuple[int, int], rng: np.random.Generator) -> tuple[Matrix, tuple[int, int]]:
    """Place the page in a camera frame: margins or cut edges, leaning corners, sometimes sideways or upside-down."""
    width, height = size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    margin = rng.uniform(-0.05, 0.14) * min(size)
    frame = (round(width + 2 * margin), round(height + 2 * margin))
    target = corners + margin + rng.normal(0, 0.025, (4, 2)) * min(size)
    target = transform_points(_skew(frame, rng.normal(0, 3)), target)
    if rng.random() < 0.15:
        quarters = int(rng.integers(1, 4))
        for _ in range(quarters):
            target = np.column_stack([frame[1] - target[:, 1], target[:, 0]])
            frame = (frame[1], frame[0])
    return homography_between(corners, target), frame


def warp(image: Image.Image, homography: Matrix, size: tuple[int, int], fill: tuple[int, ...] | int) -> Image.Image:
    """Resample an image through a homography from its pixels to those of a frame of ``size`` (w, h)."""
    # Pillow maps the centres of pixels, as this module does, and takes the map from the frame back to the image.
    inverse = np.linalg.inv(homography)
    inverse /= inverse[2, 2]
    coefficients = tuple(inverse.ravel()[:8])
    return image.transform(size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR, fillcolor=fill)


def _surface(rng: np.random.Generator) -> tuple[int, int, int]:
    """Return the colour of a table: grey or wood, now and then a coloured cloth."""
    spread = 60 if rng.random() < 0.15 else 12
    warm = np.array([25, 0, -25]) * rng.random() + rng.normal(0, spread, 3)
    red, green, blue = np.clip(rng.uniform(30, 205) + warm, 10, 235)
    return int(red), int(green), int(blue)


def _table_top(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Return a table top for photographs: a plain or grained surface."""
    ground = Image.new("RGB", size, _surface(rng))
    if rng.random() < 0.5:
        grain = Image.fromarray(rng.integers(150, 255, (6, max(size[0] // 6, 2)), dtype=np.uint8))
        ground = ImageChops.multiply(ground, grain.resize(size, Image.Resampling.BICUBIC).convert("RGB"))
    return ImageChops.multiply(ground, smooth_field(rng, size, 140, 255, 60).convert("RGB"))


def capture(image: Array, rng: np.random.Generator, split: Split = Split.TRAIN) -> Capture:
    """Capture a page, uint8 (H, W, 3) at 150 dpi, by one chain of ``split`` at 72-150 dpi (a chain's own choice).

    Scans lean by up to 3 degrees; photographs get a perspective, a table top, and now and then lie sideways.
    """
    name, chain = draw_chain(rng, split)
    page = Image.fromarray(image)
    factor = rng.uniform(0.48, 1.0)
    small = (max(round(page.width * factor), 16), max(round(page.height * factor), 16))
    # A bilevel scan is made fine and reduced by its viewer; every other chain works at its own resolution.
    working = page if name in _AT_FULL_SIZE else page.resize(small, Image.Resampling.BILINEAR, reducing_gap=2.0)
    to_working = _scale(working.width / page.width, working.height / page.height)
    if name in _PHOTOGRAPHED:
        lens, frame = _perspective(working.size, rng)
        photographed = warp(working, lens, frame, 0)
        outside = warp(Image.new("L", working.size, 255), lens, frame, 0)
        working = Image.composite(photographed, _table_top(frame, rng), outside)
        result = chain(working, rng)
        homography = lens @ to_working
    else:
        homography = to_working
        if rng.random() < 0.6:
            lean = _skew(working.size, float(np.clip(rng.normal(0, 1.0), -3, 3)))
            working = warp(working, lean, working.size, _edge_colour(rng))
            homography = lean @ to_working
        result = chain(working, rng)
        if name in _AT_FULL_SIZE:
            result = result.resize(small, Image.Resampling.BOX if factor < 0.7 else Image.Resampling.BILINEAR)
            homography = _scale(small[0] / page.width, small[1] / page.height) @ homography
    return Capture(np.array(result.convert("RGB")), homography, name)


def _edge_colour(rng: np.random.Generator) -> tuple[int, int, int]:
    level = 255 if rng.random() < 0.7 else int(rng.integers(0, 256))
    return (level, level, level)
