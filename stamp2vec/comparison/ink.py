"""How much ink lies on each pixel of a crop: its optical density where the segmenter saw ink."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.comparison.windows import Plane, grown

_BLOCKS = 8  # rows and columns of blocks in each of which the paper is estimated
_BLOCK_PX = 8
_PAPER = 0.9  # the quantile of a block that is paper
_DARKEST_PAPER = 0.8  # of the crop's own paper: a block full of ink has none
_FAINT = 0.05  # optical density that noise of paper reaches
_FULL = 0.85  # the quantile of marked pixels whose density counts as full ink: some impressions are pale
_MASK_GAIN = 1.3  # the segmenter is seldom sure
_MIN_MARKED = 50


def ink_amount(crop: NDArray[np.uint8], mask: NDArray[np.uint8]) -> Plane:
    """Ink of a crop, uint8 (H, W, 3), with its soft mask, uint8 (H, W): float32 (H, W), 0 is paper and 1 full ink.

    Half of it is density, which shows fine strokes, and half the mask, which leaves out print and handwriting.
    """
    soft = mask.astype(np.float32) / np.float32(255)
    near = grown(soft, 2)
    density = np.clip(_density(crop) - _FAINT, 0, None) * near
    marked = near > 0.5
    full = max(float(np.quantile(density[marked], _FULL)), 0.1) if marked.sum() > _MIN_MARKED else 1.0
    return np.asarray(0.5 * np.minimum(density / full, 1) + 0.5 * np.minimum(_MASK_GAIN * soft, 1), np.float32)


def _density(crop: NDArray[np.uint8]) -> Plane:
    """The greatest optical density of the three channels against the paper around, in nats, (H, W)."""
    height, width = crop.shape[:2]
    side = _BLOCKS * _BLOCK_PX
    small = np.asarray(Image.fromarray(crop).resize((side, side), Image.Resampling.BOX), np.float32) / np.float32(255)
    blocks = small.reshape(_BLOCKS, _BLOCK_PX, _BLOCKS, _BLOCK_PX, 3).transpose(0, 2, 1, 3, 4)
    paper = np.quantile(blocks.reshape(_BLOCKS, _BLOCKS, -1, 3), _PAPER, axis=2)
    paper = np.maximum(paper, _DARKEST_PAPER * np.quantile(small.reshape(-1, 3), 0.75, axis=0))
    densest = np.zeros((height, width), np.float32)
    for channel in range(3):
        level = Image.fromarray(np.ascontiguousarray(paper[..., channel], np.float32))
        around = np.asarray(level.resize((width, height), Image.Resampling.BICUBIC))
        light = (crop[..., channel].astype(np.float32) + 1) / 255
        np.maximum(densest, np.log(np.maximum(around, _FAINT) / light), out=densest)
    return densest
