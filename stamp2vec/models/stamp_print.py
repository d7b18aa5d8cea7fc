"""stamp-print: tells print from ink where a stamp is black or grey; the U-Net of stamp-unet on other planes."""

from torch import Tensor

from stamp2vec.models.layers import to_nchw
from stamp2vec.models.stamp_unet import StampUnet


class StampPrint(StampUnet):
    """uint8 (N, H, W, 3) of `stamp2vec.ink.printed` -> (N, H, W) float logits of `what is dark here is print`.

    H and W are multiples of 32. It is run by `stamp2vec.ink.printed`, without PyTorch.
    """

    def __init__(self, width: int = 12) -> None:
        """`width` as of stamp-unet."""
        super().__init__(width)

    def scaled(self, images: Tensor) -> Tensor:
        """Planes are comparable as they are: a window with much print is not scaled otherwise than one with none."""
        return to_nchw(images)
