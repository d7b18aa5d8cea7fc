"""stamp-unet: separates stamp ink from paper and print on a crop (U-Net, Ronneberger et al. 2015, arXiv 1505.04597).

The finest level works on 2 x 2 blocks of pixels folded into channels and unfolds its logits at the end (Shi et al.
2016, arXiv 1609.05158): the full resolution for a quarter of the cost.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stamp2vec.models.layers import ConvBnRelu, standardise


class StampUnet(nn.Module):
    """uint8 (N, H, W, 3) with H and W multiples of 32 -> (N, H, W) float logits of `this pixel carries stamp ink`."""

    def __init__(self, width: int = 20) -> None:
        """`width` is the number of channels at half resolution."""
        super().__init__()
        self.channels = channels = [width, width * 3 // 2, width * 2, width * 3, width * 4]
        self.encoder = nn.ModuleList(
            nn.Sequential(ConvBnRelu(c_in, c_out), ConvBnRelu(c_out, c_out))
            for c_in, c_out in zip([3 * 4, *channels[:-1]], channels)
        )
        self.decoder = nn.ModuleList(
            ConvBnRelu(deep + skip, skip) for deep, skip in zip(channels[:0:-1], channels[-2::-1])
        )
        self.logits = nn.Conv2d(width, 4, 1)

    def scaled(self, images: Tensor) -> Tensor:
        """uint8 (N, H, W, 3) -> float (N, 3, H, W)."""
        return standardise(images)

    def encode(self, images: Tensor) -> list[Tensor]:
        """Features at strides 2, 4, 8, 16 and 32."""
        x, levels = F.pixel_unshuffle(self.scaled(images), 2), []
        for level, block in enumerate(self.encoder):
            x = block(F.max_pool2d(x, 2) if level else x)
            levels.append(x)
        return levels

    def decode(self, levels: Sequence[Tensor]) -> Tensor:
        """From the coarsest level up again, each joined with the level of its size; (N, H, W) logits."""
        x = levels[-1]
        for block, level in zip(self.decoder, levels[-2::-1]):
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0), level], 1))
        return F.pixel_shuffle(self.logits(x), 2).squeeze(1)

    def forward(self, images: Tensor) -> Tensor:
        """Half the resolution and four halvings below it, then up again."""
        return self.decode(self.encode(images))
