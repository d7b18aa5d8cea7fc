"""Pixels an inch, and how pages whose pixels are not square become square."""

import math
from dataclasses import dataclass

from stamp2vec.values import Resolution

# Of scans, fax and screens. What lies outside is a placeholder, such as 1 x 1.
_LEAST_DPI, _MOST_DPI = 10, 10_000
# Pixels of fax are up to 4.2 times as long as wide. Below the first, no one sees it, and figures such as 203.2 and
# 204 differ by rounding.
_LEAST_STRETCH, _MOST_STRETCH = 1.015, 5.0
CM_PER_INCH = 2.54


@dataclass(frozen=True, slots=True)
class Density:
    """What a file says of its pixels, as stored: `x` along a row. `absolute` is of pixels an inch, else only x : y."""

    x: float
    y: float
    absolute: bool

    @property
    def sane(self) -> bool:
        """Whether it can be meant."""
        if not (math.isfinite(self.x) and math.isfinite(self.y) and self.x > 0 and self.y > 0):
            return False
        in_range = not self.absolute or (min(self.x, self.y) >= _LEAST_DPI and max(self.x, self.y) <= _MOST_DPI)
        return in_range and 1 / _MOST_STRETCH <= self.x / self.y <= _MOST_STRETCH

    def upright(self, *, swapped: bool) -> Resolution | None:
        """The resolution of the page as a person sees it; None when it is not in pixels an inch."""
        if not self.absolute:
            return None
        return Resolution(self.y, self.x) if swapped else Resolution(self.x, self.y)

    def square_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height once the axis of the lower resolution is stretched."""
        ratio = self.x / self.y
        if max(ratio, 1 / ratio) < _LEAST_STRETCH:
            return width, height
        return (width, round(height * ratio)) if ratio > 1 else (round(width / ratio), height)


def believable(*densities: Density | None) -> Density | None:
    """The first of several statements that can be meant."""
    return next((density for density in densities if density is not None and density.sane), None)
