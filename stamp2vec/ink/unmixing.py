"""The density of a stamp's own ink, and that of black over it, from what each of three channels absorbs."""

import numpy as np
from numpy.typing import NDArray

from stamp2vec.imaging.windows import Plane

_MIN_MARKED = 50  # pixels
_GREYEST = 0.7  # the least of an ink's three densities, of its greatest, from which it cannot be told from black
_VISIBLE = 0.1  # optical density


def own_colour(densities: NDArray[np.float32], marked: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """How much of its density an ink has in each channel, (3,), the greatest 1, from densities (H, W, 3) in nats.

    `marked`, bool (H, W), is where the ink is. None where there is too little of it, or it cannot be told from black.
    """
    red, green, blue = np.moveaxis(densities, 2, 0)
    greatest = np.maximum(np.maximum(red, green), blue)
    strong = marked & (greatest > _VISIBLE)
    if strong.sum() < _MIN_MARKED:
        return None
    strong &= greatest >= np.median(greatest[strong])
    colour = np.median(densities[strong] / greatest[strong][:, None], axis=0)
    colour = colour / max(float(colour.max()), 0.1)
    return None if colour.min() > _GREYEST else colour


def separated(densities: NDArray[np.float32], marked: NDArray[np.bool_]) -> tuple[Plane, Plane]:
    """The density (H, W) of the ink that is marked, and that of black, from the three channels' (H, W, 3).

    What absorbs in proportion to the ink's colour is ink, what absorbs alike in all channels is black; each pixel is
    the sum of both that fits best, neither below 0. Black is 0 where the ink cannot be told from it.
    """
    red, green, blue = np.moveaxis(densities, 2, 0)
    colour = own_colour(densities, marked)
    if colour is None:
        greatest = np.maximum(np.maximum(red, green), blue)
        return greatest, np.zeros_like(greatest)
    return unmixed(densities, colour)


def unmixed(densities: NDArray[np.float32], colour: NDArray[np.float64]) -> tuple[Plane, Plane]:
    """The density (H, W) of ink of this colour, (3,), and that of black, from the three channels' (H, W, 3)."""
    basis = np.stack([colour, np.ones(3)], 1)
    inverse = np.linalg.inv(basis.T @ basis)
    own, other = np.moveaxis(densities @ (basis @ inverse).astype(np.float32), 2, 0)
    alone = densities @ (colour / (colour @ colour)).astype(np.float32)
    own, other = np.where(other < 0, alone, own), np.maximum(other, 0)
    other = np.where(own < 0, densities.mean(2), other)
    return np.maximum(own, 0), np.asarray(other, np.float32)
