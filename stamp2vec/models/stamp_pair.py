"""stamp-pair: two registered impressions in, what each place says of whether one die made both.

A siamese trunk, as in change detection (Daudt, Le Saux, Boulch 2018, arXiv 1810.08462): each impression is looked at by
the same convolutions, and at each place the features of one are compared with those of the other, which may lie a place
beside. Only sums, absolute differences and products of both go on, so the answer does not depend on their order.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stamp2vec.models.layers import ConvBnRelu

PLACE_PX = 4  # rows and columns of the input that one place stands for
NOTHING, AGREES, CONTRADICTS = range(3)
_REACH = 1  # places that ink may lie beside its own
_SHARPNESS = 8.0


class DilatedConvBnRelu(nn.Sequential):
    """Convolution of 3 x 3 pixels that lie so far apart, batch normalisation, ReLU; (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__(
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )


class StampPair(nn.Module):
    """uint8 (N, 2 S, S, 3) -> logits (N, 3, S / 4, S / 4) of NOTHING, AGREES and CONTRADICTS, float.

    The input is two pictures of `ink_planes` in one frame, the first above the second; S is a multiple of 4.
    """

    def __init__(self, width: int = 32) -> None:
        """`width` is the number of features of a place."""
        super().__init__()
        half = width // 2
        self.fine = nn.Sequential(ConvBnRelu(3, half, 5, 2), ConvBnRelu(half, half))  # S / 2
        self.coarse = nn.Sequential(  # S / 4
            ConvBnRelu(half, width, 3, 2), ConvBnRelu(width, width), nn.Conv2d(width, width, 3, padding=1)
        )
        self.strokes = ConvBnRelu(half, half, 3, 2)
        self.join = ConvBnRelu(3 * width + half + 2, width, 1)
        self.around = nn.Sequential(  # S / 8: a stroke of a pen goes on where a letter ends
            ConvBnRelu(width, 2 * width, 3, 2),
            *(DilatedConvBnRelu(2 * width, dilation) for dilation in (1, 2, 1)),
            nn.Conv2d(2 * width, width, 1),
        )
        self.head = nn.Sequential(
            ConvBnRelu(width, width),
            DilatedConvBnRelu(width, 2),
            ConvBnRelu(width, width),
            nn.Conv2d(width, 3, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """What each place says."""
        n, height, side, channels = images.shape
        # An impression each: memory is contiguous, so nothing is copied.
        each = images.reshape(2 * n, height // 2, side, channels).permute(0, 3, 1, 2).float().div(255.0)
        fine = self.fine(each)
        a, b = self.coarse(fine).unflatten(0, (n, 2)).unbind(1)
        fine_a, fine_b = fine.unflatten(0, (n, 2)).unbind(1)
        b_for_a, near = _nearest(a, b)
        a_for_b, near_too = _nearest(b, a)
        compared = [
            a + b + b_for_a + a_for_b,
            (a - b_for_a).abs() + (b - a_for_b).abs(),
            a * b_for_a + b * a_for_b,
            near + near_too,
            self.strokes((fine_a - fine_b).abs()),
        ]
        joined = self.join(torch.cat(compared, 1))
        around = F.interpolate(self.around(joined), scale_factor=2.0, mode="nearest")
        return self.head(joined + around)  # type: ignore[no-any-return]


def _nearest(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Features `b` where they fit those of `a` best, both (N, C, H, W), and how well they fit: (N, 2, H, W), the best
    and that of its own place.
    """
    height, width = a.shape[2:]
    padded = F.pad(b, (_REACH,) * 4)
    steps = range(2 * _REACH + 1)
    shifted = [padded[:, :, dy : dy + height, dx : dx + width] for dy in steps for dx in steps]
    norm = F.avg_pool2d((a * a).sum(1, keepdim=True), 3, 1, 1) + 1e-3
    energy = F.avg_pool2d((b * b).sum(1, keepdim=True), 3, 1, 1) + 1e-3
    products = torch.cat([(a * one).sum(1, keepdim=True) for one in shifted], 1)
    alike = F.avg_pool2d(products, 3, 1, 1) * torch.rsqrt(norm * energy)  # (N, 9, H, W)
    weights = (_SHARPNESS * alike).softmax(1)
    nearest = weights[:, :1] * shifted[0]
    for k, one in enumerate(shifted[1:], 1):
        nearest = torch.addcmul(nearest, weights[:, k : k + 1], one)
    middle = len(shifted) // 2
    return nearest, torch.cat([alike.amax(1, keepdim=True), alike[:, middle : middle + 1]], 1)
