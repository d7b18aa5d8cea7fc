"""Parts of a crop, sampled along their text: bilinear, with pixels as high as they are wide."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.imaging.crop import check_mask
from stamp2vec.strips import Line, Place, Reading, Ring, Strip

MOST_PX = 1024  # the longer side of what is sampled: a larger crop is reduced, which makes letters no harder to read
LEAST_HEIGHT_PX, MOST_HEIGHT_PX = 16, 128  # of a ring's strip, unless the caller says its height
_MOST_SAMPLES = 1 << 20  # of a strip
_MEASURED = 721  # points at which the length of a ring is measured
_PAPER_SAMPLES = 48  # rows and columns of pixels of which the paper's colour is the median
_NO_INK = 32  # of a soft mask


def straighten(
    crop: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    places: Sequence[Place],
    height_px: int | None = None,
) -> tuple[Strip, ...]:
    """The strips of a stamp at these places.

    `crop` is uint8 (h, w, 3), `mask` its soft ink, uint8 (h, w). A ring's strip is by default as high as its band is
    on the crop, 16 to 128 pixels, and a line's as high as its rectangle; both are smaller by a whole factor where the
    crop's longer side is above 1,024. `height_px`, 1 to 1,024, makes them all of this height. ValueError when crop and
    mask are no such pictures of one size, or a place has no extent.
    """
    check_mask(crop, mask)
    if height_px is not None and not 1 <= height_px <= MOST_PX:
        raise ValueError(f"strips cannot be {height_px} pixels high: ask for 1 to {MOST_PX:,}")
    if not places:
        return ()
    return _Sheet.of(crop, mask).strips(places, height_px)


def reduced(picture: NDArray[np.uint8], most_px: int) -> tuple[NDArray[np.uint8], int]:
    """A picture, its longer side at most `most_px`, and the whole factor by which it was reduced."""
    factor = -(-max(picture.shape[:2]) // most_px)
    if factor == 1:
        return picture, 1
    return np.asarray(Image.fromarray(picture).reduce(factor)), factor


Grid = NDArray[np.float64]
"""Where on the crop each pixel of a strip lies: (h, w, 2), x and y."""


class _Sheet:
    """A crop and its ink, laid out for sampling: four bytes a pixel, with paper around."""

    def __init__(self, packed: NDArray[np.uint32], factor: int) -> None:
        self._packed, self._factor = packed, factor

    @classmethod
    def of(cls, crop: NDArray[np.uint8], mask: NDArray[np.uint8]) -> Self:
        pixels, factor = reduced(crop, MOST_PX)
        ink, _ = reduced(mask, MOST_PX)
        height, width = ink.shape
        sheet = np.empty((height + 2, width + 2, 4), np.uint8)
        sheet[...] = (*_paper(pixels, ink), 0)
        sheet[1:-1, 1:-1, :3], sheet[1:-1, 1:-1, 3] = pixels, ink
        return cls(sheet.view(np.uint32)[..., 0], factor)

    def strips(self, places: Sequence[Place], height_px: int | None) -> tuple[Strip, ...]:
        found = []
        for place in places:
            grid = positions(place, height_px, self._factor)
            samples = self._sampled(grid / self._factor + 0.5)
            found.append(Strip(np.ascontiguousarray(samples[..., :3]), np.ascontiguousarray(samples[..., 3]), place))
        return tuple(found)

    def _sampled(self, points: Grid) -> NDArray[np.uint8]:
        """uint8 (h, w, 4) at points (h, w, 2) in pixels of the sheet, from the middle of its first one."""
        height, width = self._packed.shape
        x = np.clip(points[..., 0], 0, width - 1.001).astype(np.float32)
        y = np.clip(points[..., 1], 0, height - 1.001).astype(np.float32)
        left, top = x.astype(np.int32), y.astype(np.int32)
        right, below = (x - left)[..., None], (y - top)[..., None]
        flat, first = self._packed.ravel(), top * width + left

        def at(offset: int) -> NDArray[np.float32]:
            return np.asarray(flat[first + offset].view(np.uint8).reshape(*first.shape, 4), np.float32)

        upper = at(0)
        upper += (at(1) - upper) * right
        lower = at(width)
        lower += (at(width + 1) - lower) * right
        upper += (lower - upper) * below
        return np.asarray(upper + np.float32(0.5), np.uint8)


def _paper(pixels: NDArray[np.uint8], ink: NDArray[np.uint8]) -> tuple[int, int, int]:
    rows, columns = (max(1, side // _PAPER_SAMPLES) for side in ink.shape)
    some, bare = pixels[::rows, ::columns].reshape(-1, 3), ink[::rows, ::columns].reshape(-1) < _NO_INK
    red, green, blue = np.median(some[bare] if bare.any() else some, axis=0)
    return int(red), int(green), int(blue)


def ring_turns(ring: Ring, shares: NDArray[np.floating]) -> tuple[NDArray[np.float64], float]:
    """Where on the middle of a ring one is after these shares (N,) of its way, in the radians of `Ellipse.points`.

    Returns also how long that way is, in pixels of the crop.
    """
    middle = ring.ellipse.inset((ring.inner + ring.outer) / 2)
    start = np.radians(ring.start_degrees - 90 - ring.ellipse.rotation_degrees)
    first = np.arctan2(np.sin(start) / middle.semi_minor, np.cos(start) / middle.semi_major)
    forward = 1 if ring.reading is Reading.CLOCKWISE else -1
    turns = first + forward * np.radians(ring.span_degrees) * np.linspace(0, 1, _MEASURED)
    steps = np.hypot(*np.diff(middle.points(turns), axis=0).T)
    way = np.concatenate([[0.0], np.cumsum(steps)])
    return np.interp(shares * way[-1], way, turns), float(way[-1])


def positions(place: Ring | Line, height_px: int | None = None, factor: int = 1) -> Grid:
    """Where on the crop each pixel of the strip of a place lies, as `straighten` samples it.

    `factor` is the one by which the crop is reduced for it. ValueError when the place has no extent.
    """
    if isinstance(place, Ring):
        return _ring_grid(place, factor, height_px)
    return _line_grid(place, factor, height_px)


def _ring_grid(ring: Ring, factor: int, height_px: int | None) -> Grid:
    ellipse = ring.ellipse
    band = (ring.outer - ring.inner) * ellipse.radius
    if not (band > 0 and 0 < ring.span_degrees <= 720):
        raise ValueError("a ring needs an outer edge beyond its inner one, and a span above 0 and up to 720 degrees")
    height = height_px or int(np.clip(round(band / factor), LEAST_HEIGHT_PX, MOST_HEIGHT_PX))
    length = ring_turns(ring, np.ones(1))[1]
    width = int(np.clip(round(length * height / band), 1, _MOST_SAMPLES // height))
    turns, _ = ring_turns(ring, (np.arange(width) + 0.5) / width)
    levels = ring.outer - (np.arange(height) + 0.5) / height * (ring.outer - ring.inner)
    if ring.reading is Reading.COUNTERCLOCKWISE:
        levels = levels[::-1]
    rows = [ellipse.inset(float(level)).points(turns) for level in levels]
    return np.stack(rows)


def _line_grid(line: Line, factor: int, height_px: int | None) -> Grid:
    if not (line.width > 0 and line.height > 0):
        raise ValueError("a line needs a width and a height above 0")
    height = height_px or max(1, round(line.height / factor))
    width = int(np.clip(round(line.width * height / line.height), 1, _MOST_SAMPLES // height))
    right = ((np.arange(width) + 0.5) / width - 0.5)[None, :] * line.width
    down = ((np.arange(height) + 0.5) / height - 0.5)[:, None] * line.height
    turn = np.radians(line.angle_degrees)
    x = line.x + right * np.cos(turn) - down * np.sin(turn)
    return np.stack([x, line.y + right * np.sin(turn) + down * np.cos(turn)], -1)
