"""The paper of a page around a stamp: its local shade, as if nothing had been printed or stamped, and its grain."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.imaging.windows import Plane

Densities = NDArray[np.float32]

_CELL_PX = 12  # a side of the cells whose paper is estimated
_BRIGHT = 0.6  # the quantile of a cell's free pixels above which they are paper: letters have fewer than the others
_DARKEST = 0.35  # density against the window's paper up to which a cell's brightest pixels are paper
_FEWEST = 0.15  # share of a cell that must be free of ink
_SEED = 5
_SHIFTS = 24
_MOST_GRAIN = 2.5  # deviations: what differs more is print


def light(pixels: NDArray[np.uint8]) -> Densities:
    """The logarithm of light that pixels, uint8 (H, W, 3), send back, at most 0, float32 (H, W, 3)."""
    table = np.log((np.arange(256, dtype=np.float32) + 1) / 256)
    return np.asarray(table[pixels], np.float32)


def shade(lights: Densities, free: NDArray[np.bool_]) -> Densities:
    """The light of bare paper at each pixel, float32 (H, W, 3): smooth, from cells of paper that is free of ink.

    `free`, bool (H, W), is where the stamp's ink is not; print and writing are left out by being darker.
    """
    height, width = free.shape
    rows, columns = max(1, round(height / _CELL_PX)), max(1, round(width / _CELL_PX))
    grid = np.zeros((rows, columns, 3), np.float32)
    weight = np.zeros((rows, columns), np.float32)
    edges_y, edges_x = np.linspace(0, height, rows + 1).astype(int), np.linspace(0, width, columns + 1).astype(int)
    brightness = lights.mean(2)
    known = brightness[free]
    usual = float(np.quantile(known, 0.75)) if known.size else float(brightness.max())
    for row in range(rows):
        for column in range(columns):
            part = slice(edges_y[row], edges_y[row + 1]), slice(edges_x[column], edges_x[column + 1])
            inside = free[part]
            count = int(inside.sum())
            if count < max(4, _FEWEST * inside.size):
                continue
            levels = brightness[part][inside]
            bright = levels >= np.quantile(levels, _BRIGHT)
            colour = np.median(lights[part][inside][bright], axis=0)
            if usual - float(colour.mean()) < _DARKEST:
                grid[row, column], weight[row, column] = colour, count / inside.size
    if not weight.any():
        grid[:], weight[:] = np.quantile(lights.reshape(-1, 3), 0.9, axis=0), 1
    filled = _filled(grid, weight)
    return np.dstack([_enlarged(filled[..., channel], (height, width)) for channel in range(3)])


def _filled(grid: Densities, weight: Plane) -> Densities:
    """The grid with its empty cells filled from those around, the nearest first."""
    result, known = grid * weight[..., None], weight.copy()
    total, total_weight = result.copy(), known.copy()
    importance = np.float32(1)
    while (total_weight < 1e-3).any() and importance > 1e-6:
        result, known = _spread(result), _spread(known)
        importance *= np.float32(0.1)
        total += importance * result
        total_weight += importance * known
    smooth = np.asarray(total / np.maximum(total_weight, 1e-9)[..., None], np.float32)
    return np.asarray(np.where(weight[..., None] > 0, 0.5 * smooth + 0.5 * _around(smooth), smooth), np.float32)


def _spread(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sum over 3 x 3 cells."""
    for axis in (0, 1):
        padded = np.pad(values, [(1, 1) if each == axis else (0, 0) for each in range(values.ndim)])
        size = values.shape[axis]
        parts = [np.take(padded, np.arange(step, step + size), axis) for step in range(3)]
        values = parts[0] + parts[1] + parts[2]
    return np.asarray(values, np.float32)


def _around(values: Densities) -> Densities:
    return _spread(values) / _spread(np.ones_like(values))


def _enlarged(plane: Plane, size: tuple[int, int]) -> Plane:
    image = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BICUBIC), np.float32)


def grain(residual: Densities, bare: NDArray[np.bool_]) -> Densities:
    """What to add to smooth paper so that it looks like the paper around, float32 (H, W, 3).

    `residual` is how the window's pixels differ from the smooth paper, `bare` where nothing but paper is. Each pixel
    gets that of a bare pixel somewhere else, shifted together with its neighbours, as grain has a texture.
    """
    if not bare.any():
        return np.zeros_like(residual)
    deviation = float(np.median(np.abs(residual[bare] - np.median(residual[bare], 0)))) * 1.4826
    limit = max(_MOST_GRAIN * deviation, 0.004)
    usable = bare & (np.abs(residual).max(2) < limit)
    result = np.zeros_like(residual)
    missing = ~usable
    result[usable] = residual[usable]
    rng = np.random.default_rng(_SEED)
    height, width = bare.shape
    for _ in range(_SHIFTS):
        if not missing.any():
            break
        down, right = int(rng.integers(0, height)), int(rng.integers(0, width))
        moved, fits = np.roll(residual, (down, right), (0, 1)), np.roll(usable, (down, right), (0, 1)) & missing
        result[fits] = moved[fits]
        missing &= ~fits
    return result
