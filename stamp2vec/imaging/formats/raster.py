"""The formats of single pictures that Pillow reads."""

import io
import math
from collections.abc import Callable
from typing import BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats import jpeg
from stamp2vec.imaging.formats.limits import Limits
from stamp2vec.imaging.formats.page import Allocate, Page, PageInfo, new_array
from stamp2vec.imaging.formats.pixels import canvas_of
from stamp2vec.imaging.formats.reduced import load_reduced, reduced_size, reduction_of
from stamp2vec.imaging.formats.resolution import CM_PER_INCH, Density, believable
from stamp2vec.imaging.formats.signatures import name_of
from stamp2vec.imaging.formats.upright import Canvas, Upright, finish, swaps_axes
from stamp2vec.limits import MAX_SIDE_PX, MIN_SIDE_PX

T = TypeVar("T")

# PPM is all of PBM, PGM and PPM, which scanimage and pdftoppm write.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "JPEG2000", "PPM")
READABLE = "send a PDF, JPEG, PNG, TIFF, WebP, BMP, JPEG 2000 or PNM file"

TOO_LARGE_FOR_MEMORY = "the page takes more memory to decode than there is: scale it down, or split it"

_JPEG = ("JPEG", "MPO")  # the latter by Pillow's name, of cameras that add a second picture

_ORIENTATION_TAG = 0x0112  # EXIF 2.32
_X_TAG, _Y_TAG, _UNIT_TAG = 0x011A, 0x011B, 0x0128
_INCH, _CM = 2, 3
_OVERWRITTEN = (
    "a part of the file is overwritten with zeros, what is below it in the picture may be damaged and hide stamps: "
    "send the whole file, or scan it again"
)


def check_bytes(source: BinaryIO, limits: Limits, field: str) -> bytes:
    """The first bytes of a file that may be read: neither empty nor too large."""
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    if not size:
        raise InvalidImage(f"the file is empty: {READABLE}", field)
    if size > limits.max_bytes:
        message = (
            f"the file has {size:,} bytes, {limits.max_bytes:,} is the most: compress it, or send its pages singly"
        )
        raise InvalidImage(message, field)
    head = source.read(64)
    source.seek(0)
    return head


class PictureReader:
    """A file of one picture; of an animation the first frame."""

    page_count = 1
    warnings: tuple[str, ...] = ()

    def __init__(self, source: BinaryIO, head: bytes, limits: Limits, field: str) -> None:
        """It owns the source. Reads the header, and checks everything that can be known before pixels are decoded."""
        self._source, self._head, self._limits, self._field = source, head, limits, field
        self._picture: ImageFile.ImageFile | None = self._open()

    def _open(self) -> ImageFile.ImageFile:
        # Hostile files make Pillow's parsers raise exceptions of nearly every kind (OSError, SyntaxError,
        # struct.error, OverflowError, KeyError, MemoryError, ...): here, all of them are the file's fault.
        self._source.seek(0)
        try:
            return Image.open(self._source, formats=FORMATS)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise _too_many_pixels(self._limits, self._field) from None
        except Exception as error:
            named = name_of(self._head)
            if named:
                raise InvalidImage(f"this is {named[0]}, which is not read: {named[1]}", self._field) from error
            raise InvalidImage(f"not an image that can be read ({reason(error)}): {READABLE}", self._field) from error

    def read(self, index: int, allocate: Allocate = new_array) -> Page:
        """See Reader."""
        return self._read(index, allocate, None)

    def read_fitted(self, index: int, fit: tuple[int, int], allocate: Allocate = new_array) -> Page:
        """See `formats.read_fitted`."""
        return self._read(index, allocate, fit)

    def _read(self, index: int, allocate: Allocate, fit: tuple[int, int] | None) -> Page:
        # Pillow decodes a picture once, and keeps its pixels as long as it lives.
        picture, self._picture = self._picture or self._open(), None
        check_size(picture.width, picture.height, self._limits, self._field)
        orientation, density = orientation_of(picture), density_of(picture)
        stored = picture.size
        square = density.square_size(*stored) if density else stored
        check_size(*square, self._limits, self._field, stored=stored)
        warnings = self._overwritten(picture)
        upright = Upright(orientation, stored, square)
        is_plain = picture.format in _JPEG and upright.changes_nothing
        reduction = reduction_of(picture, fit) if fit and is_plain else 1
        if fit and reduction > 1:
            more: tuple[str, ...] = ()
            page = allocate(*reduced_size(picture, reduction))
            page[...] = _decoded(lambda: load_reduced(picture, reduction), self._limits, self._field)
            page.flags.writeable = False
        else:
            page = allocate(*upright.size)
            canvas = _load(picture, page if upright.changes_nothing else None, self._limits, self._field)
            del picture  # and with it the pixels as Pillow has them
            more = finish(canvas, upright, page)
        swapped = swaps_axes(orientation)
        width, height = stored[::-1] if swapped else stored
        resolution = density.upright(swapped=swapped) if density else None
        return Page(index, page, PageInfo(height, width, resolution, warnings=(*warnings, *more)))

    def _overwritten(self, picture: ImageFile.ImageFile) -> tuple[str, ...]:
        """A warning of a JPEG part of which is zeros, of which decoders make pixels.

        A file that is cut short is refused, other than a page of a TIFF: whoever sends a single picture has the rest of
        it, as an upload was broken off; of an archived document the other pages count.
        """
        if picture.format not in _JPEG:
            return ()
        self._source.seek(0)
        data = self._source.read()
        self._source.seek(0)
        return (_OVERWRITTEN,) if len(jpeg.before_damage(data)) < len(data) else ()

    def close(self) -> None:
        """See Reader."""
        self._source.close()


def decode(image: Image.Image, limits: Limits, field: str) -> NDArray[np.uint8]:
    """The pixels of an image that is open, upright, as many as are stored: the caller counts in these."""
    check_size(image.width, image.height, limits, field)
    turned = isinstance(image, ImageFile.ImageFile) and image.format == "TIFF"
    orientation = orientation_of(image)
    canvas = _load(image, None, limits, field)
    size = canvas.colour.shape[1], canvas.colour.shape[0]
    upright = Upright(1 if turned else orientation, size, size)  # Pillow turns a TIFF upright as it loads it
    page = new_array(*upright.size)
    finish(canvas, upright, page)
    return page


def _load(image: Image.Image, page: NDArray[np.uint8] | None, limits: Limits, field: str) -> Canvas:
    def load() -> Canvas:
        image.load()
        return canvas_of(image, page)

    return _decoded(load, limits, field)


def _decoded(work: Callable[[], T], limits: Limits, field: str) -> T:
    """The result of work with Pillow, whatever that raises of a file."""
    try:
        return work()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(limits, field) from None
    except MemoryError as error:
        raise InvalidImage(TOO_LARGE_FOR_MEMORY, field) from error
    except Exception as error:
        message = f"the image is damaged or cut short ({reason(error)}): send the whole file, or save it again"
        raise InvalidImage(message, field) from error


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) when there is none or the EXIF block is damaged: the pixels still count."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # As when it is opened; yet here the file may still be of use.
        return 1
    return value if isinstance(value, int) else 1


def density_of(image: ImageFile.ImageFile) -> Density | None:
    """What the format says, else EXIF, else the format's relation of width and height without a unit.

    Of JPEG, Pillow's own `dpi` is not used: it invents 72, and takes one axis of EXIF for both.
    """
    info = image.info
    absolute: Density | None = None
    relation: Density | None = None
    if image.format in _JPEG:
        pair, unit = info.get("jfif_density"), info.get("jfif_unit", 0)
        if pair and unit:
            factor = CM_PER_INCH if unit == 2 else 1.0
            absolute = Density(pair[0] * factor, pair[1] * factor, absolute=True)
        elif pair:
            relation = Density(float(pair[0]), float(pair[1]), absolute=False)
    elif "dpi" in info:
        absolute = _density_of(info["dpi"], 1.0, absolute=True)
    elif "aspect" in info:  # PNG's pHYs without a unit: pixels in the same, unknown length
        relation = _density_of(info["aspect"], 1.0, absolute=False)
    return believable(absolute, _exif_density(image), relation)


def _exif_density(image: Image.Image) -> Density | None:
    try:
        exif = image.getexif()
        unit = exif.get(_UNIT_TAG, _INCH)
        pair = exif.get(_X_TAG), exif.get(_Y_TAG)
    except Exception:  # as of the orientation
        return None
    return _density_of(pair, CM_PER_INCH if unit == _CM else 1.0, absolute=unit in (_INCH, _CM))


def _density_of(pair: object, factor: float, *, absolute: bool) -> Density | None:
    """None where the file has something else in the place of two numbers."""
    try:
        x, y = (float(number) for number in pair)  # type: ignore[attr-defined]
        return Density(x * factor, y * factor, absolute=absolute)
    except (TypeError, ValueError, ZeroDivisionError):
        return None


def check_size(width: int, height: int, limits: Limits, field: str, *, stored: tuple[int, int] | None = None) -> None:
    """InvalidImage when a picture is too small to hold a stamp, or too large.

    `stored` is its size before its pixels became square.
    """
    size = f"the image is {width} x {height} pixels"
    if stored and stored != (width, height):
        size = f"{size} once its pixels, {stored[0]} x {stored[1]}, are made square"
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
    text = " ".join(str(error).split())[:120]
    return "".join(letter if letter.isprintable() else "?" for letter in text) or type(error).__name__
