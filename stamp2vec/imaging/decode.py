"""The one decoder: hostile bytes to uint8 RGB arrays, or an InvalidImage that says what to do."""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.pixels import to_rgb

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP")
READABLE = "send a JPEG, PNG, TIFF, WebP or BMP file"
MIN_SIDE = 8
MAX_SIDE = 20_000

# EXIF 2.32, tag 0x0112: what to do to the stored rows so that a person sees the picture upright.
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that is read. Pillow's own limit of about 179 million pixels holds beside `max_pixels`."""

    max_bytes: int = 256 * 2**20
    max_pixels: int = 80_000_000
    max_pages: int = 100


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a file: either its image, uint8 (H, W, 3) and read-only, or the reason why there is none."""

    index: int
    image: NDArray[np.uint8] | None
    error: InvalidImage | None


def decode_pages(data: bytes, limits: Limits = Limits(), field: str = "") -> Iterator[Page]:
    """Decode the pages of a file one by one, so that one page is in memory at a time.

    Only TIFF files have several pages; of an animation the first frame is taken. A page that cannot be
    decoded carries its error and loses no other page.

    Raises InvalidImage, at once, when the bytes as a whole are no image or hold too many pages.
    """
    file = _open(data, limits, field)
    return _pages(file, limits, field)


def decode_image(data: bytes, limits: Limits = Limits(), field: str = "") -> NDArray[np.uint8]:
    """Decode the first page of a file to uint8 (H, W, 3), read-only.

    Raises InvalidImage with `field` when there is none.
    """
    page = next(decode_pages(data, limits, field))
    if page.image is None:
        raise page.error or InvalidImage(f"the file holds no picture: {READABLE}", field)
    return page.image


def pillow_image(image: Image.Image, limits: Limits = Limits(), field: str = "") -> NDArray[np.uint8]:
    """The pixels of a Pillow image by the rules of this module, uint8 (H, W, 3), read-only.

    Raises InvalidImage when it is too small or too large, or its file is damaged.
    """
    return _decode(image, limits, field)


def raw_image(
    data: bytes,
    height: int,
    width: int,
    channels: int,
    field: str = "",
    limits: Limits = Limits(),
) -> NDArray[np.uint8]:
    """View pixels that are decoded already, rows from the top, as uint8 (H, W, 3), read-only.

    `channels` is 3 (red, green, blue) or 1 (grey). Raises InvalidImage when the sizes do not agree.
    """
    if channels not in (1, 3):
        raise InvalidImage(
            f"raw pixels have {channels} channels: send 3 (red, green, blue) or 1 (grey)",
            field,
        )
    _check_size(width, height, limits, field)
    expected = height * width * channels
    if len(data) != expected:
        raise InvalidImage(
            f"{len(data):,} bytes of raw pixels, yet {height} rows x {width} columns x {channels} channels "
            f"are {expected:,} bytes: send every row without padding, 8 bits a sample",
            field,
        )
    pixels = np.frombuffer(data, np.uint8).reshape(height, width, channels)
    if channels == 3:
        return pixels
    grey = np.repeat(pixels, 3, axis=2)
    grey.flags.writeable = False
    return grey


def _open(data: bytes, limits: Limits, field: str) -> ImageFile.ImageFile:
    """Read the header, and check everything that can be known before pixels are decoded."""
    if not data:
        raise InvalidImage(f"the file is empty: {READABLE}", field)
    if len(data) > limits.max_bytes:
        size = f"the file has {len(data):,} bytes, {limits.max_bytes:,} is the most"
        raise InvalidImage(f"{size}: compress it, or send its pages singly", field)
    # Hostile files make Pillow's parsers raise exceptions of nearly every kind (OSError, SyntaxError,
    # struct.error, OverflowError, KeyError, MemoryError, ...): here, all of them are the file's fault.
    try:
        file = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(limits, field) from None
    except Exception as error:
        raise InvalidImage(f"not an image that can be read ({_reason(error)}): {READABLE}", field) from error
    if file.format == "TIFF" and _has_page(file, limits.max_pages):
        raise InvalidImage(f"the file has more than {limits.max_pages} pages: split it", field)
    return file


def _seek(file: ImageFile.ImageFile, index: int, field: str) -> bool:
    """Go to a page; False when there is none. Raises InvalidImage when the way to it is damaged."""
    try:
        file.seek(index)
    except EOFError:
        return False
    except Exception as error:
        message = f"page {index + 1} and all after it are damaged ({_reason(error)}): save the file again"
        raise InvalidImage(message, field) from error
    return True


def _has_page(file: ImageFile.ImageFile, index: int) -> bool:
    """Tell whether a TIFF has this page, without following its chain of pages any further."""
    try:
        return _seek(file, index, "")
    except InvalidImage:
        return False


def _pages(file: ImageFile.ImageFile, limits: Limits, field: str) -> Iterator[Page]:
    """Decode the pages in order. A TIFF's pages are a chain: behind a broken link there is none."""
    index = 0
    while True:
        try:
            if not _seek(file, index, field):
                return
        except InvalidImage as error:
            yield Page(index, None, error)
            return
        try:
            yield Page(index, _decode(file, limits, field), None)
        except InvalidImage as error:
            yield Page(index, None, error)
        if file.format != "TIFF":
            return
        index += 1


def _decode(file: Image.Image, limits: Limits, field: str) -> NDArray[np.uint8]:
    """Decode the page that the file stands at."""
    _check_size(file.width, file.height, limits, field)
    try:
        file.load()
        # A TIFF is upright after load() already, and then has no orientation left.
        rotation = _UPRIGHT.get(_orientation(file))
        image = to_rgb(file)
        return np.asarray(image if rotation is None else image.transpose(rotation))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(limits, field) from None
    except Exception as error:
        message = f"the image is damaged or cut short ({_reason(error)}): send the whole file, or save it again"
        raise InvalidImage(message, field) from error


def _orientation(file: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) when there is none or the EXIF block is damaged: the pixels still count."""
    try:
        value = file.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # As in _open; yet here the file may still be of use.
        return 1
    return value if isinstance(value, int) else 1


def _check_size(width: int, height: int, limits: Limits, field: str) -> None:
    size = f"the image is {width} x {height} pixels"
    if min(width, height) < MIN_SIDE:
        raise InvalidImage(
            f"{size}, too small to hold a stamp: send at least {MIN_SIDE} pixels a side",
            field,
        )
    if max(width, height) > MAX_SIDE:
        raise InvalidImage(f"{size}: send at most {MAX_SIDE:,} pixels a side", field)
    if width * height > limits.max_pixels:
        fit = math.sqrt(limits.max_pixels / (width * height))
        raise InvalidImage(
            f"{size}, more than {limits.max_pixels / 1e6:g} million: scale it to {fit:.0%} or less",
            field,
        )


def _too_many_pixels(limits: Limits, field: str) -> InvalidImage:
    return InvalidImage(
        f"the image has more than {limits.max_pixels / 1e6:g} million pixels: scale it down",
        field,
    )


def _reason(error: Exception) -> str:
    """One short line on what a decoder said; its text may quote the file, so it is cut and made printable."""
    if isinstance(error, UnidentifiedImageError):
        return "unknown format"
    if isinstance(error, MemoryError):
        return "out of memory"
    text = " ".join(str(error).split())[:120]
    return "".join(letter if letter.isprintable() else "?" for letter in text) or type(error).__name__
