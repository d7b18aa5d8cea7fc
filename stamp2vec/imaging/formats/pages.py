"""A file to its pages, one in memory at a time."""

import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.errors import DamagedImageWarning, InvalidImage, InvalidInput
from stamp2vec.imaging.formats import pdf, raster, tiff
from stamp2vec.imaging.formats.limits import Limits
from stamp2vec.imaging.formats.page import Allocate, BrokenPage, Page, Reader, new_array
from stamp2vec.imaging.formats.selection import selected_pages


def open_file(file: BinaryIO, limits: Limits = Limits(), field: str = "", password: str | None = None) -> Reader:
    """The reader of a file, which can be sought and read.

    `password` opens a PDF that asks for one. InvalidImage when the bytes as a whole are nothing that can be read.
    """
    head = raster.check_bytes(file, limits, field)
    if tiff.is_tiff(head):
        return tiff.TiffReader(file, limits, field)
    if pdf.find_header(file) is not None:
        return pdf.PdfReader(file, limits, field, password)
    return raster.PictureReader(file, head, limits, field)


def decode_pages(
    data: bytes, limits: Limits = Limits(), field: str = "", *, pages: str = "", password: str | None = None
) -> Iterator[Page | BrokenPage]:
    """Decode the pages of a file one by one, so that one page is in memory at a time.

    PDF and TIFF files have several pages; of an animation the first frame is taken. `pages` selects some, see
    `selected_pages`, and `password` opens a PDF that asks for one. A page that cannot be decoded costs no other page
    anything.

    Raises InvalidImage, at once, when the bytes as a whole are no image or hold too many pages, and InvalidInput when
    there are no such pages.
    """
    reader = open_file(io.BytesIO(data), limits, field, password)
    try:
        indices = pages_to_read(reader.page_count, pages, limits, field)
    except InvalidInput:
        reader.close()
        raise
    return _read(reader, indices, field)


def pages_to_read(page_count: int, pages: str, limits: Limits = Limits(), field: str = "") -> list[int]:
    """Indices of the pages that are asked for; raises what `decode_pages` raises of them."""
    chosen = selected_pages(pages, page_count)
    if len(chosen) > limits.max_pages:
        raise InvalidImage(
            f"the file has more than {limits.max_pages:,} pages: split it, or ask for some of its pages", field
        )
    return chosen


def _read(reader: Reader, indices: Sequence[int], field: str) -> Iterator[Page | BrokenPage]:
    try:
        for index in indices:
            yield read_page(reader, index)
    finally:
        reader.close()


def read_fitted(reader: Reader, index: int, fit: tuple[int, int], allocate: Allocate = new_array) -> Page:
    """A page of which only what fits into `fit`, (height, width), is looked at; raises what `Reader.read` raises.

    It has a half, a quarter or an eighth of its sides, and about that size at least, where these alone cost less to
    read, as in a file of one picture they may: see `Page.is_reduced`. Else it is whole.
    """
    if isinstance(reader, raster.PictureReader):
        return reader.read_fitted(index, fit, allocate)
    return reader.read(index, allocate)


def read_page(reader: Reader, index: int, fit: tuple[int, int] | None = None) -> Page | BrokenPage:
    """A page, whole or as `read_fitted` gives it, or the reason why it cannot be decoded."""
    try:
        return reader.read(index) if fit is None else read_fitted(reader, index, fit)
    except InvalidImage as error:
        return BrokenPage(index, error)


def decode_image(data: bytes, limits: Limits = Limits(), field: str = "") -> NDArray[np.uint8]:
    """The pixels of the first page of a file, uint8 (H, W, 3), read-only; raises what `decode_picture` raises.

    Warns with DamagedImageWarning of what may be missing, which pixels alone cannot say.
    """
    page = decode_picture(data, limits, field)
    warn_of_damage(page.info.warnings)
    return page.image


def warn_of_damage(texts: Iterable[str]) -> None:
    """Python's warnings, for callers whose results have no place for them."""
    for text in texts:
        warnings.warn(text, DamagedImageWarning, stacklevel=3)


def decode_picture(data: bytes, limits: Limits = Limits(), field: str = "", fit: tuple[int, int] | None = None) -> Page:
    """The first page of a file, whole or as `read_fitted` gives it.

    Raises InvalidImage with `field` when there is none, or it cannot be decoded.
    """
    reader = open_file(io.BytesIO(data), limits, field)
    try:
        return reader.read(0) if fit is None else read_fitted(reader, 0, fit)
    finally:
        reader.close()


def pillow_image(image: Image.Image, limits: Limits = Limits(), field: str = "") -> NDArray[np.uint8]:
    """The pixels of a Pillow image by the rules of this package, uint8 (H, W, 3), read-only.

    They are not made square: boxes on them are to be boxes on the image.

    Raises InvalidImage when it is too small or too large, or its file is damaged.
    """
    return raster.decode(image, limits, field)


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
    raster.check_size(width, height, limits, field)
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
