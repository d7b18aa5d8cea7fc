"""stamp-lite: the accurate embedder, EfficientNet-Lite0 with a head of our own.

Two depths of the trunk are pooled, since coarse features show a seal's layout and finer ones its letters.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stamp2vec.models.efficientnet_lite import CHANNELS, Conv, EfficientNetLite
from stamp2vec.models.layers import both_ways_up, standardise

TOP = 1280


class StampLite(nn.Module):
    """uint8 (N, H, W, 3), H and W multiples of 32 -> unit vectors (N, vector_size) float."""

    def __init__(self, vector_size: int = 384, half_turn: int = 0) -> None:
        """With `half_turn` 1, `forward` averages over the picture and the picture upside down."""
        super().__init__()
        self.half_turn = half_turn
        self.trunk = EfficientNetLite()
        self.top = Conv(CHANNELS[2], TOP, 1)
        self.fine = Conv(CHANNELS[1], 256, 1)
        self.vector = nn.Linear(TOP + 256, vector_size)

    def one_look(self, images: Tensor) -> Tensor:
        """Unit vectors (N, vector_size) of pictures as they lie.

        Features at stride 16 and 32, each averaged with weight on what is strong (GeM), then one linear layer.
        """
        _, at_16, at_32 = self.trunk(standardise(images))
        fine = generalised_mean(F.relu(self.fine(at_16)))
        top = generalised_mean(F.relu6(self.top(at_32)))
        return F.normalize(self.vector(torch.cat([top, fine], 1)).float(), dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """The vectors that are compared."""
        return both_ways_up(self.one_look, images) if self.half_turn else self.one_look(images)


def generalised_mean(x: Tensor, power: float = 3.0) -> Tensor:
    """(N, C, H, W) >= 0 -> (N, C), between mean and maximum (Radenovic et al. 2018, arXiv 1711.02512)."""
    return x.float().clamp(min=1e-4).pow(power).mean((2, 3)).pow(1 / power)
