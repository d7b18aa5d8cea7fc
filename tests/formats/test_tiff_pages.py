"""Which frames of a TIFF are pages, and how its chain of directories ends."""

import io
import struct
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stamp2vec.errors import InvalidImage, InvalidInput
from stamp2vec.imaging import BrokenPage, Limits, Page, decode_image, decode_pages
from stamp2vec.imaging.formats import Reader, open_file
from stamp2vec.imaging.formats.tiff import directory
from tests.formats.scenes import Pixels, colours, grey, greys
from tests.formats.tiff_writer import Directory, Written, page, write


def level(number: int) -> Pixels:
    """The page of a number."""
    return np.full((24, 32), 10 * number, np.uint8)


def thumbnail(**tags: Any) -> Directory:
    return page(np.full((9, 12), 255, np.uint8), **({"t254": 1} | tags))


def mask(**tags: Any) -> Directory:
    return page(np.zeros((24, 4), np.uint8), **({"t254": 4, "t256": 32, "t258": 1, "t262": 4} | tags))


def reader(written: Written) -> Reader:
    return open_file(io.BytesIO(written.data))


def levels(written: Written) -> list[int]:
    """The numbers of the pages."""
    return [int(found.image[0, 0, 0]) // 10 for found in decode_pages(written.data) if isinstance(found, Page)]


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_pages_in_any_order(order: str, big: bool) -> None:
    opened = reader(write([page(level(number), order) for number in range(5)], order, big=big))
    assert opened.page_count == 5
    for index in (4, 0, 3, 3, 1):
        assert opened.read(index).image[0, 0, 0] == 10 * index
        assert opened.read(index).index == index
    opened.close()


OTHERS = {
    "reduced": thumbnail(),
    "reduced page of several": thumbnail(t254=3),
    "reduced, old tag": page(level(9), t255=2),
    "mask": mask(),
    "mask of a reduced one": mask(t254=5),
    "mask by its photometric": mask(t254=0),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_frames_that_are_no_pages_are_not_counted(other: Directory, place: int) -> None:
    frames = [page(level(1)), page(level(2)), page(level(3), t254=2)]
    written = write([*frames[:place], other, *frames[place:]])
    assert reader(written).page_count == 3
    assert levels(written) == [1, 2, 3]


def test_a_thumbnail_of_each_page_and_a_pyramid() -> None:
    written = write([page(level(1), t254=2), thumbnail(), mask(), page(level(2), t254=2), thumbnail(), thumbnail()])
    assert levels(written) == [1, 2]


def test_where_all_frames_are_reduced_the_largest_are_the_pages() -> None:
    assert levels(write([page(level(7), t254=1)])) == [7]
    assert levels(write([page(level(1), t254=1), page(level(2), t254=1), thumbnail()])) == [1, 2]
    assert levels(write([thumbnail(), page(level(2), t254=3), mask()])) == [2]
    assert reader(write([mask()])).page_count == 1


@pytest.mark.parametrize(
    "tags", [{"t259": 34887}, {"t262": 32845}, {"t258": 24}, {"t259": 50002}, {"t256": 0}], ids=str
)
def test_a_page_that_cannot_be_decoded_costs_no_other(tags: dict[str, Any]) -> None:
    first, second, third = decode_pages(write([page(level(1)), page(level(2), **tags), page(level(3))]).data)
    assert isinstance(first, Page)
    assert isinstance(second, BrokenPage)
    assert ": s" in str(second.error)
    assert isinstance(third, Page)
    assert third.image[0, 0, 0] == 30


@pytest.mark.parametrize("damage", ["beyond the end", "cut short", "overwritten", "no entries"])
def test_behind_a_broken_link_is_one_broken_page(damage: str) -> None:
    written = write([page(level(number)) for number in (1, 2, 3)])
    data = bytearray(written.data)
    third = written.directories[2]
    if damage == "beyond the end":
        struct.pack_into("<I", data, written.links[1], 10**7)
    elif damage == "cut short":
        del data[third + 30 :]
    elif damage == "overwritten":
        data[third + 2 :] = b"\xee" * len(data[third + 2 :])
    else:
        data[third : third + 2] = bytes(2)
    opened = open_file(io.BytesIO(bytes(data)))
    assert opened.page_count == 3
    assert opened.read(1).image[0, 0, 0] == 20
    with pytest.raises(InvalidImage, match=r"page 3 and all after it are damaged .*: save the file again"):
        opened.read(2)
    assert [type(found) for found in decode_pages(bytes(data))] == [Page, Page, BrokenPage]


def test_a_first_directory_that_is_broken_is_no_image() -> None:
    data = write([page(level(1))]).data
    for broken in (data[:4] + b"\xff\xff\xff\x7f" + data[8:], data[:-60], data[:6], data[:4] + bytes(4) + data[8:]):
        with pytest.raises(InvalidImage, match=r"the TIFF file is damaged .*: send a PDF"):
            decode_pages(broken)


@pytest.mark.parametrize("target", [0, 1, 2])
def test_a_circle_of_pages_ends_with_a_warning(target: int) -> None:
    written = write([page(level(number)) for number in (1, 2, 3)])
    data = bytearray(written.data)
    struct.pack_into("<I", data, written.links[2], written.directories[target])
    opened = open_file(io.BytesIO(bytes(data)))
    assert opened.page_count == 3
    assert ["leads back to a page before: if any are missing" in text for text in opened.warnings] == [True]


def test_a_file_of_many_pages_is_counted_to_its_end_and_fast() -> None:
    small = page(np.zeros((8, 8), np.uint8))
    written = write([small] * 5000)
    start = time.perf_counter()
    opened = reader(written)
    assert time.perf_counter() - start < 2
    assert opened.page_count == 5000
    assert opened.read(4999).image.shape == (8, 8, 3)
    (found,) = decode_pages(written.data, Limits(max_pages=3), pages="4998")
    assert found.index == 4997
    with pytest.raises(InvalidImage, match="more than 100 pages: split it, or ask for some"):
        decode_pages(written.data)
    with pytest.raises(InvalidInput, match="the file has 5000"):
        decode_pages(written.data, pages="5001")


def test_more_directories_than_any_document_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MAX_DIRECTORIES", 30)
    with pytest.raises(InvalidImage, match="more than 30 pages"):
        decode_pages(write([page(np.zeros((8, 8), np.uint8))] * 31).data)


def test_a_directory_without_a_link_behind_it_is_the_last() -> None:
    assert levels(Written(write([page(level(1)), page(level(2))]).data[:-4])) == [1, 2]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation: int) -> None:
    stored = colours(40, 70)
    upright = {
        1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1], 5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, -1), 7: np.rot90(stored, 2).transpose(1, 0, 2), 8: np.rot90(stored, 1),
    }[orientation]  # fmt: skip
    (found,) = decode_pages(write([page(stored, t274=orientation)]).data)
    assert isinstance(found, Page)
    assert (found.image == upright).all()
    assert (found.info.height, found.info.width) == upright.shape[:2]
    assert not found.image.flags.writeable
    assert found.image.flags.c_contiguous


def test_tags_that_are_missing_or_odd() -> None:
    plain = page(greys())
    for missing in (262, 278, 277, 339, 259, 279):
        directory = Directory({tag: value for tag, value in plain.tags.items() if tag != missing}, plain.segments)
        assert (decode_image(write([directory]).data) == grey(greys())).all(), missing
    assert (decode_image(write([page(greys(), t279=0)]).data) == grey(greys())).all()
    assert (decode_image(write([page(greys(), t278=2**32 - 1)]).data) == grey(greys())).all()
    one_bit = Directory({256: 16, 257: 8}, [b"\xf0\x0f" * 8])
    assert decode_image(write([one_bit]).data)[0, :, 0].tolist() == [255] * 4 + [0] * 8 + [255] * 4


def test_sizes_are_checked_before_anything_is_decoded() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"t256": 20_000, "t257": 20_000}, "more than 80 million"),
        ({"t256": 30_000}, "at most 20,000 pixels a side"),
        ({"t256": 2**32 - 1, "t257": 2**32 - 1}, "at most 20,000"),
        ({"t257": 4}, "too small to hold a stamp"),
        ({"t322": 1, "t323": 1, "t256": 8000, "t257": 8000}, "millions of tiles"),
        ({"t322": 65_536, "t323": 65_536}, "parts of 4,295 million bytes: save it in strips"),
        ({"t277": 60_000}, "60000 samples a pixel"),
    ]
    for tags, message in cases:
        with pytest.raises(InvalidImage, match=message):
            decode_image(write([page(greys(), **tags)]).data)


def test_nothing_is_printed_or_logged_of_hostile_files(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """But for a line that libtiff itself writes to stderr of LZW and fax data: Pillow has no way to silence it."""
    hostile: list[dict[str, Any]] = [
        {"t259": 50001}, {"t259": 7}, {"t259": 34712}, {"t277": 9}, {"t317": 77}, {"t339": 6},
    ]  # fmt: skip
    for tags in hostile:
        for found in decode_pages(write([page(level(1)), page(level(2), **tags)]).data):
            assert found.index == 0 or isinstance(found, BrokenPage)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
    assert not caplog.records


def test_pillow_agrees_on_a_file_of_mixed_pages() -> None:
    pictures = [
        Image.fromarray(colours()), Image.fromarray(greys()), Image.fromarray(greys() > 128),
        Image.fromarray(colours()).convert("CMYK"), Image.fromarray(greys().astype(np.uint16) * 257),
    ]  # fmt: skip
    buffer = io.BytesIO()
    pictures[0].save(buffer, "TIFF", save_all=True, append_images=pictures[1:], compression="tiff_lzw")
    for found, picture in zip(decode_pages(buffer.getvalue()), pictures, strict=True):
        assert isinstance(found, Page)
        expected = grey(greys()) if picture.mode == "I;16" else np.asarray(picture.convert("RGB"))
        assert (found.image == expected).all()
