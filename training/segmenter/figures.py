"""How well ink masks agree with the truth: overlap of the pixels, and of the edges within a tolerance."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

INK = 0.2  # least coverage of an ink pixel
TOLERANCE = 2  # px, between edges that agree


@dataclass(frozen=True, slots=True)
class Counts:
    """Pixels of one or more masks: the common, the true, the found ones; and of their edges, where those that are near
    lie at most TOLERANCE from the other edge.
    """

    both: int = 0
    true: int = 0
    found: int = 0
    true_edge_near: int = 0
    true_edge: int = 0
    found_edge_near: int = 0
    found_edge: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Those of the masks of either."""
        return Counts(*(getattr(self, name) + getattr(other, name) for name in Counts.__slots__))

    @property
    def iou(self) -> float:
        """Intersection over union of the pixels; 1 where there is no ink in either."""
        either = self.true + self.found - self.both
        return self.both / either if either else 1.0

    @property
    def boundary_f(self) -> float:
        """The F1 of edges (Martin et al. 2004, doi 10.1109/TPAMI.2004.1273918); 1 where there is none in either."""
        if not self.true_edge + self.found_edge:
            return 1.0
        recall, precision = self.true_edge_near / max(self.true_edge, 1), self.found_edge_near / max(self.found_edge, 1)
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def count(true: Tensor, found: Tensor) -> list[Counts]:
    """The counts of each of some masks, bool (N, H, W)."""
    true_edge, found_edge = edges(true), edges(found)
    columns = (
        true & found,
        true,
        found,
        true_edge & near(found_edge),
        true_edge,
        found_edge & near(true_edge),
        found_edge,
    )
    return [Counts(*row) for row in torch.stack([each.sum((1, 2)) for each in columns], 1).tolist()]


def edges(masks: Tensor) -> Tensor:
    """Pixels of masks, bool (N, H, W), with one of their four neighbours outside, as all beyond the picture are."""
    padded = F.pad(masks, (1, 1, 1, 1))
    inside = padded[:, :-2, 1:-1] & padded[:, 2:, 1:-1] & padded[:, 1:-1, :-2] & padded[:, 1:-1, 2:]
    return masks & ~inside


def near(pixels: Tensor) -> Tensor:
    """Pixels at most TOLERANCE away from one of `pixels`, bool (N, H, W)."""
    steps = torch.arange(-TOLERANCE, TOLERANCE + 1, device=pixels.device)
    disc = (steps[:, None] ** 2 + steps**2 <= TOLERANCE**2).float()
    return F.conv2d(pixels[:, None].float(), disc[None, None], padding=TOLERANCE)[:, 0] > 0
