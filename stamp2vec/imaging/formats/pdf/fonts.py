"""Text that cannot be drawn for want of a font: PDFium leaves it out, and reports no error."""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium

from stamp2vec.imaging.formats.pdf.library import text_of

_MAX_FONTS = 10
_MAX_TEXTS = 3  # of a font
_MAX_SIDE = 2_000.0  # points


def font_warnings(document: Any, page: Any, texts: Sequence[Any]) -> tuple[str, ...]:
    """Names the fonts of `texts`, none of which is in the file, of which nothing is drawn."""
    looked_at: dict[str, int] = {}
    missing: dict[str, None] = {}
    for text in texts:
        font = text_of(pdfium.FPDFFont_GetBaseFontName, pdfium.FPDFTextObj_GetFont(text), encoding="utf-8")
        if looked_at.get(font, 0) >= _MAX_TEXTS or (font not in looked_at and len(looked_at) >= _MAX_FONTS):
            continue
        looked_at[font] = looked_at.get(font, 0) + 1
        if not _is_drawn(document, page, text) and _has_letters(page, text):
            missing[font] = None
    names = ", ".join("".join(letter if letter.isprintable() else "?" for letter in font[:60]) for font in missing)
    if not names:
        return ()
    return (
        f"text on this page is not drawn, for its font ({names}) is neither in the file nor on this machine: save the "
        "PDF with its fonts embedded",
    )


def _is_drawn(document: Any, page: Any, text: Any) -> bool:
    """True as well where that cannot be told cheaply."""
    sides = [ctypes.c_float() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetBounds(text, *sides):
        return True
    left, bottom, right, top = (side.value for side in sides)
    if not (0 < right - left <= _MAX_SIDE and 0 < top - bottom <= _MAX_SIDE):
        return right > left and top > bottom  # without glyphs, text has a width and no height
    bitmap = pdfium.FPDFTextObj_GetRenderedBitmap(document, page, text, 1.0)
    if not bitmap:
        return True
    try:
        height, stride = pdfium.FPDFBitmap_GetHeight(bitmap), pdfium.FPDFBitmap_GetStride(bitmap)
        buffer = ctypes.cast(pdfium.FPDFBitmap_GetBuffer(bitmap), ctypes.POINTER(ctypes.c_ubyte))
        return bool(np.ctypeslib.as_array(buffer, (height * stride,)).any())  # alpha, which is 0 where nothing is
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)


def _has_letters(page: Any, text: Any) -> bool:
    texts = pdfium.FPDFText_LoadPage(page)
    if not texts:
        return False
    try:
        return bool(text_of(lambda *rest: pdfium.FPDFTextObj_GetText(text, texts, *rest)).strip())
    finally:
        pdfium.FPDFText_ClosePage(texts)
