"""The optical density of what is on paper, against the paper around it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_BLOCKS = 8  # rows and columns of blocks in each of which the paper is estimated
_BLOCK_PX = 8
_PAPER = 0.9  # the quantile of a block that is paper
_DARKEST_PAPER = 0.8  # of the crop's own paper: a block full of ink has none
_DARKEST = 0.05  # the least light of paper

# One logarithm for all pixels of a value: there are 256.
_LIGHT = np.log((np.arange(256, dtype=np.float32) + 1) / 255)


def densities(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The optical density of each channel of a crop, uint8 (H, W, 3), in nats: (H, W, 3), above or below 0."""
    return densities_of_rows(crop, paper_of(crop), 0, crop.shape[0])


def paper_of(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The paper's light in each block of a crop, uint8 (H, W, 3), up to 1: (8, 8, 3)."""
    side = _BLOCKS * _BLOCK_PX
    small = np.asarray(Image.fromarray(crop).resize((side, side), Image.Resampling.BOX), np.float32) / np.float32(255)
    blocks = small.reshape(_BLOCKS, _BLOCK_PX, _BLOCKS, _BLOCK_PX, 3).transpose(0, 2, 1, 3, 4)
    paper = np.quantile(blocks.reshape(_BLOCKS, _BLOCKS, -1, 3), _PAPER, axis=2)
    return np.asarray(np.maximum(paper, _DARKEST_PAPER * np.quantile(small.reshape(-1, 3), 0.75, axis=0)), np.float32)


def densities_of_rows(
    crop: NDArray[np.uint8], paper: NDArray[np.float32], first: int, last: int
) -> NDArray[np.float32]:
    """The densities of some rows of a crop whose paper is known: a large crop in floats takes much memory."""
    height, width = crop.shape[:2]
    part = (0.0, first * _BLOCKS / height, float(_BLOCKS), last * _BLOCKS / height)
    around = np.empty((last - first, width, 3), np.float32)
    for channel in range(3):
        level = Image.fromarray(np.ascontiguousarray(paper[..., channel]))
        around[..., channel] = np.asarray(level.resize((width, last - first), Image.Resampling.BICUBIC, part))
    return np.asarray(np.log(np.maximum(around, _DARKEST)) - _LIGHT[crop[first:last]], np.float32)
