"""Registers one impression onto another: rotation, scale and shift, then an affine map.

Every rotation and a few scales are tried at once by correlation in the Fourier domain; the best few are refined by the
enhanced correlation coefficient (Evangelidis & Psarakis 2008, forward additive). Never mirrored: no die is. The work is
the same for every two stamps, whatever is on them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.comparison.windows import Plane, window_mean

SIDE_PX = 160  # rows and columns of the frame that both are laid into
_COARSE_PX = 64
_ROTATIONS = np.deg2rad(np.arange(0, 360, 4))
_SCALES = (0.82, 0.91, 1.0, 1.1, 1.22)
_CANDIDATES = 5
_FINALISTS = 2
_ALIKE_ROTATION, _ALIKE_SCALE = 0.2, 0.15  # radians and log: closer than that, two candidates are one
_COARSE_STEPS, _FINE_STEPS = 8, 10
_INKED = 0.3
_FILLED = 0.72  # of the frame, by the first impression
_LEAST_GAIN = 1e-4
_TINY = 1e-6

# From the frame, whose corners are (-1, -1) and (1, 1), to pixels of a plane: (2, 3), x before y.
Affine = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Registered:
    """Both impressions in the frame of the first, float32 (160, 160), and the correlation of their ink, -1 to 1."""

    a: Plane
    b: Plane
    correlation: float


def register(a: Plane, b: Plane) -> Registered:
    """Lay the ink of `b`, float32 (H, W) of 0 to 1, over that of `a`, (H', W')."""
    frame = _framed(a)
    coarse_a, coarse_b = _sampled(_smoothed(a, _COARSE_PX), frame, _COARSE_PX), _smoothed(b, _COARSE_PX)
    found = [
        _refined(coarse_a, coarse_b, start, _COARSE_PX, _COARSE_STEPS)
        for start in _candidates(coarse_a, coarse_b, _framed(b))
    ]
    found.sort(key=lambda fit: -fit[0])
    fine_a, fine_b = _sampled(_smoothed(a, SIDE_PX), frame, SIDE_PX), _smoothed(b, SIDE_PX)
    fits = [_refined(fine_a, fine_b, start, SIDE_PX, _FINE_STEPS) for _, start in found[:_FINALISTS]]
    correlation, best = max(fits, key=lambda fit: fit[0])
    return Registered(fine_a, _sampled(fine_b, best, SIDE_PX), correlation)


def _candidates(a: Plane, b: Plane, frame: Affine) -> list[Affine]:
    """Turns, scales and shifts of `b` that correlate best with `a`, a plane of the frame, each unlike the others."""
    conjugate = np.conj(np.fft.rfft2(_normalised(a)))
    scored: list[tuple[float, float, float, float, float]] = []
    for scale in _SCALES:
        rotated = np.stack(
            [_normalised(_sampled(b, _then(frame, _similar(rotation, scale)), len(a))) for rotation in _ROTATIONS]
        )
        peaks = np.fft.irfft2(np.fft.rfft2(rotated) * conjugate, s=a.shape).reshape(len(_ROTATIONS), -1)
        best = peaks.argmax(1)
        rows, columns = (_signed(place, len(a)) * 2 / len(a) for place in divmod(best, len(a)))
        values = peaks[np.arange(len(best)), best]
        scored += zip(values.tolist(), _ROTATIONS.tolist(), [scale] * len(best), columns.tolist(), rows.tolist())
    scored.sort(key=lambda one: -one[0])
    kept: list[tuple[float, float, float, float, float]] = []
    for one in scored:
        if not any(_alike(one, other) for other in kept):
            kept.append(one)
        if len(kept) == _CANDIDATES:
            break
    return [
        _then(_then(frame, _similar(rotation, scale)), np.array([[1, 0, x], [0, 1, y]]))
        for _, rotation, scale, x, y in kept
    ]


def _alike(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    apart = abs((one[1] - other[1] + np.pi) % (2 * np.pi) - np.pi)
    return bool(apart < _ALIKE_ROTATION and abs(np.log(one[2] / other[2])) < _ALIKE_SCALE)


def _refined(a: Plane, b: Plane, start: Affine, side: int, steps: int) -> tuple[float, Affine]:
    """The best affine map from so many steps of ECC, with its correlation."""
    axis = np.linspace(-1 + 1 / side, 1 - 1 / side, side)
    x, y = np.meshgrid(axis, axis)
    template = _normalised(a).ravel().astype(np.float64)
    best, at = (-2.0, start), start
    for step in range(steps):
        warped = _sampled(b, at, side)
        centred = (warped - warped.mean()).ravel().astype(np.float64)
        norm = float(np.linalg.norm(centred)) + _TINY
        overlap = float(template @ centred)
        if overlap / norm > best[0] + _LEAST_GAIN:
            best = (overlap / norm, at)
        elif step > 2:
            break
        down, right = np.gradient(warped.astype(np.float64), axis[1] - axis[0])
        slopes = np.stack([right * x, right * y, right, down * x, down * y, down]).reshape(6, -1)
        slopes -= slopes.mean(1, keepdims=True)
        hessian = slopes @ slopes.T
        hessian += (1e-3 * np.trace(hessian) / 6 + 1e-9) * np.eye(6)
        inverse = np.linalg.inv(hessian)
        image_slope, template_slope = slopes @ centred, slopes @ template
        upper = norm**2 - image_slope @ inverse @ image_slope
        lower = overlap - template_slope @ inverse @ image_slope
        gain = upper / lower if lower > 1e-9 else norm
        move = np.clip(inverse @ (slopes @ (gain * template - centred)), -0.1, 0.1)
        at = _then(at, np.array([[1 + move[0], move[1], move[2]], [move[3], 1 + move[4], move[5]]]))
    return best


def _framed(plane: Plane) -> Affine:
    """The upright square around the ink, or around all where there is next to none."""
    inked = plane > _INKED
    reach = []
    for axis, length in ((1, plane.shape[0]), (0, plane.shape[1])):
        count = inked.sum(axis)
        found = np.flatnonzero(count >= 1 + 0.01 * count.max())
        reach.append((int(found[0]), int(found[-1])) if len(found) >= 4 else (0, length - 1))
    (top, bottom), (left, right) = reach
    half = max(bottom - top, right - left, 4) / 2 / _FILLED
    return np.array([[half, 0, (left + right + 1) / 2], [0, half, (top + bottom + 1) / 2]])


def _smoothed(plane: Plane, side: int) -> Plane:
    """Without what is too fine for a frame of so many pixels."""
    step = int(0.75 * 2 * _framed(plane)[0, 0] / side)
    return plane if step <= 1 else window_mean(plane, step // 2)


def _sampled(plane: Plane, at: Affine, side: int) -> Plane:
    """What the frame shows, float32 (side, side); beyond the plane lies no ink."""
    linear = at[:, :2] * (2 / side)
    origin = at[:, 2] - at[:, :2].sum(1)
    numbers = (linear[0, 0], linear[0, 1], origin[0], linear[1, 0], linear[1, 1], origin[1])
    image = Image.fromarray(plane)
    return np.asarray(image.transform((side, side), Image.Transform.AFFINE, numbers, Image.Resampling.BILINEAR))


def _similar(rotation: float, scale: float) -> Affine:
    cosine, sine = scale * np.cos(rotation), scale * np.sin(rotation)
    return np.array([[cosine, -sine, 0], [sine, cosine, 0]])


def _then(outer: Affine, inner: Affine) -> Affine:
    """The map that takes `inner` first."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def _normalised(plane: Plane) -> Plane:
    """With mean 0 and length 1; all 0 where nothing differs."""
    centred = plane - plane.mean()
    return np.asarray(centred / (np.linalg.norm(centred) + _TINY), np.float32)


def _signed(place: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    return (place + length // 2) % length - length // 2
