"""yolo-stamp: a light one-class detector, after Gayer, Ershova, Arlazarov 2022, doi 10.1134/S1054661822040046.

What is kept from the paper: one class, a 448 x 448 input, a network of about a hundred thousand parameters.
What is ours: a feature pyramid with three strides, since a word stamp is some 10 pixels high here and a seal a hundred,
anchor-free heads (YOLOX, arXiv 2107.08430) and a score that is trained to be the box's IoU.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stamp2vec.detection.candidates import NUMBERS
from stamp2vec.models.grids import cell_centres
from stamp2vec.models.layers import ConvBnRelu, PyramidPooling, Residual, to_nchw

STRIDES = (8, 16, 32)


class Head(nn.Module):
    """One grid's predictions, (N, C, H, W) -> (N, H * W, 13): dx, dy, log w, log h in strides, then as in `grids`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.box = nn.Sequential(
            ConvBnRelu(channels, channels, groups=channels), ConvBnRelu(channels, channels, kernel=1)
        )
        self.score = nn.Sequential(
            ConvBnRelu(channels, channels, groups=channels), ConvBnRelu(channels, channels, kernel=1)
        )
        self.to_box = nn.Conv2d(channels, 4, 1)
        self.to_score = nn.Conv2d(channels, 1, 1)
        self.to_look = nn.Conv2d(channels, NUMBERS - 5, 1)  # rotation and type
        nn.init.constant_(self.to_score.bias, -4.6)  # type: ignore[arg-type]  # stamps are rare: start near 1 %

    def forward(self, x: Tensor) -> Tensor:
        """Box and score come from branches of their own: they want different features."""
        seen = self.score(x)
        return torch.cat([self.to_box(self.box(x)), self.to_score(seen), self.to_look(seen)], 1).flatten(2).mT


class YoloStamp(nn.Module):
    """uint8 (N, H, W, 3) with H and W multiples of 32 -> (N, A, 13) float: see `grids`."""

    def __init__(self, width: int = 16) -> None:
        """`width` is the number of channels after the first convolution; the others are multiples of it."""
        super().__init__()
        c1, c2, c3, c4, c5 = width, width * 3 // 2, width * 2, width * 3, width * 7 // 2
        self.stem = nn.Sequential(ConvBnRelu(3, c1, stride=2), ConvBnRelu(c1, c2, stride=2), Residual(c2))  # stride 4
        self.stage3 = nn.Sequential(ConvBnRelu(c2, c3, stride=2), Residual(c3))  # stride 8
        self.stage4 = nn.Sequential(ConvBnRelu(c3, c4, stride=2), Residual(c4), Residual(c4))  # stride 16
        self.stage5 = nn.Sequential(ConvBnRelu(c4, c5, stride=2), Residual(c5), PyramidPooling(c5))  # stride 32
        self.lateral4 = ConvBnRelu(c5 + c4, c4, kernel=1)
        self.smooth4 = Residual(c4)
        self.lateral3 = ConvBnRelu(c4 + c3, c3, kernel=1)
        self.smooth3 = Residual(c3)
        self.down = ConvBnRelu(c4, c4, stride=2, groups=c4)
        self.merge5 = ConvBnRelu(c4 + c5, c4, kernel=1)
        self.heads = nn.ModuleList(Head(c) for c in (c3, c4, c4))

    def forward(self, images: Tensor) -> Tensor:
        """Features down to stride 32, up again to 8, from 16 down once more, then a head on each of the three grids."""
        x3 = self.stage3(self.stem(to_nchw(images)))  # (N, c3, H/8, W/8)
        x4 = self.stage4(x3)  # (N, c4, H/16, W/16)
        x5 = self.stage5(x4)  # (N, c5, H/32, W/32)
        p4 = self.smooth4(self.lateral4(torch.cat([F.interpolate(x5, scale_factor=2.0), x4], 1)))
        p3 = self.smooth3(self.lateral3(torch.cat([F.interpolate(p4, scale_factor=2.0), x3], 1)))
        p5 = self.merge5(torch.cat([self.down(p4), x5], 1))
        return torch.cat(
            [decode(head(p), p.shape[2:], stride) for head, p, stride in zip(self.heads, (p3, p4, p5), STRIDES)], 1
        )


def decode(raw: Tensor, shape: torch.Size, stride: int) -> Tensor:
    """A head's (N, H * W, 13) with its box in strides -> the same, float32, with its box in pixels."""
    raw = raw.float()  # in bfloat16 a side at pixel 300 could only be at 300 or 302, and a word is 10 high
    centre = cell_centres(shape, stride).to(raw) + raw[..., 0:2] * stride
    half = raw[..., 2:4].clamp(max=6.0).exp() * (stride / 2)  # e^6 strides: far beyond any page, yet finite
    return torch.cat([centre - half, centre + half, raw[..., 4:]], -1)
