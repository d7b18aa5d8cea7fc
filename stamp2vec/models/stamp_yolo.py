"""stamp-yolo: the accurate detector, anchor-free, after YOLOv8's outline on a trunk that may come from ImageNet.

Three grids, so that a 12-pixel word stamp and a seal of a third of the page each have cells of their size; a decoupled
head (YOLOX, arXiv 2107.08430); box sides as distributions (DFL, Li et al. 2020, arXiv 2006.04388); beside them the
stamp's rotation and the outline of its die.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stamp2vec.detection.candidates import NUMBERS
from stamp2vec.models.efficientnet_lite import CHANNELS, EfficientNetLite
from stamp2vec.models.grids import grid
from stamp2vec.models.layers import ConvBnRelu, PyramidPooling, to_nchw

STRIDES = (8, 16, 32)
BINS = 12  # a side of a box is the mean of a distribution over 0, 1, ... 11 steps; a step is a stride


class Split(nn.Module):
    """Cross-stage partial block (CSPNet, arXiv 1911.11929): half of the channels pass by, half are refined."""

    def __init__(self, c_in: int, c_out: int, depth: int) -> None:
        super().__init__()
        half = c_out // 2
        self.enter = ConvBnRelu(c_in, c_out, kernel=1)
        self.refine = nn.ModuleList(nn.Sequential(ConvBnRelu(half, half), ConvBnRelu(half, half)) for _ in range(depth))
        self.leave = ConvBnRelu(half * (depth + 2), c_out, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, c_in, H, W) -> (N, c_out, H, W); every refinement is kept, as in YOLOv8's C2f."""
        parts = list(self.enter(x).chunk(2, 1))
        for refine in self.refine:
            parts.append(parts[-1] + refine(parts[-1]))
        return self.leave(torch.cat(parts, 1))  # type: ignore[no-any-return]


class Head(nn.Module):
    """One grid's predictions: (N, C, H, W) -> sides (N, H * W, 4, BINS) as logits, the rest (N, H * W, 9)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.box = nn.Sequential(ConvBnRelu(channels, width), ConvBnRelu(width, width), nn.Conv2d(width, 4 * BINS, 1))
        self.seen = nn.Sequential(
            ConvBnRelu(channels, channels, groups=channels),
            ConvBnRelu(channels, width, kernel=1),
            ConvBnRelu(width, width, groups=width),
            ConvBnRelu(width, width, kernel=1),
        )
        self.to_score = nn.Conv2d(width, 1, 1)
        self.to_look = nn.Conv2d(width, NUMBERS - 5, 1)
        nn.init.constant_(self.to_score.bias, -4.6)  # type: ignore[arg-type]  # stamps are rare: start near 1 %

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Box and score come from branches of their own: they want different features."""
        seen = self.seen(x)
        rest = torch.cat([self.to_score(seen), self.to_look(seen)], 1).flatten(2).mT
        return self.box(x).flatten(2).mT.unflatten(2, (4, BINS)), rest


class StampYolo(nn.Module):
    """uint8 (N, H, W, 3) with H and W multiples of 32 -> (N, A, 13) float: see `grids`."""

    def __init__(self, width: int = 32) -> None:
        """`width` is the number of channels of the heads; those of the pyramid are multiples of it."""
        super().__init__()
        x3, x4, x5 = CHANNELS
        p3, p4, p5 = width * 2, width * 3, width * 4
        self.trunk = EfficientNetLite()
        self.context = nn.Sequential(ConvBnRelu(x5, p5, kernel=1), PyramidPooling(p5))
        self.up4 = Split(p5 + x4, p4, 1)
        self.up3 = Split(p4 + x3, p3, 1)
        self.down4 = ConvBnRelu(p3, p3, stride=2)
        self.merge4 = Split(p3 + p4, p4, 1)
        self.down5 = ConvBnRelu(p4, p4, stride=2)
        self.merge5 = Split(p4 + p5, p5, 1)
        self.heads = nn.ModuleList(Head(c, 2 * width) for c in (p3, p4, p5))

    def raw(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The sides' logits (N, A, 4, BINS) and the nine other numbers (N, A, 9), which the loss wants apart."""
        x3, x4, x5 = self.trunk(to_nchw(images))  # (N, CHANNELS[k], H / STRIDES[k], W / STRIDES[k])
        p5 = self.context(x5)
        p4 = self.up4(torch.cat([F.interpolate(p5, scale_factor=2.0), x4], 1))
        p3 = self.up3(torch.cat([F.interpolate(p4, scale_factor=2.0), x3], 1))
        p4 = self.merge4(torch.cat([self.down4(p3), p4], 1))
        p5 = self.merge5(torch.cat([self.down5(p4), p5], 1))
        answers = [head(p) for head, p in zip(self.heads, (p3, p4, p5))]
        return torch.cat([sides for sides, _ in answers], 1), torch.cat([rest for _, rest in answers], 1)

    def forward(self, images: Tensor) -> Tensor:
        """Boxes from the means of their sides' distributions."""
        sides, rest = self.raw(images)
        return torch.cat([boxes(sides, *grid(images.shape[1], images.shape[2], STRIDES)), rest], 2)


def boxes(sides: Tensor, centres: Tensor, strides: Tensor) -> Tensor:
    """(N, A, 4, BINS) logits -> (N, A, 4) boxes in pixels: left, top, right, bottom of each cell's centre."""
    steps = torch.arange(BINS, dtype=torch.float32, device=sides.device)
    reach = (sides.float().softmax(3) @ steps) * strides.to(sides.device)
    centres = centres.to(sides.device)
    return torch.cat([centres - reach[..., :2], centres + reach[..., 2:]], 2)
