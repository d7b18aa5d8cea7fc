"""Damage inside of a page: what can be read is given, with a warning that says what cannot."""

import io
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import BrokenPage, Page, decode_image, decode_pages
from tests.formats.scenes import Pixels, colours, far_apart, fax_page, grey, greys, only_page
from tests.formats.tiff_writer import Directory, by_number, by_pillow, page, strips_of, write

COLOURS = colours(240, 200)
NOISE = np.random.default_rng(5).integers(0, 255, (240, 200, 3), dtype=np.uint8)
CODECS = ["raw", "tiff_adobe_deflate", "tiff_lzw", "packbits", "zstd", "lzma", "jpeg", "group3", "group4", "tiff_ccitt"]


def encoded(codec: str, rows_per_strip: int, **tags: int) -> tuple[dict[int, Any], list[bytes], Pixels]:
    """Tags, strips and pixels of a page."""
    if codec in ("group3", "group4", "tiff_ccitt"):
        image = fax_page(240, 200)
        data = by_pillow(image, compression=codec, tiffinfo={278: rows_per_strip, **by_number(tags)})
        return *strips_of(data), grey(np.asarray(image.convert("L")))
    if codec == "raw":
        directory = page(NOISE, rows_per_strip=rows_per_strip)
        return dict(directory.tags), list(directory.segments), NOISE
    # ZSTD stores noise as it is, in which zeros are pixels.
    picture = {"jpeg": COLOURS, "zstd": NOISE // 64 * 64}.get(codec, NOISE)
    data = by_pillow(picture, compression=codec, tiffinfo={278: rows_per_strip, **by_number(tags)})
    return *strips_of(data), picture


def kept_rows(found: Pixels, expected: Pixels) -> float:
    """The share of rows that are there, if some rows higher than they were."""
    rows = {row.tobytes() for row in found}
    return sum(row.tobytes() in rows for row in expected) / len(expected)


def told(found: Page) -> str:
    """The one warning of a page that is damaged."""
    (warning,) = found.info.warnings
    assert re.search(r" may hide stamps: scan the page again, or send the whole file$", warning)
    return warning


@pytest.mark.parametrize("rows_per_strip", [240, 16])
@pytest.mark.parametrize("codec", CODECS)
def test_a_whole_page_has_no_warning(codec: str, rows_per_strip: int) -> None:
    tags, strips, expected = encoded(codec, rows_per_strip)
    found = only_page(write([Directory(tags, strips)]).data)
    assert found.info.warnings == ()
    assert far_apart(found.image, expected) < (4 if codec == "jpeg" else 0.001)


@pytest.mark.parametrize("harm", ["cut", "zeroed", "gone"])
@pytest.mark.parametrize("codec", CODECS)
def test_of_many_strips_the_others_are_read(codec: str, harm: str) -> None:
    tags, strips, expected = encoded(codec, 16)
    half = len(strips[3]) // 2
    if codec == "raw" and harm == "zeroed":
        pytest.skip("zeros are pixels like others")
    strips[3] = {"cut": strips[3][:half], "zeroed": strips[3][:half] + bytes(len(strips[3]) - half), "gone": b""}[harm]
    found = only_page(write([Directory(tags, strips)]).data)
    rows = re.search(r"rows? (\d+) to (\d+)|of 240 rows, from (\d+) on", told(found))
    assert rows
    first, last = int(rows[1] or rows[3]), int(rows[2] or 64)
    assert 49 <= first <= last <= 64, found.info.warnings
    for part in (slice(0, 48), slice(64, 240)):
        assert far_apart(found.image[part], expected[part]) < 4
    assert found.image[first - 1].min() == 255


@pytest.mark.parametrize("harm", ["cut", "zeroed"])
@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec != "zstd"])  # which is in blocks of 128 KiB
def test_of_one_strip_the_rows_above_the_damage_are_read(codec: str, harm: str) -> None:
    tags, (strip,), expected = encoded(codec, 240)
    if codec == "raw" and harm == "zeroed":
        pytest.skip("zeros are pixels like others")
    half = len(strip) // 2
    damaged = strip[:half] + (b"" if harm == "cut" else bytes(len(strip) - half))
    found = only_page(write([Directory(tags, [damaged])]).data)
    rows = re.search(r"from (\d+) on", told(found))
    assert rows
    first = int(rows[1]) - 1
    assert 40 < first < 200
    assert far_apart(found.image[: first - 1], expected[: first - 1]) < 4
    assert found.image[first + 1 :].min() == 255


@pytest.mark.parametrize("codec", ["group3", "group4", "tiff_ccitt"])
@pytest.mark.parametrize("place", [0.1, 0.3, 0.6, 0.9])
def test_twenty_bytes_of_fax_that_are_zero(codec: str, place: float) -> None:
    tags, (strip,), expected = encoded(codec, 240)
    at = int(len(strip) * place)
    found = only_page(write([Directory(tags, [strip[:at] + bytes(20) + strip[at + 20 :]])]).data)
    first = int(re.search(r"(?:from|rows?) (\d+)", told(found))[1])  # type: ignore[index]
    assert (found.image[: first - 1] == expected[: first - 1]).all()
    if codec == "group3":  # each row begins anew: what is lost is little
        assert kept_rows(found.image, expected) > 0.9


def test_damage_costs_no_row_of_g3_that_can_be_read() -> None:
    for options in (1, 4, 5):
        tags, (strip,), expected = encoded("group3", 240, t292=options)
        at = len(strip) // 2
        found = only_page(write([Directory(tags, [strip[:at] + bytes(6) + strip[at + 6 :]])]).data)
        assert told(found)
        assert kept_rows(found.image, expected) > 0.9


def test_a_checksum_that_is_wrong_is_damage() -> None:
    tags, strips, _ = encoded("tiff_adobe_deflate", 48)
    strips[1] = strips[1][:-1] + bytes([strips[1][-1] ^ 1])
    assert "rows 49 to 96" in told(only_page(write([Directory(tags, strips)]).data))


def test_segments_beyond_the_end_of_the_file() -> None:
    directory = page(NOISE, rows_per_strip=24)
    whole = write([directory])
    offsets = whole.segments[0]
    moved = Directory({**directory.tags, 273: [*offsets[:4], *[len(whole.data) + 999] * 6]}, directory.segments)
    found = only_page(write([moved]).data)
    assert "rows from 97 on" in told(found)
    assert (found.image[:96] == NOISE[:96]).all()
    fewer = Directory({**directory.tags, 273: offsets[:4], 279: [24 * 600] * 4}, directory.segments)
    assert "rows from 97 on" in told(only_page(write([fewer]).data))


def test_a_file_that_is_cut_short_gives_what_is_there() -> None:
    """Pillow writes the directory before the pixels when these are not compressed."""
    data = by_pillow(NOISE)
    found = only_page(data[: len(data) // 2])
    assert "rows from 1" in told(found)
    assert (found.image[:100] == NOISE[:100]).all()


def test_a_page_of_which_nothing_can_be_read_is_an_error() -> None:
    for codec in CODECS:
        tags, strips, _ = encoded(codec, 48)
        if codec == "raw":
            tags[273] = [10**6] * len(strips)
        bad = Directory(tags, [bytes(9) for _ in strips])
        first, second = decode_pages(write([bad, page(NOISE)]).data, field="document")
        assert isinstance(first, BrokenPage), codec
        assert "no row of the page can be decoded" in str(first.error)
        assert first.error.field == "document"
        assert isinstance(second, Page)


@pytest.mark.parametrize("codec", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_of_tiles_the_others_are_read(codec: str) -> None:
    """Tiles of 64 x 64: a page of 3 x 2 of them."""
    picture = colours(128, 192)
    tags: dict[int, Any] = {}
    tiles = []
    for top in (0, 64):
        for left in (0, 64, 128):
            data = by_pillow(picture[top : top + 64, left : left + 64], compression=codec, tiffinfo={278: 64})
            tags, (strip,) = strips_of(data)
            tiles.append(strip)
    del tags[278]
    tags |= {256: 192, 257: 128, 322: 64, 323: 64}
    whole = only_page(write([Directory(tags, tiles, tiled=True)]).data)
    assert whole.info.warnings == ()
    assert far_apart(whole.image, picture) < 4
    tiles[1] = tiles[1][: len(tiles[1]) // 2]
    found = only_page(write([Directory(tags, tiles, tiled=True)]).data)
    assert "to 64 are damaged" in told(found)
    assert far_apart(found.image[64:], picture[64:]) < 4


@pytest.mark.parametrize("codec", CODECS)
def test_orientation_is_named_where_rows_are_not_those_that_are_seen(codec: str) -> None:
    tags, strips, _ = encoded(codec, 48)
    found = only_page(write([Directory({**tags, 274: 6}, [*strips[:2], b"", *strips[3:]])]).data)
    assert "rows as stored 97 to 144 are damaged" in told(found)
    assert found.image[:, 240 - 144 : 240 - 96].min() == 255


def test_a_jpeg_that_is_overwritten_has_a_warning_and_one_cut_short_is_refused() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.kron(NOISE[::16, ::16], np.ones((16, 16, 1), np.uint8))).save(buffer, "JPEG", quality=95)
    data = buffer.getvalue()
    for whole in (data, data + b"trailer", data + bytes(99)):
        assert only_page(whole).info.warnings == ()
    middle = len(data) * 2 // 3
    (warning,) = only_page(data[:middle] + bytes(60) + data[middle + 60 :]).info.warnings
    assert "may be damaged and hide stamps: send the whole file" in warning
    for cut in (data[:-2], data[:middle]):
        with pytest.raises(InvalidImage, match=r"damaged or cut short .*: send the whole file"):
            decode_image(cut)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"progressive": True}, {"subsampling": 0}], ids=str)
def test_zeros_that_a_jpeg_encoder_makes_are_no_damage(mode: str, options: dict[str, Any]) -> None:
    for picture in (Image.new(mode, (800, 600)), Image.linear_gradient("L").resize((800, 600)).convert(mode)):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", **options)
        assert only_page(buffer.getvalue()).info.warnings == ()


def test_grey_jpeg_strips() -> None:
    levels = greys(64, 80)
    tags, strips = strips_of(by_pillow(np.kron(levels[::4, ::4], np.ones((4, 4), np.uint8)), compression="jpeg"))
    assert only_page(write([Directory(tags, strips)]).data).info.warnings == ()
    cut = [strip[: len(strip) * 2 // 3] for strip in strips]
    assert told(only_page(write([Directory(tags, cut)]).data))
