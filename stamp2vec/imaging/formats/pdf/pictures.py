"""What a page is made of: its pictures, and whether there is anything else to be seen."""

import ctypes
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as pdfium

from stamp2vec.imaging.formats.pdf.geometry import Matrix, Placement, product

MAX_OBJECTS = 20_000  # of a page, that are looked at; all are drawn
_MAX_APPEARANCE_OBJECTS = 200  # of an annotation
_MAX_DEPTH = 30  # of forms in forms
_MAX_PICTURES = 500
_INVISIBLE_TEXT = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)
_IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a page; `handle` is PDFium's, as long as the page is open."""

    handle: Any
    placement: Placement


@dataclass(frozen=True, slots=True)
class Contents:
    """Of a page: its pictures, the texts whose font is not in the file, and whether text or lines are to be seen."""

    pictures: tuple[Picture, ...]
    foreign_texts: tuple[Any, ...]
    has_drawing: bool


def contents(page: Any, display: Matrix) -> Contents:
    """Looks through a page's objects and those of its forms; `display` takes user space to the displayed page."""
    pictures: list[Picture] = []
    texts: list[Any] = []
    has_drawing = False
    for kind, handle, matrix in _objects(pdfium.FPDFPage_CountObjects, pdfium.FPDFPage_GetObject, page, MAX_OBJECTS):
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            if len(pictures) < _MAX_PICTURES and all(map(math.isfinite, matrix)):
                pictures.append(_picture(handle, product(matrix, display)))
        elif kind == pdfium.FPDF_PAGEOBJ_TEXT:
            if pdfium.FPDFTextObj_GetTextRenderMode(handle) not in _INVISIBLE_TEXT:
                has_drawing = True
                if not pdfium.FPDFFont_GetIsEmbedded(pdfium.FPDFTextObj_GetFont(handle)):
                    texts.append(handle)
        else:
            has_drawing = True
    return Contents(tuple(pictures), tuple(texts), has_drawing)


def appearance_picture(annotation: Any) -> tuple[int, int] | None:
    """Width and height in pixels of the largest picture that an annotation shows; None when it shows none."""
    count, get = pdfium.FPDFAnnot_GetObjectCount, pdfium.FPDFAnnot_GetObject
    sizes = [
        _size(handle)
        for kind, handle, _ in _objects(count, get, annotation, _MAX_APPEARANCE_OBJECTS)
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE
    ]
    return max(sizes, key=math.prod, default=None)


def _objects(
    count: Callable[[Any], int], get: Callable[[Any, int], Any], owner: Any, left: int
) -> Iterator[tuple[int, Any, Matrix]]:
    """Kind, handle, and matrix to the owner's space of each object that is no form; looks at `left` of them."""
    stack = [(count, get, owner, 0, _IDENTITY)]
    while stack:
        count, get, owner, first, outer = stack.pop()
        for index in range(first, count(owner)):
            left -= 1
            if left < 0:
                return
            handle = get(owner, index)
            kind = pdfium.FPDFPageObj_GetType(handle)
            matrix = product(_matrix(handle), outer)
            if kind != pdfium.FPDF_PAGEOBJ_FORM:
                yield kind, handle, matrix
            elif len(stack) < _MAX_DEPTH:
                stack.append((count, get, owner, index + 1, outer))
                stack.append((pdfium.FPDFFormObj_CountObjects, pdfium.FPDFFormObj_GetObject, handle, 0, matrix))
                break


def _matrix(handle: Any) -> Matrix:
    """Of a form it is where the form is placed; the form's own /Matrix is in those of its objects already."""
    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(handle, matrix):
        return _IDENTITY
    return (matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)


def _picture(handle: Any, matrix: Matrix) -> Picture:
    return Picture(handle, Placement(*_size(handle), matrix))


def _size(handle: Any) -> tuple[int, int]:
    width, height = ctypes.c_uint(), ctypes.c_uint()
    pdfium.FPDFImageObj_GetImagePixelSize(handle, width, height)
    return width.value, height.value
