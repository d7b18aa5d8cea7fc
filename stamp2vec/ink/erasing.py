"""A stamp off the page that it was struck on: paper where its ink lay, print and handwriting under it kept.

Ink of a colour is told from black by what black does not change: the differences between the densities of the three
channels. Ink that is black or grey is told from print by a network, which says how much of each pixel is print; that
much of it stays, so that nothing is painted that was not there.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stamp2vec.imaging.windows import Plane, grown, window_mean
from stamp2vec.ink.paper import Densities, grain, light, shade
from stamp2vec.ink.printed import SURE, share_of_print
from stamp2vec.ink.unmixing import own_colour

# Densities are optical, in nats. Found on drawn pages, see training.evaluate.erasing; no real page was used.
_INKED = 0.3  # of a mask: where the stamp is
_FREE = 0.1  # of what is around a mask, up to which there is nothing of the stamp
_REACH = 0.008  # of the stamp's longer side: how far its ink may go beyond the mask
_BARE = 0.12  # density up to which there is only paper
_FAINT = 0.06  # density of ink that is just seen
_FEWEST = 50  # pixels from which a typical value is taken
_DEVIATION = 1.4826  # of normal values, for each median of their absolute ones

# Of coloured ink.
_MOST_OWN = 0.85  # the quantile of the stamp's own density beyond which it is noise
_BINS = 24
_BIN_FEWEST = 30
_ON_PAPER = 0.4  # the quantile of what lies under ink, up to which it lies on bare paper
_SLOPE_MOST = 1.35  # times as steep as usual ink's its curve may be
_PRINTED = (0.15, 0.42)  # densities of black from which it may be print, and from which it is
_PRINTED_BY_NOISE = (0.3, 1.0)  # and so many deviations more
_FOREIGN = (0.08, 0.2)  # density that neither the ink nor black explains
_FOREIGN_SHARE, _FOREIGN_DEVIATIONS = 0.06, 2.0  # of the stamp's own density, which may be explained otherwise
_DARK_AS_PRINT = (0.08, 0.2)
_MATCHING = (0.1, 0.2)  # own density of ink that the mask has missed
_NEIGHBOURHOOD = 0.02  # share of ink around it, from which on such ink is the stamp's

# Of grey ink.
_PRINT = (0.2, 0.5)  # share of print up to which a pixel is the stamp's alone, and from which it stays as it is


@dataclass(frozen=True, slots=True, eq=False)
class Erasure:
    """A window without its stamp: `pixels`, uint8 (H, W, 3), which differ from the window's only where `changed`, bool
    (H, W). `left` is the share of the stamp's ink that could not be told from print, and is still there, 0 to 1.
    """

    pixels: NDArray[np.uint8]
    changed: NDArray[np.bool_]
    left: float


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A window with a stamp. `soft` is its mask, and `near` that and `reach` pixels around it, float32 (H, W), 0 to
    1; `paper` is the paper's light, and `densities` are against it, float32 (H, W, 3); `colour` (3,) is what share
    of its density the ink has in each channel, None of ink without colour.
    """

    soft: Plane
    near: Plane
    reach: int
    paper: Densities
    densities: Densities
    colour: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True, eq=False)
class _Parting:
    """What of a window is not the stamp's: the density of `kept` print, float32 (H, W); how much of each pixel is
    replaced, `amount`, 0 to 1; and how far it could not be told, `doubt`, 0 to 1.
    """

    kept: Plane
    amount: Plane
    doubt: Plane


def seen(window: NDArray[np.uint8], mask: NDArray[np.uint8]) -> Seen | None:
    """Looks at a part of a page, uint8 (H, W, 3), with a stamp's mask, uint8 (H, W); None where the mask has no ink."""
    soft = mask.astype(np.float32) / np.float32(255)
    rows, columns = np.nonzero(soft > _INKED)
    if not len(rows):
        return None
    reach = max(2, round(_REACH * max(np.ptp(rows), np.ptp(columns))))
    near = grown(soft, reach)
    lights = light(window)
    paper = shade(lights, near < _FREE)
    densities = paper - lights
    return Seen(soft, near, reach, paper, densities, own_colour(densities, soft > 0.5))


def erase(window: NDArray[np.uint8], mask: NDArray[np.uint8]) -> Erasure:
    """Erases a stamp from a part of a page, uint8 (H, W, 3), that shows some paper around it.

    `mask`, uint8 (H, W), 255 is the stamp's ink. Beyond a few pixels around it nothing is changed. Deterministic.
    """
    stamp = seen(window, mask)
    if stamp is None:
        return Erasure(window.copy(), np.zeros(mask.shape, np.bool_), 1.0)
    densities = stamp.densities
    parting = _grey(stamp) if stamp.colour is None else _coloured(stamp, stamp.colour)
    bare = (stamp.near < _FREE) & (grown(np.abs(densities).max(2), 1) < _BARE)
    texture = grain(-densities, bare) * np.exp(-2 * parting.kept)[..., None]
    restored = np.exp(stamp.paper - parting.kept[..., None] + texture) * 256 - 1
    mixed = window + (np.clip(restored, 0, 255) - window) * parting.amount[..., None]
    changed = parting.amount > 0
    pixels = window.copy()
    pixels[changed] = np.rint(mixed[changed]).astype(np.uint8)
    weight = np.clip(densities.max(2), 0, None) * (stamp.soft > 0.5)
    total = float(weight.sum())
    left = float((weight * parting.doubt).sum()) / total if total > 0 else 1.0
    return Erasure(pixels, changed, left)


def _ramp(values: Plane, low: float, high: float) -> Plane:
    """From 0 at `low` to 1 at `high`, smooth at both ends."""
    step = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(step * step * (3 - 2 * step), np.float32)


def _coloured(stamp: Seen, colour: NDArray[np.float64]) -> _Parting:
    densities, soft, near, reach = stamp.densities, stamp.soft, stamp.near, stamp.reach
    across = colour - colour.mean()  # to which black, alike in all channels, adds nothing
    own = np.maximum(densities @ (across / (across @ colour)).astype(np.float32), 0)
    sure = soft > SURE
    if sure.any():  # over print the other channels have no light left, and the noise of that looks like much ink
        own = np.minimum(own, np.float32(np.quantile(own[sure], _MOST_OWN)))
    through = densities[..., int(np.argmin(colour))]  # the channel that sees through the ink best
    area = near > 0.15
    black = through - np.interp(own, *_own_curve(own[area], through[area], float(colour.min()))).astype(np.float32)
    inked = area & (own > _FAINT)
    below = -black[inked & (black < 0)]
    noise = _DEVIATION * float(np.median(below)) if len(below) else 0.05
    low, high = (each + factor * noise for each, factor in zip(_PRINTED, _PRINTED_BY_NOISE, strict=True))
    kept = np.maximum(black, 0) * _ramp(grown(window_mean(black, 1), 1), low, high)
    foreign = _foreign(densities, colour, own, inked & (soft > 0.5)) * (1 - _ramp(grown(black, 2), *_DARK_AS_PRINT))
    missed = _ramp(own, *_MATCHING) * (1 - foreign) * (window_mean(soft, 4 * reach) > _NEIGHBOURHOOD)
    gate = np.maximum(_ramp(near, 0.1, 0.35), grown(missed, 2))
    amount = gate * _ramp(grown(own, 2), _FAINT, 2 * _FAINT) * (1 - foreign)
    return _Parting(kept, amount, 1 - amount)


def _own_curve(own: Plane, through: Plane, usual: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The density that ink on bare paper has in the channel that sees through it, against its own: points (x), (y).

    Capture bends densities, so that it is no straight line. `usual` is its slope where the window does not show it.
    """
    xs, ys = [np.float32(0)], [np.float32(0)]
    thick = own > np.quantile(own, 0.6)
    slope = float(np.quantile(through[thick] / np.maximum(own[thick], 0.05), 0.25)) if thick.any() else usual
    edges = np.linspace(0, max(float(own.max()), 0.1), _BINS + 1, dtype=np.float32)
    for low, high in itertools.pairwise(edges[1:]):
        inside = through[(own >= low) & (own <= high)]
        if len(inside) >= _BIN_FEWEST:
            middle = (low + high) / 2
            most = _SLOPE_MOST * max(slope, 0.05) * middle + 0.04
            xs.append(middle)
            ys.append(np.float32(np.clip(np.quantile(inside, _ON_PAPER), 0, most)))
    if len(xs) == 1:
        xs.append(np.float32(1))
        ys.append(np.float32(slope))
    return np.asarray(xs, np.float32), np.asarray(ys, np.float32)


def _foreign(densities: Densities, colour: NDArray[np.float64], own: Plane, sure: NDArray[np.bool_]) -> Plane:
    """How surely a pixel, 0 to 1, has a colour that neither the stamp nor black explains: pen, coloured print."""
    aside = np.cross(np.ones(3), colour)
    strange = densities @ (aside / np.linalg.norm(aside)).astype(np.float32)
    thick = sure & (own > 2 * _FAINT)
    if thick.sum() < _FEWEST:
        return np.zeros_like(own)
    ratios = strange[thick] / own[thick]
    usual = float(np.median(ratios))
    spread = _DEVIATION * float(np.median(np.abs(ratios - usual)))
    explained = max(_FOREIGN_SHARE, _FOREIGN_DEVIATIONS * spread) * own
    excess = np.abs(window_mean(strange - np.float32(usual) * own, 1)) - explained
    return grown(_ramp(np.asarray(excess, np.float32), *_FOREIGN), 1)


def _grey(stamp: Seen) -> _Parting:
    level = np.maximum(stamp.densities.mean(2), 0)
    share = share_of_print(level, stamp.soft)
    printed = _ramp(share, *_PRINT)
    return _Parting(level * printed, _ramp(stamp.near, 0.3, 0.6) * (printed < 1), 4 * printed * (1 - printed))
