"""What lies around each pixel: means and maxima over squares."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Plane = NDArray[np.float32]


def window_mean(plane: Plane, radius: int) -> Plane:
    """The mean over 2 `radius` + 1 rows and columns around each pixel, float32 (H, W); beyond the edge lies 0."""
    side = 2 * radius + 1
    sums = np.pad(plane, ((radius + 1, radius),) * 2).astype(np.float64).cumsum(0).cumsum(1)
    total = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return np.asarray(total / side**2, np.float32)


def grown(plane: Plane, radius: int) -> Plane:
    """The most over 2 `radius` + 1 rows and columns around each pixel of a plane of 0 to 1, in steps of 1/255."""
    image = Image.fromarray(np.rint(plane * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.MaxFilter(2 * radius + 1)), np.float32) / np.float32(255)
