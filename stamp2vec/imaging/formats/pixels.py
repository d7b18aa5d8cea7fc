"""Pillow images and deep samples to 8 bits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from stamp2vec.imaging.formats.page import new_array
from stamp2vec.imaging.formats.upright import Canvas, Upright, finish, hides_all, over_white

_BITS_PER_SAMPLE = 258
_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0
_ROWS = 128
# Programs keep samples of fewer bits in larger ones: paper is then nearly white at one of these.
_USUAL_DEPTHS = (8, 10, 12, 14, 15, 16)


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a loaded picture to mode RGB; transparency is laid over white, deep samples are scaled to 8 bits."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    page = new_array(image.height, image.width)
    finish(canvas_of(image, page), Upright(1, image.size, image.size), page)
    return Image.fromarray(page)


def canvas_of(image: Image.Image, page: NDArray[np.uint8] | None = None) -> Canvas:
    """The pixels of a loaded picture, in its order of rows; those of three colours in `page`, where it is given."""
    width, height = image.size
    if image.mode.startswith("I;16"):
        return Canvas(_scale_16_bit(image))
    if image.mode in ("I", "F"):
        samples = np.asarray(image)
        return Canvas(Range.of(samples).scale(samples))
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return Canvas(np.array(image.convert("L")))
    # In bands, as Pillow needs 4 bytes for each pixel, and to copy one.
    colour = new_array(height, width) if page is None else page
    if not image.has_transparency_data:
        for rows, band in _bands(image):
            # CMYK JPEGs by Adobe programs hold inverted ink; Pillow has inverted them on loading.
            colour[rows] = np.asarray(band if band.mode == "RGB" else band.convert("RGB"))
        return Canvas(colour)
    hidden = hides_all(max(int(np.asarray(band.convert("RGBA"))[..., 3].max()) for _, band in _bands(image)))
    for rows, band in _bands(image):
        samples = np.asarray(band.convert("RGBA"))
        colour[rows] = samples[..., :3] if hidden else over_white(samples[..., :3], samples[..., 3])
    return Canvas(colour, np.zeros((height, width), np.uint8) if hidden else None)


def _bands(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    for first in range(0, image.height, _ROWS):
        end = min(first + _ROWS, image.height)
        yield slice(first, end), image.crop((0, first, image.width, end))


@dataclass(frozen=True, slots=True)
class Range:
    """Which values become 0 and 255."""

    low: float
    high: float

    @classmethod
    def of(cls, samples: NDArray[np.generic]) -> Self:
        """The range of a whole page; see `for_values`."""
        bands = (samples[first : first + _ROWS] for first in range(0, len(samples), _ROWS))
        return cls.for_values(
            [ends for band in bands if (ends := values_within(band))], floats=samples.dtype.kind == "f"
        )

    @classmethod
    def for_values(cls, ends: Sequence[tuple[float, float]], *, floats: bool) -> Self:
        """By the least and the greatest value of each part of a page.

        0..1 (floats only) and 0 to the greatest number of 8, 10, 12, 14, 15 or 16 bits are taken as such, anything
        else is stretched from its least to its greatest value.
        """
        low, high = min((end[0] for end in ends), default=0.0), max((end[1] for end in ends), default=0.0)
        if not ends or low < 0:
            return cls(low, high)
        if high <= 1 and floats:
            return cls(0.0, 1.0)
        usual = ((1 << bits) - 1 for bits in _USUAL_DEPTHS)
        return next((cls(0.0, float(greatest)) for greatest in usual if high <= greatest), cls(low, high))

    def scale(self, samples: NDArray[np.generic]) -> NDArray[np.uint8]:
        """uint8 of the same shape. What is not a finite number becomes white, as does a page of one value."""
        scaled = np.full(samples.shape, 255, np.uint8)
        span = self.high / 2 - self.low / 2  # halves, as the span of doubles may be no double
        if not span > 0:
            return scaled
        # Few rows at a time, for 8 bytes a sample of a whole page are a lot.
        for first in range(0, len(samples), _ROWS):
            rows = slice(first, first + _ROWS)
            values = (samples[rows].astype(np.float64) / 2 - self.low / 2) * (255 / span)
            scaled[rows] = np.rint(np.where(np.isfinite(values), values, 255)).clip(0, 255)
        return scaled


def values_within(samples: NDArray[np.generic]) -> tuple[float, float] | None:
    """The least and the greatest value that is a finite number."""
    known = samples[np.isfinite(samples)] if samples.dtype.kind == "f" else samples
    return (float(known.min()), float(known.max())) if known.size else None


def _scale_16_bit(image: Image.Image) -> NDArray[np.uint8]:
    samples = np.asarray(image).astype(np.uint16)
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return (samples >> 8).astype(np.uint8)
    # An image that a caller opened: Pillow keeps 12-bit samples at 0..4,095 and does not invert 16-bit ones whose white
    # is zero.
    bits = image.tag_v2.get(_BITS_PER_SAMPLE, (16,))[0]
    scaled = (samples >> (bits - 8 if 8 <= bits <= 16 else 8)).clip(0, 255).astype(np.uint8)
    return 255 - scaled if image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else scaled
