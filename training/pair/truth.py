"""What each place of a registered pair ought to be called, from the faces of the two dies as they lie there."""

import torch
from torch import Tensor
from torch.nn import functional as F

from stamp2vec.models.stamp_pair import AGREES, CONTRADICTS, NOTHING

UNKNOWN = -1
_LETTER, _AROUND = 11, 29  # pixels of the faces, which have half the frame's resolution
_SLACK = 1  # pixels that a face may lie beside its place
_DIFFERS, _DIFFERS_LEAST = 0.3, 0.04  # of the rubber there, and of the window
_LIKE = 0.12
_RUBBER, _INK = 0.04, 0.02
_SEEN, _LOST = 0.4, 0.15


def places(faces: Tensor, ink: Tensor) -> Tensor:
    """Faces (N, 2, H, W) and ink (N, 2, 2 H, 2 W), 0 to 1 -> int64 (N, H / 2, W / 2): NOTHING, AGREES, CONTRADICTS or
    UNKNOWN.

    Dies contradict each other at a place only where both have left ink around it: what one lacks is no evidence.
    """
    a, b = faces[:, :1], faces[:, 1:]
    height, width = a.shape[2:]
    padded = F.pad(b, (_SLACK,) * 4)
    steps = range(2 * _SLACK + 1)
    apart = torch.cat(
        [_window((a - padded[:, :, dy : dy + height, dx : dx + width]).abs(), _LETTER) for dy in steps for dx in steps],
        1,
    ).amin(1)
    rubber = _window(torch.maximum(a, b), _LETTER)[:, 0]
    share = apart / (rubber + 0.02)
    ink = F.avg_pool2d(ink, 2)
    near, around = _shown(ink, faces, _LETTER), _shown(ink, faces, _AROUND)
    inked = _window(ink, _LETTER).amax(1)
    target = torch.full(share.shape, UNKNOWN, dtype=torch.long)
    target[(inked < _INK) | (near.amin(1) < _LOST) | (around.amin(1) < _LOST)] = NOTHING
    target[(share < _LIKE) & (rubber > _RUBBER) & (near.amin(1) > _SEEN)] = AGREES
    differs = (share > _DIFFERS) & (apart > _DIFFERS_LEAST)
    target[differs] = UNKNOWN
    target[differs & (around.amin(1) > _SEEN) & (near.amax(1) > _SEEN)] = CONTRADICTS
    return target


def _window(plane: Tensor, side: int) -> Tensor:
    """Mean of the window around every second pixel: of columns, then of rows, which is a tenth of the work."""
    around = side // 2
    rows = F.avg_pool2d(plane, (side, 1), (2, 1), (around, 0), count_include_pad=True)
    return F.avg_pool2d(rows, (1, side), (1, 2), (0, around), count_include_pad=True)


def _shown(ink: Tensor, faces: Tensor, side: int) -> Tensor:
    """How much of the rubber around a place has left ink, (N, 2, H / 2, W / 2)."""
    spread = F.max_pool2d(ink, 5, 1, 2)
    return _window(torch.minimum(spread, faces), side) / (_window(faces, side) + 1e-3)
