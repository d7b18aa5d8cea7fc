"""What a comparison sees of a crop: its stamp's own density, its ink, and what is printed or written in other ink."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.imaging.windows import grown
from stamp2vec.ink.densities import densities
from stamp2vec.ink.unmixing import separated

MOST_PX = 512  # the longer side of what is looked at: finer pixels show the grain of the paper, not letters
OWN, INK, OTHER = range(3)
_FAINT = 0.05  # optical density that noise of paper reaches
_FULL = 0.85  # the quantile of marked pixels whose density counts as full ink: some impressions are pale
_HEADROOM = 1.25  # times full ink, which 255 stands for
_MASK_GAIN = 1.3  # the segmenter is seldom sure
_MIN_MARKED = 50


def reduced(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture, uint8 (H, W) or (H, W, 3), its longer side at most MOST_PX."""
    scale = MOST_PX / max(crop.shape[:2])
    if scale >= 1:
        return crop
    size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    return np.asarray(Image.fromarray(crop).resize(size, Image.Resampling.BOX))


def ink_planes(crop: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A crop, uint8 (H, W, 3), with its soft mask, uint8 (H, W) -> uint8 (H', W', 3), its longer side at most MOST_PX.

    OWN is the optical density of the stamp's colour, relative to full ink, so that a pale strike looks like a strong
    one; INK is half of that where the segmenter saw ink, and half its mask, which leaves out print and handwriting;
    OTHER is the density of black over a coloured stamp: print, pen, a copier's dirt. A grey crop has none of it.
    """
    crop, mask = reduced(crop), reduced(mask)
    soft = mask.astype(np.float32) / np.float32(255)
    near = grown(soft, 2)
    marked = near > 0.5
    own, other = separated(np.clip(densities(crop) - _FAINT, 0, None), marked)
    full = max(float(np.quantile((own * near)[marked], _FULL)), 0.1) if marked.sum() > _MIN_MARKED else 1.0
    ink = 0.5 * np.minimum(own * near / full, 1) + 0.5 * np.minimum(_MASK_GAIN * soft, 1)
    levels = [np.clip(own / (full * _HEADROOM), 0, 1), ink, np.clip(other / (full * _HEADROOM), 0, 1)]
    return np.asarray(np.rint(np.dstack(levels) * 255), np.uint8)
