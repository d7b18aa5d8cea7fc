"""PDFs made for one test each."""

import io
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pikepdf
from numpy.typing import NDArray
from pikepdf import Array, Dictionary, Name

from stamp2vec.imaging.formats import Page, open_file
from stamp2vec.imaging.formats.limits import Limits

RED = (255, 0, 0)
Change = Callable[[pikepdf.Pdf, pikepdf.Page], None]


def pdf(*changes: Change, size: tuple[float, float] = (200, 200), pages: int = 1, **saving: Any) -> bytes:
    """A PDF of blank pages of `size` points, to the first of which changes are made."""
    document = pikepdf.new()
    for _ in range(pages):
        document.add_blank_page(page_size=(200, 200)).obj.MediaBox = Array([0, 0, *size])
    for change in changes:
        change(document, document.pages[0])
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of fields outside of a form
        document.save(file, **saving)
    return file.getvalue()


def keys(**values: Any) -> Change:
    """Sets keys of the page's dictionary."""

    def change(_: pikepdf.Pdf, page: pikepdf.Page) -> None:
        for key, value in values.items():
            page.obj[f"/{key}"] = Array(value) if isinstance(value, list) else value

    return change


def content(text: str, **resources: Any) -> Change:
    """Sets what the page draws."""

    def change(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        page.obj.Resources = Dictionary(**resources)
        page.obj.Contents = document.make_stream(text.encode())

    return change


def form(document: pikepdf.Pdf, text: str = "1 0 0 rg 0 0 50 50 re f", **more: Any) -> pikepdf.Object:
    """A form of 50 x 50 points, a red square."""
    values = {"BBox": Array([0, 0, 50, 50]), **more}
    return document.make_stream(text.encode(), Type=Name.XObject, Subtype=Name.Form, **values)


def annotation(subtype: str = "Stamp", flags: int | None = 4, *, appearance: bool = True, **more: Any) -> Change:
    """A red square of 50 x 50 points, 20 from the left and 30 from below."""

    def change(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        made = Dictionary(Type=Name.Annot, Subtype=Name(f"/{subtype}"), Rect=Array([20, 30, 70, 80]), **more)
        if flags is not None:
            made.F = flags
        if appearance:
            made.AP = Dictionary(N=form(document))
        page.obj.Annots = Array([*page.obj.get("/Annots", []), document.make_indirect(made)])

    return change


def layered(is_on: bool, policy: str = "") -> Change:
    """Puts the page's first annotation into a layer."""

    def change(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        layer = document.make_indirect(Dictionary(Type=Name.OCG, Name=pikepdf.String("layer")))
        state = Dictionary() if is_on else Dictionary(OFF=Array([layer]))
        document.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=state)
        member = Dictionary(Type=Name.OCMD, OCGs=Array([layer]), P=Name(f"/{policy}")) if policy else layer
        page.obj.Annots[0].OC = member

    return change


def image(document: pikepdf.Pdf, data: bytes, width: int, height: int, **more: Any) -> pikepdf.Stream:
    """A picture; RGB of 8 bits without a filter unless said otherwise."""
    values = {"ColorSpace": Name.DeviceRGB, "BitsPerComponent": 8, **more}
    return pikepdf.Stream(document, data, Type=Name.XObject, Subtype=Name.Image, Width=width, Height=height, **values)


def picture(pixels: NDArray[np.uint8], matrix: tuple[float, ...], before: str = "", after: str = "") -> Change:
    """Draws pixels, uint8 (H, W, 3), between other content."""

    def change(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        height, width = pixels.shape[:2]
        drawn = image(document, zlib.compress(pixels.tobytes()), width, height, Filter=Name.FlateDecode)
        placed = f"{before} q {' '.join(f'{value:.6f}' for value in matrix)} cm /Im Do Q {after}"
        fonts = Dictionary(F=Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
        content(placed, XObject=Dictionary(Im=drawn), Font=fonts)(document, page)

    return change


def encoded_picture(data: bytes, filters: list[str], width: int, height: int, **more: Any) -> bytes:
    """A page of one picture whose data are given as they are, a point a pixel."""

    def change(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        names = Array([Name(f"/{name}") for name in filters])
        drawn = image(document, data, width, height, Filter=names if len(names) != 1 else names[0], **more)
        content(f"q {width} 0 0 {height} 0 0 cm /Im Do Q", XObject=Dictionary(Im=drawn))(document, page)

    return pdf(change, size=(width, height), compress_streams=False)


def noise(height: int, width: int) -> NDArray[np.uint8]:
    """Pixels of which none resembles its neighbours, so that resampling is seen."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def read(data: bytes, index: int = 0, password: str | None = None, limits: Limits = Limits()) -> Page:
    """One page."""
    reader = open_file(io.BytesIO(data), limits, "document", password)
    try:
        return reader.read(index)
    finally:
        reader.close()


def file_warnings(data: bytes) -> tuple[str, ...]:
    """What is said of the file as a whole."""
    reader = open_file(io.BytesIO(data))
    reader.close()
    return reader.warnings


def red_box(page: Page) -> tuple[int, int, int, int] | None:
    """Where the page is red: x1, y1, x2, y2."""
    rows, columns = np.nonzero((page.image == RED).all(axis=-1))
    if not len(rows):
        return None
    return (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
