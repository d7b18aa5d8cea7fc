"""The formats that Pillow reads, one picture at a time."""

import io
import math
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats.limits import Limits
from stamp2vec.imaging.formats.page import Allocate, NoRoom, Page, PageInfo, new_array
from stamp2vec.imaging.formats.pixels import copy_rows, to_rgb
from stamp2vec.limits import MAX_SIDE_PX, MIN_SIDE_PX

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP")
READABLE = "send a JPEG, PNG, TIFF, WebP or BMP file"

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


def open_picture(source: BinaryIO, limits: Limits, field: str) -> ImageFile.ImageFile:
    """Read the header, and check everything that can be known before pixels are decoded."""
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    if not size:
        raise InvalidImage(f"the file is empty: {READABLE}", field)
    if size > limits.max_bytes:
        message = (
            f"the file has {size:,} bytes, {limits.max_bytes:,} is the most: compress it, or send its pages singly"
        )
        raise InvalidImage(message, field)
    # Hostile files make Pillow's parsers raise exceptions of nearly every kind (OSError, SyntaxError,
    # struct.error, OverflowError, KeyError, MemoryError, ...): here, all of them are the file's fault.
    try:
        file = Image.open(source, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(limits, field) from None
    except Exception as error:
        raise InvalidImage(f"not an image that can be read ({reason(error)}): {READABLE}", field) from error
    return file


class PictureReader:
    """A file of one picture; of an animation the first frame."""

    page_count = 1
    warnings: tuple[str, ...] = ()

    def __init__(self, picture: ImageFile.ImageFile, limits: Limits, field: str) -> None:
        """It owns the picture."""
        self._picture, self._limits, self._field = picture, limits, field

    def read(self, index: int, allocate: Allocate = new_array) -> Page:
        """See Reader."""
        image = decode(self._picture, self._limits, self._field, allocate)
        return Page(index, image, PageInfo(*image.shape[:2]))

    def close(self) -> None:
        """See Reader."""
        self._picture.close()


def decode(file: Image.Image, limits: Limits, field: str, allocate: Allocate = new_array) -> NDArray[np.uint8]:
    """Decode the page that the file stands at."""
    check_size(file.width, file.height, limits, field)
    try:
        file.load()
        # A TIFF is upright after load() already, and then has no orientation left.
        rotation = _UPRIGHT.get(_orientation(file))
        image = to_rgb(file)
        upright = image if rotation is None else image.transpose(rotation)
        target = allocate(upright.height, upright.width)
        copy_rows(upright, target)
        target.flags.writeable = False
        return target
    except NoRoom:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(limits, field) from None
    except Exception as error:
        message = f"the image is damaged or cut short ({reason(error)}): send the whole file, or save it again"
        raise InvalidImage(message, field) from error


def _orientation(file: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) when there is none or the EXIF block is damaged: the pixels still count."""
    try:
        value = file.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # As in open_file; yet here the file may still be of use.
        return 1
    return value if isinstance(value, int) else 1


def check_size(width: int, height: int, limits: Limits, field: str) -> None:
    """InvalidImage when a picture is too small to hold a stamp, or too large."""
    size = f"the image is {width} x {height} pixels"
    if min(width, height) < MIN_SIDE_PX:
        raise InvalidImage(
            f"{size}, too small to hold a stamp: send at least {MIN_SIDE_PX} pixels a side",
            field,
        )
    if max(width, height) > MAX_SIDE_PX:
        raise InvalidImage(f"{size}: send at most {MAX_SIDE_PX:,} pixels a side", field)
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


def reason(error: Exception) -> str:
    """A decoder's error in one short line; its text may quote the file, so it is cut and made printable."""
    if isinstance(error, UnidentifiedImageError):
        return "unknown format"
    if isinstance(error, MemoryError):
        return "out of memory"
    text = " ".join(str(error).split())[:120]
    return "".join(letter if letter.isprintable() else "?" for letter in text) or type(error).__name__
