"""Every kind of sample of a TIFF is read right, or refused by its name."""

import zlib
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import decode_image
from tests.formats.scenes import colours, far_apart, grey, greys, only_page
from tests.formats.tiff_writer import Directory, by_pillow, page, strips_of, write

GREYS = greys()
COLOURS = colours()


def read(directory: Directory, order: str = "<") -> NDArray[np.uint8]:
    return only_page(write([directory], order).data).image


def packed(values: NDArray[Any], bits: int) -> bytes:
    """Rows of samples of any number of bits, the most significant first, each row padded to a byte."""
    shifts = np.arange(bits - 1, -1, -1)
    return np.packbits(((values[..., None] >> shifts) & 1).reshape(len(values), -1).astype(np.uint8), axis=1).tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize(
    "samples",
    [
        GREYS,
        GREYS.astype(np.uint16) * 257,
        GREYS.astype(np.uint32) * 16_843_009,
        GREYS.astype(np.uint32) * 257,
        GREYS.astype(np.uint64),
        (GREYS.astype(np.int16) - 128).astype(np.int8),
        GREYS.astype(np.int16),
        (GREYS.astype(np.int32) - 128).astype(np.int16) * 256,
        GREYS.astype(np.int32) * 257,
        (GREYS / 255).astype(np.float16),
        (GREYS / 255).astype(np.float32),
        (GREYS / 255).astype(np.float64),
        GREYS.astype(np.float32),
    ],
    ids=lambda samples: f"{samples.dtype}-{samples.max()}",
)
def test_grey_of_every_kind(samples: NDArray[Any], photometric: int, order: str) -> None:
    image = read(page(samples, order, t262=photometric), order)
    assert far_apart(image, grey(255 - GREYS if photometric == 0 else GREYS)) < 1


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6, 8, 10, 12, 14, 16])
def test_grey_of_any_number_of_bits(bits: int, photometric: int) -> None:
    values = GREYS.astype(np.uint32)[:, :89] * ((1 << bits) - 1) // 255
    tags = {256: 89, 257: 60, 258: bits, 259: 1, 262: photometric, 277: 1, 278: 60}
    # Samples of 16 bits are in the order of the file, not the most significant first.
    data = values.astype("<u2").tobytes() if bits == 16 else packed(values, bits)
    expected = values * 255 // ((1 << bits) - 1)
    image = read(Directory(tags, [data]))
    assert far_apart(image, grey((255 - expected if photometric == 0 else expected).astype(np.uint8))) < 1


@pytest.mark.parametrize("photometric", [0, 1, 2])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_fewer_bits_kept_in_sixteen(bits: int, photometric: int) -> None:
    picture = COLOURS if photometric == 2 else GREYS
    few = (picture.astype(np.uint32) * ((1 << bits) - 1) // 255).astype(np.uint16)
    expected = COLOURS if photometric == 2 else grey(255 - GREYS if photometric == 0 else GREYS)
    assert far_apart(read(page(few, t262=photometric)), expected) < 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float16])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_colour_together_and_in_planes(dtype: Any, planes: Any, compression: Any, order: Any, tmp_path: Any) -> None:
    scale = {"u1": 1, "u2": 257}.get(np.dtype(dtype).str[1:], 1 / 255)
    samples = (COLOURS * np.float64(scale)).astype(dtype)
    data = np.moveaxis(samples, 2, 0) if planes == "separate" else samples
    path = tmp_path / "page.tif"
    tifffile.imwrite(
        path, data, photometric="rgb", planarconfig=planes, compression=compression, byteorder=order, rowsperstrip=7,
        predictor=bool(compression) and dtype in (np.uint8, np.uint16),
    )  # fmt: skip
    assert far_apart(only_page(path.read_bytes()).image, COLOURS) < 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_the_predictor_of_floats(dtype: str, order: str) -> None:
    samples = (COLOURS / 255).astype(">" + dtype)
    size = samples.dtype.itemsize
    planes = samples.reshape(60, -1).view(np.uint8).reshape(60, -1, size).transpose(0, 2, 1).reshape(60, -1, 3)
    data = np.diff(planes, axis=1, prepend=np.zeros((60, 1, 3), np.uint8)).tobytes()
    directory = page(COLOURS, t258=[8 * size] * 3, t259=8, t317=3, t339=[3] * 3)
    assert far_apart(read(Directory(directory.tags, [zlib.compress(data)]), order), COLOURS) < 1


def test_values_that_are_no_numbers_are_paper() -> None:
    samples = (GREYS / 255).astype(np.float32)
    samples[:10] = np.nan
    for photometric in (0, 1):
        image = read(page(samples, t262=photometric))
        assert image[:10].min() == 255
        assert far_apart(image[10:], grey(255 - GREYS if photometric == 0 else GREYS)[10:]) < 1


@pytest.mark.parametrize("bits", [1, 4, 8, 16])
@pytest.mark.parametrize("eight_bit_map", [False, True])
def test_palettes(bits: int, eight_bit_map: bool) -> None:
    size = 1 << bits
    table = np.random.default_rng(bits).integers(0, 256, (3, size))
    index = np.random.default_rng(1).integers(0, size, (40, 64))
    data = index.astype("<u2").tobytes() if bits == 16 else packed(index, bits)
    colour_map = (table if eight_bit_map else table * 257).ravel().tolist()
    tags: dict[int, Any] = {256: 64, 257: 40, 258: bits, 259: 1, 262: 3, 277: 1, 278: 40, 320: colour_map}
    assert (read(Directory(tags, [data])) == table.T[index]).all()


def test_a_palette_without_colours_is_refused() -> None:
    with pytest.raises(InvalidImage, match="no colours for its palette: save it as RGB"):
        decode_image(write([page(GREYS, t262=3)]).data)


@pytest.mark.parametrize("hidden", [0, 5])
@pytest.mark.parametrize("extra", [{}, {"t338": 0}, {"t338": 1}, {"t338": 2}], ids=str)
def test_a_fourth_sample_never_blanks_a_page(extra: dict[str, Any], hidden: int) -> None:
    four = np.dstack([COLOURS, np.full(COLOURS.shape[:2], hidden, np.uint8)])
    found = only_page(write([page(four, **extra)]).data)
    assert (found.image == COLOURS).all()
    assert bool(found.info.warnings) == (extra.get("t338", 0) > 0)
    assert all("transparency" in warning and ": " in warning for warning in found.info.warnings)


@pytest.mark.parametrize("extra", [{}, {"t338": 0}, {"t338": 2}], ids=str)
def test_grey_with_an_alpha_of_nothing(extra: dict[str, Any]) -> None:
    two = np.dstack([GREYS, np.zeros_like(GREYS)])
    assert (read(page(two, t262=1, **extra)) == grey(GREYS)).all()


def test_alpha_that_shows_something_counts() -> None:
    alpha = np.full(COLOURS.shape[:2], 255, np.uint8)
    alpha[:20], alpha[20:40] = 0, 128
    share = alpha[..., None] / 255
    expected = np.rint(COLOURS * share + 255 * (1 - share)).astype(np.uint8)
    straight = page(np.dstack([COLOURS, alpha]), t338=2)
    assert far_apart(read(straight), expected) < 1
    multiplied = np.rint(COLOURS * share).astype(np.uint8)
    assert far_apart(read(page(np.dstack([multiplied, alpha]), t338=1)), expected) < 1
    deep = np.dstack([COLOURS, alpha]).astype(np.uint16) * 257
    assert far_apart(read(page(deep, t338=2)), expected) < 1


def test_a_page_that_is_transparent_and_empty_is_paper() -> None:
    assert read(page(np.zeros((20, 20, 4), np.uint8), t338=2)).min() == 255


def test_more_samples_than_colours() -> None:
    seven = np.dstack([COLOURS, np.random.default_rng(0).integers(0, 256, (60, 90, 4), dtype=np.uint8)])
    assert (read(page(seven, t338=[0, 0, 0, 0])) == COLOURS).all()
    with pytest.raises(InvalidImage, match=r"7 samples a pixel .*: save it as RGB or grey"):
        decode_image(write([page(seven, t262=1, t338=[0] * 6)]).data)


def test_cmyk_with_and_without_a_spot_colour() -> None:
    ink = np.zeros((20, 30, 5), np.uint8)
    ink[..., 1:3] = 255
    assert read(page(ink[..., :4], t262=5))[9, 9].tolist() == pytest.approx([255, 0, 0], abs=6)
    assert read(page(ink, t262=5, t338=0))[9, 9].tolist() == pytest.approx([255, 0, 0], abs=6)
    deep = ink[..., :4].astype(np.uint16) * 257
    assert read(page(deep, t262=5))[9, 9].tolist() == pytest.approx([255, 0, 0], abs=6)


# L*a*b* of a stamp's red, (200, 22, 20), as CIELab 8 and 16, ICCLab 8 and 16.
@pytest.mark.parametrize(
    ("photometric", "red", "white"),
    [
        (8, np.array([107, 63, 47], np.uint8), np.array([255, 0, 0], np.uint8)),
        (8, np.array([27_500, 63 * 256, 47 * 256], np.uint16), np.array([65_535, 0, 0], np.uint16)),
        (9, np.array([107, 191, 175], np.uint8), np.array([255, 128, 128], np.uint8)),
        (9, np.array([27_500, 191 * 256, 175 * 256], np.uint16), np.array([65_280, 32_768, 32_768], np.uint16)),
    ],
)
def test_lab(photometric: int, red: NDArray[Any], white: NDArray[Any]) -> None:
    samples = np.tile(white, (20, 30, 1))
    samples[5:15] = red
    image = read(page(samples, t262=photometric))
    assert image[0, 0].tolist() == pytest.approx([255, 255, 255], abs=3)
    assert image[9, 9].tolist() == pytest.approx([200, 22, 20], abs=12)


@pytest.mark.parametrize("sub", [(1, 1), (2, 1), (2, 2), (4, 2), (4, 4)])
def test_uncompressed_ycbcr_with_subsampling(sub: tuple[int, int]) -> None:
    across, down = sub
    picture = np.asarray(Image.fromarray(colours(61, 90)).convert("YCbCr"))
    height, width = -(-61 // down) * down, -(-90 // across) * across
    padded = np.pad(picture, ((0, height - 61), (0, width - 90), (0, 0)), mode="edge")
    luma = padded[..., 0].reshape(height // down, down, width // across, across).transpose(0, 2, 1, 3)
    units = np.dstack([luma.reshape(height // down, width // across, -1), padded[::down, ::across, 1:]])
    tags: dict[int, Any] = {256: 90, 257: 61, 258: [8, 8, 8], 259: 1, 262: 6, 277: 3, 278: 61, 530: list(sub)}
    image = read(Directory(tags, [units.astype(np.uint8).tobytes()]))
    assert far_apart(image, colours(61, 90)) < 5
    assert image[5, 5].tolist() == pytest.approx([250, 10, 10], abs=4)


@pytest.mark.parametrize(
    ("directory", "message"),
    [
        (page(GREYS, t339=5), r"samples of kind 5 \(complex numbers\)"),
        (page(GREYS, t258=24), "unsigned samples of 24 bits, which cannot be read: save it with 8 bits"),
        (page(COLOURS, t258=[5, 6, 5]), "5, 6 bits, .*: save the page with 8 bits a sample"),
        (page(GREYS, t262=32803), r"filter of a camera \(PhotometricInterpretation 32803\).*: save it as RGB"),
        (page(GREYS, t262=12345), r"PhotometricInterpretation 12345"),
    ],
)
def test_kinds_that_cannot_be_read_are_named(directory: Directory, message: str) -> None:
    with pytest.raises(InvalidImage, match=message):
        decode_image(write([directory]).data)


@pytest.mark.parametrize("compression", ["zlib", "lzw", "packbits", "zstd", "lzma"])
def test_fill_order_of_bytes_that_are_no_fax(compression: str) -> None:
    names = {"zlib": "tiff_adobe_deflate", "lzw": "tiff_lzw"}
    tags, strips = strips_of(by_pillow(GREYS, compression=names.get(compression, compression)))
    reverse = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
    directory = Directory({**tags, 266: 2}, [strip.translate(reverse) for strip in strips])
    assert (read(directory) == grey(GREYS)).all()
