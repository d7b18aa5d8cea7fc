"""What the detectors share: the grids whose cells they answer for. An answer is as in `detection.candidates`."""

import torch
from torch import Tensor


def cell_centres(shape: torch.Size | tuple[int, int], stride: int) -> Tensor:
    """Centres of a grid's cells in pixels, (H * W, 2) as x, y."""
    y, x = torch.meshgrid(torch.arange(shape[0]), torch.arange(shape[1]), indexing="ij")
    return (torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride


def grid(height: int, width: int, strides: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Centres (A, 2) and strides (A, 1) of all cells of an input of that size, in pixels."""
    centres = [cell_centres((height // s, width // s), s) for s in strides]
    return torch.cat(centres), torch.cat([torch.full((len(c), 1), float(s)) for c, s in zip(centres, strides)])
