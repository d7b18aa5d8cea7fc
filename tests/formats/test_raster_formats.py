"""Formats of single pictures: those that are read, and those that are named in the error."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import READABLE, decode_image
from stamp2vec.imaging.formats import open_file
from tests.formats.scenes import colours, far_apart, grey, greys, only_page


def encoded(picture: Any, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "JPEG2000", "PPM"])
def test_formats_that_are_read(kind: str) -> None:
    image = decode_image(encoded(colours(), kind))
    assert image.dtype == np.uint8
    assert not image.flags.writeable
    assert far_apart(image, colours()) < 3
    assert far_apart(decode_image(encoded(greys(), kind)), grey(greys())) < 6


def test_a_jpeg_2000_codestream() -> None:
    assert far_apart(decode_image(encoded(colours(), "JPEG2000", no_jp2=True)), colours()) < 3


@pytest.mark.parametrize("kind", ["PNG", "JPEG2000", "PPM", "TIFF"])
def test_sixteen_bits_do_not_saturate(kind: str) -> None:
    deep = greys().astype(np.uint16) * 257
    assert far_apart(decode_image(encoded(deep, kind)), grey(greys())) < 1.1


def test_one_bit_pnm() -> None:
    image = Image.fromarray(greys() > 128)
    assert (decode_image(encoded(image, "PPM")) == grey(np.asarray(image.convert("L")))).all()


ISO = b"\0\0\0\x18ftyp%b\0\0\0\0mif1heic"
NAMED: dict[str, tuple[bytes, str]] = {
    "HEIC": (ISO.replace(b"%b", b"heic"), "a HEIC picture"),
    "HEIC behind a general brand": (ISO.replace(b"%b", b"mif1"), "a HEIC picture"),
    "AVIF": (encoded(colours(), "AVIF"), "an AVIF picture"),
    "film": (b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", "a film"),
    "GIF": (encoded(greys(), "GIF"), "a GIF picture"),
    "PCX": (encoded(greys(), "PCX"), "a PCX picture"),
    "ICO": (encoded(colours(32, 32), "ICO"), "an icon"),
    "DjVu": (b"AT&TFORM\0\0\0\x99DJVMDIRM", "a DjVu document"),
    "DCX": (b"\xb1\x68\xde\x3a" + bytes(40), "a DCX file"),
    "JBIG2": (b"\x97JB2\r\n\x1a\n" + bytes(40), "a JBIG2 file"),
    "JPEG XL": (b"\xff\x0a" + bytes(40), "a JPEG XL picture"),
    "JPEG XR": (b"II\xbc\x01" + bytes(40), "a JPEG XR picture"),
    "Word": (b"PK\x03\x04" + bytes(40), "an office program or a ZIP archive"),
    "old Word": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40), "an office program or an e-mail"),
    "PostScript": (b"%!PS-Adobe-3.0\n", "a PostScript file"),
    "HTML": (b"\n <!DOCTYPE html><html>", "a web page"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
    "Photoshop": (b"8BPS" + bytes(40), "a Photoshop file"),
}


@pytest.mark.parametrize(("data", "name"), NAMED.values(), ids=NAMED)
def test_other_formats_are_named_with_what_to_do(data: bytes, name: str) -> None:
    with pytest.raises(InvalidImage, match=r"this is .*, which is not read: ") as caught:
        decode_image(data, field="images[2].encoded")
    assert name in str(caught.value)
    assert any(word in str(caught.value) for word in ("PDF", "PNG", "send"))
    assert caught.value.field == "images[2].encoded"


@pytest.mark.parametrize("data", [b"", b"\0", b"hello", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", bytes(999)])
def test_what_is_unknown_is_told_what_can_be_read(data: bytes) -> None:
    with pytest.raises(InvalidImage) as caught:
        decode_image(data)
    assert READABLE in str(caught.value)
    assert all(name in READABLE for name in ("PDF", "JPEG", "PNG", "TIFF", "WebP", "BMP", "JPEG 2000", "PNM"))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_transparency_of_nothing_never_blanks_a_page(kind: str, mode: str) -> None:
    if mode == "LA":
        picture, expected = np.dstack([greys(), np.zeros_like(greys())]), grey(greys())
    else:
        picture, expected = np.dstack([colours(), np.zeros(colours().shape[:2], np.uint8)]), colours()
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    found = only_page(encoded(Image.fromarray(picture, mode), kind, **options))
    assert (found.image == expected).all()
    (warning,) = found.info.warnings
    assert "its transparency would hide the whole page and was ignored: if" in warning


def test_of_a_jpeg_of_several_pictures_the_first_is_taken() -> None:
    first, second = Image.fromarray(colours()), Image.fromarray(255 - colours())
    buffer = io.BytesIO()
    first.save(buffer, "MPO", save_all=True, append_images=[second], dpi=(204, 98))
    found = only_page(buffer.getvalue())
    assert found.image.shape == (125, 90, 3)
    assert found.image[5, 5].tolist() == pytest.approx([250, 10, 10], abs=8)
    assert found.info.warnings == ()


def test_a_picture_can_be_read_again() -> None:
    opened = open_file(io.BytesIO(encoded(colours(), "PNG")))
    assert opened.page_count == 1
    assert (opened.read(0).image == opened.read(0).image).all()
    assert opened.read(0).info.warnings == opened.warnings == ()
    opened.close()
