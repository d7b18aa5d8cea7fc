"""yolo-stamp: a light one-class detector, after Gayer, Ershova, Arlazarov 2022, doi 10.1134/S1054661822040046.

What is kept from the paper: one class, a 448 x 448 input, a network of about a hundred thousand parameters.
What is ours: a feature pyramid with two strides, so that large seals and small word stamps each have a grid that
fits them, anchor-free heads (YOLOX, arXiv 2107.08430) and a score that is trained to be the box's IoU.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stamp2vec.models.layers import ConvBnRelu, Residual, to_nchw

STRIDES = (16, 32)


class PyramidPooling(nn.Module):
    """Three chained max-poolings beside their input (YOLOv5's SPPF): wide context for a few parameters."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = ConvBnRelu(channels, channels // 4, kernel=1)
        self.merge = ConvBnRelu(channels, channels, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        levels = [self.reduce(x)]
        for _ in range(3):
            levels.append(F.max_pool2d(levels[-1], 5, stride=1, padding=2))
        return self.merge(torch.cat(levels, 1))  # type: ignore[no-any-return]


class Head(nn.Module):
    """One grid's predictions, (N, C, H, W) -> (N, H * W, 5): dx, dy, log w, log h in strides, score logit."""

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
        nn.init.constant_(self.to_score.bias, -4.6)  # type: ignore[arg-type]  # stamps are rare: start near 1 %

    def forward(self, x: Tensor) -> Tensor:
        """Box and score come from branches of their own: they want different features."""
        return torch.cat([self.to_box(self.box(x)), self.to_score(self.score(x))], 1).flatten(2).transpose(1, 2)


class YoloStamp(nn.Module):
    """uint8 (N, H, W, 3) with H and W multiples of 32 -> (N, A, 5) float: x1, y1, x2, y2 in pixels, score logit.

    A counts the cells of both grids, stride 16 first, row by row.
    """

    def __init__(self, width: int = 16) -> None:
        """`width` is the number of channels after the first convolution; the others are multiples of it."""
        super().__init__()
        c1, c2, c3, c4, c5 = width, width * 3 // 2, width * 2, width * 3, width * 7 // 2
        self.stem = nn.Sequential(ConvBnRelu(3, c1, stride=2), ConvBnRelu(c1, c2, stride=2), Residual(c2))  # stride 4
        self.stage3 = nn.Sequential(ConvBnRelu(c2, c3, stride=2), Residual(c3))  # stride 8
        self.stage4 = nn.Sequential(ConvBnRelu(c3, c4, stride=2), Residual(c4), Residual(c4))  # stride 16
        self.stage5 = nn.Sequential(ConvBnRelu(c4, c5, stride=2), Residual(c5), PyramidPooling(c5))  # stride 32
        self.lateral = ConvBnRelu(c5 + c4, c4, kernel=1)
        self.smooth4 = Residual(c4)
        self.down = ConvBnRelu(c4, c4, stride=2, groups=c4)
        self.merge5 = ConvBnRelu(c4 + c5, c4, kernel=1)
        self.smooth5 = Residual(c4)
        self.heads = nn.ModuleList(Head(c4) for _ in STRIDES)

    def forward(self, images: Tensor) -> Tensor:
        """Features down to stride 32, up again to 16, down once more, then a head on each of the two grids."""
        x3 = self.stage3(self.stem(to_nchw(images)))  # (N, c3, H/8, W/8)
        x4 = self.stage4(x3)  # (N, c4, H/16, W/16)
        x5 = self.stage5(x4)  # (N, c5, H/32, W/32)
        p4 = self.smooth4(self.lateral(torch.cat([F.interpolate(x5, scale_factor=2.0), x4], 1)))
        p5 = self.smooth5(self.merge5(torch.cat([self.down(p4), x5], 1)))
        return torch.cat(
            [decode(head(p), p.shape[2:], stride) for head, p, stride in zip(self.heads, (p4, p5), STRIDES)], 1
        )


def cell_centres(shape: torch.Size, stride: int) -> Tensor:
    """Centres of a grid's cells in pixels, (H * W, 2) as x, y."""
    y, x = torch.meshgrid(torch.arange(shape[0]), torch.arange(shape[1]), indexing="ij")
    return (torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride


def decode(raw: Tensor, shape: torch.Size, stride: int) -> Tensor:
    """A head's (N, H * W, 5) in strides to boxes in pixels; the logit is passed through."""
    centre = cell_centres(shape, stride).to(raw) + raw[..., 0:2] * stride
    half = raw[..., 2:4].clamp(max=6.0).exp() * (stride / 2)  # e^6 strides: far beyond any page, yet finite
    return torch.cat([centre - half, centre + half, raw[..., 4:]], -1)
