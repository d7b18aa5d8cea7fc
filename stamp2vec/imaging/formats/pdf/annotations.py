"""What programs have laid over a page: stamps, drawings, form fields, signatures."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as pdfium

from stamp2vec.imaging.formats.pdf.geometry import Box
from stamp2vec.imaging.formats.pdf.pictures import appearance_picture
from stamp2vec.values import Source

MAX_ANNOTATIONS = 2_000  # of a page, that are looked at
# Links are frames around text, the others belong to a text or are icons of the viewer: none of them is a stamp.
_NO_STAMPS = frozenset(
    {
        pdfium.FPDF_ANNOT_TEXT,
        pdfium.FPDF_ANNOT_LINK,
        pdfium.FPDF_ANNOT_HIGHLIGHT,
        pdfium.FPDF_ANNOT_UNDERLINE,
        pdfium.FPDF_ANNOT_SQUIGGLY,
        pdfium.FPDF_ANNOT_STRIKEOUT,
        pdfium.FPDF_ANNOT_CARET,
        pdfium.FPDF_ANNOT_POPUP,
        pdfium.FPDF_ANNOT_SOUND,
        pdfium.FPDF_ANNOT_MOVIE,
    }
)
# PDFium draws these without an appearance of their own.
_DRAWN_ANYWAY = frozenset(
    {pdfium.FPDF_ANNOT_SQUARE, pdfium.FPDF_ANNOT_CIRCLE, pdfium.FPDF_ANNOT_INK, pdfium.FPDF_ANNOT_FREETEXT}
)
_NO_APPEARANCE = (
    "a stamp that a program laid over this page has no appearance in the file and cannot be drawn: "
    "print the page to a new PDF from the program that shows it"
)
_TOO_MANY = (
    f"this page has more than {MAX_ANNOTATIONS:,} annotations, and those beyond were not looked at one by one: "
    "what they show may be missing or be taken for ink; print the page to a new PDF"
)


@dataclass(frozen=True, slots=True)
class Laid:
    """What may be a stamp; its box in user space, and width and height in pixels of the picture that it shows."""

    source: Source
    box: Box
    picture: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Annotations:
    """Those of a page that are seen; `any_fields` says that some are fields, which are drawn by a call of their own."""

    laid: tuple[Laid, ...]
    any_fields: bool
    warnings: tuple[str, ...]


def show_annotations(page: Any, forms: Any, hidden: frozenset[int]) -> Annotations:
    """Sets the flags of a page's annotations so that one rendering shows all that a reader sees or prints.

    PDFium draws for the screen or for print, and a stamp may be for one of them only. `hidden` are the indices of
    those in a layer that is not shown, which PDFium draws nevertheless.
    """
    laid: list[Laid] = []
    warnings: list[str] = []
    any_fields = False
    count = pdfium.FPDFPage_GetAnnotCount(page)
    for index in range(min(count, MAX_ANNOTATIONS)):
        with _annotation(page, index) as annotation:
            if annotation is None or not _show(annotation, index in hidden):
                continue
            kind = pdfium.FPDFAnnot_GetSubtype(annotation)
            any_fields |= kind == pdfium.FPDF_ANNOT_WIDGET
            is_drawn = kind in _DRAWN_ANYWAY or _has_appearance(annotation)
            source = _source(annotation, kind, forms)
            if source is not None and is_drawn:
                laid.append(Laid(source, _box(annotation), appearance_picture(annotation)))
            elif kind == pdfium.FPDF_ANNOT_STAMP and not is_drawn and _NO_APPEARANCE not in warnings:
                warnings.append(_NO_APPEARANCE)
    if count > MAX_ANNOTATIONS:
        any_fields = True
        warnings.append(_TOO_MANY)
    return Annotations(tuple(laid), any_fields, tuple(warnings))


@contextmanager
def _annotation(page: Any, index: int) -> Iterator[Any]:
    annotation = pdfium.FPDFPage_GetAnnot(page, index)
    try:
        yield annotation or None
    finally:
        if annotation:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _show(annotation: Any, in_hidden_layer: bool) -> bool:
    """Whether it is seen on the screen or in print; its flags are set to say so of the screen."""
    flags = pdfium.FPDFAnnot_GetFlags(annotation)
    only_printed = bool(flags & pdfium.FPDF_ANNOT_FLAG_NOVIEW)
    is_seen = not (
        in_hidden_layer
        or flags & pdfium.FPDF_ANNOT_FLAG_HIDDEN
        or (only_printed and not flags & pdfium.FPDF_ANNOT_FLAG_PRINT)
    )
    if not is_seen:
        pdfium.FPDFAnnot_SetFlags(annotation, flags | pdfium.FPDF_ANNOT_FLAG_HIDDEN)
    elif only_printed:
        pdfium.FPDFAnnot_SetFlags(annotation, flags & ~pdfium.FPDF_ANNOT_FLAG_NOVIEW)
    return is_seen


def _has_appearance(annotation: Any) -> bool:
    # The length counts an end of two bytes, which alone is what there is without an appearance.
    return bool(pdfium.FPDFAnnot_GetAP(annotation, pdfium.FPDF_ANNOT_APPEARANCEMODE_NORMAL, None, 0) > 2)


def _source(annotation: Any, kind: int, forms: Any) -> Source | None:
    """None for what is never a stamp."""
    if kind != pdfium.FPDF_ANNOT_WIDGET:
        return None if kind in _NO_STAMPS else Source.ANNOTATION
    field = pdfium.FPDFAnnot_GetFormFieldType(forms, annotation)
    return Source.SIGNATURE_FIELD if field == pdfium.FPDF_FORMFIELD_SIGNATURE else None


def _box(annotation: Any) -> Box:
    rectangle = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, rectangle)
    return (
        min(rectangle.left, rectangle.right),
        min(rectangle.bottom, rectangle.top),
        max(rectangle.left, rectangle.right),
        max(rectangle.bottom, rectangle.top),
    )
