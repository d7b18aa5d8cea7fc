"""stamp-text: what a strip of a stamp's ink says, column by column."""

import torch
from torch import Tensor, nn

from stamp2vec.models.layers import ConvBnRelu
from stamp2vec.reading.alphabet import CLASSES


class _Context(nn.Module):
    """Residual block along the strip, (N, C, 1, W) -> the same: each column sees others `2 * dilation` away."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.reduce = ConvBnRelu(channels, channels // 2, kernel=1)
        self.look = nn.Conv2d(
            channels // 2, channels, (1, 5), padding=(0, 2 * dilation), dilation=(1, dilation), bias=False
        )
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.norm(self.look(self.reduce(x))))


class StampText(nn.Module):
    """uint8 (N, 40, W, 1), dark ink on light paper -> (N, W / 4, classes) float logits, see reading.alphabet.

    What stands upside down is blank, as is what is no text: a ring is read both ways up, and only one of them says
    something. All of it are convolutions, so that a whole ring is read at once.
    """

    def __init__(self, width: int = 24) -> None:
        """`width` is the number of channels at half resolution."""
        super().__init__()
        self.columns = nn.Sequential(
            ConvBnRelu(1, width, stride=2),  # (N, width, 20, W / 2)
            ConvBnRelu(width, width),
            ConvBnRelu(width, width * 2, stride=2),  # (N, 2 width, 10, W / 4)
            ConvBnRelu(width * 2, width * 2),
        )
        self.down = nn.Conv2d(width * 2, width * 3, 3, stride=(2, 1), padding=1, bias=False)  # (N, 3 width, 5, W / 4)
        self.down_norm = nn.BatchNorm2d(width * 3)
        self.shapes = ConvBnRelu(width * 3, width * 3)
        self.whole_height = nn.Conv2d(
            width * 3, width * 8, (5, 3), padding=(0, 1), bias=False
        )  # (N, 8 width, 1, W / 4)
        self.height_norm = nn.BatchNorm2d(width * 8)
        self.context = nn.Sequential(*(_Context(width * 8, dilation) for dilation in (1, 2, 4, 8, 1)))
        self.letters = nn.Conv2d(width * 8, CLASSES, 1)

    def forward(self, strips: Tensor) -> Tensor:
        """W is a multiple of 4."""
        x = strips.permute(0, 3, 1, 2).float().div(127.5).sub(1.0)
        x = torch.relu(self.down_norm(self.down(self.columns(x))))
        x = torch.relu(self.height_norm(self.whole_height(self.shapes(x))))
        return self.letters(self.context(x)).squeeze(2).transpose(1, 2)  # type: ignore[no-any-return]
