"""How one impression lies over another at letter resolution: every turn, some scales, mirrored or not, then finer.

Turns and scales are tried at once by correlation in the Fourier domain, on a coarse picture. The best few are refined
by Gauss-Newton steps on the pixels of the first impression's edges alone (Baker & Matthews 2004), so that the work is
nearly the same at 256 pixels as at 96, and each time from fewer placements; the last steps also bend, as paper and
rubber do, by a polynomial of the second degree.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.comparison.frames import (
    STRAIGHT,
    Affine,
    Bend,
    blurred,
    fitting,
    framed,
    is_within,
    powers,
    sampled,
    sampled_image,
    similar,
    then,
)
from stamp2vec.imaging.windows import Plane

_COARSE_PX = 32
_TURNS = np.deg2rad(np.arange(0, 360, 7.5))
_SCALES = tuple(1.15**step for step in range(-5, 6))  # a half may be laid over a whole, or a whole over a half
_MIRRORED_SCALES = slice(3, 8)  # of these: mirrored halves are not looked for
_WIDE = 1.6  # half the side of what is looked at of the second impression while turns are tried, in frames
_WIDE_PX = 96
_CANDIDATES = (9, 3)  # straight, mirrored
_ALIKE_TURN, _ALIKE_SCALE = 0.2, 0.15  # radians and log: closer than that, two candidates are one
_MIRRORED_GAIN = 0.1  # symmetrical designs correlate as well both ways
_TINY = 1e-6
_PROMISING, _FINALISTS = 4, 2  # placements of a hand that are refined further
_CLEAR = 0.1  # by how much the best must beat the next to be the only one that is
_STILL_PX = 0.1  # a step that moves less is the last
_HUBER = 0.5  # of the spread of values
_STIFFNESS = np.tile([1e-4, 1e-4, 1e-4, 0.1, 0.1, 0.1], (2, 1))  # of the curvature: what a move, and a bend, must gain
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
        return self.b[:, :2] @ (self.bend @ powers(*points)) + self.b[:, 2:]


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


@dataclass(frozen=True, slots=True)
class _Stage:
    """How placements are refined: the side of the frame and the blur in pixels, steps and points at most.

    `bends` is for the last.
    """

    side: int
    blur: float
    steps: int
    points: int
    bends: bool = False


_ROUGH, _MEDIUM = _Stage(96, 2.5, 5, 800), _Stage(96, 1.2, 6, 800)
_FINE, _BENT = _Stage(192, 1.5, 6, 1500), _Stage(256, 1.0, 8, 2000, bends=True)


@dataclass(frozen=True, slots=True, eq=False)
class _Scale:
    """Both impressions without what is too fine for a frame of one side: `template` is what it shows of the first,
    `shown` where that one's crop lies.
    """

    template: Plane
    shown: NDArray[np.bool_]
    b: _Source

    @classmethod
    def of(cls, a: Plane, frame: Affine, b: Plane, other: Affine, side: int) -> "_Scale":
        """Of both planes in frames of their own."""
        return cls(
            sampled(fitting(a, frame, side), frame, side),
            is_within((a.shape[1], a.shape[0]), frame, side),
            _Source.of(fitting(b, other, side)),
        )


def register(a: Plane, b: Plane) -> Registered:
    """Lay the ink of `b`, float32 (H, W) of 0 to 1, over that of `a`, (H', W')."""
    frame, other = framed(a), framed(b)
    template = sampled(fitting(a, frame, _COARSE_PX), frame, _COARSE_PX)
    starts = _candidates(template, fitting(b, other, _COARSE_PX), other)
    small, middle, whole = (_Scale.of(a, frame, b, other, stage.side) for stage in (_MEDIUM, _FINE, _BENT))
    fits = _refined(small, starts, _ROUGH)
    starts = [one for hand in (False, True) for one in _starts(fits, hand, _PROMISING)]
    fits = _refined(small, starts, _MEDIUM)
    straight = next(fit for fit in fits if not fit.mirrored)
    hand = fits[0].mirrored and fits[0].correlation > straight.correlation + _MIRRORED_GAIN
    best, *others = [fit for fit in fits if fit.mirrored == hand]
    is_clear = not others or best.correlation > others[0].correlation + _CLEAR
    fits = _refined(middle, _starts(fits, hand, 1 if is_clear else _FINALISTS), _FINE)
    (placed,) = _refined(whole, _starts(fits, hand, 1), _BENT)
    return Registered(frame, placed.at, placed.bend, placed.correlation, hand)


def _starts(fits: list[_Fit], mirrored: bool, most: int) -> list[tuple[Affine, bool]]:
    """Where the best of a hand are refined from."""
    return [(_after(fit.at, fit.bend), mirrored) for fit in fits if fit.mirrored == mirrored][:most]


def _candidates(template: Plane, b: Plane, other: Affine) -> list[tuple[Affine, bool]]:
    """Turns, scales, shifts and hands of `b` that correlate best with the template, each unlike the others."""
    side = len(template)
    conjugate = np.conj(np.fft.rfft2(_normalised(template)))
    wide = sampled(b, then(other, similar(0.0, _WIDE)), _WIDE_PX)
    kept: list[tuple[Affine, bool]] = []
    for mirrored, most in zip((False, True), _CANDIDATES, strict=True):
        seen = np.ascontiguousarray(wide[:, ::-1] if mirrored else wide)
        scales = _SCALES[_MIRRORED_SCALES] if mirrored else _SCALES
        peaks = [_peaks(seen.ravel().take(turning), conjugate) for turning in _turning(side, scales)]
        best, values = (np.concatenate(part) for part in zip(*peaks, strict=True))
        rows, columns = (_signed(place, side) * 2 / side for place in divmod(best, side))
        hand = then(other, np.array([[-1.0 if mirrored else 1.0, 0, 0], [0, 1, 0]]))
        found: list[tuple[float, float]] = []
        for place in np.argsort(-values):
            scale, turn = scales[place // len(_TURNS)], float(_TURNS[place % len(_TURNS)])
            if any(_alike((turn, scale), one) for one in found):
                continue
            found.append((turn, scale))
            shift = np.array([[1, 0, columns[place]], [0, 1, rows[place]]])
            kept.append((then(then(hand, similar(turn, scale)), shift), mirrored))
            if len(found) == most:
                break
    return kept


def _peaks(seen: NDArray[np.float32], conjugate: NDArray[np.complex64]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Where each of N looks, (N, side x side), correlates best with a template of that transform, and how well.

    N is of one scale, so that all of it stays in the cache of a core.
    """
    side = len(conjugate)
    seen -= seen.mean(1, keepdims=True)
    seen /= np.sqrt((seen * seen).sum(1, keepdims=True)) + _TINY
    spectra = np.fft.rfft2(seen.reshape(-1, side, side))
    spectra *= conjugate
    peaks = np.fft.irfft2(spectra, s=(side, side)).reshape(len(seen), -1)
    best = peaks.argmax(1)
    return best, peaks[np.arange(len(best)), best]


@lru_cache(maxsize=2)
def _turning(side: int, scales: tuple[float, ...]) -> NDArray[np.intp]:
    """Where each pixel of the frame lies on the wide look: (scales, turns, side x side)."""
    axis = (np.arange(side) + 0.5) * 2 / side - 1
    x, y = (part.ravel() for part in np.meshgrid(axis, axis))
    rows = []
    for scale in scales:
        for turn in _TURNS:
            map_ = similar(turn, scale / _WIDE)
            column = ((map_[0, 0] * x + map_[0, 1] * y + 1) * _WIDE_PX / 2).astype(np.intp)
            row = ((map_[1, 0] * x + map_[1, 1] * y + 1) * _WIDE_PX / 2).astype(np.intp)
            edge = _WIDE_PX - 1
            rows.append(np.clip(row, 0, edge) * _WIDE_PX + np.clip(column, 0, edge))
    return np.array(rows, np.intp).reshape(len(scales), len(_TURNS), -1)


def _refined(scale: _Scale, starts: list[tuple[Affine, bool]], stage: _Stage) -> list[_Fit]:
    """Each start after Gauss-Newton steps, the best first."""
    edge = _edges(blurred(scale.template, stage.blur), stage.points)
    terms, still = 6 if stage.bends else 3, _STILL_PX * 2 / stage.side
    fits = []
    for start, mirrored in starts:
        soft = blurred(sampled_image(scale.b.image, start, stage.side), stage.blur)
        bend = STRAIGHT
        for _ in range(stage.steps):
            step = _step(edge, _gathered(soft, bend @ edge.powers), terms)
            bend = bend + step
            if np.abs(step).max() < still:
                break
        correlation = _agreement(scale.template, scale.b, _after(start, bend), scale.shown)
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
        powers(x, y).astype(np.float32),
        values - values.mean(),
        float(values.std()) + _TINY,
        np.stack([right.ravel()[chosen], down.ravel()[chosen]]) * np.float32(side / 2),
    )


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


def _agreement(a: Plane, b: _Source, at: Affine, shown: NDArray[np.bool_]) -> float:
    """Correlation of the ink where both crops show anything, less where that is little of their ink.

    `a` and `shown`, where its crop lies, are planes of the frame; `b` is the other crop, placed by `at`.
    """
    side = len(a)
    seen, both = sampled_image(b.image, at, side), (shown & is_within(b.image.size, at, side)).astype(np.float32)
    total = float(both.sum()) + _TINY
    ink_a, ink_b = float(np.vdot(both, a)), float(np.vdot(both, seen))
    apart_a, apart_b = both * (a - ink_a / total), both * (seen - ink_b / total)
    spread = float(np.vdot(apart_a, apart_a)) * float(np.vdot(apart_b, apart_b))
    correlation = float(np.vdot(apart_a, apart_b)) / (np.sqrt(spread) + _TINY)
    all_of_b = b.ink / (abs(np.linalg.det(at[:, :2])) * (2 / side) ** 2)
    common = min(ink_a, ink_b) / (min(float(a.sum()), all_of_b) + _TINY)
    return float(correlation * min(1.0, common / _COMMON))


def _normalised(plane: Plane) -> Plane:
    centred = plane - plane.mean()
    return np.asarray(centred / (np.linalg.norm(centred) + _TINY), np.float32)


def _alike(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two pairs of a turn and a scale are about one."""
    apart = abs((one[0] - other[0] + np.pi) % (2 * np.pi) - np.pi)
    return bool(apart < _ALIKE_TURN and abs(np.log(one[1] / other[1])) < _ALIKE_SCALE)


def _signed(place: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    return (place + length // 2) % length - length // 2
