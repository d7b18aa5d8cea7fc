"""The stamp alone: its ink on nothing, in its own colour."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stamp2vec.imaging.crop import check_mask
from stamp2vec.imaging.windows import Plane, grown
from stamp2vec.ink.densities import densities, densities_of_rows, paper_of
from stamp2vec.ink.unmixing import own_colour, unmixed

_LOOKED_AT_PX = 512  # the longer side of what the ink's colour and full density are taken from
_ROWS_PIXELS = 1 << 18  # that are unmixed at once
_FAINT = 0.06  # optical density that noise of paper reaches
_FULL = 0.85  # the quantile of the ink's density that is fully opaque
_LEAST_FULL = 0.15
_CHROMA, _SATURATED = 0.1, 0.3  # difference of density between the channels, and its share, that colour has
_COLOURED_SHARE = 0.4  # of marked pixels; where fewer have a colour, it is not the stamp's
_INKED, _SURE = 0.12, 0.45  # of a soft mask: nothing below the first, everything from the second
_GROWN = 1 / 256  # of the longer side: the segmenter sees crops at 256 pixels, and its edges are that exact
_MOST_GROWN_PX = 8
_STRANGE, _SURELY_STRANGE = 0.12, 0.3  # density that neither the ink nor black explains: ink of a third colour


def lift(crop: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A crop, uint8 (H, W, 3), and its soft mask, uint8 (H, W) -> RGBA, uint8 (H, W, 4), not premultiplied.

    The colour of every pixel is that of the full ink on white; alpha is how much of it there is, by the density of the
    page at its own resolution, near where the mask has ink. Print and handwriting in another colour are left out, as
    far as the colours differ: the ink below them is kept. Of a grey page and of black ink all is kept that the mask
    has. All of it is transparent where there is no ink. ValueError when crop and mask are no such pictures.
    """
    check_mask(crop, mask)
    height, width = mask.shape
    step = -(-max(height, width) // _LOOKED_AT_PX)
    some, marked = np.ascontiguousarray(crop[::step, ::step]), mask[::step, ::step] >= 128
    known = densities(some) - np.float32(_FAINT)
    lifted = np.zeros((height, width, 4), np.uint8)
    if not marked.any():
        return lifted
    ink = _Ink.of(known, marked)
    full = max(float(np.quantile(ink.amount(known)[marked], _FULL)), _LEAST_FULL)
    lifted[..., :3] = np.rint(255 * np.exp(-full * ink.absorbed))
    paper = paper_of(crop)
    rows, reach = max(1, _ROWS_PIXELS // width), min(_MOST_GROWN_PX, 1 + round(_GROWN * max(height, width)))
    for first in range(0, height, rows):
        last = min(height, first + rows)
        gate = _near(mask, first, last, reach)
        if gate.any():
            density = ink.amount(densities_of_rows(crop, paper, first, last) - np.float32(_FAINT))
            opaque = (1 - np.exp(-density)) / (1 - np.exp(-np.float32(full)))
            lifted[first:last, :, 3] = np.rint(255 * np.minimum(opaque, 1) * gate)
    return lifted


def on_white(lifted: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGBA, uint8 (H, W, 4), on white paper: uint8 (H, W, 3)."""
    alpha = lifted[..., 3:].astype(np.uint16)
    return np.asarray((255 * 255 - alpha * (255 - lifted[..., :3].astype(np.uint16)) + 127) // 255, np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class _Ink:
    """An ink by how much it absorbs in each channel, (3,), the greatest 1, and whether a colour tells it from black."""

    absorbed: NDArray[np.float64]
    is_coloured: bool

    @classmethod
    def of(cls, density: NDArray[np.float32], marked: NDArray[np.bool_]) -> Self:
        """The ink of what is marked, (H, W), by densities (H, W, 3).

        Print may have been marked as well: where enough of it has a colour, that is the stamp's.
        """
        most = density.max(2)
        chroma = most - density.min(2)
        coloured = marked & (chroma > _CHROMA) & (chroma > _SATURATED * most)
        enough = coloured.sum() > _COLOURED_SHARE * marked.sum()
        colour = own_colour(density, coloured if enough else marked)
        if colour is not None:
            return cls(np.maximum(colour, 0), is_coloured=True)
        levels = density[marked].mean(1)
        dark = np.median(density[marked][levels >= np.quantile(levels, _FULL)], axis=0)
        return cls(np.maximum(dark, 0.01) / max(float(dark.max()), 0.01), is_coloured=False)

    def amount(self, density: NDArray[np.float32]) -> Plane:
        """How much of it makes these densities, (H, W, 3): its own density where it absorbs most, (H, W)."""
        if not self.is_coloured:  # what lets one channel through is no black
            return np.asarray(np.maximum((density / self.absorbed.astype(np.float32)).min(2), 0), np.float32)
        own, _ = unmixed(density, self.absorbed)
        aside = np.cross(np.ones(3), self.absorbed)
        strange = np.abs(density @ (aside / np.linalg.norm(aside)).astype(np.float32))
        return np.asarray(own * (1 - _ramp(strange - 0.3 * own, _STRANGE, _SURELY_STRANGE)), np.float32)


def _near(mask: NDArray[np.uint8], first: int, last: int, reach: int) -> Plane:
    """How surely these rows have ink or lie at its edge, 0 to 1."""
    above = max(0, first - reach)
    soft = mask[above : last + reach].astype(np.float32) / np.float32(255)
    return _ramp(grown(soft, reach)[first - above : last - above], _INKED, _SURE)


def _ramp(values: Plane, low: float, high: float) -> Plane:
    return np.asarray(np.clip((values - low) / (high - low), 0, 1), np.float32)
