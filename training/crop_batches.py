"""Rendered crops as training batches, on the device that trains: another angle, frame and colour, every time."""

import torch
from torch import Tensor
from torch.nn import functional as F

from training.synth.crop_shards import SIZE

CELL = 4  # ink is framed to so many pixels
LEAN = 0.03  # deviation of a crop's stretch and shear: no sheet lies quite square below a camera


def uniform(low: float, high: float, count: int, random: torch.Generator) -> Tensor:
    """float (count,) on the generator's device."""
    return low + (high - low) * torch.rand(count, generator=random, device=random.device)


def framing(masks: Tensor, angles: Tensor, margins: Tensor) -> Tensor:
    """The affine maps (N, 2, 3), output to input, both -1..1, that turn crops and frame their ink as a detector would.

    masks uint8 (N, 256, 256); angles in radians, counter-clockwise; margins are shares of the ink's longer side. There
    is no reflection: a mirrored stamp is another stamp.
    """
    inked = F.max_pool2d(masks[:, None].float(), CELL)[:, 0] > 64
    inked |= ~inked.any(2, keepdim=True).any(1, keepdim=True)  # without any ink: all of the crop
    middles = (torch.arange(SIZE // CELL, device=masks.device) + 0.5) * 2 * CELL / SIZE - 1
    cos, sin = angles.cos()[:, None, None], angles.sin()[:, None, None]
    turned = torch.stack([cos * middles - sin * middles[:, None], sin * middles + cos * middles[:, None]], 1)
    low = turned.masked_fill(~inked[:, None], torch.inf).amin((2, 3))  # (N, 2), x and y
    high = turned.masked_fill(~inked[:, None], -torch.inf).amax((2, 3))
    reach = ((high - low).amax(1) / 2).clamp(min=0.05) * (1 + 2 * margins)
    back = torch.cat([torch.cat([cos, sin], 2), torch.cat([-sin, cos], 2)], 1)
    return torch.cat([back * reach[:, None, None], back @ ((low + high) / 2)[..., None]], 2)


def leaning(framing: Tensor, random: torch.Generator) -> Tensor:
    """The maps (N, 2, 3) with a little stretch and shear on top."""
    skew = torch.eye(2, device=framing.device) + LEAN * torch.randn(
        (len(framing), 2, 2), generator=random, device=framing.device
    )
    return torch.cat([framing[..., :2] @ skew, framing[..., 2:]], 2)


def view(crops: Tensor, framing: Tensor, size: int) -> Tensor:
    """Crops uint8 (N, 256, 256, 4) seen through the maps of `framing`: uint8 (N, size, size, 4).

    Sampled at full size and then shrunk, so that fine strokes do not alias. Beyond a crop lies white paper.
    """
    darkness = crops.permute(0, 3, 1, 2).float()
    darkness[:, :3] = 255 - darkness[:, :3]  # what is sampled beyond the crop is 0: no darkness, no ink
    grid = F.affine_grid(framing, [len(crops), 4, SIZE, SIZE], align_corners=False)
    seen = F.grid_sample(darkness, grid, align_corners=False)
    seen[:, :3] = 255 - seen[:, :3]
    return shrink(seen.round().byte().permute(0, 2, 3, 1), size)


def shrink(pixels: Tensor, size: int) -> Tensor:
    """uint8 (N, H, W, C) -> uint8 (N, size, size, C), antialiased."""
    if pixels.shape[1:3] == (size, size):
        return pixels
    planes = pixels.permute(0, 3, 1, 2).float()
    small = F.interpolate(planes, (size, size), mode="bilinear", antialias=True)
    return small.round().byte().permute(0, 2, 3, 1)


def recolour(pixels: Tensor, random: torch.Generator) -> Tensor:
    """Another pen, lamp and camera for every crop: uint8 (N, H, W, 3) -> uint8 (N, H, W, 3)."""
    n = len(pixels)
    pixels = pixels.permute(0, 3, 1, 2).float() / 255.0

    def draw(*shape: int) -> Tensor:
        return torch.rand((n, *shape, 1, 1), generator=random, device=random.device)

    hue = torch.argsort(draw(3)[..., 0, 0], 1)  # ink of one colour becomes ink of another
    swapped = pixels.gather(1, hue[:, :, None, None].expand_as(pixels))
    pixels = torch.where(draw(1) < 0.3, swapped, pixels)
    grey = pixels.mean(1, keepdim=True).expand_as(pixels)
    pixels = torch.where(draw(1) < 0.25, grey, pixels)
    pixels = pixels.clamp(1e-3, 1.0) ** (0.6 + draw(3) * 0.2 + draw(1) * 0.6) * (0.75 + 0.27 * draw(1))
    brightness = pixels.mean(1, keepdim=True)
    level = brightness.mean((2, 3), keepdim=True) * (0.6 + 0.3 * draw(1))  # about the paper's, mostly
    binary = ((brightness - level) * 16).sigmoid().expand_as(pixels)
    pixels = torch.where(draw(1) < 0.12, binary, pixels)
    pixels = pixels + torch.randn(pixels.shape, generator=random, device=random.device) * 0.05 * draw(1) ** 2
    return (pixels.clamp(0.0, 1.0) * 255).byte().permute(0, 2, 3, 1).contiguous()
