"""Pictures and TIFF files without stamps: the format, its pixels elsewhere, and what else is in the file."""

import io
import struct
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from stamp2vec.errors import InvalidImage
from tests.erasing.sheets import BOX, SIDE, coloured, mark, outside, pages, rewritten, saved, sheet


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("PNG", "image/png"),
        ("BMP", "image/bmp"),
        ("WEBP", "image/webp"),
        ("PPM", "image/x-portable-anymap"),
        ("TIFF", "image/tiff"),
        ("JPEG", "image/png"),
        ("JPEG2000", "image/png"),
    ],
)
def test_pixels_elsewhere_are_the_same_bit_for_bit(kind: str, media_type: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = saved(sheet("red"), kind, **options)
    (result,), new, found, warnings = rewritten(data)
    before, after = pages(data)[0].image, pages(new)[0].image
    assert (result.left, found) == (0, media_type)
    np.testing.assert_array_equal(after[outside()], before[outside()])
    assert coloured(after) < 0.05 * coloured(before)
    assert any("is a PNG" in text for text in warnings) == kind.startswith("JPEG")


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGBA", "LA", "I;16"])
def test_pictures_of_every_mode(mode: str) -> None:
    image = sheet("blue")
    if mode == "I;16":
        stored = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257 + 3)
    else:
        stored = image.convert(mode)
    data = saved(stored, "PNG")
    _, new, _, _ = rewritten(data)
    found = Image.open(io.BytesIO(new))
    assert found.mode == ("RGB" if mode == "P" else mode)
    before = np.asarray(stored if mode != "P" else stored.convert("RGB"))
    np.testing.assert_array_equal(np.asarray(found)[outside()], before[outside()])
    assert not np.array_equal(np.asarray(found), before)


def test_what_else_is_in_a_picture_stays() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "a scan")
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(sheet("red").rotate(90), "PNG", dpi=(300, 300), exif=exif, pnginfo=texts, icc_profile=b"profile")
    _, new, _, _ = rewritten(data)
    found = Image.open(io.BytesIO(new))
    assert (found.info["Title"], found.getexif()[0x0112], found.info["icc_profile"]) == ("a scan", 6, b"profile")
    before, after = pages(data)[0], pages(new)[0]
    assert before.info == after.info
    np.testing.assert_array_equal(after.image[outside()], before.image[outside()])
    assert coloured(after.image) < 0.05 * coloured(before.image)


def test_a_file_of_which_nothing_is_erased_is_the_same() -> None:
    data = saved(sheet("red"), "JPEG")
    nothing = mark(np.zeros((SIDE, SIDE), np.uint8))
    (result,), new, media_type, _ = rewritten(data, nothing)
    assert (result.left, bool(result.reason)) == (1, True)
    assert (new, media_type) == (data, "image/jpeg")


@pytest.mark.parametrize(
    ("mode", "compression"),
    [
        ("RGB", "raw"),
        ("RGB", "jpeg"),
        ("L", "tiff_lzw"),
        ("1", "group4"),
        ("1", "group3"),
        ("P", "packbits"),
        ("CMYK", "raw"),
    ],
)
def test_a_page_of_a_tiff_changes_and_the_others_stay(mode: str, compression: str) -> None:
    first, others = sheet("red").convert(mode, palette=Image.Palette.ADAPTIVE), [sheet("blue"), sheet().convert("1")]
    others = [each.convert("1") for each in others] if mode == "1" else others[:1]
    data = saved(first, "TIFF", save_all=True, append_images=others, compression=compression, dpi=(300, 300))
    (result,), new, media_type, _ = rewritten(data)
    before, after = pages(data), pages(new)
    assert (result.left < 0.3, media_type) == (True, "image/tiff")
    assert [page.info for page in before] == [page.info for page in after]
    np.testing.assert_array_equal(after[0].image[outside()], before[0].image[outside()])
    assert not np.array_equal(after[0].image, before[0].image)
    for page, same in zip(before[1:], after[1:], strict=True):
        np.testing.assert_array_equal(same.image, page.image)
    if compression == "group4":
        assert Image.open(io.BytesIO(new)).info["compression"] == "group4"


@pytest.mark.parametrize("big", [False, True], ids=["classic", "big"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiffs_of_either_order_and_size(order: Literal["<", ">"], big: bool) -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, bigtiff=big, byteorder=order) as writer:
        writer.write(np.asarray(sheet("red")), photometric="rgb", description="kept", resolution=(200, 200))
        writer.write(np.asarray(sheet()), photometric="rgb", tile=(64, 64))
    data = file.getvalue()
    _, new, _, _ = rewritten(data)
    with tifffile.TiffFile(io.BytesIO(new)) as found:
        assert (found.byteorder, found.is_bigtiff, len(found.pages)) == (order, big, 2)
        assert found.pages[0].description == "kept"  # type: ignore[union-attr]
    before, after = pages(data), pages(new)
    np.testing.assert_array_equal(after[0].image[outside()], before[0].image[outside()])
    np.testing.assert_array_equal(after[1].image, before[1].image)
    assert coloured(after[0].image) < 0.05 * coloured(before[0].image)


def test_the_old_pixels_are_no_longer_in_the_file() -> None:
    image = sheet("red")
    x1, y1, x2, _ = BOX
    row = np.asarray(image)[y1 + 100, x1:x2].tobytes()
    data = saved(image, "TIFF")
    assert row in data
    assert row not in rewritten(data)[1]


_TRANSPOSED: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    5: lambda page: page.transpose(1, 0, 2),
    6: lambda page: page[:, ::-1].transpose(1, 0, 2),
    7: lambda page: page[::-1, ::-1].transpose(1, 0, 2),
    8: lambda page: page[::-1].transpose(1, 0, 2),
}
"""From the page to how it is stored, by its orientation."""


def test_a_part_that_claims_more_bytes_than_it_has_costs_no_other_page_anything() -> None:
    """The first page's strip is said to reach over the second page's directory and pixels."""
    data = bytearray(saved(sheet("red"), "TIFF", save_all=True, append_images=[sheet()], compression="tiff_lzw"))
    with Image.open(io.BytesIO(bytes(data))) as image:
        count = struct.pack("<I", image.tag_v2[279][-1])  # type: ignore[attr-defined]
    found = [at for at in range(len(data) - 4) if data[at : at + 4] == count]
    assert found
    for at in found:
        data[at : at + 4] = struct.pack("<I", len(data))
    before = pages(bytes(data))
    _, new, _, _ = rewritten(bytes(data))
    np.testing.assert_array_equal(pages(new)[1].image, before[1].image)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_that_is_stored_turned(orientation: int) -> None:
    file = io.BytesIO()
    stored = np.asarray(sheet("blue"))
    flips = [(1, 1), (1, -1), (-1, -1), (-1, 1)]  # of the rows and the columns of the page
    down, across = flips[(orientation - 1) % 4]
    turned = stored[::down, ::across] if orientation < 5 else _TRANSPOSED[orientation](stored)
    tifffile.imwrite(file, turned, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    data = file.getvalue()
    np.testing.assert_array_equal(pages(data)[0].image, stored)
    _, new, _, _ = rewritten(data)
    after = pages(new)[0].image
    np.testing.assert_array_equal(after[outside()], stored[outside()])
    assert coloured(after) < 0.05 * coloured(stored)


def test_a_damaged_page_is_refused_and_stays() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(np.asarray(sheet("red")), photometric="rgb", rowsperstrip=16, compression="zlib")
    data = bytearray(file.getvalue())
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as found:
        start = found.pages[0].dataoffsets[3]
    data[start : start + 40] = bytes(40)
    with pytest.raises(InvalidImage, match="damaged in part"):
        rewritten(bytes(data))


def test_a_tiff_whose_chain_leads_nowhere_is_refused() -> None:
    data = bytearray(saved(sheet("red"), "TIFF"))
    struct.pack_into("<I", data, 4, len(data) + 100)
    with pytest.raises(InvalidImage, match="damaged"):
        rewritten(bytes(data))
