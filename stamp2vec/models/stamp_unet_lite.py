"""stamp-unet-lite: the accurate segmenter, stamp-unet that also sees what EfficientNet-Lite0 sees.

Whether a stroke is a stamp's, print or a pen's is seen from what it is part of. The trunk, trained on many more
pictures, says so at the coarse levels; the fine ones find the edges.
"""

from torch import Tensor, nn

from stamp2vec.models.efficientnet_lite import CHANNELS, EfficientNetLite
from stamp2vec.models.layers import standardise
from stamp2vec.models.stamp_unet import StampUnet


class StampUnetLite(nn.Module):
    """uint8 (N, H, W, 3), H and W multiples of 32 -> (N, H, W) float logits of `this pixel carries stamp ink`."""

    def __init__(self, width: int = 28) -> None:
        """`width` is that of the U-Net."""
        super().__init__()
        self.unet = StampUnet(width)
        self.trunk = EfficientNetLite()
        coarse = self.unet.channels[-len(CHANNELS) :]
        self.laterals = nn.ModuleList(nn.Conv2d(c_in, c_out, 1) for c_in, c_out in zip(CHANNELS, coarse))

    def forward(self, images: Tensor) -> Tensor:
        """The trunk's features at strides 8, 16 and 32 are added to the U-Net's on its way down."""
        fine = self.unet.encode(images)
        seen = self.trunk(standardise(images))
        at = len(fine) - len(seen)
        coarse = [own + lateral(more) for own, lateral, more in zip(fine[at:], self.laterals, seen)]
        return self.unet.decode([*fine[:at], *coarse])
