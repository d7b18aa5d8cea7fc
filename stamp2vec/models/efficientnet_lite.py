"""The trunk of the accurate models: EfficientNet-Lite0, for which there are weights trained on ImageNet.

Tan, Le 2019, arXiv 1905.11946, in the "lite" variant: no squeeze-and-excitation, and ReLU6.
"""

from torch import Tensor, nn
from torch.nn import functional as F

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
AT_8, AT_16 = 4, 10  # the last block at these strides; at stride 32 it is the last of all
CHANNELS = (40, 112, 320)  # that these blocks give


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


class EfficientNetLite(nn.Module):
    """float (N, 3, H, W), H and W multiples of 32 -> features at strides 8, 16 and 32 with so many CHANNELS."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Conv(3, 32, 3, 2)
        blocks: list[nn.Module] = []
        c_in = 32
        for kernel, stride, expansion, c_out, count in STAGES:
            for index in range(count):
                blocks.append(Inverted(c_in, c_out, kernel, stride if index == 0 else 1, expansion))
                c_in = c_out
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pixels are expected about where ImageNet's were: -1 to 1."""
        x = F.relu6(self.stem(x))
        at_8 = self.blocks[: AT_8 + 1](x)
        at_16 = self.blocks[AT_8 + 1 : AT_16 + 1](at_8)
        return at_8, at_16, self.blocks[AT_16 + 1 :](at_16)
