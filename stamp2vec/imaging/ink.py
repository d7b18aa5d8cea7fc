"""The colour of a stamp's ink, from the pixels that it lies on."""

import math

import numpy as np
from numpy.typing import NDArray

from stamp2vec.values import InkColour

_MAX_SIDE = 128  # pixels sampled along each side; more change nothing
_SOFT = 8.0  # levels added before the logarithm: the noise of near-black pixels has no hue
_LEAST_PIXELS = 6

# Found on rendered pages of training.synth whose inks are known: no real page was used.
_INKED = 0.15  # optical density above which a pixel carries ink
_COLOURED = 0.06  # least difference of density between the channels of a coloured pixel
_SATURATED = 0.25  # the same as a share of its greatest density
_COLOURED_SHARE = 0.33  # of inked pixels; where fewer are coloured, they are not the stamp's
_BLACK_DENSITY = 0.7  # of the darkest tenth: grey ink stays below

# Upper edges of hues in degrees, and the ink on each side of them. No stamp is yellow: highlighters are.
_HUE_EDGES = (40.0, 100.0, 190.0, 249.0, 310.0)
_HUE_INKS = (InkColour.RED, None, InkColour.GREEN, InkColour.BLUE, InkColour.VIOLET, InkColour.RED)


def ink_colour(crop: NDArray[np.uint8], mask: NDArray[np.uint8] | None = None) -> InkColour | None:
    """The colour of the ink on a crop, uint8 (H, W, 3), as the picture shows it: on a grey scan, black or grey.

    `mask`, uint8 (H, W), is 128 and more where the stamp's own ink is; without it, print and handwriting under
    the stamp have a vote. Returns None when there is too little ink.

    Optical density against the paper of the crop makes the answer independent of the paper's tint and the light; hue
    is taken from densities, since ink of any thickness keeps their ratios (Beer and Lambert).
    """
    step = max(1, math.ceil(max(crop.shape[:2]) / _MAX_SIDE))
    pixels = np.ascontiguousarray(crop[::step, ::step].reshape(-1, 3).T, np.float32)  # (3, N): fast along the channels
    brightness = pixels.mean(0)
    paper = np.median(pixels[:, brightness >= np.quantile(brightness, 0.7)], 1, keepdims=True)
    density = np.clip(np.log((paper + _SOFT) / (pixels + _SOFT)), 0.0, None)
    greatest = density.max(0)
    inked = greatest > _INKED
    if mask is not None:
        marked = inked & (mask[::step, ::step].reshape(-1) >= 128)
        inked = marked if marked.sum() >= _LEAST_PIXELS else inked
    if inked.sum() < _LEAST_PIXELS:
        return None
    density, greatest = density[:, inked], greatest[inked]
    chroma = greatest - density.min(0)
    coloured = (chroma > _COLOURED) & (chroma > _SATURATED * greatest)
    if coloured.mean() <= _COLOURED_SHARE:
        return InkColour.BLACK if np.quantile(greatest, 0.9) > _BLACK_DENSITY else InkColour.GREY
    votes = _votes(density[:, coloured], chroma[coloured])
    return max(votes, key=votes.__getitem__) if any(votes.values()) else None


def _votes(density: NDArray[np.float32], chroma: NDArray[np.float32]) -> dict[InkColour, float]:
    """How much chroma (N,) each colour of ink has among densities (3, N) of coloured pixels."""
    sums = np.bincount(np.digitize(_hue(density), _HUE_EDGES), chroma, len(_HUE_INKS))
    votes: dict[InkColour, float] = {}
    for ink, amount in zip(_HUE_INKS, sums.tolist(), strict=True):
        if ink is not None:
            votes[ink] = votes.get(ink, 0.0) + amount
    return votes


def _hue(density: NDArray[np.float32]) -> NDArray[np.float32]:
    """Densities (3, N), of no pixel all alike, to hue in degrees (N,): what a channel does not absorb is its light."""
    light = density.max(0) - density
    red, green, blue = light
    most = light.max(0)
    hue = np.where(
        blue == most,
        240 + 60 * (red - green) / most,
        np.where(green == most, 120 + 60 * (blue - red) / most, 60 * (green - blue) / most),
    )
    return np.asarray(hue % 360, np.float32)
