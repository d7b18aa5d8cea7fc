"""Compressions of TIFF: read right, or refused by name and number with what to do."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import decode_image
from tests.formats.scenes import colours, far_apart, fax_page, grey, greys, only_page
from tests.formats.tiff_writer import Directory, by_pillow, strips_of, write

COLOURS = colours(64, 96)
GREYS = greys(64, 96)


def stream(picture: Any, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(buffer, kind, **options)
    return buffer.getvalue()


def tags_of(picture: Any, compression: int, photometric: int, bits: int = 8) -> dict[int, Any]:
    number = picture.shape[2] if picture.ndim == 3 else 1
    return {
        256: picture.shape[1], 257: picture.shape[0], 258: [bits] * number, 259: compression, 262: photometric,
        277: number, 278: picture.shape[0],
    }  # fmt: skip


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "tiff_lzw", "packbits", "zstd", "lzma", None])
@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize("rows", [5, 64])
def test_those_of_bytes(compression: str, predictor: int, rows: int) -> None:
    for picture in (COLOURS, GREYS):
        data = by_pillow(picture, compression=compression, tiffinfo={278: rows, 317: predictor})
        assert (decode_image(data) == (picture if picture.ndim == 3 else grey(picture))).all()


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", "packbits", "tiff_lzw"])
def test_one_bit_of_either_polarity_and_order_of_bits(compression: str, first: int) -> None:
    image = fax_page()
    tags, strips = strips_of(by_pillow(image, compression=compression))
    reverse = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
    reversed_strips = [strip.translate(reverse) for strip in strips]
    expected = grey(np.asarray(image.convert("L")))
    expected = expected if tags[262] == first else 255 - expected
    assert (decode_image(write([Directory({**tags, 262: first}, strips)]).data) == expected).all()
    flipped = Directory({**tags, 262: first, 266: 2}, reversed_strips)
    assert (decode_image(write([flipped], ">").data) == expected).all()


@pytest.mark.parametrize("options", [0, 1, 4, 5])
def test_g3_with_its_options(options: int) -> None:
    image = fax_page()
    found = only_page(by_pillow(image, compression="group3", tiffinfo={292: options, 278: 220}))
    assert (found.image == grey(np.asarray(image.convert("L")))).all()
    assert found.info.warnings == ()


@pytest.mark.parametrize("seed", range(6))
def test_whole_fax_of_any_content_has_no_warning(seed: int) -> None:
    rng = np.random.default_rng(seed)
    width = int(rng.integers(9, 3000))
    pages = [rng.random((40, width)) < share for share in (0.0, 0.02, 0.5, 0.98, 1.0)]
    pages.append(np.repeat(rng.random((40, -(-width // 700))) < 0.5, 700, axis=1)[:, :width])
    for pixels in pages:
        for compression in ("group3", "group4", "tiff_ccitt"):
            found = only_page(by_pillow(pixels, compression=compression))
            assert found.info.warnings == ()
            assert (found.image[..., 0] == pixels * 255).all()


def test_g4_of_another_encoder() -> None:
    """Runs where a vertical mode would be shorter, no end mark, and bytes behind the data: whole all the same."""
    white_0, black_8, white_16, black_0, horizontal = "00110101", "000101", "101010", "0000110111", "001"
    row = horizontal + white_0 + black_8 + horizontal + white_16 + black_0
    bits = row * 12
    data = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    tags = {256: 24, 257: 12, 258: 1, 259: 4, 262: 0, 277: 1, 278: 12}
    for ending in (b"", bytes(5), b"\x00\x10\x01"):
        found = only_page(write([Directory(tags, [data + ending])]).data)
        assert found.info.warnings == ()
        assert found.image[:, :, 0].tolist() == [[0] * 8 + [255] * 16] * 12


@pytest.mark.parametrize("photometric", [2, 6])
@pytest.mark.parametrize("tables", [False, True])
def test_jpeg(photometric: int, tables: bool) -> None:
    """As Pillow writes it: tables apart from strips; or each strip a file of its own."""
    if tables:
        data = by_pillow(Image.fromarray(COLOURS).convert("YCbCr" if photometric == 6 else "RGB"), compression="jpeg")
    else:
        options: dict[str, Any] = {"keep_rgb": True} if photometric == 2 else {}
        data = write([Directory(tags_of(COLOURS, 7, photometric), [stream(COLOURS, "JPEG", **options)])]).data
    assert far_apart(only_page(data).image, COLOURS) < 5


def test_jpeg_of_grey_white_is_zero_and_cmyk() -> None:
    smooth = np.asarray(Image.fromarray(COLOURS).convert("L"))
    data = write([Directory(tags_of(smooth, 7, 0), [stream(smooth, "JPEG")])]).data
    assert far_apart(decode_image(data), grey(255 - smooth)) < 3
    inks = Image.new("CMYK", (64, 48), (0, 255, 255, 0))
    assert decode_image(by_pillow(inks, compression="jpeg"))[9, 9].tolist() == pytest.approx([255, 0, 0], abs=6)


@pytest.mark.parametrize("compression", [34712, 33003, 33004, 33005])
@pytest.mark.parametrize("kind", ["jp2", "codestream"])
def test_jpeg_2000(compression: int, kind: str) -> None:
    picture: Any = COLOURS
    photometric = 2
    if compression == 33003:  # Aperio's: the stream does not know that it is YCbCr
        picture = np.asarray(Image.fromarray(COLOURS).convert("YCbCr"))
        photometric = 6
    options = {"no_jp2": kind == "codestream", "mct": 0}
    data = stream(Image.fromarray(picture), "JPEG2000", **options)
    found = only_page(write([Directory(tags_of(COLOURS, compression, photometric), [data])]).data)
    assert far_apart(found.image, COLOURS) < 3


def test_jpeg_2000_of_grey_and_of_16_bits() -> None:
    for picture, bits in ((GREYS, 8), (GREYS.astype(np.uint16) * 257, 16)):
        data = stream(picture, "JPEG2000")
        for photometric in (0, 1):
            directory = Directory(tags_of(picture, 34712, photometric, bits), [data])
            expected = grey(255 - GREYS if photometric == 0 else GREYS)
            assert far_apart(decode_image(write([directory]).data), expected) < 1.1


def test_ycbcr_jpeg_2000_whose_stream_turns_colours_itself() -> None:
    data = stream(COLOURS, "JPEG2000", mct=1)
    assert far_apart(decode_image(write([Directory(tags_of(COLOURS, 34712, 6), [data])]).data), COLOURS) < 3


@pytest.mark.parametrize(
    ("compression", "kind", "options"),
    [(50001, "WEBP", {"lossless": True}), (34927, "WEBP", {"quality": 95}), (34933, "PNG", {}), (34892, "JPEG", {})],
)
def test_files_in_tiles(compression: int, kind: str, options: dict[str, Any]) -> None:
    tiles = [
        stream(COLOURS[top : top + 32, left : left + 32], kind, **options) for top in (0, 32) for left in (0, 32, 64)
    ]
    tags = tags_of(COLOURS, compression, 2) | {322: 32, 323: 32}
    del tags[278]
    assert far_apart(decode_image(write([Directory(tags, tiles, tiled=True)]).data), COLOURS) < 12


def test_webp_with_transparency() -> None:
    alpha = np.full(COLOURS.shape[:2], 255, np.uint8)
    alpha[:32] = 0
    four = np.dstack([COLOURS, alpha])
    data = stream(four, "WEBP", lossless=True, exact=True)
    found = decode_image(write([Directory(tags_of(four, 50001, 2) | {338: 2}, [data])]).data)
    assert found[:32].min() == 255
    assert (found[32:] == COLOURS[32:]).all()


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("style", ["whole", "header and strip"])
def test_old_style_jpeg(mode: str, style: str) -> None:
    picture = np.asarray(Image.fromarray(COLOURS).convert(mode))
    data = stream(picture, "JPEG")
    scan = data.find(b"\xff\xda")
    scan += 2 + struct.unpack_from(">H", data, scan + 2)[0]
    tags = tags_of(picture, 6, 6 if mode == "RGB" else 1) | {512: 1, 513: 8}
    directory = Directory(
        tags | ({514: len(data)} if style == "whole" else {514: scan, 273: 8 + scan, 279: len(data) - scan}), [data]
    )
    expected = COLOURS if mode == "RGB" else grey(picture)
    assert far_apart(decode_image(write([directory]).data), expected) < 5


def test_old_style_jpeg_that_cannot_be_read_is_named() -> None:
    directory = Directory(tags_of(GREYS, 6, 1) | {512: 1}, [bytes(400)])
    with pytest.raises(InvalidImage, match=r"old-style JPEG \(TIFF compression 6\) .*: save it as a PNG, a PDF"):
        decode_image(write([directory]).data)


def test_a_jpeg_that_cannot_be_read_is_named() -> None:
    with pytest.raises(InvalidImage, match="compressed as JPEG of 12 bits, which cannot be read: save it as"):
        decode_image(write([Directory(tags_of(GREYS, 7, 1, 12), [stream(GREYS, "JPEG")])]).data)
    lossless = stream(GREYS, "JPEG").replace(b"\xff\xc0", b"\xff\xcf", 1)
    with pytest.raises(InvalidImage, match=r"its data \(JPEG, TIFF compression 7\) is damaged.*: send the whole"):
        decode_image(write([Directory(tags_of(GREYS, 7, 1), [lossless])]).data)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (34887, "LERC"), (50002, "JPEG XL"), (22610, "JPEG XR"), (34934, "JPEG XR"), (34661, "JBIG"), (9, "JBIG"),
        (32809, "ThunderScan"), (32766, "NeXT"), (34676, "SGI log"), (65000, "Kodak"), (4711, "unknown"),
    ],
)  # fmt: skip
def test_others_are_named(number: int, name: str) -> None:
    with pytest.raises(InvalidImage) as caught:
        decode_image(write([Directory(tags_of(GREYS, number, 1), [bytes(99)])]).data)
    assert f"compressed as {name}" in str(caught.value)
    assert f"(TIFF compression {number}), which cannot be read: save it as" in str(caught.value)
