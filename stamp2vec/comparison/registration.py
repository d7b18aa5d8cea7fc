"""Lays one impression over another at letter resolution: every turn, some scales, mirrored or not, then finer.

Turns and scales are tried at once by correlation in the Fourier domain, on a coarse picture. The best few are refined
by Gauss-Newton steps on the pixels of the first impression's edges alone (Baker & Matthews 2004), so that the work is
the same at 384 pixels as at 96; the last of them also bend, as paper and rubber do, by a polynomial of the second
degree.
"""

from dataclasses import dataclass
from functools import lru_cache

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
_COARSE_PX = 40
_TURNS = np.deg2rad(np.arange(0, 360, 6))
_SCALES = tuple(1.15**step for step in range(-5, 6))  # a half may be laid over a whole, or a whole over a half
_MIRRORED_SCALES = slice(3, 8)  # of these: mirrored halves are not looked for
_WIDE = 1.6  # half the side of what is looked at of the second impression while turns are tried, in frames
_WIDE_PX = 120
_CANDIDATES = (11, 3)  # straight, mirrored
_ALIKE_TURN, _ALIKE_SCALE = 0.2, 0.15  # radians and log: closer than that, two candidates are one
_MIRRORED_GAIN = 0.1  # symmetrical designs correlate as well both ways
_INKED = 0.3
_TINY = 1e-6
_MEDIUM_PX, _MEDIUM_POINTS = 96, 800
_ROUGH, _MEDIUM = ((2.5, 5),), ((1.2, 6),)  # blur in pixels of the frame, steps
_FINE_POINTS, _FINE = 3000, ((3.0, 6), (1.5, 8))
_PROMISING, _FINALISTS = 4, 2  # placements of a hand that are refined further
_CLEAR = 0.1  # by how much the best must beat the next to be the only one that is
_HUBER = 0.5  # of the spread of values
_STIFFNESS = np.tile([1e-4, 1e-4, 1e-4, 0.1, 0.1, 0.1], (2, 1))  # of the curvature: what a move, and a bend, must gain
_STRAIGHT: Bend = np.eye(2, 6)
_MESH = 12  # rows and columns of patches that a bent frame is made of
_COMMON = 0.8  # of the ink of the impression that shows less: a placement that leaves less in common counts less


@dataclass(frozen=True, slots=True, eq=False)
class Registered:
    """Where the frame lies on both planes, how well their ink correlates there, and whether the second was mirrored.

    On the second plane it lies at `b` after `bend`. `correlation` is of the ink that both crops show, -1 to 1.
    """

    a: Affine
    b: Affine
    bend: Bend
    correlation: float
    mirrored: bool

    def on_b(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points of the frame, (2, N), to pixels of the second plane."""
        return self.b[:, :2] @ (self.bend @ _powers(*points)) + self.b[:, 2:]


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """A plane as Pillow samples it, many times, and how much ink it has."""

    image: Image.Image
    ink: float

    @classmethod
    def of(cls, plane: Plane) -> "_Source":
        """float32 (H, W) of 0 to 1."""
        return cls(Image.fromarray(plane), float(plane.sum()))


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A placement of the second plane and its correlation."""

    correlation: float
    at: Affine
    bend: Bend
    mirrored: bool


def register(a: Plane, b: Plane) -> Registered:
    """Lay the ink of `b`, float32 (H, W) of 0 to 1, over that of `a`, (H', W')."""
    frame, other = framed(a), framed(b)
    template = sampled(_fitting(a, frame, _COARSE_PX), frame, _COARSE_PX)
    starts = _candidates(template, _fitting(b, other, _COARSE_PX), other)
    medium = sampled(_fitting(a, frame, _MEDIUM_PX), frame, _MEDIUM_PX)
    shown = [_is_within((a.shape[1], a.shape[0]), frame, side) for side in (_MEDIUM_PX, SIDE_PX)]
    small = _Source.of(_fitting(b, other, _MEDIUM_PX))
    fits = _refined(medium, small, shown[0], starts, _ROUGH, _MEDIUM_POINTS, bends=False)
    starts = [one for hand in (False, True) for one in _starts(fits, hand, _PROMISING)]
    fits = _refined(medium, small, shown[0], starts, _MEDIUM, _MEDIUM_POINTS, bends=False)
    straight = next(fit for fit in fits if not fit.mirrored)
    hand = fits[0].mirrored and fits[0].correlation > straight.correlation + _MIRRORED_GAIN
    best, *others = [fit for fit in fits if fit.mirrored == hand]
    is_clear = not others or best.correlation > others[0].correlation + _CLEAR
    starts = _starts(fits, hand, 1 if is_clear else _FINALISTS)
    fine = sampled(_fitting(a, frame, SIDE_PX), frame, SIDE_PX)
    placed = _refined(fine, _Source.of(_fitting(b, other, SIDE_PX)), shown[1], starts, _FINE, _FINE_POINTS, bends=True)
    return Registered(frame, placed[0].at, placed[0].bend, placed[0].correlation, hand)


def _starts(fits: list[_Fit], mirrored: bool, most: int) -> list[tuple[Affine, bool]]:
    """Where the best of a hand are refined from."""
    return [(_after(fit.at, fit.bend), mirrored) for fit in fits if fit.mirrored == mirrored][:most]


def laid(planes: NDArray[np.uint8], at: Affine, bend: Bend = _STRAIGHT) -> NDArray[np.uint8]:
    """What the frame shows of planes, uint8 (H, W, 3): uint8 (SIDE_PX, SIDE_PX, 3); beyond them lies no ink."""
    image = Image.fromarray(planes)
    sigma = _too_fine(at, SIDE_PX)
    image = image if sigma < 0.5 else image.filter(ImageFilter.GaussianBlur(sigma))
    size = (SIDE_PX, SIDE_PX)
    if bend is _STRAIGHT:
        numbers = _pillow_affine(at, SIDE_PX)
        return np.asarray(image.transform(size, Image.Transform.AFFINE, numbers, Image.Resampling.BILINEAR))
    edges = np.linspace(-1, 1, _MESH + 1)
    x, y = np.meshgrid(edges, edges)
    column, row = at[:, :2] @ (bend @ _powers(x.ravel(), y.ravel())) + at[:, 2:]
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


def _candidates(template: Plane, b: Plane, other: Affine) -> list[tuple[Affine, bool]]:
    """Turns, scales, shifts and hands of `b` that correlate best with the template, each unlike the others."""
    side = len(template)
    conjugate = np.conj(np.fft.rfft2(_normalised(template)))
    wide = sampled(b, then(other, _similar(0.0, _WIDE)), _WIDE_PX)
    kept: list[tuple[Affine, bool]] = []
    for mirrored, most in zip((False, True), _CANDIDATES, strict=True):
        seen = np.ascontiguousarray(wide[:, ::-1] if mirrored else wide)
        scales = _SCALES[_MIRRORED_SCALES] if mirrored else _SCALES
        turned = seen.ravel()[_turning(side, scales)]
        turned -= turned.mean(1, keepdims=True)
        turned /= np.sqrt((turned * turned).sum(1, keepdims=True)) + _TINY
        peaks = np.fft.irfft2(np.fft.rfft2(turned.reshape(-1, side, side)) * conjugate, s=template.shape)
        peaks = peaks.reshape(len(turned), -1)
        best = peaks.argmax(1)
        values = peaks[np.arange(len(best)), best]
        rows, columns = (_signed(place, side) * 2 / side for place in divmod(best, side))
        hand = then(other, np.array([[-1.0 if mirrored else 1.0, 0, 0], [0, 1, 0]]))
        found: list[tuple[float, float]] = []
        for place in np.argsort(-values):
            scale, turn = scales[place // len(_TURNS)], float(_TURNS[place % len(_TURNS)])
            if any(_alike((turn, scale), one) for one in found):
                continue
            found.append((turn, scale))
            shift = np.array([[1, 0, columns[place]], [0, 1, rows[place]]])
            kept.append((then(then(hand, _similar(turn, scale)), shift), mirrored))
            if len(found) == most:
                break
    return kept


@lru_cache(maxsize=2)
def _turning(side: int, scales: tuple[float, ...]) -> NDArray[np.int32]:
    """Where each pixel of the frame lies on the wide look, for every scale and turn: (scales x turns, side x side)."""
    axis = (np.arange(side) + 0.5) * 2 / side - 1
    x, y = (part.ravel() for part in np.meshgrid(axis, axis))
    rows = []
    for scale in scales:
        for turn in _TURNS:
            map_ = _similar(turn, scale / _WIDE)
            column = ((map_[0, 0] * x + map_[0, 1] * y + 1) * _WIDE_PX / 2).astype(np.int32)
            row = ((map_[1, 0] * x + map_[1, 1] * y + 1) * _WIDE_PX / 2).astype(np.int32)
            edge = _WIDE_PX - 1
            rows.append(np.clip(row, 0, edge) * _WIDE_PX + np.clip(column, 0, edge))
    return np.array(rows, np.int32)


def _refined(
    template: Plane,
    b: _Source,
    shown: NDArray[np.bool_],
    starts: list[tuple[Affine, bool]],
    levels: tuple[tuple[float, int], ...],
    points: int,
    *,
    bends: bool,
) -> list[_Fit]:
    """Each start after Gauss-Newton steps at each level, the best first; at the last level they may bend."""
    side = len(template)
    edges = [_edges(blurred(template, blur), points) for blur, _ in levels]
    fits = []
    for start, mirrored in starts:
        placed = _sampled(b.image, start, side)
        bend = _STRAIGHT
        for level, ((blur, steps), edge) in enumerate(zip(levels, edges, strict=True)):
            soft = blurred(placed, blur)
            terms = 6 if bends and level == len(levels) - 1 else 3
            for _ in range(steps):
                bend = bend + _step(edge, _gathered(soft, bend @ edge.powers), terms)
        correlation = _agreement(template, b, _after(start, bend), shown)
        fits.append(_Fit(correlation, start, bend, mirrored))
    return sorted(fits, key=lambda fit: -fit.correlation)


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """The steepest points of a plane of the frame: powers (6, N) of the places, values (N,) about 0, slopes (2, N)."""

    powers: NDArray[np.float32]
    values: NDArray[np.float32]
    spread: float
    slopes: NDArray[np.float32]


def _edges(plane: Plane, points: int) -> _Edges:
    side = len(plane)
    down, right = np.gradient(plane)
    steepness = np.abs(down) + np.abs(right)
    steep = np.flatnonzero(steepness.ravel() >= 0.15 * steepness.max())  # all of a flat plane
    chosen = steep[:: max(1, len(steep) // points)]
    row, column = np.divmod(chosen, side)
    x, y = ((place + 0.5) * 2 / side - 1 for place in (column, row))
    values = plane.ravel()[chosen]
    return _Edges(
        _powers(x, y).astype(np.float32),
        values - values.mean(),
        float(values.std()) + _TINY,
        np.stack([right.ravel()[chosen], down.ravel()[chosen]]) * np.float32(side / 2),
    )


def _powers(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a bend multiplies, (6, N)."""
    return np.stack([x, y, np.ones_like(x), x * x, x * y, y * y])


def _step(edge: _Edges, seen: NDArray[np.float32], terms: int) -> Bend:
    """What to add to a bend so that the squares of what differs get less; what differs much counts less."""
    error = (seen - seen.mean()) * (edge.spread / (seen.std() + 0.05)) - edge.values
    weight = np.minimum(1, _HUBER * edge.spread / (np.abs(error) + _TINY))
    slopes = (edge.slopes[:, None] * edge.powers[:terms]).reshape(2 * terms, -1)
    weighted = slopes * weight
    hessian = (weighted @ slopes.T).astype(np.float64)
    diagonal = hessian.ravel()[:: 2 * terms + 1]  # a view
    diagonal += _STIFFNESS[:, :terms].ravel() * (diagonal.mean() + _TINY)
    bend = np.zeros((2, 6))
    bend[:, :terms] = np.clip(-np.linalg.solve(hessian, weighted @ error), -0.08, 0.08).reshape(2, terms)
    return bend


def _gathered(plane: Plane, places: NDArray[np.float64]) -> NDArray[np.float32]:
    """Bilinear values of a plane of the frame at places (2, N) of it; beyond its edge those of the edge."""
    side = len(plane)
    column, row = np.clip((places + 1) * (side / 2) - 0.5, 0, side - 1.001).astype(np.float32)
    left, top = column.astype(np.int32), row.astype(np.int32)
    fx, fy = column - left, row - top
    flat, at = plane.ravel(), top * side + left
    above = flat[at] * (1 - fx) + flat[at + 1] * fx
    below = flat[at + side] * (1 - fx) + flat[at + side + 1] * fx
    return np.asarray(above * (1 - fy) + below * fy, np.float32)


def _after(at: Affine, bend: Bend) -> Affine:
    """A map without what its bend bends."""
    return then(at, bend[:, :3])


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


def _fitting(plane: Plane, frame: Affine, side: int) -> Plane:
    """Without what is too fine for a frame of so many pixels."""
    sigma = _too_fine(frame, side)
    return plane if sigma < 0.5 else blurred(plane, sigma)


def _too_fine(at: Affine, side: int) -> float:
    """The Gaussian, in pixels of the plane, under which a frame of so many pixels loses nothing."""
    return float(0.35 * np.sqrt(abs(np.linalg.det(at[:, :2]))) * 2 / side)


def blurred(plane: Plane, sigma: float) -> Plane:
    """A plane of 0 to 1, in steps of 1/255, under a Gaussian of so many pixels."""
    image = Image.fromarray((plane * 255 + 0.5).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(sigma)), np.float32) / np.float32(255)


def sampled(plane: Plane, at: Affine, side: int) -> Plane:
    """What the frame shows, float32 (side, side); beyond the plane lies no ink."""
    return _sampled(Image.fromarray(plane), at, side)


def _sampled(image: Image.Image, at: Affine, side: int) -> Plane:
    numbers = _pillow_affine(at, side)
    return np.asarray(image.transform((side, side), Image.Transform.AFFINE, numbers, Image.Resampling.BILINEAR))


def _pillow_affine(at: Affine, side: int) -> tuple[float, ...]:
    """A map of the frame as Pillow takes it: from pixels to pixels, a row after the other."""
    linear = at[:, :2] * (2 / side)
    origin = at[:, 2] - at[:, :2].sum(1)
    return (linear[0, 0], linear[0, 1], origin[0], linear[1, 0], linear[1, 1], origin[1])


def _agreement(a: Plane, b: _Source, at: Affine, shown: NDArray[np.bool_]) -> float:
    """Correlation of the ink where both crops show anything, less where that is little of their ink.

    `a` and `shown`, where its crop lies, are planes of the frame; `b` is the other crop, placed by `at`.
    """
    side = len(a)
    seen, both = _sampled(b.image, at, side), (shown & _is_within(b.image.size, at, side)).astype(np.float32)
    total = float(both.sum()) + _TINY
    ink_a, ink_b = float(np.vdot(both, a)), float(np.vdot(both, seen))
    apart_a, apart_b = both * (a - ink_a / total), both * (seen - ink_b / total)
    spread = float(np.vdot(apart_a, apart_a)) * float(np.vdot(apart_b, apart_b))
    correlation = float(np.vdot(apart_a, apart_b)) / (np.sqrt(spread) + _TINY)
    all_of_b = b.ink / (abs(np.linalg.det(at[:, :2])) * (2 / side) ** 2)
    common = min(ink_a, ink_b) / (min(float(a.sum()), all_of_b) + _TINY)
    return float(correlation * min(1.0, common / _COMMON))


def _is_within(size: tuple[int, int], at: Affine, side: int) -> NDArray[np.bool_]:
    """Which pixels of the frame, bool (side, side), lie on a plane of this width and height."""
    xx, xy, x, yx, yy, y = _pillow_affine(at, side)
    place = np.arange(side) + 0.5
    columns, rows = (place * xy + x)[:, None] + place * xx, (place * yy + y)[:, None] + place * yx
    return np.asarray((columns >= 0) & (columns < size[0]) & (rows >= 0) & (rows < size[1]))


def _normalised(plane: Plane) -> Plane:
    centred = plane - plane.mean()
    return np.asarray(centred / (np.linalg.norm(centred) + _TINY), np.float32)


def _alike(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two pairs of a turn and a scale are about one."""
    apart = abs((one[0] - other[0] + np.pi) % (2 * np.pi) - np.pi)
    return bool(apart < _ALIKE_TURN and abs(np.log(one[1] / other[1])) < _ALIKE_SCALE)


def _similar(turn: float, scale: float) -> Affine:
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    return np.array([[cosine, -sine, 0], [sine, cosine, 0]])


def then(outer: Affine, inner: Affine) -> Affine:
    """The map that takes `inner` first."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def _signed(place: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    return (place + length // 2) % length - length // 2
