"""What lies around each pixel: means and maxima over squares."""

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


def window_mean(plane: Plane, radius: int) -> Plane:
    """The mean over 2 `radius` + 1 rows and columns around each pixel, float32 (H, W); beyond the edge lies 0."""
    side = 2 * radius + 1
    sums = np.pad(plane, ((radius + 1, radius),) * 2).astype(np.float64).cumsum(0).cumsum(1)
    total = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return np.asarray(total / side**2, np.float32)


def grown(plane: Plane, radius: int) -> Plane:
    """The most over 2 `radius` + 1 rows and columns around each pixel of a plane, float32 (H, W)."""
    most = plane
    for axis in (0, 1):
        least, most = np.moveaxis(most, axis, 0), np.moveaxis(most.copy(), axis, 0)
        for step in range(1, radius + 1):
            np.maximum(most[step:], least[:-step], out=most[step:])
            np.maximum(most[:-step], least[step:], out=most[:-step])
        most = np.moveaxis(most, 0, axis)
    return most
