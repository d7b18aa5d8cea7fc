"""Pages whose pixels are not square become square, and the resolution is that of the stored pixels, upright."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import Limits, Page, decode_image, decode_pages
from stamp2vec.imaging.formats import open_file
from stamp2vec.values import Resolution
from tests.formats.scenes import Pixels, colours, greys, only_page
from tests.formats.tiff_writer import Directory, page, strips_of, write


def ring(height: int, width: int, mode: str = "L") -> Image.Image:
    """A ring that is round where the page is square."""
    image = Image.new(mode, (width, height), "white")
    box = (0.1 * width, 0.1 * height, 0.9 * width, 0.9 * height)
    ImageDraw.Draw(image).ellipse(box, outline="black" if mode != "RGB" else "red", width=max(height, width) // 30)
    return image


def roundness(pixels: Pixels) -> float:
    """Width of what is dark, by its height."""
    dark = pixels.min(axis=2) < 128
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    return float((columns[-1] - columns[0] + 1) / (rows[-1] - rows[0] + 1))


def density(x: float, y: float, unit: int = 2) -> dict[str, Any]:
    return {"t282": x, "t283": y, "t296": unit}


def dpi(data: bytes) -> Resolution | None:
    return only_page(data).info.resolution


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
@pytest.mark.parametrize(("x", "y"), [(204, 98), (204, 196), (204, 391), (200, 100), (100, 300), (408, 98)])
def test_a_tiff_is_stretched_along_its_lower_resolution(x: int, y: int, mode: str) -> None:
    stored = ring(y, x, mode)
    buffer = io.BytesIO()
    stored.save(buffer, "TIFF", compression="group4" if mode == "1" else "tiff_lzw")
    tags, strips = strips_of(buffer.getvalue())
    found = only_page(write([Directory({**tags, 282: x, 283: y, 296: 2}, strips)]).data)
    assert found.image.shape[:2] == (max(x, y), max(x, y))
    assert (found.info.width, found.info.height) == (x, y)
    assert found.info.resolution == Resolution(x, y)
    assert roundness(found.image) == pytest.approx(1, abs=0.03)
    assert found.info.warnings == ()
    if mode == "1":  # what was black and white gets greys, without which a stretched ring is ragged
        assert len(np.unique(found.image)) > 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_turns_the_resolution_too(orientation: int) -> None:
    stored = np.asarray(ring(98, 204))
    found = only_page(write([page(stored, t274=orientation, **density(204, 98))]).data)
    swapped = orientation >= 5
    assert found.info.resolution == (Resolution(98, 204) if swapped else Resolution(204, 98))
    assert (found.info.width, found.info.height) == ((98, 204) if swapped else (204, 98))
    assert found.image.shape == (204, 204, 3)
    assert roundness(found.image) == pytest.approx(1, abs=0.03)


def test_stretching_in_bands_leaves_no_seams() -> None:
    stored = colours(700, 90)
    found = only_page(write([page(stored, **density(200, 120))]).data).image
    whole = Image.fromarray(stored).resize((90, found.shape[0]), Image.Resampling.BICUBIC)
    assert np.abs(found.astype(int) - np.asarray(whole).astype(int)).max() <= 1
    wide = only_page(write([page(colours(400, 90), **density(100, 200))]).data).image
    expected = Image.fromarray(colours(400, 90)).resize((180, 400), Image.Resampling.BICUBIC)
    assert np.abs(wide.astype(int) - np.asarray(expected).astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("x", "y", "unit", "resolution", "height"),
    [
        (300, 300, 2, Resolution(300, 300), 60),
        (300, 299.5, 2, Resolution(300, 299.5), 60),
        (80.315, 38.5826, 3, Resolution(204, 98), 125),
        (204, 98, 1, None, 125),
        (2, 1, 1, None, 120),
        (1, 1, 1, None, 60),
        (1, 1, 2, None, 60),
        (2, 1, 2, None, 60),
        (300, 1, 2, None, 60),
        (300, 30, 2, None, 60),
        (50_000, 50_000, 2, None, 60),
        (float("nan"), 300, 2, None, 60),
        (float("inf"), float("inf"), 2, None, 60),
        (0, 0, 2, None, 60),
        (300, 0, 2, None, 60),
    ],
)
def test_what_a_tiff_says_of_its_resolution(
    x: float, y: float, unit: int, resolution: Resolution | None, height: int
) -> None:
    found = only_page(write([page(greys(), **density(x, y, unit))]).data)
    assert found.image.shape == (height, 90, 3)
    if resolution is None:
        assert found.info.resolution is None
    else:
        assert found.info.resolution is not None
        assert found.info.resolution.x == pytest.approx(resolution.x, rel=1e-3)
        assert found.info.resolution.y == pytest.approx(resolution.y, rel=1e-3)


def test_tags_that_are_missing() -> None:
    assert dpi(write([page(greys())]).data) is None
    assert dpi(write([page(greys(), t282=300, t296=2)]).data) is None
    assert dpi(write([page(greys(), t282=300, t283=300)]).data) == Resolution(300, 300)


def test_each_page_has_its_own_resolution() -> None:
    pages = [page(greys(), **density(204, 196)), page(greys()), page(greys(), **density(204, 98))]
    data = write(pages).data
    found = [p for p in decode_pages(data) if isinstance(p, Page)]
    assert [p.info.resolution for p in found] == [Resolution(204, 196), None, Resolution(204, 98)]
    opened = open_file(io.BytesIO(data))
    assert opened.read(2).info.resolution == Resolution(204, 98)
    assert opened.read(1).info.resolution is None


def test_the_limits_hold_for_the_stretched_page() -> None:
    data = write([page(greys(), **density(204, 98))]).data
    assert only_page(data).image.shape == (125, 90, 3)
    with pytest.raises(InvalidImage, match="90 x 125 pixels once its pixels, 90 x 60, are made square, more than"):
        decode_image(data, Limits(max_pixels=90 * 100))
    tall = write([page(np.zeros((9_000, 16), np.uint8), **density(300, 100))]).data
    with pytest.raises(InvalidImage, match="at most 20,000 pixels a side"):
        decode_image(tall)


def encoded(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    ring(98, 204, "RGB").save(buffer, kind, **options)
    return buffer.getvalue()


def with_phys(data: bytes, x: int, y: int, unit: int) -> bytes:
    body = b"pHYs" + struct.pack(">IIB", x, y, unit)
    return data[:33] + struct.pack(">I", 9) + body + struct.pack(">I", zlib.crc32(body)) + data[33:]


def exif(x: float, y: float, unit: int = 2, orientation: int = 1) -> bytes:
    block = Image.Exif()
    block[0x011A], block[0x011B], block[0x0128], block[0x0112] = x, y, unit, orientation
    return block.tobytes()


PICTURES: dict[str, tuple[bytes, Resolution | None]] = {
    "PNG in metres": (with_phys(encoded("PNG"), 8031, 3858, 1), Resolution(204, 98)),
    "PNG without a unit": (with_phys(encoded("PNG"), 204, 98, 0), None),
    "PNG by EXIF": (encoded("PNG", exif=exif(204, 98)), Resolution(204, 98)),
    "JFIF in inches": (encoded("JPEG", dpi=(204, 98), quality=95), Resolution(204, 98)),
    "EXIF alone": (encoded("JPEG", exif=exif(204, 98), quality=95), Resolution(204, 98)),
    "EXIF in centimetres": (encoded("JPEG", exif=exif(80.315, 38.583, 3), quality=95), Resolution(204, 98)),
    "EXIF without a unit": (encoded("JPEG", exif=exif(204, 98, 1), quality=95), None),
    "BMP": (encoded("BMP", dpi=(204, 98)), Resolution(204, 98)),
    "WebP by EXIF": (encoded("WEBP", exif=exif(204, 98), quality=95), Resolution(204, 98)),
}


@pytest.mark.parametrize(("data", "resolution"), PICTURES.values(), ids=PICTURES)
def test_pictures_are_stretched(data: bytes, resolution: Resolution | None) -> None:
    found = only_page(data)
    assert found.image.shape == (204, 204, 3)
    assert roundness(found.image) == pytest.approx(1, abs=0.03)
    assert (found.info.width, found.info.height) == (204, 98)
    if resolution is None:
        assert found.info.resolution is None
    else:
        assert found.info.resolution is not None
        assert found.info.resolution.x == pytest.approx(resolution.x, rel=0.01)
        assert found.info.resolution.y == pytest.approx(resolution.y, rel=0.01)


def jfif(x: int, y: int, unit: int, **options: Any) -> bytes:
    data = bytearray(encoded("JPEG", **options))
    at = data.index(b"JFIF\0") + 7
    struct.pack_into(">BHH", data, at, unit, x, y)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "resolution", "shape"),
    [
        (jfif(204, 98, 0), None, (204, 204)),
        (jfif(80, 39, 2), Resolution(203.2, 99.06), (201, 204)),
        (jfif(1, 1, 0), None, (98, 204)),
        (jfif(1, 1, 1), None, (98, 204)),
        (jfif(0, 0, 1), None, (98, 204)),
        (jfif(300, 300, 1), Resolution(300, 300), (98, 204)),
        (jfif(300, 300, 1, exif=exif(204, 98)), Resolution(300, 300), (98, 204)),
        (encoded("JPEG", exif=exif(300, 300)), Resolution(300, 300), (98, 204)),
        (encoded("JPEG"), None, (98, 204)),
        (encoded("PNG"), None, (98, 204)),
        (with_phys(encoded("PNG"), 1, 1, 0), None, (98, 204)),
        (with_phys(encoded("PNG"), 1, 90, 0), None, (98, 204)),
        (with_phys(encoded("PNG"), 0, 0, 1), None, (98, 204)),
    ],
)
def test_what_pictures_say_of_their_resolution(data: bytes, resolution: Resolution | None, shape: Any) -> None:
    found = only_page(data)
    assert found.image.shape[:2] == shape
    assert found.info.resolution == resolution


@pytest.mark.parametrize("orientation", [6, 8, 5, 7])
def test_a_picture_on_its_side(orientation: int) -> None:
    buffer = io.BytesIO()
    ring(98, 204, "RGB").save(buffer, "JPEG", exif=exif(204, 98, 2, orientation), quality=95)
    found = only_page(buffer.getvalue())
    assert found.info.resolution == Resolution(98, 204)
    assert (found.info.width, found.info.height) == (98, 204)
    assert found.image.shape == (204, 204, 3)
