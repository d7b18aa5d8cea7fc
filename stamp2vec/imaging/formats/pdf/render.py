"""Drawing a page, and choosing the pixels for it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from stamp2vec.imaging.formats.pdf.geometry import POINTS_PER_INCH, Grid, Placement, plain_grid

DRAWN_DPI = 200  # of text, lines and whatever has no pixels of its own; measured by bench/pdf_resolution.py
MAX_DRAWN_DPI = 300  # where a page that is drawn has finer pictures
LEGIBLE_DPI = 100
# A picture on the whole page that is coarser, or is stretched more, is its background.
_MIN_SCAN_DPI = 40
_MAX_SCAN_STRETCH = 5.0  # fax has up to 4.2
_ENOUGH_DPI = 150  # of a scan under text or lines, which would lose more by being resampled than they win
_SCAN_SHARE = 0.9  # of a page, which a picture covers that is taken for a scan of it
_PICTURE_SHARE = 0.002  # of a page: a smaller picture holds no stamp


def choose_grid(
    width: float,
    height: float,
    unit: float,
    placements: Sequence[Placement],
    has_drawing: bool,
) -> Grid:
    """The pixels for a displayed page of `width` x `height` units of `unit` points.

    A page that a picture covers gets the pixels of that picture, unless there is something finer on it. Any other is
    drawn at DRAWN_DPI, or as fine as its finest picture up to MAX_DRAWN_DPI, whose pixels are kept where that is
    possible. `has_drawing` says whether there is something besides pictures.
    """
    scale = unit / POINTS_PER_INCH  # pixels a unit at one pixel an inch

    def dpi(placement: Placement) -> float:
        return min(placement.scales) / scale

    shares = [(placement, placement.share_of(width, height)) for placement in placements]
    scans = [one for one, share in shares if share >= _SCAN_SHARE and _is_scan(one, dpi(one))]
    others = [one for one, share in shares if _PICTURE_SHARE <= share < _SCAN_SHARE]
    needed = min(MAX_DRAWN_DPI, max(map(dpi, others), default=0.0))
    if scans:
        scan = max(scans, key=dpi)
        if dpi(scan) > 0.99 * max(needed, _ENOUGH_DPI if has_drawing else 0):
            return scan.grid(width, height) or plain_grid(width, height, max(scan.scales))
    finest = max(others, key=dpi) if needed > DRAWN_DPI else None
    if finest is None:
        return plain_grid(width, height, DRAWN_DPI * scale)
    kept = finest.grid(width, height) if dpi(finest) < 1.01 * MAX_DRAWN_DPI else None
    return kept or plain_grid(width, height, needed * scale)


def _is_scan(placement: Placement, dpi: float) -> bool:
    return dpi >= _MIN_SCAN_DPI and max(placement.scales) <= _MAX_SCAN_STRETCH * min(placement.scales)


def draw(page: Any, grid: Grid, forms: Any, image: NDArray[np.uint8]) -> None:
    """Draws the page on white paper into `image`, uint8 (H, W, 3), RGB, of the grid's size.

    `forms` None leaves its fields out. MemoryError when PDFium has too little.
    """
    width, height = grid.x.pixels, grid.y.pixels
    image.fill(255)
    # PDFium draws into the array itself.
    bitmap = pdfium.FPDFBitmap_CreateEx(width, height, pdfium.FPDFBitmap_BGR, image.ctypes.data, 3 * width)
    if not bitmap:
        raise MemoryError
    flags = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER
    try:
        # FPDF_RenderPageBitmap takes whole pixels for the page's size, and so resamples nearly every scan.
        matrix = pdfium.FS_MATRIX(*grid.drawn_matrix)
        pdfium.FPDF_RenderPageBitmapWithMatrix(bitmap, page, matrix, pdfium.FS_RECTF(0, 0, width, height), flags)
        if forms:
            pdfium.FPDF_FFLDraw(forms, bitmap, page, 0, 0, width, height, 0, flags)
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)
