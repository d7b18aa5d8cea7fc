"""Frames: squares that impressions are laid into, and what of a plane such a square shows."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from stamp2vec.imaging.windows import Plane

# From the frame, whose corners are (-1, -1) and (1, 1), to pixels of a plane: (2, 3), x before y.
Affine = NDArray[np.float64]
# What follows an affine map: (2, 6), the factors of x, y, 1, x^2, x y and y^2 in the frame.
Bend = NDArray[np.float64]

SIDE_PX = 384  # rows and columns of the frame that both are laid into
FILLED = 0.9  # of the frame, by the first impression
_INKED = 0.3
STRAIGHT: Bend = np.eye(2, 6)
_MESH = 12  # rows and columns of patches that a bent frame is made of


def framed(plane: Plane) -> Affine:
    """The upright square around the ink, or around all where there is next to none."""
    inked = plane > _INKED
    reach = []
    for axis, length in ((1, plane.shape[0]), (0, plane.shape[1])):
        count = inked.sum(axis)
        found = np.flatnonzero(count >= 1 + 0.01 * count.max())
        reach.append((int(found[0]), int(found[-1])) if len(found) >= 4 else (0, length - 1))
    (top, bottom), (left, right) = reach
    half = max(bottom - top, right - left, 4) / 2 / FILLED
    return np.array([[half, 0, (left + right + 1) / 2], [0, half, (top + bottom + 1) / 2]])


def then(outer: Affine, inner: Affine) -> Affine:
    """The map that takes `inner` first."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def similar(turn: float, scale: float) -> Affine:
    """A turn, in radians, and a scale about the middle of the frame."""
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    return np.array([[cosine, -sine, 0], [sine, cosine, 0]])


def powers(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a bend multiplies, (6, N)."""
    return np.stack([x, y, np.ones_like(x), x * x, x * y, y * y])


def sampled(plane: Plane, at: Affine, side: int) -> Plane:
    """What the frame shows, float32 (side, side); beyond the plane lies no ink."""
    return sampled_image(Image.fromarray(plane), at, side)


def sampled_image(image: Image.Image, at: Affine, side: int) -> Plane:
    """As `sampled`, of a plane that is an image of floats already."""
    numbers = _pillow_affine(at, side)
    return np.asarray(image.transform((side, side), Image.Transform.AFFINE, numbers, Image.Resampling.BILINEAR))


def is_within(size: tuple[int, int], at: Affine, side: int) -> NDArray[np.bool_]:
    """Which pixels of the frame, bool (side, side), lie on a plane of this width and height."""
    xx, xy, x, yx, yy, y = _pillow_affine(at, side)
    place = np.arange(side, dtype=np.float32) + np.float32(0.5)
    columns = (place * np.float32(xy) + np.float32(x))[:, None] + place * np.float32(xx)
    rows = (place * np.float32(yy) + np.float32(y))[:, None] + place * np.float32(yx)
    return np.asarray((columns >= 0) & (columns < size[0]) & (rows >= 0) & (rows < size[1]))


def laid(planes: NDArray[np.uint8], at: Affine, bend: Bend = STRAIGHT) -> NDArray[np.uint8]:
    """What the frame shows of planes, uint8 (H, W, 3): uint8 (SIDE_PX, SIDE_PX, 3); beyond them lies no ink."""
    image = Image.fromarray(planes)
    sigma = _too_fine(at, SIDE_PX)
    image = image if sigma < 0.5 else image.filter(ImageFilter.GaussianBlur(sigma))
    size = (SIDE_PX, SIDE_PX)
    if bend is STRAIGHT:
        numbers = _pillow_affine(at, SIDE_PX)
        return np.asarray(image.transform(size, Image.Transform.AFFINE, numbers, Image.Resampling.BILINEAR))
    edges = np.linspace(-1, 1, _MESH + 1)
    x, y = np.meshgrid(edges, edges)
    column, row = at[:, :2] @ (bend @ powers(x.ravel(), y.ravel())) + at[:, 2:]
    places = np.stack([column, row], 1).reshape(_MESH + 1, _MESH + 1, 2)
    step = SIDE_PX // _MESH
    patches = [
        (
            (j * step, i * step, (j + 1) * step, (i + 1) * step),
            tuple(np.concatenate([places[i, j], places[i + 1, j], places[i + 1, j + 1], places[i, j + 1]]).tolist()),
        )
        for i in range(_MESH)
        for j in range(_MESH)
    ]
    return np.asarray(image.transform(size, Image.Transform.MESH, patches, Image.Resampling.BILINEAR))


def fitting(plane: Plane, frame: Affine, side: int) -> Plane:
    """Without what is too fine for a frame of so many pixels."""
    sigma = _too_fine(frame, side)
    return plane if sigma < 0.5 else blurred(plane, sigma)


def blurred(plane: Plane, sigma: float) -> Plane:
    """A plane of 0 to 1, in steps of 1/255, under a Gaussian of so many pixels."""
    image = Image.fromarray((plane * 255 + 0.5).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(sigma)), np.float32) / np.float32(255)


def _too_fine(at: Affine, side: int) -> float:
    """The Gaussian, in pixels of the plane, under which a frame of so many pixels loses nothing."""
    return float(0.35 * np.sqrt(abs(np.linalg.det(at[:, :2]))) * 2 / side)


def _pillow_affine(at: Affine, side: int) -> tuple[float, ...]:
    """A map of the frame as Pillow takes it: from pixels to pixels, a row after the other."""
    linear = at[:, :2] * (2 / side)
    origin = at[:, 2] - at[:, :2].sum(1)
    return (linear[0, 0], linear[0, 1], origin[0], linear[1, 0], linear[1, 1], origin[1])
