"""Whether there is enough of a stamp on a crop to determine its die."""

import numpy as np
from numpy.typing import NDArray

MIN_SIDE_PX = 32
MIN_INK_SHARE = 0.005
_SAMPLED_PX = 128  # rows and columns, at most: ink is counted, not read
_DARKER = 0.18  # a pixel with ink lets this share less of some colour through than the paper does
_PAPER_QUANTILE = 0.9
_PAPER_STEP = 5  # the light of paper is told from every fifth pixel


def ink_share(crop: NDArray[np.uint8]) -> float:
    """The share of a crop, uint8 (H, W, 3), that is darker than its paper in some colour: 0 to 1."""
    step = max(-(-side // _SAMPLED_PX) for side in crop.shape[:2])
    sampled = crop[::step, ::step].reshape(-1, 3)
    pixels = np.ascontiguousarray(sampled.T)  # (3, N): fast along the channels
    some = pixels[:, ::_PAPER_STEP]
    place = int(_PAPER_QUANTILE * (some.shape[1] - 1))
    paper = np.partition(some, place, 1)[:, place]
    darker = pixels < np.ceil((1 - _DARKER) * paper).astype(np.uint8)[:, None]
    return np.count_nonzero(darker[0] | darker[1] | darker[2]) / len(sampled)


def blank(crop: NDArray[np.uint8]) -> str:
    """Why there is no stamp on a crop, uint8 (H, W, 3), that a vector could be of, and the remedy; else empty."""
    share = ink_share(crop)
    if share < MIN_INK_SHARE:
        return f"too little ink ({share:.1%} of the crop): take a stronger impression, or crop closer"
    return ""


def illegibility(crop: NDArray[np.uint8]) -> str:
    """What is wrong with a crop, uint8 (H, W, 3), for determining its die, and the remedy; empty when nothing is."""
    height, width = crop.shape[:2]
    if max(height, width) < MIN_SIDE_PX:
        return f"too few pixels ({width} x {height}): scan the stamp so that its longer side has {MIN_SIDE_PX} or more"
    return blank(crop)
