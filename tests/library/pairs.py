"""A pair network with weights set by hand, and what its evidence means: places agree where both have ink, and
contradict where one has ink and the other has none.

Unlike a trained one it takes lost ink for a contradiction; impressions of one die must be whole for it.
"""

import torch
from torch import nn

from stamp2vec.calibration import PairCalibration
from stamp2vec.comparison.ink import OWN
from stamp2vec.models.stamp_pair import AGREES, CONTRADICTS

WIDTH = 4
CALIBRATION = PairCalibration(
    segmenter="stamp-unet",
    intercept=-2.0,
    correlation=4.0,
    correlation_squared=0.0,
    worst_letter=-3.0,
    worst_letter_squared=0.0,
    worst_letter_by_correlation=0.0,
    worst_letter_by_typical=0.0,
    typical_letter=0.0,
    typical_letter_squared=0.0,
    typical_letter_by_correlation=0.0,
    same_limit=9.0,
    same_limit_by_typical=0.0,
)
_BOTH, _APART = 0, 1  # channels of what is passed on
_SUM, _FIRST_DIFFERENCE = 0, 3 * WIDTH + 2  # of what is joined: sums, differences and products, two fits, then strokes


def compare_densities(network: nn.Module) -> None:
    """Sets the weights of a StampPair of this width: each layer passes on density, and what of it is not on both."""
    with torch.no_grad():
        weights = dict(network.named_parameters())
        for name, weight in weights.items():
            if weight.ndim == 4 or name.endswith("bias"):  # normalisations do nothing, as they come
                weight.zero_()
        weights["fine.0.0.weight"][_BOTH, OWN, 2, 2] = 1.0
        weights["fine.1.0.weight"][_BOTH, _BOTH, 1, 1] = 1.0
        for name in ("coarse.0.0.weight", "strokes.0.weight"):
            weights[name][_BOTH, _BOTH] = 1 / 9
        for name in ("coarse.1.0.weight", "coarse.2.weight"):
            weights[name][_BOTH, _BOTH, 1, 1] = 1.0
        weights["join.0.weight"][_BOTH, _SUM] = 1.0
        weights["join.0.weight"][_APART, _FIRST_DIFFERENCE] = 1.0
        for layer in range(3):
            for channel in (_BOTH, _APART):
                weights[f"head.{layer}.0.weight"][channel, channel, 1, 1] = 1.0
        for place, channel, gain, bias in ((AGREES, _BOTH, 10.0, -4.0), (CONTRADICTS, _APART, 300.0, -75.0)):
            weights["head.3.weight"][place, channel] = gain
            weights["head.3.bias"][place] = bias
