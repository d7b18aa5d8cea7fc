"""Whether a page's pictures are whole: PDFium draws white, grey or black for what is missing, and reports no error."""

import ctypes
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.imaging.formats.pdf.filters import MAX_UNFILTERED_BYTES, unfiltered
from stamp2vec.imaging.formats.pdf.geometry import Grid, product, transformed
from stamp2vec.imaging.formats.pdf.library import text_of
from stamp2vec.imaging.formats.pdf.pictures import Picture

_MAX_LOOKED_AT = 50  # pictures of a page
_MIN_SIDE_PX = 8  # as drawn
_BLANK_ROWS = 2
_ROWS = 64
_BLACK_SHARE = 0.02  # of a picture's rows, at its end
_BLACK = 40
_JPEG = ("DCTDecode", "DCT")
_FAX = (["CCITTFaxDecode"], ["CCF"], ["JBIG2Decode"])
_FLATE = ("FlateDecode", "Fl")
_MAX_FILTERS = 8
_JPEG_END = b"\xff\xd9"
_MAX_PADDING_BYTES = 64  # after it
_MAX_DECODED_PX = 80_000_000

_DAMAGED = (
    "a picture on this page is damaged, and was left out or shown in part: scan the page again, or send the whole file"
)
_BLACK_END = (
    "the last {share:.0%} of a picture on this page are black: if the paper is not, the picture is damaged; scan the "
    "page again, or send the whole file"
)


def picture_warnings(pictures: Sequence[Picture], page: Any, image: NDArray[np.uint8], grid: Grid) -> tuple[str, ...]:
    """What may be missing of the pictures of a page that is drawn as `image`, uint8 (H, W, 3).

    What is missing is at a picture's end, and is drawn in one colour. Only where the end of a picture is of one colour,
    which few scans are, is there more to be done than to compare a few bytes.
    """
    warnings: dict[str, None] = {}
    for picture in pictures[:_MAX_LOOKED_AT]:
        region = _region(picture, image, grid)
        if region is None:
            continue
        filters = _filters(picture.handle)
        if _is_damaged(picture, filters, page, region):
            warnings[_DAMAGED] = None
        elif filters[-1:] in _FAX and (black := _black_end(region)) >= _BLACK_SHARE:
            warnings[_BLACK_END.format(share=black)] = None
    return tuple(warnings)


def _region(picture: Picture, image: NDArray[np.uint8], grid: Grid) -> NDArray[np.uint8] | None:
    """What is drawn of a picture, its first row first; None where that is little, or the picture is skewed."""
    placement = picture.placement
    if not (placement.upright or placement.turned):
        return None
    x1, y1, x2, y2 = (round(side) for side in transformed((0, 0, 1, 1), product(placement.matrix, grid.matrix)))
    part = image[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)]
    if min(part.shape[:2]) < _MIN_SIDE_PX:
        return None
    _, _, right_of_up, down_of_up, _, _ = placement.matrix  # where "up" in the picture leads on the page
    if placement.turned:
        part = part.transpose(1, 0, 2)
        return part[::-1] if right_of_up > 0 else part
    return part[::-1] if down_of_up > 0 else part


def _is_damaged(picture: Picture, filters: list[str], page: Any, region: NDArray[np.uint8]) -> bool:
    codec = filters[-1] if filters else ""
    if codec in _JPEG and (damaged := _is_damaged_jpeg(picture.handle, filters)) is not None:
        return damaged
    if codec in _FLATE or not codec:
        return _is_uniform(region[-_BLANK_ROWS:]) and _is_short(picture.handle, filters, page)
    return _is_uniform(region) and not _decodes(picture)


def _is_damaged_jpeg(handle: Any, filters: list[str]) -> bool | None:
    """None where it has its end, or that cannot be told."""
    data = unfiltered(_raw(handle), filters[:-1])
    if data is None or data[-_MAX_PADDING_BYTES:].rstrip(b"\0\r\n ").endswith(_JPEG_END):
        return None
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            if picture.width * picture.height > _MAX_DECODED_PX:
                return True
            picture.draft("L", (picture.width // 8, picture.height // 8))
            picture.load()
    except Exception:  # whatever hostile bytes make of it
        return True
    return False


def _is_short(handle: Any, filters: list[str], page: Any) -> bool:
    """Whether there are fewer samples than the picture's size needs."""
    known = pdfium.FPDF_IMAGEOBJ_METADATA()
    if not pdfium.FPDFImageObj_GetImageMetadata(handle, page, known):
        return False
    needed = (known.width * known.bits_per_pixel + 7) // 8 * known.height
    if not 0 < needed <= MAX_UNFILTERED_BYTES:
        return not needed
    data = unfiltered(_raw(handle), filters, needed)
    return data is not None and len(data) < needed


def _decodes(picture: Picture) -> bool:
    """True as well where that would take too much memory to tell."""
    if picture.placement.width * picture.placement.height > _MAX_DECODED_PX:
        return True
    bitmap = pdfium.FPDFImageObj_GetBitmap(picture.handle)
    if not bitmap:
        return False
    pdfium.FPDFBitmap_Destroy(bitmap)
    return True


def _filters(handle: Any) -> list[str]:
    """From the outermost to the innermost, which makes pixels."""
    count = min(pdfium.FPDFImageObj_GetImageFilterCount(handle), _MAX_FILTERS)
    return [_filter(handle, index) for index in range(count)]


def _filter(handle: Any, index: int) -> str:
    return text_of(pdfium.FPDFImageObj_GetImageFilter, handle, index, encoding="utf-8")


def _raw(handle: Any) -> bytes:
    size = pdfium.FPDFImageObj_GetImageDataRaw(handle, None, 0)
    buffer = (ctypes.c_ubyte * size)()
    pdfium.FPDFImageObj_GetImageDataRaw(handle, buffer, size)
    return bytes(buffer)


def _is_uniform(part: NDArray[np.uint8]) -> bool:
    # From its end, and few rows at a time: most pages are told by the first of them, and none takes a copy.
    colour = part[-1, -1]
    return all(bool((part[max(0, end - _ROWS) : end] == colour).all()) for end in range(len(part), 0, -_ROWS))


def _black_end(region: NDArray[np.uint8]) -> float:
    """The share of a picture's rows, from its end, that are black throughout."""
    lit = region.max(axis=(1, 2)) > _BLACK
    return 1.0 if not lit.any() else float(np.argmax(lit[::-1]) / len(lit))
