"""stamp-refine: looks at one candidate of a detector, and at what is around it.

Its trunk is that of the accurate detector, up to stride 16.

The rotation is a distribution over the circle, not a point: a seal that may stand on its head has two likely
rotations, and their mean is neither.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stamp2vec.models.efficientnet_lite import AT_16, CHANNELS, EfficientNetLite
from stamp2vec.models.layers import ConvBnRelu, to_nchw

TYPES = 6
BINS = 24  # of the circle; the first begins at 0 degrees
NEAR = 1  # bins on each side of the likeliest that count as the same rotation


class Raw(NamedTuple):
    """What the loss wants: the score's logit (N,); the box (N, 4), x1, y1, x2, y2 in shares of the input; logits of the
    rotation (N, BINS) and of the type (N, 6).
    """

    score: Tensor
    box: Tensor
    rotation: Tensor
    type: Tensor


class Heads(nn.Module):
    """Features (N, C, h, w) of a window -> Raw: whether from what is anywhere in it, where from where that is."""

    def __init__(self, channels: int, height: int, width: int, places: int = 10) -> None:
        """`places` is the number of channels whose positions matter."""
        super().__init__()
        self.look = nn.Linear(2 * channels, 1 + TYPES)
        self.places = ConvBnRelu(channels, places, kernel=1)
        self.where = nn.Linear(places * height * width, 4 + BINS)

    def forward(self, x: Tensor) -> Raw:
        """The box begins as the middle two thirds of the window."""
        look = self.look(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)).float()
        where = self.where(self.places(x).flatten(1)).float()
        middle = where.new_tensor([1, 1, 5, 5]) / 6
        return Raw(look[:, 0], middle + where[:, :4], where[:, 4:], look[:, 1:])


def answer(raw: Raw, size: int) -> Tensor:
    """(N, 13) as in `detection.candidates`, of one cell; the box in pixels of the input.

    The rotation is the mean direction of the likeliest bin and its neighbours, as long as it is probable, 0 to 1.
    """
    chance = raw.rotation.softmax(1)
    turns = (torch.arange(BINS, device=chance.device) + 0.5) * (2 * torch.pi / BINS)
    near = raw.rotation.argmax(1, keepdim=True) + torch.arange(-NEAR, NEAR + 1, device=chance.device)
    near = near.remainder(BINS)
    weights, angles = chance.gather(1, near), turns[near]
    rotation = torch.stack([(weights * angles.cos()).sum(1), (weights * angles.sin()).sum(1)], 1)
    return torch.cat([raw.box * size, raw.score[:, None], rotation, raw.type], 1)


class StampRefine(nn.Module):
    """uint8 (N, 128, 128, 3), windows around candidates -> (N, 13) float: see `answer`."""

    def __init__(self) -> None:
        super().__init__()
        whole = EfficientNetLite()
        self.stem, self.blocks = whole.stem, whole.blocks[: AT_16 + 1]
        self.heads = Heads(CHANNELS[1], 8, 8)

    def raw(self, windows: Tensor) -> Raw:
        """See Raw."""
        features = self.blocks(F.relu6(self.stem(to_nchw(windows))))  # (N, 112, 8, 8)
        return self.heads(features)  # type: ignore[no-any-return]

    def forward(self, windows: Tensor) -> Tensor:
        """See `answer`."""
        return answer(self.raw(windows), windows.shape[1])
