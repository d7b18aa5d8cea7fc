"""Which dark pixels of a stamp in black or grey are print or writing that it crosses: a small U-Net, in numpy.

Its architecture is that of stamp2vec/models/stamp_print.py, by which it is trained. Pages are rewritten by processes
that have no engine, and one stamp takes it some tens of milliseconds; so it needs none.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec import hub
from stamp2vec.imaging.windows import Plane

NAME = "stamp-print"
SURE = 0.6  # of a mask: where next to nothing but the stamp is
_DENSEST = 2.5  # density that is as dark as it gets
_TIMES_INK = 3.0  # the density of the ink
_USUAL_PX = 900  # of a window: a stamp of 6 cm, and what is around it, on a scan with 300 dots an inch
_STRIDE = 32
_ROWS = 16  # of a plane that are multiplied at once: what they take stays in the cache

Planes = NDArray[np.float32]  # (H, W, C)


def ink_density(level: Plane, soft: Plane) -> float:
    """How dark the ink is, typically: `level` (H, W) is density in nats, `soft` (H, W) the stamp's mask, 0 to 1."""
    sure = level[soft > SURE]
    return max(float(np.median(sure)), 0.05) if len(sure) else 0.05


def print_planes(level: Plane, soft: Plane) -> NDArray[np.uint8]:
    """What the network sees: density, mask, and density beside that of the ink, uint8 (H, W, 3)."""
    beside_ink = level / (_TIMES_INK * ink_density(level, soft))
    planes = np.stack([level / _DENSEST, soft, beside_ink], 2)
    return np.asarray(np.clip(np.rint(planes * 255), 0, 255), np.uint8)


def share_of_print(level: Plane, soft: Plane) -> Plane:
    """How much of each pixel's density is print, 0 to 1, float32 (H, W). WeightsError where its weights are damaged.

    A window that is larger than those that the network knows is looked at in so many times fewer pixels: what it takes
    of memory is bounded, too.
    """
    times = max(1, round(max(level.shape) / _USUAL_PX))
    share = _network()(print_planes(_reduced(level, times), _reduced(soft, times)))
    if times == 1:
        return share
    height, width = level.shape
    whole = Image.fromarray(share).resize((times * share.shape[1], times * share.shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(whole, np.float32)[:height, :width]


class PrintNetwork:
    """The U-Net with the weights of a state, normalisations folded into the convolutions before them."""

    def __init__(self, state: Mapping[str, NDArray[np.float32]]) -> None:
        """`state` has the names and shapes of PyTorch's."""
        levels = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("encoder."))
        self._encoder = [[_folded(state, f"encoder.{level}.{part}") for part in (0, 1)] for level in range(levels)]
        self._decoder = [_folded(state, f"decoder.{level}") for level in range(levels - 1)]
        self._logits = state["logits.weight"][:, :, 0, 0].T, state["logits.bias"]

    def __call__(self, planes: NDArray[np.uint8]) -> Plane:
        """uint8 (H, W, 3) of any size -> the sigmoid of its logits, float32 (H, W)."""
        height, width = planes.shape[:2]
        bottom, right = -height % _STRIDE, -width % _STRIDE
        x = np.pad(planes, ((0, bottom), (0, right), (0, 0))).astype(np.float32)
        x = _folded_space(x / np.float32(127.5) - 1)
        levels = []
        for level, blocks in enumerate(self._encoder):
            x = _halved(x) if level else x
            for weight, bias in blocks:
                x = _convolved(x, weight, bias)
            levels.append(x)
        for (weight, bias), beside in zip(self._decoder, levels[-2::-1], strict=True):
            x = _convolved(np.concatenate([x.repeat(2, 0).repeat(2, 1), beside], 2), weight, bias)
        weight, bias = self._logits
        logits = _unfolded_space(x @ weight + bias)[:height, :width]
        return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), np.float32)


def _reduced(plane: Plane, times: int) -> Plane:
    """The means of blocks of so many rows and columns; what is beyond the edge is as what is before it."""
    height, width = plane.shape
    whole = np.pad(plane, ((0, -height % times), (0, -width % times)), mode="edge")
    return np.asarray(whole.reshape(len(whole) // times, times, -1, times).mean((1, 3)), np.float32)


@cache
def _network() -> PrintNetwork:
    return PrintNetwork(hub.load(NAME)[1])


def _folded(state: Mapping[str, NDArray[np.float32]], name: str) -> tuple[Planes, NDArray[np.float32]]:
    """Weights (9 C_in, C_out) and biases (C_out,) of a convolution of 3 x 3 and the normalisation after it."""
    mean, variance = state[f"{name}.1.running_mean"], state[f"{name}.1.running_var"]
    scale = state[f"{name}.1.weight"] / np.sqrt(variance + np.float32(1e-5))
    weight = state[f"{name}.0.weight"] * scale[:, None, None, None]
    return weight.transpose(2, 3, 1, 0).reshape(-1, len(scale)).copy(), state[f"{name}.1.bias"] - mean * scale


def _convolved(x: Planes, weight: Planes, bias: NDArray[np.float32]) -> Planes:
    """3 x 3, then ReLU."""
    height, width, channels = x.shape
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    result = np.empty((height, width, len(bias)), np.float32)
    patches = np.empty((_ROWS, width, 9, channels), np.float32)
    for top in range(0, height, _ROWS):
        rows = min(_ROWS, height - top)
        for tap in range(9):
            down, across = divmod(tap, 3)
            patches[:rows, :, tap] = padded[top + down : top + down + rows, across : across + width]
        np.matmul(
            patches[:rows].reshape(rows * width, -1), weight, out=result[top : top + rows].reshape(rows * width, -1)
        )
    result += bias
    return np.maximum(result, 0, out=result)


def _folded_space(x: Planes) -> Planes:
    """(H, W, C) -> (H / 2, W / 2, 4 C), in the order of PyTorch's pixel_unshuffle."""
    height, width, channels = x.shape
    blocks = x.reshape(height // 2, 2, width // 2, 2, channels)
    return np.ascontiguousarray(blocks.transpose(0, 2, 4, 1, 3)).reshape(height // 2, width // 2, 4 * channels)


def _unfolded_space(x: Planes) -> Plane:
    """(H, W, 4) -> (2 H, 2 W)."""
    height, width = x.shape[:2]
    return x.reshape(height, width, 2, 2).transpose(0, 2, 1, 3).reshape(2 * height, 2 * width)


def _halved(x: Planes) -> Planes:
    """The most of each 2 x 2 pixels."""
    return np.maximum(np.maximum(x[::2, ::2], x[1::2, ::2]), np.maximum(x[::2, 1::2], x[1::2, 1::2]))
