"""The few layers that the architectures share."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval


class ConvBnRelu(nn.Sequential):
    """Convolution without bias, batch normalisation, ReLU; `same` padding at stride 1."""

    def __init__(self, c_in: int, c_out: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(c_out),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Bottleneck residual block, (N, C, H, W) -> (N, C, H, W) (He et al. 2016, arXiv 1512.03385)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = ConvBnRelu(channels, channels // 2, kernel=1)
        self.expand = ConvBnRelu(channels // 2, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Adds what the bottleneck found to what came in."""
        return x + self.expand(self.reduce(x))  # type: ignore[no-any-return]


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


def fold_norms(model: nn.Module) -> None:
    """Folds every batch normalisation into the convolution right before it, in place: one pass over memory less.

    Right before it is the one that its module names before it, so modules name their layers in the order in which these
    run. For inference alone: the model must be in evaluation mode, and its state is no longer its architecture's.
    """
    for module in list(model.modules()):
        for (name, conv), (norm_name, norm) in pairwise(list(module.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(conv, norm))
                setattr(module, norm_name, nn.Identity())


def to_nchw(images: Tensor) -> Tensor:
    """uint8 (N, H, W, 3) pixels to float (N, 3, H, W) in -1..1, where paper white is 1.

    The permuted view is what PyTorch calls channels-last: the layout that CPUs and GPUs convolve fastest.
    """
    return images.permute(0, 3, 1, 2).float().div(127.5).sub(1.0)


def standardise(images: Tensor) -> Tensor:
    """uint8 (N, H, W, 3) to float (N, 3, H, W), mean 0 and deviation 1 an image: a faint strike looks like a bold one.

    All three channels are scaled alike, so the colour of the ink stays; a blank image becomes 0, not noise.
    """
    pixels = to_nchw(images)
    centred = pixels - pixels.mean((1, 2, 3), keepdim=True)
    return centred / (centred.std((1, 2, 3), keepdim=True) + 0.02)


def both_ways_up(unit_vectors: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Unit vectors (N, D) of pictures (N, H, W, C) as they lie and upside down, their mean at length 1; one batch."""
    looks = unit_vectors(torch.cat([images, images.flip((1, 2))]))
    return F.normalize(looks.unflatten(0, (2, images.shape[0])).sum(0), dim=1)
