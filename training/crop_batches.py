"""Augments rendered crops on the training device: random rotation, frame and colour."""

import torch
from torch import Tensor
from torch.nn import functional as F

from training.synth.crop_shards import SIZE

CELL = 4  # px, the precision of the frame
LEAN = 0.03  # deviation of a crop's stretch and shear: no sheet lies quite square below a camera


def uniform(low: float, high: float, count: int, random: torch.Generator) -> Tensor:
    """float (count,) on the generator's device."""
    return low + (high - low) * torch.rand(count, generator=random, device=random.device)


def framing(masks: Tensor, angles: Tensor, margins: Tensor) -> Tensor:
    """Affine maps (N, 2, 3), output to input, both -1..1, that rotate crops and frame their ink as a detector would.

    masks uint8 (N, 256, 256); angles in radians, counter-clockwise; margins are shares of the ink's longer side. There
    is no reflection: a mirrored stamp is another stamp.
    """
    inked = F.max_pool2d(masks[:, None].float(), CELL)[:, 0] > 64
    inked |= ~inked.any(2, keepdim=True).any(1, keepdim=True)  # without any ink: all of the crop
    middles = (torch.arange(SIZE // CELL, device=masks.device) + 0.5) * 2 * CELL / SIZE - 1
    cos, sin = angles.cos()[:, None, None], angles.sin()[:, None, None]
    rotated = torch.stack([cos * middles - sin * middles[:, None], sin * middles + cos * middles[:, None]], 1)
    low = rotated.masked_fill(~inked[:, None], torch.inf).amin((2, 3))  # (N, 2), x and y
    high = rotated.masked_fill(~inked[:, None], -torch.inf).amax((2, 3))
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
    """Crops uint8 (N, 256, 256, C), C = 3 or, with their ink, 4, warped by the maps of `framing`, at `size` px.

    Sampled finer than that and then shrunk, so that fine strokes do not alias. Beyond a crop lies white paper.
    """
    darkness = crops.permute(0, 3, 1, 2).float()
    darkness[:, :3] = 255 - darkness[:, :3]  # 0 is sampled beyond the crop: no darkness, no ink
    fine = SIZE if size > SIZE // 2 else SIZE * 3 // 4
    grid = F.affine_grid(framing, [*darkness.shape[:2], fine, fine], align_corners=False)
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
    """Another pen, lamp and camera for every picture: uint8 (N, H, W, 3) -> uint8 (N, H, W, 3)."""
    n = len(pixels)

    def draw(channels: int = 1) -> Tensor:
        return torch.rand((n, 1, 1, channels), generator=random, device=random.device)

    def some(share: float) -> Tensor:
        return (draw()[:, 0, 0, 0] < share).nonzero()[:, 0]

    levels = pixels.float() / 255
    for picture in some(0.3):  # ink of one colour becomes ink of another
        levels[picture] = levels[picture][..., torch.randperm(3, generator=random, device=random.device)]
    grey = some(0.25)
    levels[grey] = levels[grey].mean(3, keepdim=True).expand(-1, -1, -1, 3)
    levels = levels.clamp_(min=1e-3).pow_(0.6 + draw(3) * 0.2 + draw() * 0.6).mul_(0.75 + 0.27 * draw())
    binary = some(0.12)
    brightness = levels[binary].mean(3, keepdim=True)
    level = brightness.mean((1, 2), keepdim=True) * (0.6 + 0.3 * draw()[binary])  # about the paper's, mostly
    levels[binary] = ((brightness - level) * 16).sigmoid().expand(-1, -1, -1, 3)
    grainy = some(0.5)
    grain = torch.randn(levels[grainy].shape, generator=random, device=random.device)
    levels[grainy] += grain * 0.07 * draw()[grainy] ** 2
    return levels.clamp_(0.0, 1.0).mul_(255).byte()
