"""Pages of several pictures, damaged pictures, and text that has no font."""

import base64
import io
import subprocess
import sys
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pikepdf
import pytest
from pikepdf import Dictionary, Name
from PIL import Image

from stamp2vec.imaging.formats.pdf.filters import unfiltered
from tests.formats.pdfs import annotation, content, encoded_picture, form, image, keys, noise, pdf, picture, read

WIDTH, HEIGHT = 160, 240
SMOOTH = np.asarray(Image.fromarray(noise(12, 8)).resize((WIDTH, HEIGHT)))
A4 = (595.28, 841.89)


def saved(format_: str, pixels: Any = SMOOTH, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format_, **options)
    return file.getvalue()


def fax() -> bytes:
    """CCITT group 4 of a white page with noise in its upper half."""
    bits = np.zeros((HEIGHT, WIDTH), bool)
    bits[:120] = noise(120, WIDTH)[:, :, 0] < 40
    file = io.BytesIO()
    Image.fromarray(bits).save(file, "TIFF", compression="group4")  # codes 1 as black, as PDF does by default
    with Image.open(file) as tiff:
        (start,), (size,) = tiff.tag_v2[273], tiff.tag_v2[279]  # type: ignore[attr-defined]
    return file.getvalue()[start : start + size]


BLACK = zlib.compress(bytes(WIDTH * HEIGHT * 3))
JPEG, JPEG_2000, FLATE = saved("JPEG"), saved("JPEG2000"), zlib.compress(SMOOTH.tobytes())
GREY: dict[str, Any] = {"ColorSpace": Name.DeviceGray, "BitsPerComponent": 1}
FAX: dict[str, Any] = {**GREY, "DecodeParms": Dictionary(K=-1, Columns=WIDTH, Rows=HEIGHT)}


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize(
    ("data", "filters", "more"),
    [
        (JPEG, ["DCTDecode"], {}),
        (zlib.compress(JPEG), ["FlateDecode", "DCTDecode"], {}),
        (zlib.compress(base64.a85encode(JPEG) + b"~>"), ["FlateDecode", "ASCII85Decode", "DCTDecode"], {}),
        (JPEG + bytes(20), ["DCTDecode"], {}),
        (JPEG + b"more" * 1000, ["DCTDecode"], {}),
        (JPEG_2000, ["JPXDecode"], {}),
        (FLATE, ["FlateDecode"], {}),
        (BLACK, ["FlateDecode"], {}),
        (base64.a85encode(BLACK) + b"~>", ["ASCII85Decode", "FlateDecode"], {}),
        (BLACK.hex().encode() + b">", ["ASCIIHexDecode", "FlateDecode"], {}),
        (BLACK[:-4], ["FlateDecode"], {}),
        (zlib.compress(bytes(WIDTH // 8 * HEIGHT)), ["FlateDecode"], GREY),
        (zlib.compress(bytes(WIDTH * HEIGHT * 6)), ["FlateDecode"], {"BitsPerComponent": 16}),
        (fax(), ["CCITTFaxDecode"], FAX),
    ],
    ids=[
        "JPEG", "JPEG in Flate", "JPEG in two", "JPEG, padded", "JPEG, more behind", "JPEG 2000", "Flate", "black",
        "black, ASCII85", "black, ASCIIHex", "black without a checksum", "black, 1 bit", "black, 16 bits", "fax",
    ],
)  # fmt: skip
def test_whole_pictures_are_not_warned_of(data: bytes, filters: list[str], more: Any, degrees: int) -> None:
    page = read(turned(encoded_picture(data, filters, WIDTH, HEIGHT, **more), degrees))
    assert page.info.warnings == ()


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize(
    ("data", "filters", "more"),
    [
        (JPEG[: len(JPEG) // 2], ["DCTDecode"], {}),
        (zlib.compress(JPEG[: len(JPEG) // 2]), ["FlateDecode", "DCTDecode"], {}),
        (b"no JPEG" * 100, ["DCTDecode"], {}),
        (JPEG_2000[:-10], ["JPXDecode"], {}),
        (b"no JPEG 2000" * 100, ["JPXDecode"], {}),
        (FLATE[: len(FLATE) // 2], ["FlateDecode"], {}),
        (b"no zlib" * 100, ["FlateDecode"], {}),
        (b"", ["FlateDecode"], {}),
        (SMOOTH.tobytes()[:50_000], [], {}),
        (b"x" * 500, ["JBIG2Decode"], GREY),
        (fax()[:800], ["CCITTFaxDecode"], FAX),
    ],
    ids=[
        "JPEG, half", "JPEG in Flate, half", "no JPEG", "JPEG 2000, cut", "no JPEG 2000", "Flate, half", "no Flate",
        "empty", "bare, short", "no JBIG2", "fax, half",
    ],
)  # fmt: skip
def test_damaged_pictures_are_told(data: bytes, filters: list[str], more: Any, degrees: int) -> None:
    page = read(turned(encoded_picture(data, filters, WIDTH, HEIGHT, **more), degrees))
    assert len(page.info.warnings) == 1
    assert "picture" in page.info.warnings[0]
    assert "damaged" in page.info.warnings[0]


def test_looking_for_damage_does_not_inflate_without_bound() -> None:
    deflater = zlib.compressobj(9)
    bomb = b"".join(deflater.compress(bytes(2**20)) for _ in range(100)) + deflater.flush()
    assert len(unfiltered(bomb, ["FlateDecode"], 1000) or b"") == 1000
    tracemalloc.start()
    page = read(encoded_picture(bomb, ["FlateDecode"], WIDTH, HEIGHT))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert page.info.warnings == ()
    assert peak < 10 * 2**20


def turned(data: bytes, degrees: int) -> bytes:
    with pikepdf.open(io.BytesIO(data)) as document:
        document.pages[0].obj.Rotate = degrees
        file = io.BytesIO()
        document.save(file, compress_streams=False)
    return file.getvalue()


def test_a_page_of_text_is_drawn_at_200_pixels_an_inch() -> None:
    page = read(pdf(content("0 0 0 rg 20 30 50 50 re f"), size=A4))
    assert page.image.shape == (2339, 1654, 3)
    assert page.info.resolution is not None
    assert (page.info.resolution.x, page.info.resolution.y) == (200, 200)


@pytest.mark.parametrize(("dpi", "drawn_at"), [(100, 200), (200, 200), (250, 250), (300, 300), (600, 300)])
def test_a_page_with_a_fine_picture_is_drawn_as_fine(dpi: int, drawn_at: int) -> None:
    side = 100 * 72 / dpi
    page = read(pdf(picture(noise(100, 100), (side, 0, 0, side, 20, 30), after="0 0 5 5 re f")))
    assert page.info.resolution is not None
    assert page.info.resolution.x == pytest.approx(drawn_at, abs=0.01)


def placed(document: pikepdf.Pdf, dpi: int, size: float) -> Any:
    return image(document, noise(side := round(size * dpi / 72), side).tobytes(), side, side)


@pytest.mark.parametrize(
    ("scan_dpi", "seal_dpi", "text", "drawn_at"),
    [
        (100, None, False, 100),
        (100, None, True, 200),
        (150, None, True, 150),
        (100, 250, False, 250),
        (150, 600, True, 300),
        (300, 250, True, 300),
        (600, 250, True, 600),
        (10, None, False, 200),
    ],
)
def test_a_scan_keeps_its_pixels_unless_there_is_something_finer(
    scan_dpi: int, seal_dpi: int | None, text: bool, drawn_at: int
) -> None:
    def scanned(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        pictures = {"Scan": placed(document, scan_dpi, 144)}
        drawing = "q 144 0 0 144 0 0 cm /Scan Do Q "
        if seal_dpi:
            pictures["Seal"] = placed(document, seal_dpi, 36)
            drawing += "q 36 0 0 36 50 60 cm /Seal Do Q "
        content(drawing + ("0 0 5 5 re f" if text else ""), XObject=Dictionary(**pictures))(document, page)

    page = read(pdf(scanned, size=(144, 144)))
    assert page.info.resolution is not None
    assert page.info.resolution.x == pytest.approx(drawn_at, abs=0.01)


@pytest.mark.parametrize(("dpi", "drawn_at"), [(100, 200), (250, 250), (600, 300)])
def test_the_picture_in_a_stamp_of_a_program_counts(dpi: int, drawn_at: int) -> None:
    def seal(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        inner = form(
            document,
            "q 50 0 0 50 0 0 cm /Im Do Q",
            Resources=Dictionary(XObject=Dictionary(Im=placed(document, dpi, 50))),
        )
        appearance = form(document, "/In Do", Resources=Dictionary(XObject=Dictionary(In=inner)))
        page.obj.Annots[0].AP.N = appearance

    page = read(pdf(annotation("Widget", FT=Name.Sig, T=pikepdf.String("seal")), seal, keys(Rotate=90)))
    assert page.info.resolution is not None
    assert page.info.resolution.x == pytest.approx(drawn_at, rel=0.01)


def test_a_gradient_behind_a_page_is_no_scan() -> None:
    page = read(pdf(picture(noise(600, 2), (144, 0, 0, 144, 0, 0)), size=(144, 144)))
    assert page.image.shape == (400, 400, 3)


def test_a_tiny_picture_counts_for_nothing() -> None:
    page = read(pdf(picture(noise(100, 100), (5, 0, 0, 5, 20, 30), after="0 0 5 5 re f")))
    assert page.info.resolution is not None
    assert page.info.resolution.x == 200


def test_a_scan_in_strips_has_no_seams() -> None:
    def strips(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        pixels = bytes((90, 120, 150)) * 500
        names: dict[str, Any] = {f"S{number}": image(document, pixels, 100, 5) for number in range(60)}
        drawing = " ".join(f"q 24 0 0 1.2 0 {1.2 * number} cm /S{number} Do Q" for number in range(60))
        content(drawing, XObject=Dictionary(**names))(document, page)

    page = read(pdf(strips, size=(24, 72)))
    assert page.image.shape == (300, 100, 3)
    assert (page.image == (90, 120, 150)).all()


def test_text_without_a_font_is_told() -> None:
    """Run in a process of its own, whose PDFium is told of no folder with fonts."""
    program = """
import ctypes, pypdfium2.raw as pdfium
from tests.formats.test_pdf_pictures import korean, read
pdfium.FPDF_DestroyLibrary()
none = ctypes.create_string_buffer(b"/nonexistent")
paths = (ctypes.POINTER(ctypes.c_char) * 2)(ctypes.cast(none, ctypes.POINTER(ctypes.c_char)), None)
pdfium.FPDF_InitLibraryWithConfig(pdfium.FPDF_LIBRARY_CONFIG(version=2, m_pUserFontPaths=paths))
print(read(korean()).info.warnings)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "its font (HYSMyeongJo-Medium) is neither in the file nor on this machine" in done.stdout


def korean() -> bytes:
    """Text in a font that is not embedded, and in one of which every viewer has a replacement."""

    def text(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        info = Dictionary(Registry=pikepdf.String("Adobe"), Ordering=pikepdf.String("Korea1"), Supplement=1)
        descriptor = Dictionary(
            Type=Name.FontDescriptor, FontName=Name("/HYSMyeongJo-Medium"), Flags=6, FontBBox=[0, 0, 1000, 1000],
            ItalicAngle=0, Ascent=880, Descent=-120, CapHeight=880, StemV=80,
        )  # fmt: skip
        cid = Dictionary(
            Type=Name.Font, Subtype=Name.CIDFontType0, BaseFont=Name("/HYSMyeongJo-Medium"), CIDSystemInfo=info,
            FontDescriptor=descriptor,
        )  # fmt: skip
        font = Dictionary(
            Type=Name.Font, Subtype=Name.Type0, BaseFont=Name("/HYSMyeongJo-Medium-UniKS-UCS2-H"),
            Encoding=Name("/UniKS-UCS2-H"), DescendantFonts=[document.make_indirect(cid)],
        )  # fmt: skip
        latin = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        drawing = "BT /L 20 Tf 20 100 Td (text) Tj /K 20 Tf 0 -40 Td <D55CAD6D> Tj ET"
        content(drawing, Font=Dictionary(K=font, L=latin))(document, page)

    return pdf(text)


def test_replaced_fonts_are_not_warned_of() -> None:
    latin = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    page = read(pdf(content("BT /L 20 Tf 20 100 Td (text) Tj ( ) Tj ET", Font=Dictionary(L=latin))))
    assert page.info.warnings == ()
    assert (page.image < 128).any()


def test_everything_at_once_stays_in_its_place() -> None:
    """A stamp over a turned and cropped scan whose units are two points."""
    scan = np.full((400, 300, 3), 210, np.uint8)
    whole = keys(Rotate=90, CropBox=[0, 0, 216, 288], UserUnit=2)
    page = read(pdf(picture(scan, (216, 0, 0, 288, 0, 0)), annotation(), whole, size=(216, 288), min_version="1.6"))
    assert page.info.resolution is not None
    assert (page.info.height, page.info.width) == page.image.shape[:2] == (1200, 1600)
    x1, y1, x2, y2 = (round(side) for side in page.info.overlays[0].box)
    assert (page.image[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1] == (255, 0, 0)).all()
