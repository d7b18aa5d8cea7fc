"""Drawing a page, and choosing the pixels for it."""

from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from stamp2vec.imaging.formats.pdf.geometry import POINTS_PER_INCH, Grid, Placement, plain_grid

DRAWN_DPI = 200  # of text, lines and whatever has no pixels of its own; measured by bench/pdf_resolution.py
MAX_DRAWN_DPI = 300  # where a page that is drawn has finer pictures
LEGIBLE_DPI = 100
_SCAN_SHARE = 0.9  # of a page, which a picture covers that is taken for a scan of it
_PICTURE_SHARE = 0.002  # of a page: a smaller picture holds no stamp


def choose_grid(
    width: float,
    height: float,
    unit: float,
    placements: list[Placement],
    has_drawing: bool,
) -> Grid:
    """The pixels for a displayed page of `width` x `height` units of `unit` points.

    A page that a picture covers gets the pixels of that picture. Any other is drawn at DRAWN_DPI, or as fine as its
    finest picture up to MAX_DRAWN_DPI, whose pixels are kept where that is possible.
    """
    drawn = plain_grid(width, height, DRAWN_DPI * unit / POINTS_PER_INCH)
    shares = [(placement.share_of(width, height), placement) for placement in placements]
    shares = [(share, placement) for share, placement in shares if share >= _PICTURE_SHARE and min(placement.scales)]
    if not shares:
        return drawn
    share, finest = max(shares, key=lambda one: (one[0] >= _SCAN_SHARE, min(one[1].scales)))
    dpi = min(finest.scales) * POINTS_PER_INCH / unit
    is_scan = share >= _SCAN_SHARE
    if dpi < DRAWN_DPI and (has_drawing or not is_scan):
        return drawn
    if dpi > MAX_DRAWN_DPI and not is_scan:
        return plain_grid(width, height, MAX_DRAWN_DPI * unit / POINTS_PER_INCH)
    return finest.grid(width, height) or plain_grid(width, height, max(finest.scales))


def draw(page: Any, grid: Grid, forms: Any) -> NDArray[np.uint8]:
    """The page on white paper, uint8 (H, W, 3), RGB, of the grid's size; `forms` None leaves its fields out.

    MemoryError when there is not as much.
    """
    width, height = grid.x.pixels, grid.y.pixels
    image = np.full((height, width, 3), 255, np.uint8)
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
    return image
