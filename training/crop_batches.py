"""Rendered crops as training batches: another angle, another frame, other colours, every time."""

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.synth.crop_shards import SIZE


def framing(mask: np.ndarray, angle: float, margin: float) -> np.ndarray:
    """The 2 x 3 affine map (output to input, both -1..1) that turns a crop and frames its ink as a detector would.

    mask uint8 (H, W); angle in radians, counter-clockwise; margin is a share of the ink's longer side. There is no
    reflection: a mirrored stamp is another stamp.
    """
    y, x = np.nonzero(mask[::4, ::4] > 64)
    scale = 8.0 / SIZE
    points = np.stack([x, y]) * scale - 1.0 if len(x) else np.array([[-1.0, 1.0], [-1.0, 1.0]])
    cos, sin = math.cos(angle), math.sin(angle)
    turned = np.array([[cos, -sin], [sin, cos]]) @ points
    low, high = turned.min(1), turned.max(1)
    reach = max((high - low).max() / 2, 0.05) * (1 + 2 * margin)
    back = np.array([[cos, sin], [-sin, cos]])
    return np.column_stack([back * reach, back @ ((low + high) / 2)]).astype(np.float32)


def view(crop: np.ndarray, framing: np.ndarray, size: int) -> np.ndarray:
    """A crop uint8 (256, 256, 4) seen through an affine map (2, 3) of `framing`: uint8 (size, size, 4).

    Sampled at full size and then averaged down, so that fine strokes do not alias. Beyond the crop lies white paper.
    """
    turn, centre = framing[:, :2], framing[:, 2]
    shift = (centre + 1 - turn.sum(1)) * SIZE / 2  # the map's origin is the crop's middle, Pillow's is its corner
    data = tuple(np.column_stack([turn, shift]).ravel().tolist())
    bands = Image.frombytes("CMYK", (SIZE, SIZE), crop.tobytes())  # as RGBA, paper without ink would lose its colour
    seen = bands.transform(
        (SIZE, SIZE), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR, fillcolor=(255, 255, 255, 0)
    )
    return np.asarray(seen.resize((size, size), Image.Resampling.BOX))


def recolour(pixels: Tensor, random: torch.Generator) -> Tensor:
    """Another pen, lamp and camera for every crop: uint8 (N, H, W, 3) -> uint8 (N, H, W, 3)."""
    n = len(pixels)
    pixels = pixels.permute(0, 3, 1, 2).float() / 255.0

    def draw(*shape: int) -> Tensor:
        return torch.rand((n, *shape, 1, 1), generator=random)

    hue = torch.argsort(torch.rand((n, 3), generator=random), 1)  # ink of one colour becomes ink of another
    swapped = pixels.gather(1, hue[:, :, None, None].expand_as(pixels))
    pixels = torch.where(draw(1) < 0.3, swapped, pixels)
    grey = pixels.mean(1, keepdim=True).expand_as(pixels)
    pixels = torch.where(draw(1) < 0.25, grey, pixels)
    pixels = pixels.clamp(1e-3, 1.0) ** (0.6 + draw(3) * 0.2 + draw(1) * 0.6) * (0.75 + 0.27 * draw(1))
    level = 0.45 + 0.35 * draw(1)
    binary = ((pixels.mean(1, keepdim=True) - level) * 12).sigmoid().expand_as(pixels)
    pixels = torch.where(draw(1) < 0.12, binary, pixels)
    pixels = pixels + torch.randn(pixels.shape, generator=random) * 0.05 * draw(1) ** 2
    return (pixels.clamp(0.0, 1.0) * 255).byte().permute(0, 2, 3, 1).contiguous()
