"""stamp-lite: the accurate embedder, EfficientNet-Lite0 with a head of our own.

The trunk is that of Tan, Le 2019, arXiv 1905.11946, in the "lite" variant without squeeze-and-excitation and with
ReLU6, so that weights trained on ImageNet fit. Two of its depths are pooled, since a seal's layout is told by coarse
features and its letters by finer ones.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stamp2vec.models.layers import standardise

# Of each stage: kernel, stride of its first block, expansion, channels, blocks.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
FINE = 10  # the last block at stride 16
TOP = 1280


class Conv(nn.Module):
    """Convolution and batch normalisation, padded as TensorFlow does: at stride 2 more on the right and at the foot."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(c_out, eps=1e-3)
        before = (kernel - stride) // 2
        self.padding = (before, kernel - stride - before) * 2

    def forward(self, x: Tensor) -> Tensor:
        """(N, c_in, H, W) -> (N, c_out, H / stride, W / stride); H and W are multiples of the stride."""
        return self.norm(self.conv(F.pad(x, self.padding)))  # type: ignore[no-any-return]


class Inverted(nn.Module):
    """Inverted bottleneck (MobileNetV2, arXiv 1801.04381): expand, filter each channel, project."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = c_in * expansion
        self.expand = Conv(c_in, inner, 1) if expansion > 1 else None
        self.depthwise = Conv(inner, inner, kernel, stride, groups=inner)
        self.project = Conv(inner, c_out, 1)
        self.adds = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        """The projection is linear: a ReLU after it would lose what the few channels carry."""
        inner = x if self.expand is None else F.relu6(self.expand(x))
        out = self.project(F.relu6(self.depthwise(inner)))
        return x + out if self.adds else out  # type: ignore[no-any-return]


class StampLite(nn.Module):
    """uint8 (N, H, W, 3), H and W multiples of 32 -> unit vectors (N, vector_size) float."""

    def __init__(self, vector_size: int = 384) -> None:
        super().__init__()
        self.stem = Conv(3, 32, 3, 2)
        blocks: list[nn.Module] = []
        c_in = 32
        for kernel, stride, expansion, c_out, count in STAGES:
            for index in range(count):
                blocks.append(Inverted(c_in, c_out, kernel, stride if index == 0 else 1, expansion))
                c_in = c_out
        self.blocks = nn.ModuleList(blocks)
        self.top = Conv(c_in, TOP, 1)
        self.fine = Conv(112, 256, 1)
        self.vector = nn.Linear(TOP + 256, vector_size)

    def forward(self, images: Tensor) -> Tensor:
        """Features at stride 16 and 32, each averaged with weight on what is strong (GeM), then one linear layer."""
        x = F.relu6(self.stem(standardise(images)))
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index == FINE:
                fine = generalised_mean(F.relu(self.fine(x)))
        top = generalised_mean(F.relu6(self.top(x)))
        return F.normalize(self.vector(torch.cat([top, fine], 1)).float(), dim=1)

    def load_imagenet(self, weights: Mapping[str, Tensor]) -> None:
        """Takes the trunk's weights from the names of `efficientnet-lite-pytorch`; KeyError when one is missing."""
        for name, value in self.state_dict().items():
            if not name.startswith(("fine.", "vector.")):
                value.copy_(weights[imagenet_name(name)])


def generalised_mean(x: Tensor, power: float = 3.0) -> Tensor:
    """(N, C, H, W) >= 0 -> (N, C), between mean and maximum (Radenovic et al. 2018, arXiv 1711.02512)."""
    return x.float().clamp(min=1e-4).pow(power).mean((2, 3)).pow(1 / power)


def imagenet_name(name: str) -> str:
    """What a weight of the trunk is called in `efficientnet-lite-pytorch`."""
    parts = name.split(".")
    if parts[0] == "blocks":
        step, kind, rest = parts[2], parts[3], ".".join(parts[4:])
        conv, norm = {
            "expand": ("_expand_conv", "_bn0"),
            "depthwise": ("_depthwise_conv", "_bn1"),
            "project": ("_project_conv", "_bn2"),
        }[step]
        return f"_blocks.{parts[1]}.{conv if kind == 'conv' else norm}.{rest}"
    conv, norm = {"stem": ("_conv_stem", "_bn0"), "top": ("_conv_head", "_bn1")}[parts[0]]
    return f"{conv if parts[1] == 'conv' else norm}.{'.'.join(parts[2:])}"
