"""Pages that are one scanned picture come out at the picture's own pixels."""

import io
import math
from typing import Any

import img2pdf
import numpy as np
import pikepdf
import pytest
from numpy.typing import NDArray
from pikepdf import Dictionary, Name
from PIL import Image

from tests.formats.pdfs import Change, content, form, image, keys, noise, pdf, picture, read

SCAN = noise(877, 620)  # rows, columns; at 150 pixels an inch
WIDTH, HEIGHT = 620 * 0.48, 877 * 0.48
UPRIGHT = (WIDTH, 0, 0, HEIGHT, 0, 0)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_the_rotation_of_a_page_turns_the_pixels(degrees: int) -> None:
    page = read(pdf(picture(SCAN, UPRIGHT), keys(Rotate=degrees), size=(WIDTH, HEIGHT)))
    np.testing.assert_array_equal(page.image, np.rot90(SCAN, -degrees // 90))
    assert page.info.resolution is not None
    assert page.info.resolution.x == page.info.resolution.y == 150


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((0, WIDTH, -HEIGHT, 0, HEIGHT, 0), np.rot90(SCAN, 1)),
        ((0, -WIDTH, HEIGHT, 0, 0, WIDTH), np.rot90(SCAN, -1)),
        ((-WIDTH, 0, 0, -HEIGHT, WIDTH, HEIGHT), SCAN[::-1, ::-1]),
        ((WIDTH, 0, 0, -HEIGHT, 0, HEIGHT), SCAN[::-1]),
    ],
    ids=["left", "right", "upside down", "mirrored"],
)
def test_a_picture_turned_by_its_matrix(matrix: tuple[float, ...], expected: NDArray[np.uint8]) -> None:
    size = (HEIGHT, WIDTH) if matrix[0] == 0 else (WIDTH, HEIGHT)
    page = read(pdf(picture(SCAN, matrix), size=size))
    np.testing.assert_array_equal(page.image, expected)


# Widths and heights at which other ways of drawing give one pixel more, or resample.
@pytest.mark.parametrize(
    ("width", "height", "dpi"),
    [(2480, 3508, 300), (2550, 3300, 300), (1240, 1754, 150), (1241, 1755, 150), (1700, 2200, 200), (1728, 2291, 204)],
)
def test_usual_sizes_of_img2pdf(width: int, height: int, dpi: int) -> None:
    scan = Image.fromarray(noise(height, width)[:, :, 0])
    file = io.BytesIO()
    scan.save(file, "PNG", dpi=(dpi, dpi))
    page = read(img2pdf.convert(file.getvalue()))
    np.testing.assert_array_equal(page.image[:, :, 0], np.asarray(scan))
    assert page.info.resolution is not None
    assert page.info.resolution.x == pytest.approx(dpi, rel=1e-3)


@pytest.mark.parametrize("degrees", [0, 90])
def test_a_crop_box_on_whole_pixels_cuts_pixels(degrees: int) -> None:
    cropped = keys(CropBox=[48, 96, 240, 384], Rotate=degrees)
    page = read(pdf(picture(SCAN, UPRIGHT), cropped, size=(WIDTH, HEIGHT)))
    np.testing.assert_array_equal(page.image, np.rot90(SCAN[77:677, 100:500], -degrees // 90))


def test_margins_around_a_scan_are_white_pixels_of_its_size() -> None:
    page = read(pdf(picture(SCAN, (WIDTH, 0, 0, HEIGHT, 4.8, 9.6)), size=(WIDTH + 9.6, HEIGHT + 9.6)))
    np.testing.assert_array_equal(page.image, np.pad(SCAN, ((0, 20), (10, 10), (0, 0)), constant_values=255))


def test_invisible_text_of_a_recognition_changes_nothing() -> None:
    text = "BT /F 12 Tf 3 Tr 50 100 Td (recognised) Tj ET"
    page = read(pdf(picture(SCAN, UPRIGHT, after=text), size=(WIDTH, HEIGHT)))
    np.testing.assert_array_equal(page.image, SCAN)


def test_a_unit_of_two_points_halves_the_resolution_and_keeps_the_pixels() -> None:
    page = read(pdf(picture(SCAN, UPRIGHT), keys(UserUnit=2), size=(WIDTH, HEIGHT), min_version="1.6"))
    np.testing.assert_array_equal(page.image, SCAN)
    assert page.info.resolution is not None
    assert (page.info.resolution.x, page.info.resolution.y) == (75, 75)


def test_a_picture_in_nested_forms() -> None:
    def nested(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        drawn = image(document, SCAN.tobytes(), 620, 877)
        inner = form(
            document,
            f"q {WIDTH / 4} 0 0 {HEIGHT / 4} 0 0 cm /Im Do Q",
            BBox=[0, 0, 900, 900],
            Matrix=[2, 0, 0, 2, 0, 0],
            Resources=Dictionary(XObject=Dictionary(Im=drawn)),
        )
        outer = form(
            document,
            "q 2 0 0 2 3 4 cm /In Do Q",
            BBox=[0, 0, 900, 900],
            Resources=Dictionary(XObject=Dictionary(In=inner)),
        )
        content("q 1 0 0 1 -3 -4 cm /Out Do Q", XObject=Dictionary(Out=outer))(document, page)

    page = read(pdf(nested, size=(WIDTH, HEIGHT)))
    np.testing.assert_array_equal(page.image, SCAN)


@pytest.mark.parametrize("degrees", [0, 90])
def test_a_fax_of_low_resolution_is_stretched_to_square_pixels(degrees: int) -> None:
    fax = noise(490, 867)
    width, height = 867 * 72 / 204, 490 * 72 / 98
    page = read(pdf(picture(fax, (width, 0, 0, height, 0, 0)), keys(Rotate=degrees), size=(width, height)))
    stored = (490, 867, 204.0, 98.0) if degrees == 0 else (867, 490, 98.0, 204.0)
    assert page.info.resolution is not None
    assert (page.info.height, page.info.width, page.info.resolution.x, page.info.resolution.y) == stored
    assert page.image.shape == ((1020, 867, 3) if degrees == 0 else (867, 1020, 3))


def test_a_skewed_scan_is_drawn_at_its_resolution() -> None:
    angle = math.radians(5)
    a, b = math.cos(angle), math.sin(angle)
    page = read(pdf(picture(SCAN, (WIDTH * a, WIDTH * b, -HEIGHT * b, HEIGHT * a, 20, -10)), size=(WIDTH, HEIGHT)))
    assert page.image.shape == SCAN.shape
    assert page.info.resolution is not None
    assert page.info.resolution.x == pytest.approx(150, abs=0.01)


def test_a_coarse_scan_is_not_what_a_stamp_of_lines_is_drawn_at() -> None:
    coarse = noise(200, 150)  # of 50 pixels an inch
    size = (150 * 72 / 50, 200 * 72 / 50)
    alone, stamped = (
        read(pdf(picture(coarse, (size[0], 0, 0, size[1], 0, 0), after=after), size=size))
        for after in ("", "1 0 0 RG 3 w 40 40 60 60 re S")
    )
    assert alone.image.shape == coarse.shape
    assert stamped.image.shape == (800, 600, 3)


@pytest.mark.parametrize(
    "changes",
    [(), (keys(Rotate=90),), (keys(Rotate=180),), (keys(Rotate=270, CropBox=[48, 96, 240, 384]),)],
    ids=["plain", "turned", "upside down", "turned and cropped"],
)
def test_places_in_pixels_lead_to_user_space(changes: tuple[Change, ...]) -> None:
    def mark(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        page.contents_add(b"1 0 0 rg 96 144 48 24 re f")

    page = read(pdf(picture(np.full_like(SCAN, 200), UPRIGHT), mark, *changes, size=(WIDTH, HEIGHT)))
    rows, columns = np.nonzero((page.image == (255, 0, 0)).all(axis=-1))
    assert page.info.to_points is not None
    a, b, c, d, e, f = page.info.to_points
    corners = [
        (a * x + c * y + e, b * x + d * y + f)
        for x, y in ((columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1))
    ]
    np.testing.assert_allclose(np.sort(corners, axis=0), [[96, 144], [144, 168]], atol=0.5)


@pytest.mark.parametrize(
    ("mode", "format_", "options"),
    [
        ("RGB", "PNG", {}),
        ("L", "PNG", {}),
        ("1", "PNG", {}),
        ("P", "PNG", {}),
        ("1", "TIFF", {"compression": "group4"}),
        ("RGB", "TIFF", {"compression": "tiff_lzw"}),
        ("L", "JPEG", {}),
        ("RGB", "JPEG", {"progressive": True}),
        ("RGB", "JPEG", {"quality": 90, "subsampling": 0}),
        ("RGB", "JPEG2000", {}),
    ],
)
def test_pixels_are_those_that_pillow_decodes(mode: str, format_: str, options: dict[str, Any]) -> None:
    file = io.BytesIO()
    Image.fromarray(noise(40, 30)).resize((310, 437)).convert(mode).save(file, format_, dpi=(150, 150), **options)
    page = read(img2pdf.convert(file.getvalue()))
    np.testing.assert_array_equal(page.image, np.asarray(Image.open(file).convert("RGB")))
    assert page.info.warnings == ()


def test_a_mask_of_one_bit_is_ink_on_paper() -> None:
    bits = noise(800, 640)[:, :, 0] < 40

    def masked(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        mask = image(document, np.packbits(~bits, axis=1).tobytes(), 640, 800, ImageMask=True, BitsPerComponent=1)
        del mask.ColorSpace
        content("q 640 0 0 800 0 0 cm /Im Do Q", XObject=Dictionary(Im=mask))(document, page)

    page = read(pdf(masked, size=(640, 800)))
    np.testing.assert_array_equal(page.image[:, :, 1], np.where(bits, 0, 255))


def test_a_stamp_with_a_soft_mask_and_multiply_lets_the_text_below_be_seen() -> None:
    def stamped(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        alpha = image(document, b"\xff\x00", 2, 1, ColorSpace=Name.DeviceGray)
        stamp = image(document, bytes((255, 0, 0)) * 2, 2, 1, SMask=alpha)
        states = Dictionary(G=Dictionary(BM=Name.Multiply))
        drawing = "0.5 g 0 0 200 100 re f /G gs q 200 0 0 200 0 0 cm /Im Do Q"
        content(drawing, XObject=Dictionary(Im=stamp), ExtGState=states)(document, page)

    page = read(pdf(stamped))
    above, below = page.image[100], page.image[500]
    np.testing.assert_array_equal(
        [above[50], above[500], below[50], below[500]], [(255, 0, 0), (255, 255, 255), (128, 0, 0), (128, 128, 128)]
    )
