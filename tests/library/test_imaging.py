"""Hostile bytes become arrays or sentences; letterbox, crop and drawing do what their docstrings say."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from stamp2vec.errors import InvalidImage, InvalidInput
from stamp2vec.imaging import (
    BrokenPage,
    Letterbox,
    Limits,
    Page,
    annotate,
    crop,
    decode_image,
    decode_pages,
    letterbox,
    pillow_image,
    raw_image,
)

Pixels = NDArray[np.uint8]


def scene(height: int = 60, width: int = 90) -> Pixels:
    """A smooth picture, red in the upper left corner: it survives JPEG, and it shows which way is up."""
    y, x = np.mgrid[:height, :width]
    picture = np.stack([y * 0 + 200, 60 + 120 * x / width, 60 + 120 * y / height], axis=2).astype(np.uint8)
    picture[: height // 3, : width // 3] = (250, 10, 10)
    return picture


def encode(picture: Image.Image | Pixels, kind: str, **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(pages: list[Pixels], compression: str | None = None) -> bytes:
    first, *rest = [Image.fromarray(page) for page in pages]
    return encode(first, "TIFF", save_all=True, append_images=rest, compression=compression)


def close(a: Pixels, b: Pixels, tolerance: float = 3.0) -> bool:
    return a.shape == b.shape and bool(np.abs(a.astype(float) - b.astype(float)).mean() < tolerance)


@pytest.mark.parametrize("data", [b"", b"\x00", b"hello", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\x00"])
def test_what_is_no_image_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(InvalidImage, match="send a PDF, JPEG"):
        decode_pages(data)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_deflate"}),
        ("TIFF", {"compression": "jpeg"}),
    ],
)
def test_a_truncated_file_is_an_error(kind: str, options: dict[str, Any], share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (120, 150, 3), dtype=np.uint8)
    data = encode(noise, kind, **options)
    with pytest.raises(InvalidImage, match=r"send|save"):
        decode_image(data[: int(len(data) * share)])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, 3),
    }
    stored = Image.fromarray(np.ascontiguousarray(undo[orientation](scene())))
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert close(decode_image(encode(stored, kind, exif=exif.tobytes())), scene())


def test_a_broken_exif_block_does_not_lose_the_pixels() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(scene(), "JPEG", exif=exif.tobytes())
    broken = data.replace(b"Exif\x00\x00MM\x00*", b"Exif\x00\x00MM\xff*").replace(
        b"Exif\x00\x00II*", b"Exif\x00\x00II\xff"
    )
    assert broken != data
    assert close(decode_image(broken), scene())


def test_transparency_lies_over_white() -> None:
    picture = scene()
    alpha = np.full(picture.shape[:2], 255, np.uint8)
    alpha[:20] = 0
    alpha[20:40] = 128
    expected = (picture * (alpha[..., None] / 255) + 255 * (1 - alpha[..., None] / 255)).round().astype(np.uint8)
    rgba = np.dstack([picture, alpha])
    for kind in ("PNG", "TIFF"):
        assert close(decode_image(encode(rgba, kind)), expected, 1.0)
    assert close(decode_image(encode(rgba, "WEBP", lossless=True, exact=True)), expected, 1.0)
    grey = np.dstack([picture[..., 1], alpha])
    expected_grey = np.repeat((grey[..., 0] * (alpha / 255) + 255 * (1 - alpha / 255)).round()[..., None], 3, axis=2)
    assert close(decode_image(encode(Image.fromarray(grey, "LA"), "PNG")), expected_grey.astype(np.uint8), 1.0)


def test_a_palette_with_transparent_entries() -> None:
    image = Image.new("P", (16, 16), 0)
    image.putpalette([255, 0, 0, 0, 0, 255, 0, 255, 0])
    image.paste(1, (8, 0, 16, 16))
    one_colour = decode_image(encode(image, "PNG", transparency=0))
    assert one_colour[0, 0].tolist() == [255, 255, 255]
    assert one_colour[0, 15].tolist() == [0, 0, 255]
    by_entry = decode_image(encode(image, "PNG", transparency=bytes([255, 0, 255])))
    assert by_entry[0, 0].tolist() == [255, 0, 0]
    assert by_entry[0, 15].tolist() == [255, 255, 255]


def test_a_transparent_colour_of_rgb_grey_and_bilevel() -> None:
    red = Image.new("RGB", (16, 16), (255, 0, 0))
    assert decode_image(encode(red, "PNG", transparency=(255, 0, 0)))[0, 0].tolist() == [255, 255, 255]
    assert decode_image(encode(Image.new("L", (16, 16), 7), "PNG", transparency=7)).min() == 255
    assert decode_image(encode(Image.new("1", (16, 16), 0), "PNG", transparency=0)).min() == 255


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_has_the_right_polarity(kind: str) -> None:
    ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert decode_image(encode(ink, kind))[8, 8] == pytest.approx([255, 0, 0], abs=6)


@pytest.mark.parametrize(
    ("samples", "first", "last"),
    [
        (np.linspace(0, 1, 256, dtype=np.float32), 0, 255),
        (np.linspace(0, 200, 256, dtype=np.float32), 0, 200),
        (np.linspace(-5, 5, 256, dtype=np.float32), 0, 255),
        (np.linspace(-3e38, 3e38, 256, dtype=np.float32), 0, 255),
        (np.full(256, np.nan, np.float32), 255, 255),
        (np.full(256, -7, np.float32), 255, 255),
        (np.linspace(0, 65535, 256).astype(np.int32), 0, 255),
        (np.linspace(0, 255, 256).astype(np.int32), 0, 255),
        (np.linspace(0, 2**31 - 1, 256).astype(np.int32), 0, 255),
    ],
)
def test_deep_samples_are_scaled(samples: NDArray[Any], first: int, last: int) -> None:
    image = decode_image(encode(Image.fromarray(samples.reshape(16, 16)), "TIFF"))
    assert (image[0, 0, 0], image[-1, -1, 0]) == (first, last)


def test_lab_and_ycbcr_pages() -> None:
    lab = Image.frombytes("LAB", (16, 16), bytes([255, 0, 0]) * 256)
    assert decode_image(encode(lab, "TIFF"))[0, 0] == pytest.approx([255, 255, 255], abs=3)
    ycbcr = Image.new("RGB", (16, 16), (200, 30, 30)).convert("YCbCr")
    assert decode_image(encode(ycbcr, "TIFF"))[0, 0] == pytest.approx([200, 30, 30], abs=3)


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "green")]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    pages = list(decode_pages(data))
    assert len(pages) == 1
    assert isinstance(pages[0], Page)
    assert pages[0].image[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("size", [(1, 1), (7, 100), (100, 7)])
def test_tiny_images_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidImage, match="too small to hold a stamp: send at least 8 pixels a side"):
        decode_image(encode(Image.new("RGB", size), "PNG"))


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height", "message"),
    [
        (20_000, 20_000, "more than 80 million"),
        (9_000, 9_000, "more than 80 million: scale it to 99% or less"),
        (20_001, 10, "at most 20,000 pixels a side"),
        (2**31 - 1, 2**31 - 1, "more than 80 million pixels"),
    ],
)
def test_bombs_are_refused_by_their_header(width: int, height: int, message: str) -> None:
    with pytest.raises(InvalidImage, match=message):
        decode_image(png_header(width, height))


def test_limits() -> None:
    data = encode(scene(), "PNG")
    with pytest.raises(InvalidImage, match="bytes, 100 is the most"):
        decode_pages(data, Limits(max_bytes=100))
    with pytest.raises(InvalidImage, match=r"more than 0\.005 million"):
        decode_image(data, Limits(max_pixels=5000))
    three = tiff([scene()] * 3)
    assert len(list(decode_pages(three, Limits(max_pages=3)))) == 3
    with pytest.raises(InvalidImage, match="more than 2 pages: split it"):
        decode_pages(three, Limits(max_pages=2))


def test_tiff_pages_come_in_order_with_their_own_sizes() -> None:
    pages = [scene(20 + 4 * i, 40) for i in range(5)]
    decoded = list(decode_pages(tiff(pages)))
    assert [page.index for page in decoded] == [0, 1, 2, 3, 4]
    for page, expected in zip(decoded, pages, strict=True):
        assert isinstance(page, Page)
        assert (page.image == expected).all()


@pytest.mark.parametrize("compression", ["tiff_deflate", "tiff_lzw"])
def test_a_broken_page_loses_no_other(compression: str) -> None:
    rng = np.random.default_rng(1)
    pages = [rng.integers(0, 255, (40, 40, 3), dtype=np.uint8) for _ in range(3)]
    data = tiff(pages, compression)
    with Image.open(io.BytesIO(data)) as file:
        assert isinstance(file, TiffImagePlugin.TiffImageFile)
        file.seek(1)
        (offset, *_), (count, *_) = file.tag_v2[273], file.tag_v2[279]
    broken = data[:offset] + b"\xff" * count + data[offset + count :]
    first, second, third = decode_pages(broken, field="document")
    assert isinstance(first, Page)
    assert (first.image == pages[0]).all()
    assert isinstance(second, BrokenPage)
    assert second.error.field == "document"
    assert isinstance(third, Page)
    assert (third.image == pages[2]).all()


def test_a_tiff_with_endless_pages_is_refused() -> None:
    """Two million empty pages in a chain are never walked to their end."""
    page = 14
    chain = b"".join(struct.pack("<HHHIII", 1, 256, 4, 1, 16, 8 + (i + 1) * (page + 4)) for i in range(200_000))
    with pytest.raises(InvalidImage, match=r"pages|send|save"):
        decode_image(struct.pack("<2sHI", b"II", 42, 8) + chain)


def seeds() -> dict[str, bytes]:
    picture = scene(24, 32)
    exif = Image.Exif()
    exif[0x0112] = 6
    return {
        "jpeg": encode(picture, "JPEG", exif=exif.tobytes()),
        "progressive": encode(picture, "JPEG", progressive=True),
        "cmyk": encode(Image.new("CMYK", (16, 16), (9, 99, 30, 1)), "JPEG"),
        "png": encode(picture, "PNG"),
        "palette": encode(Image.fromarray(picture).convert("P"), "PNG", transparency=3),
        "grey16": encode(Image.fromarray(np.full((16, 16), 4000, np.uint16)), "PNG"),
        "apng": encode(picture, "PNG", save_all=True, append_images=[Image.fromarray(255 - picture)]),
        "webp": encode(picture, "WEBP", exif=exif.tobytes()),
        "lossless": encode(picture, "WEBP", lossless=True),
        "bmp": encode(picture, "BMP"),
        "tiff": tiff([picture, picture]),
        "lzw": tiff([picture, 255 - picture], "tiff_lzw"),
        "deflate": tiff([picture], "tiff_adobe_deflate"),
        "jpeg-in-tiff": tiff([picture], "jpeg"),
        "fax": encode(Image.fromarray(picture[..., 1] > 100), "TIFF", compression="group4"),
        "float": encode(Image.fromarray(picture[..., 1].astype(np.float32)), "TIFF"),
    }


def mutations(data: bytes, name: str, count: int) -> list[bytes]:
    """The same hostile files on every run: flipped, overwritten, cut out, doubled, with extreme numbers."""
    chance = random.Random(name)
    result = []
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(chance.choice([1, 1, 2, 8])):
            # Most of what matters to a parser stands at the beginning, or at the end (TIFF).
            at = min(int(chance.choice([64, 256, len(data)]) * chance.random()), len(changed) - 1)
            action = chance.randrange(5)
            if action == 0:
                changed[at] ^= 1 << chance.randrange(8)
            elif action == 1:
                changed[at : at + 4] = chance.choice([b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff"])
            elif action == 2:
                del changed[at : at + chance.randrange(1, 40)]
            elif action == 3:
                changed[at:at] = changed[at : at + chance.randrange(1, 40)]
            else:
                changed[-1 - at % len(changed)] = chance.randrange(256)
            changed = changed or bytearray(b"\x00")
        result.append(bytes(changed))
    return result


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", seeds())
def test_mutated_files_give_pixels_or_a_sentence(name: str) -> None:
    good, sentences = 0, []
    for data in mutations(seeds()[name], name, 60):
        try:
            pages = list(decode_pages(data, Limits(max_pixels=1_000_000)))
        except InvalidImage as error:
            sentences.append(str(error))
            continue
        for page in pages:
            if isinstance(page, Page):
                assert page.image.dtype == np.uint8
                assert page.image.shape[2] == 3
                good += 1
            else:
                sentences.append(str(page.error))
    assert good
    assert sentences
    assert all(text.isprintable() and ": " in text for text in sentences)


def test_pillow_images_follow_the_same_rules() -> None:
    assert pillow_image(Image.new("RGBA", (16, 16), (0, 0, 0, 0))).min() == 255
    assert pillow_image(Image.fromarray(np.full((16, 16), 65535, np.uint16))).min() == 255
    assert (pillow_image(Image.fromarray(scene())) == scene()).all()
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(io.BytesIO(encode(scene(), "PNG", exif=exif.tobytes()))) as rotated:
        assert (pillow_image(rotated) == np.rot90(scene(), 3)).all()
    with pytest.raises(InvalidImage, match="at least 8 pixels"):
        pillow_image(Image.new("RGB", (1, 1)))
    with Image.open(io.BytesIO(encode(scene(), "JPEG")[:700])) as cut, pytest.raises(InvalidImage, match="cut short"):
        pillow_image(cut)


def test_raw_pixels() -> None:
    picture = scene(10, 12)
    assert (raw_image(picture.tobytes(), 10, 12, 3) == picture).all()
    grey = raw_image(picture[..., 0].tobytes(), 10, 12, 1)
    assert grey.shape == (10, 12, 3)
    assert (grey == picture[..., :1]).all()


@pytest.mark.parametrize(
    ("size", "height", "width", "channels", "message"),
    [
        (360, 10, 12, 4, "4 channels: send 3"),
        (359, 10, 12, 3, "359 bytes of raw pixels, yet 10 rows x 12 columns x 3 channels are 360 bytes"),
        (361, 10, 12, 3, "361 bytes"),
        (0, 0, 12, 3, "at least 8 pixels"),
        (3, 1, 1, 3, "at least 8 pixels"),
        (0, 20_001, 12, 3, "at most 20,000"),
        (0, 20_000, 20_000, 3, "more than 80 million"),
    ],
)
def test_raw_pixels_of_the_wrong_size(size: int, height: int, width: int, channels: int, message: str) -> None:
    with pytest.raises(InvalidImage, match=message) as caught:
        raw_image(bytes(size), height, width, channels, "images[0].raw")
    assert caught.value.field == "images[0].raw"


@pytest.mark.parametrize("shape", [(448, 448), (300, 448), (1000, 700), (50, 20), (8, 20_000), (20_000, 8), (37, 91)])
def test_letterbox_maps_back(shape: tuple[int, int]) -> None:
    image, box = letterbox(np.zeros((*shape, 3), np.uint8), (448, 320))
    assert image.shape == (448, 320, 3)
    dark = image[..., 0] < 128
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    content = [[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]]
    np.testing.assert_allclose(
        box.boxes_to_image(np.array(content, np.float32)), [[0, 0, shape[1], shape[0]]], rtol=1e-6
    )
    assert box.mask_to_image(image[..., 0]).shape == shape
    assert box.mask_to_image(image[..., 0]).max() == 0


def test_letterbox_is_centred_on_white() -> None:
    image, box = letterbox(np.zeros((50, 100, 3), np.uint8), (64, 64))
    assert box == Letterbox(0.64, 0, 16, 100, 50, (64, 64))
    assert image[:16].min() == 255
    assert image[48:].min() == 255
    assert image[16:48].max() == 0


def test_letterbox_leaves_an_image_of_the_size_alone() -> None:
    picture = scene(64, 64)
    image, box = letterbox(picture, (64, 64))
    assert image is picture
    boxes = np.array([[1.25, 2, 30, 64]], np.float32)
    assert (box.boxes_to_image(boxes) == boxes).all()


def test_letterbox_shrinks_without_aliasing() -> None:
    y, x = np.mgrid[:900, :900]
    chess = np.repeat((((x + y) % 2) * 255).astype(np.uint8)[..., None], 3, axis=2)
    image, _ = letterbox(chess, (100, 100))
    assert np.abs(image.astype(int) - 127).max() < 12


def test_boxes_are_clipped_to_the_image() -> None:
    box = Letterbox.fit(100, 50, (64, 64))
    mapped = box.boxes_to_image(np.array([[-9, -9, 99, 99], [20, 10, 30, 20]], np.float32))
    assert mapped.dtype == np.float32
    assert mapped[0].tolist() == [0, 0, 50, 100]
    assert mapped[1] == pytest.approx([6.25, 15.625, 21.875, 31.25])
    assert box.boxes_to_image(np.zeros((0, 4), np.float32)).shape == (0, 4)


def test_crop_takes_the_margin_on_every_side() -> None:
    page = scene(200, 300)
    part, box = crop(page, (100, 50, 200, 110), margin=0.1)
    assert box == (92, 42, 208, 118)
    assert (part == page[42:118, 92:208]).all()


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((-5, -5, 20.5, 20), (0, 0, 21, 20)),
        ((290, 190, 310, 210), (290, 190, 300, 200)),
        ((299, 199, 300, 200), (292, 192, 300, 200)),
        ((0, 0, 1, 1), (0, 0, 8, 8)),
        ((50, 60, 51, 100), (47, 60, 55, 100)),
    ],
)
def test_crop_stays_on_the_page_and_is_never_tiny(box: tuple[float, ...], expected: tuple[int, ...]) -> None:
    part, found = crop(scene(200, 300), box, margin=0)
    assert found == expected
    assert part.shape[:2] == (found[3] - found[1], found[2] - found[0])


@pytest.mark.parametrize("box", [(5, 5, 5, 9), (9, 5, 5, 9), (300, 0, 310, 9), (0, -9, 9, 0), (float("nan"), 0, 9, 9)])
def test_crop_refuses_a_box_that_holds_nothing(box: tuple[float, ...]) -> None:
    with pytest.raises(InvalidInput, match="covers nothing of a page of 300 x 200 pixels"):
        crop(scene(200, 300), box)


def test_annotate_draws_outside_the_box_and_leaves_the_page_alone() -> None:
    page = np.full((200, 300, 3), 255, np.uint8)
    boxes = np.array([[100, 80, 200, 150], [0, 0, 300, 200]], np.float32)
    drawn = annotate(page, boxes[:1], [0.93], ["stamp"])
    assert page.min() == 255
    assert (drawn[80:150, 100:200] == 255).all()
    assert (drawn[79, 100:200] != 255).any()
    assert (drawn[78:152, 98:202] != 255).any()
    assert annotate(page, boxes, [0.9, 0.1], ["a", "b"]).shape == page.shape
    assert (annotate(page, boxes[:0], [], []) == page).all()


def test_the_errors_of_the_decoder_are_sentences() -> None:
    cases: list[Callable[[], object]] = [
        lambda: decode_image(b""),
        lambda: decode_image(b"x" * 99),
        lambda: decode_image(encode(scene(), "JPEG")[:400]),
        lambda: decode_image(png_header(30, 30)),
    ]
    for case in cases:
        with pytest.raises(InvalidImage) as caught:
            case()
        text = str(caught.value)
        assert ": " in text
        assert len(text) < 300
