"""stamp-unet: tells stamp ink from paper and print on a crop (U-Net, Ronneberger et al. 2015, arXiv 1505.04597).

The finest level works on 2 x 2 blocks of pixels folded into channels and unfolds its logits at the end (Shi et al.
2016, arXiv 1609.05158): the full resolution for a quarter of the cost. The coarsest level says whether there is a stamp
at all: crops are of what a detector believes in, and a signature or a crest looks like ink from near.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stamp2vec.models.layers import ConvBnRelu, standardise


class StampUnet(nn.Module):
    """uint8 (N, H, W, 3) with H and W multiples of 32 -> (N, H, W) float logits of `this pixel carries stamp ink`."""

    def __init__(self, width: int = 20) -> None:
        """`width` is the number of channels at half resolution."""
        super().__init__()
        channels = [width, width * 3 // 2, width * 2, width * 3, width * 4]
        self.encoder = nn.ModuleList(
            nn.Sequential(ConvBnRelu(c_in, c_out), ConvBnRelu(c_out, c_out))
            for c_in, c_out in zip([3 * 4, *channels[:-1]], channels)
        )
        self.decoder = nn.ModuleList(
            ConvBnRelu(deep + skip, skip) for deep, skip in zip(channels[:0:-1], channels[-2::-1])
        )
        self.logits = nn.Conv2d(width, 4, 1)
        coarsest = channels[-1]
        self.presence = nn.Sequential(nn.Linear(2 * coarsest, coarsest), nn.ReLU(inplace=True), nn.Linear(coarsest, 1))

    def look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, H, W) of ink where the crop shows a stamp, and the logit (N,) that it does.

        Half the resolution and four halvings below it, then up again, each level joined with its way down.
        """
        x, skips = F.pixel_unshuffle(standardise(images), 2), []
        for level, block in enumerate(self.encoder):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        presence = self.presence(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)).squeeze(1)
        for block, skip in zip(self.decoder, skips[-2::-1]):
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0), skip], 1))
        return F.pixel_shuffle(self.logits(x), 2).squeeze(1), presence

    def forward(self, images: Tensor) -> Tensor:
        """A pixel carries ink when there is a stamp and the pixel is of its ink."""
        return both(*self.look(images))


def both(ink: Tensor, presence: Tensor) -> Tensor:
    """Logits (N, H, W) and (N,) of two things -> (N, H, W), the logit of both: of the product of their probabilities.

    The odds of sigmoid(a) sigmoid(b) are 1 / (exp(-a) + exp(-b) + exp(-a - b)).
    """
    presence = presence[:, None, None]
    return -torch.logaddexp(torch.logaddexp(-ink, -presence), -ink - presence)
