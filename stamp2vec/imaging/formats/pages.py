"""A file to its pages, one in memory at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats import raster, tiff
from stamp2vec.imaging.formats.limits import Limits


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One page of a file, uint8 (H, W, 3) and read-only."""

    index: int
    image: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class BrokenPage:
    """A page that cannot be decoded."""

    index: int
    error: InvalidImage


def decode_pages(data: bytes, limits: Limits = Limits(), field: str = "") -> Iterator[Page | BrokenPage]:
    """Decode the pages of a file one by one, so that one page is in memory at a time.

    Only TIFF files have several pages; of an animation the first frame is taken. A page that cannot be
    decoded costs no other page anything.

    Raises InvalidImage, at once, when the bytes as a whole are no image or hold too many pages.
    """
    file = raster.open_file(data, limits, field)
    if file.format == "TIFF":
        tiff.check_page_count(file, limits, field)
    return _pages(file, limits, field)


def decode_image(data: bytes, limits: Limits = Limits(), field: str = "") -> NDArray[np.uint8]:
    """Decode the first page of a file to uint8 (H, W, 3), read-only.

    Raises InvalidImage with `field` when there is none.
    """
    page = next(decode_pages(data, limits, field), None)
    if page is None:
        raise InvalidImage(f"the file holds no picture: {raster.READABLE}", field)
    if isinstance(page, BrokenPage):
        raise page.error
    return page.image


def pillow_image(image: Image.Image, limits: Limits = Limits(), field: str = "") -> NDArray[np.uint8]:
    """The pixels of a Pillow image by the rules of this package, uint8 (H, W, 3), read-only.

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


def _pages(file: ImageFile.ImageFile, limits: Limits, field: str) -> Iterator[Page | BrokenPage]:
    index = 0
    while True:
        try:
            if file.format == "TIFF" and not tiff.seek(file, index, field):
                return
        except InvalidImage as error:
            yield BrokenPage(index, error)
            return
        try:
            yield Page(index, raster.decode(file, limits, field))
        except InvalidImage as error:
            yield BrokenPage(index, error)
        if file.format != "TIFF":
            return
        index += 1
