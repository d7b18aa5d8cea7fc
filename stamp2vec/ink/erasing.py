"""A stamp off the page that it was struck on: paper where its ink lay, print and handwriting under it kept."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stamp2vec.imaging.windows import Plane, grown, window_mean
from stamp2vec.ink.paper import Densities, grain, light, shade
from stamp2vec.ink.unmixing import own_colour


@dataclass(frozen=True, slots=True, eq=False)
class Erasure:
    """A window without its stamp: `pixels`, uint8 (H, W, 3), which differ from the window's only where `changed`,
    bool (H, W). `left` is the share of the stamp's ink that could not be told from print and was kept, 0 to 1.
    """

    pixels: NDArray[np.uint8]
    changed: NDArray[np.bool_]
    left: float


_INKED = 0.3  # of a mask
_FAINT = 0.06


def erase(window: NDArray[np.uint8], mask: NDArray[np.uint8]) -> Erasure:
    """Erases a stamp from a part of a page, uint8 (H, W, 3), that shows some paper around it.

    `mask`, uint8 (H, W), 255 is the stamp's ink. Beyond a few pixels around it nothing is changed.
    """
    soft = mask.astype(np.float32) / np.float32(255)
    ys, xs = np.nonzero(soft > _INKED)
    if not len(ys):
        return Erasure(window.copy(), np.zeros(mask.shape, np.bool_), 1.0)
    reach = max(2, round(0.008 * max(np.ptp(ys), np.ptp(xs))))
    near = grown(soft, reach)
    lights = light(window)
    paper = shade(lights, near < 0.1)
    densities = paper - lights
    colour = own_colour(densities, soft > 0.5)
    bare = (near < 0.1) & (grown(np.abs(densities).max(2), 1) < 0.12)
    texture = grain(-densities, bare)
    if colour is None:
        kept, amount, left = _grey(densities, soft, near, reach)
    else:
        kept, amount, left = _coloured(densities, colour, soft, near, window_mean(soft, 4 * reach))
    # kept: densities that stay; amount: how much of a pixel is replaced
    restored = paper - kept + texture * np.exp(-2 * kept.mean(2))[..., None]
    replaced = np.clip(np.rint(np.exp(restored) * 256 - 1), 0, 255)
    mixed = window + (replaced - window) * amount[..., None]
    changed = amount > 0
    pixels = window.copy()
    pixels[changed] = np.rint(mixed[changed]).astype(np.uint8)
    return Erasure(pixels, changed, left)


def _ramp(values: Plane, low: float, high: float) -> Plane:
    step = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(step * step * (3 - 2 * step), np.float32)


def _coloured(
    densities: Densities, colour: NDArray[np.float64], soft: Plane, near: Plane, around: Plane
) -> tuple[Densities, Plane, float]:
    """By its colour, which neutral print has none of."""
    carrier = int(np.argmin(colour))
    across = colour - colour.mean()
    own = np.maximum(densities @ (across / (across @ colour)).astype(np.float32), 0)  # black print does not change it
    through = densities[..., carrier]
    area = near > 0.15
    curve = _own_curve(own[area], through[area], float(colour[carrier]))
    black = through - np.interp(own, *curve).astype(np.float32)
    # Light that neither the ink nor black explains: a pen, or print of another colour.
    aside = np.cross(np.ones(3), colour)
    strange = np.abs(densities @ (aside / np.linalg.norm(aside)).astype(np.float32))
    foreign = _ramp(window_mean(strange, 1) - 0.35 * own, 0.15, 0.35)
    inked = area & (own > _FAINT)
    noise = 1.4826 * float(np.median(np.abs(black[inked]))) if inked.any() else 0.05
    printed = _ramp(grown(window_mean(black, 1), 1), 0.10 + 0.5 * noise, 0.28 + noise)
    neutral = (np.maximum(black, 0) * printed)[..., None]
    kept = (
        neutral + (np.maximum(densities - own[..., None] * colour.astype(np.float32), 0) - neutral) * foreign[..., None]
    )
    matching = _ramp(own - 1.5 * strange, 0.1, 0.2) * (around > 0.02)  # ink that the mask has missed
    gate = np.maximum(_ramp(near, 0.1, 0.35), grown(matching, 2))
    amount = gate * _ramp(grown(own, 2), _FAINT, 2 * _FAINT)
    return kept, amount, 0.0


def _own_curve(own: Plane, through: Plane, slope: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Density in the carrier against own density, of ink on bare paper: points of a rising curve."""
    thick = own > np.quantile(own, 0.6)
    slope = float(np.quantile(through[thick] / np.maximum(own[thick], 0.05), 0.25)) if thick.any() else slope
    edges = np.linspace(0, max(float(own.max()), 0.1), 25, dtype=np.float32)
    points_x, points_y = [np.float32(0)], [np.float32(0)]
    for low, high in zip(edges[:-1], edges[1:]):
        inside = through[(own >= low) & (own < high)]
        if len(inside) >= 30 and low > 0:
            points_x.append((low + high) / 2)
            points_y.append(
                np.float32(np.clip(np.quantile(inside, 0.4), 0, 1.35 * max(slope, 0.05) * (low + high) / 2 + 0.04))
            )
    if len(points_x) == 1:
        points_x.append(np.float32(1))
        points_y.append(np.float32(slope))
    return np.asarray(points_x, np.float32), np.asarray(points_y, np.float32)


def _grey(densities: Densities, soft: Plane, near: Plane, reach: int) -> tuple[Densities, Plane, float]:
    """By its darkness where that differs from the print's, and by what continues print that lies beside it."""
    level = densities.mean(2)
    dark = level > _DARK
    core = soft > 0.6
    ink = float(np.median(level[core])) if core.any() else 0.5
    beside = dark & (near < 0.1)
    deep = float(np.quantile(level[beside], 0.7)) if beside.sum() > 50 else ink
    local = _local_mean(level, core & (level < ink + 0.5 * max(deep - ink, 0.3)), 4 * reach, ink)
    separable = _ramp(np.float32(deep) - local, 0.35, 0.7)
    black = level - local * np.minimum(1.5 * soft, 1)
    by_level = _ramp(grown(window_mean(black, 1), 1), 0.25, 0.6) * separable
    through = _bridged(dark & (soft < 0.35), 3 * reach + 2) & dark
    by_stroke = grown(through.astype(np.float32), 1)
    printed = np.maximum(by_level, by_stroke * (1 - separable))
    kept_level = np.where(by_stroke * (1 - separable) > 0.5, level, np.maximum(black, 0) * printed)
    amount = _ramp(near, 0.3, 0.6)
    amount = amount * (1 - (by_stroke > 0) * (1 - separable))
    left = float((level * (soft > 0.5) * (1 - amount)).sum() / max(float((level * (soft > 0.5)).sum()), 1e-6))
    return np.repeat(kept_level[..., None], 3, 2), np.asarray(amount, np.float32), left


_DARK = 0.35


def _local_mean(values: Plane, where: NDArray[np.bool_], radius: int, default: float) -> Plane:
    weight = window_mean(where.astype(np.float32), radius)
    mean = window_mean(values * where, radius)
    return np.asarray(np.where(weight > 1e-4, mean / np.maximum(weight, 1e-4), default), np.float32)


def _bridged(strokes: NDArray[np.bool_], length: int) -> NDArray[np.bool_]:
    """Strokes and the gaps of up to `length` pixels in them, along any of eight directions."""
    result = strokes.copy()
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1)):
        before, after = strokes.copy(), strokes.copy()
        steps = max(1, round(length / max(abs(down), abs(right))))
        for step in range(1, steps + 1):
            before |= _shifted(strokes, step * down, step * right)
            after |= _shifted(strokes, -step * down, -step * right)
            # a gap of `length` in all: what is `step` away on one side is at most the rest on the other
        result |= before & after
    return result


def _shifted(plane: NDArray[np.bool_], down: int, right: int) -> NDArray[np.bool_]:
    height, width = plane.shape
    result = np.zeros_like(plane)
    result[max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)] = plane[
        max(0, -down) : height + min(0, -down), max(0, -right) : width + min(0, -right)
    ]
    return result
