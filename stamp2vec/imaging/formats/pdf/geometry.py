"""Where things of a PDF page lie in its pixels.

Three spaces: user space (points, y upwards, the one of /Rect); the displayed page (points, y downwards, cropped and
turned as a person sees it); stored pixels. A matrix (a, b, c, d, e, f) takes (x, y) to (ax + cy + e, bx + dy + f).
"""

import math
from dataclasses import dataclass

Matrix = tuple[float, float, float, float, float, float]
Box = tuple[float, float, float, float]

POINTS_PER_INCH = 72.0
# A picture is drawn this much smaller than its pixels on each side, so that rounding to 32-bit floats never makes
# PDFium stretch it over one pixel more: a picture that is drawn on as many pixels as it has comes out unchanged.
_SLACK_PX = 0.02
_SQUASHED = 1.015  # as of other formats: no one sees less


def product(first: Matrix, then: Matrix) -> Matrix:
    """The matrix that applies `first`, and `then` to the result."""
    a, b, c, d, e, f = first
    p, q, r, s, t, u = then
    return (a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u)


def inverse(matrix: Matrix) -> Matrix:
    """The matrix that undoes `matrix`; ZeroDivisionError when there is none."""
    a, b, c, d, e, f = matrix
    scale = 1 / (a * d - b * c)
    return (d * scale, -b * scale, -c * scale, a * scale, (c * f - d * e) * scale, (b * e - a * f) * scale)


def transformed(box: Box, matrix: Matrix) -> Box:
    """The bounding box of a box that is transformed: x1, y1, x2, y2."""
    a, b, c, d, e, f = matrix
    corners = [(x, y) for x in box[::2] for y in box[1::2]]
    xs = [a * x + c * y + e for x, y in corners]
    ys = [b * x + d * y + f for x, y in corners]
    return (min(xs), min(ys), max(xs), max(ys))


def user_to_display(box: Box, quarter_turns: int) -> Matrix:
    """From user space to the displayed page; `box` is what is shown of user space, turned clockwise by /Rotate."""
    left, bottom, right, top = box
    return (
        (1, 0, 0, -1, -left, top),
        (0, 1, 1, 0, -bottom, -left),
        (-1, 0, 0, 1, right, -bottom),
        (0, -1, -1, 0, top, right),
    )[quarter_turns % 4]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of the displayed page: stored pixel = scale * point + offset; `pixels` of them.

    `picture_px` is how many of them the picture has that lies on them pixel for pixel, and `centre` its middle, in
    points.
    """

    pixels: int
    scale: float
    offset: float
    picture_px: float = math.inf
    centre: float = 0.0

    def enlarged(self, pixels: int) -> "Axis":
        """The same points on more pixels."""
        factor = pixels / self.pixels
        return Axis(pixels, self.scale * factor, self.offset * factor, self.picture_px * factor, self.centre)

    @property
    def drawn(self) -> tuple[float, float]:
        """Scale and offset to draw with."""
        scale = self.scale * (1 - 2 * _SLACK_PX / self.picture_px)
        return scale, self.offset + self.centre * (self.scale - scale)


@dataclass(frozen=True, slots=True)
class Grid:
    """The pixels that a displayed page is stored in."""

    x: Axis
    y: Axis

    @property
    def matrix(self) -> Matrix:
        """From the displayed page to these pixels."""
        return (self.x.scale, 0, 0, self.y.scale, self.x.offset, self.y.offset)

    @property
    def drawn_matrix(self) -> Matrix:
        """`matrix` as it is given to PDFium."""
        (a, e), (d, f) = self.x.drawn, self.y.drawn
        return (a, 0, 0, d, e, f)

    @property
    def squashed(self) -> bool:
        """Whether the pixels are so far from square that it is seen."""
        return max(self.x.scale, self.y.scale) > _SQUASHED * min(self.x.scale, self.y.scale)

    def square(self) -> "Grid":
        """This grid, or one of square pixels that is larger along the axis of fewer pixels a point."""
        if not self.squashed:
            return self
        factor = self.x.scale / self.y.scale
        if factor > 1:
            return Grid(self.x, self.y.enlarged(max(1, round(self.y.pixels * factor))))
        return Grid(self.x.enlarged(max(1, round(self.x.pixels / factor))), self.y)


def plain_grid(width: float, height: float, scale: float) -> Grid:
    """A grid of `scale` pixels a point for a displayed page of `width` x `height` points."""
    return Grid(*(Axis(max(1, round(side * scale)), scale, 0.0) for side in (width, height)))


@dataclass(frozen=True, slots=True)
class Placement:
    """A picture on the displayed page: its pixels, and the matrix that takes the unit square, y up, to the page."""

    width: int
    height: int
    matrix: Matrix

    @property
    def scales(self) -> tuple[float, float]:
        """Pixels a point along the picture's own rows and columns: a turn of the picture does not change them."""
        a, b, c, d, _, _ = self.matrix
        across, down = math.hypot(a, b), math.hypot(c, d)
        return (self.width / across if across else 0.0, self.height / down if down else 0.0)

    @property
    def box(self) -> Box:
        """The bounding box on the displayed page."""
        return transformed((0, 0, 1, 1), self.matrix)

    @property
    def upright(self) -> bool:
        """Whether its rows run along the page's rows."""
        return self._skew(self.matrix[1], self.matrix[2])

    @property
    def turned(self) -> bool:
        """Whether its rows run along the page's columns."""
        return self._skew(self.matrix[0], self.matrix[3])

    def _skew(self, row: float, column: float) -> bool:
        # Less than half a pixel from one end to the other.
        scale = max(self.scales)
        return abs(row) * scale < 0.5 and abs(column) * scale < 0.5

    def share_of(self, width: float, height: float) -> float:
        """How much of a displayed page of `width` x `height` points it covers, 0 to 1."""
        x1, y1, x2, y2 = self.box
        shown = max(0.0, min(x2, width) - max(x1, 0.0)) * max(0.0, min(y2, height) - max(y1, 0.0))
        return shown / (width * height)

    def grid(self, width: float, height: float) -> Grid | None:
        """The grid of a displayed page whose pixels are the picture's own; None for a skewed picture."""
        x1, y1, x2, y2 = self.box
        if self.upright:
            columns, rows = self.width, self.height
        elif self.turned:
            columns, rows = self.height, self.width
        else:
            return None
        return Grid(_axis(columns, x1, x2, width), _axis(rows, y1, y2, height))


def _axis(pixels: int, low: float, high: float, side: float) -> Axis:
    """The axis on which a picture of so many pixels, which lies from `low` to `high`, falls on whole pixels."""
    scale = pixels / (high - low)
    first, last = round(-low * scale), round((side - low) * scale)
    shown = max(1, last - first)
    # The slack of a small picture would be felt at the other end of the page.
    return Axis(shown, scale, -first - low * scale, max(pixels, shown), (low + high) / 2)
