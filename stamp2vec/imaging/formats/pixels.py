"""Every kind of pixel that files hold to 8-bit RGB on white paper."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

_BITS_PER_SAMPLE = 258
_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0
_ROWS = 256
_ROWS_COPIED = 64


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a loaded picture to mode RGB; transparency is laid over white, deep samples are scaled to 8 bits."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16"):
        return Image.fromarray(_scale_16_bit(image)).convert("RGB")
    if image.mode in ("I", "F"):
        return Image.fromarray(scale_to_uint8(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(opaque, mask=opaque.getchannel("A"))
        return white
    # CMYK JPEGs by Adobe programs hold inverted ink; Pillow has inverted them on loading.
    return image.convert("RGB")


def copy_rows(image: Image.Image, target: NDArray[np.uint8]) -> None:
    """Copies a picture of mode RGB into an array, uint8 (H, W, 3).

    Few rows at a time: as a whole, Pillow makes two more copies of the picture, which takes longer than decoding it.
    """
    for top in range(0, image.height, _ROWS_COPIED):
        bottom = min(top + _ROWS_COPIED, image.height)
        target[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))


def scale_to_uint8(samples: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale 32-bit samples (H, W) to 0..255.

    The range determines the scale: 0..1 (floats only), 0..255 and 0..65,535 are taken as such, anything else
    is stretched from its least to its greatest value. What is not a finite number becomes white.
    """
    finite = np.isfinite(samples)
    if not finite.any():
        return np.full(samples.shape, 255, np.uint8)
    known = samples[finite]
    low, high = float(known.min()), float(known.max())
    if low >= 0 and high <= 1 and samples.dtype.kind == "f":
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    elif low >= 0 and high <= 65_535:
        low, high = 0.0, 65_535.0
    if high == low:
        return np.full(samples.shape, 255, np.uint8)
    scaled = np.empty(samples.shape, np.uint8)
    # Few rows at a time, for 8 bytes a sample of a whole page are a lot.
    for first in range(0, len(samples), _ROWS):
        rows = slice(first, first + _ROWS)
        values = np.where(finite[rows], samples[rows], high).astype(np.float64)
        scaled[rows] = np.rint((values - low) * (255 / (high - low)))
    return scaled


def _scale_16_bit(image: Image.Image) -> NDArray[np.uint8]:
    samples = np.asarray(image).astype(np.uint16)
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return (samples >> 8).astype(np.uint8)
    # Pillow keeps 12-bit samples at 0..4,095 and does not invert 16-bit ones whose white is zero.
    bits = image.tag_v2.get(_BITS_PER_SAMPLE, (16,))[0]
    scaled = (samples >> (bits - 8 if 8 <= bits <= 16 else 8)).clip(0, 255).astype(np.uint8)
    return 255 - scaled if image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else scaled
