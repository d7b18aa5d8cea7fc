"""The reader of PDF files."""

import io
import math
from typing import Any, BinaryIO

import pypdfium2.raw as pdfium

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats.limits import Limits
from stamp2vec.imaging.formats.page import Allocate, Overlay, Page, PageInfo, new_array
from stamp2vec.imaging.formats.pdf import header
from stamp2vec.imaging.formats.pdf.annotations import Annotations, Laid, show_annotations
from stamp2vec.imaging.formats.pdf.damage import picture_warnings
from stamp2vec.imaging.formats.pdf.fonts import font_warnings
from stamp2vec.imaging.formats.pdf.geometry import (
    POINTS_PER_INCH,
    Box,
    Grid,
    Matrix,
    Placement,
    inverse,
    plain_grid,
    product,
    transformed,
    user_to_display,
)
from stamp2vec.imaging.formats.pdf.library import LOCK, Document, LoadError, errors_of, text_of
from stamp2vec.imaging.formats.pdf.objects import Objects, read_objects
from stamp2vec.imaging.formats.pdf.pictures import contents
from stamp2vec.imaging.formats.pdf.render import LEGIBLE_DPI, choose_grid, draw
from stamp2vec.imaging.formats.pdf.repair import with_page_count
from stamp2vec.imaging.formats.pdf.structure import read_structure
from stamp2vec.limits import MAX_SIDE_PX, MIN_SIDE_PX
from stamp2vec.values import Resolution

_EVERYTHING = 1e6  # points, beyond any page


class PdfReader:
    """A PDF file; see Reader. Its methods may be called from any thread: they wait for each other."""

    def __init__(self, file: BinaryIO, limits: Limits, field: str, password: str | None = None) -> None:
        """InvalidImage when it cannot be opened, or asks for a password that is not the one given.

        The file stays open as long as the reader, and is not closed by it.
        """
        self._limits, self._field = limits, field
        with LOCK, errors_of("the PDF", field):
            start = header.find_header(file)
            if start is None:
                raise InvalidImage("not a PDF: its mark %PDF- is missing", field)
            size = file.seek(0, io.SEEK_END)
            self._document = _open(file, start, size - start, password, field)
            try:
                objects = read_objects(self._document.handle)
                self._structure = read_structure(objects) if objects else None
                claimed = pdfium.FPDF_GetPageCount(self._document.handle)
                self.page_count = self._structure.page_count if self._structure else claimed
                if objects and claimed < self.page_count:
                    self._recount(objects)
                if not self.page_count:
                    raise InvalidImage("the PDF has no pages: send one with pages", field)
                self.warnings = self._document_warnings(file, claimed)
            except BaseException:
                self._document.close()
                raise

    def read(self, index: int, allocate: Allocate = new_array) -> Page:
        """See Reader."""
        what = f"page {index + 1} of the PDF"
        with LOCK, errors_of(what, self._field):
            self._uncrop(index)
            with self._document.page(index) as page:
                if page is None:
                    raise InvalidImage(f"{what} is damaged or missing: save the PDF again", self._field)
                return self._read(index, page, allocate)

    def close(self) -> None:
        """See Reader."""
        with LOCK:
            self._document.close()

    def _read(self, index: int, page: Any, allocate: Allocate) -> Page:
        unit = self._structure.units[index] if self._structure else 1.0
        hidden = self._structure.hidden.get(index, frozenset()) if self._structure else frozenset()
        user = _visible_box(page)
        display = user_to_display(user, pdfium.FPDFPage_GetRotation(page))
        _, _, width, height = transformed(user, display)
        annotations = show_annotations(page, self._document.forms, hidden)
        shown = contents(page, display)
        placements = [picture.placement for picture in shown.pictures]
        placements += [_placement(laid, display) for laid in annotations.laid]
        wanted = choose_grid(width, height, unit, placements, shown.has_drawing or bool(annotations.laid))
        grid = self._within_limits(wanted, width, height, unit)
        square = grid.square()
        image = allocate(square.y.pixels, square.x.pixels)
        draw(page, square, self._document.forms if annotations.any_fields else None, image)
        image.flags.writeable = False
        warnings = (
            *annotations.warnings,
            *_resolution_warnings(grid, wanted, unit),
            *picture_warnings(shown.pictures, page, image, square),
            *font_warnings(self._document.handle, page, shown.foreign_texts),
        )
        info = PageInfo(
            grid.y.pixels,
            grid.x.pixels,
            Resolution(*(round(axis.scale * POINTS_PER_INCH / unit, 3) for axis in (grid.x, grid.y))),
            inverse(product(display, grid.matrix)),
            text_of(pdfium.FPDF_GetPageLabel, self._document.handle, index),
            warnings,
            _overlays(annotations, product(display, grid.matrix), grid),
        )
        return Page(index, image, info)

    def _uncrop(self, index: int) -> None:
        """Drop a crop box that lies wholly outside of the media box: PDFium gives such a page no size."""
        size = pdfium.FS_SIZEF()
        if pdfium.FPDF_GetPageSizeByIndexF(self._document.handle, index, size) and not (size.width and size.height):
            with self._document.page(index) as page:
                if page:
                    pdfium.FPDFPage_SetCropBox(page, -_EVERYTHING, -_EVERYTHING, _EVERYTHING, _EVERYTHING)

    def _within_limits(self, grid: Grid, width: float, height: float, unit: float) -> Grid:
        """The grid, or one of fewer pixels that the limits allow. InvalidImage when no stamp fits on the page."""
        square = grid.square()
        columns, rows = square.x.pixels, square.y.pixels
        if min(columns, rows) < MIN_SIDE_PX:
            inches = unit / POINTS_PER_INCH
            raise InvalidImage(
                f"the page is {width * inches:.2g} x {height * inches:.2g} inches, too small to hold a stamp: "
                "send it at its real size",
                self._field,
            )
        fit = min(1.0, MAX_SIDE_PX / max(columns, rows), math.sqrt(self._limits.max_pixels / (columns * rows)))
        if fit == 1.0:
            return grid
        scale = max(square.x.scale, square.y.scale) * fit
        smaller = plain_grid(width, height, scale)
        while smaller.x.pixels * smaller.y.pixels > self._limits.max_pixels:  # by rounding
            scale *= 0.999
            smaller = plain_grid(width, height, scale)
        if min(smaller.x.pixels, smaller.y.pixels) < MIN_SIDE_PX:
            raise InvalidImage("the page is too long and narrow to be drawn: send it in parts", self._field)
        return smaller

    def _recount(self, objects: Objects) -> None:
        """Open a copy that says how many pages there are, where it can be made."""
        copy = with_page_count(self._document.handle, objects, self.page_count)
        if copy is not None:
            old, size = self._document, copy.seek(0, io.SEEK_END)
            self._document = Document(copy, 0, size, None)
            old.close()

    def _document_warnings(self, file: BinaryIO, claimed: int) -> tuple[str, ...]:
        warnings = []
        if header.is_cut_revision(file):
            warnings.append(
                "the PDF is cut short in what was added last, such as a stamp or a signature, and is read as it was "
                "before: send the whole file"
            )
        if claimed != self.page_count:
            readable = min(pdfium.FPDF_GetPageCount(self._document.handle), self.page_count)
            warnings.append(
                f"the PDF says that it has {claimed:,} pages and holds {self.page_count:,}, of which {readable:,} can "
                "be read: save it again with a program that repairs it"
            )
        if self._structure and self._structure.is_portfolio:
            warnings.append(
                "the PDF is a portfolio: the documents are files inside it, and only its cover was read; save them as "
                "files of their own, and send these"
            )
        if pdfium.FPDF_GetFormType(self._document.handle) == pdfium.FORMTYPE_XFA_FULL:
            warnings.append(
                "the PDF is a form (XFA) that only Adobe's programs draw, others show a page that asks to wait: print "
                "it to a new PDF from there, and send that"
            )
        return tuple(warnings)


def _open(file: BinaryIO, start: int, size: int, password: str | None, field: str) -> Document:
    """Tries the password, and none at all: PDFium refuses a needless one."""
    code = pdfium.FPDF_ERR_UNKNOWN
    for attempt in dict.fromkeys((password or None, None)):
        try:
            return Document(file, start, size, attempt)
        except LoadError as error:
            code = error.code
        if code != pdfium.FPDF_ERR_PASSWORD:
            break
    if code == pdfium.FPDF_ERR_PASSWORD:
        raise InvalidImage(
            "the password does not open the PDF: send the one that opens it for reading"
            if password
            else "the PDF is protected with a password: send the password with it",
            field,
        )
    if code == pdfium.FPDF_ERR_SECURITY:
        raise InvalidImage(
            "the PDF is protected by a certificate or by a program of its own: send a copy without protection", field
        )
    if not header.has_end(file):
        raise InvalidImage("the PDF is cut short: send the whole file", field)
    raise InvalidImage("the PDF is damaged: save it again, and send that", field)


def _visible_box(page: Any) -> Box:
    """What is shown of a page, in user space, before its rotation."""
    box = pdfium.FS_RECTF()
    if not pdfium.FPDF_GetPageBoundingBox(page, box) or box.right <= box.left or box.top <= box.bottom:
        raise ValueError("the page has no size")
    return (box.left, box.bottom, box.right, box.top)


def _resolution_warnings(grid: Grid, wanted: Grid, unit: float) -> tuple[str, ...]:
    dpi = grid.x.scale * POINTS_PER_INCH / unit
    if grid is wanted or dpi >= LEGIBLE_DPI:
        return ()
    return (
        f"the page is so large that it was read at {dpi:.2g} pixels an inch, and small stamps may be missed: send it "
        "in parts, or scaled to a smaller paper",
    )


def _placement(laid: Laid, display: Matrix) -> Placement:
    """Of the picture of an annotation, which nearly always fills it."""
    x1, y1, x2, y2 = laid.box
    return Placement(*(laid.picture or (0, 0)), product((x2 - x1, 0, 0, y2 - y1, x1, y1), display))


def _overlays(annotations: Annotations, to_pixels: Matrix, grid: Grid) -> tuple[Overlay, ...]:
    overlays = []
    for laid in annotations.laid:
        x1, y1, x2, y2 = transformed(laid.box, to_pixels)
        x1, y1 = max(0.0, x1), max(0.0, y1)
        x2, y2 = min(float(grid.x.pixels), x2), min(float(grid.y.pixels), y2)
        if x1 < x2 and y1 < y2:
            overlays.append(Overlay(laid.source, (x1, y1, x2, y2)))
    return tuple(overlays)
