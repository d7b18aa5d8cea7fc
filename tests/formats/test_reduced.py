"""Pages that come in as few pixels as a model sees of them."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import letterbox, read_fitted
from stamp2vec.imaging.formats import Page, Reader, open_file
from tests.formats.scenes import far_apart

FIT = (448, 448)


def drawn(height: int, width: int) -> np.ndarray:
    """A page with soft edges, uint8 (height, width, 3), that is none of white, grey, or alike in both directions."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(90, 256, (12, 9, 3), np.uint8))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(2)))


def jpeg(page: np.ndarray, mode: str = "RGB", **options: Any) -> Reader:
    file = io.BytesIO()
    Image.fromarray(page).convert(mode).save(file, "JPEG", quality=95, **options)
    return open_file(file)


def fitted(reader: Reader, fit: tuple[int, int] = FIT) -> Page:
    return read_fitted(reader, 0, fit)


@pytest.mark.parametrize(
    ("height", "width"),
    [
        (1754, 1240),  # A4 at 150 dpi, whose quarter is a little too small
        (3508, 2480),
        (1241, 1755),  # no side can be divided
        (899, 897),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_reduced_page_looks_like_the_whole_in_the_letterbox(height: int, width: int, mode: str) -> None:
    page = drawn(height, width)
    reader = jpeg(page, mode)
    reduced, whole = fitted(reader), reader.read(0)
    assert reduced.is_reduced
    assert not whole.is_reduced
    assert reduced.info == whole.info
    assert not reduced.image.flags.writeable
    pixels, place = letterbox(reduced.image, FIT)
    expected, expected_place = letterbox(whole.image, FIT)
    assert (place.pad_x, place.pad_y) == pytest.approx((expected_place.pad_x, expected_place.pad_y), abs=1)
    assert far_apart(pixels, expected) < 3
    down, right, _ = reduced.image.shape
    assert min(height / down, width / right) > 1.9
    assert max(down, right) >= 0.97 * max(FIT)
    assert reduced.scale == (width / right, height / down)


def test_boxes_on_a_reduced_page_lie_where_they_lie_on_the_whole() -> None:
    page = np.full((1755, 1241, 3), 255, np.uint8)
    page[1500:1700, 1100:1240] = 0  # near the corner, where a wrong scale shows
    reduced = fitted(jpeg(page))
    rows, columns = np.nonzero(reduced.image.mean(2) < 128)
    across, down = reduced.scale
    assert (columns.min() * across, rows.min() * down) == pytest.approx((1100, 1500), abs=4)
    assert ((columns.max() + 1) * across, (rows.max() + 1) * down) == pytest.approx((1240, 1700), abs=4)


def test_what_costs_as_much_comes_whole() -> None:
    small = drawn(500, 400)
    assert not fitted(jpeg(small)).is_reduced
    assert not fitted(jpeg(drawn(1754, 1240)), (1280, 1280)).is_reduced
    assert not fitted(jpeg(drawn(1754, 1240), "CMYK")).is_reduced
    assert not fitted(jpeg(drawn(1754, 1240), progressive=True)).is_reduced  # it takes as much memory
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = fitted(jpeg(drawn(1754, 1240), exif=exif))
    assert (turned.is_reduced, turned.image.shape) == (False, (1240, 1754, 3))
    file = io.BytesIO()
    Image.fromarray(drawn(1754, 1240)).save(file, "PNG")
    assert not fitted(open_file(file)).is_reduced


def test_pixels_that_are_not_square_come_whole() -> None:
    page = fitted(jpeg(drawn(900, 1240), dpi=(200, 100)))
    assert (page.is_reduced, page.image.shape, page.info.height) == (False, (1800, 1240, 3), 900)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_is_cut_short_is_refused_as_it_is_when_it_is_read_whole(progressive: bool) -> None:
    file = io.BytesIO()
    Image.fromarray(drawn(1754, 1240)).save(file, "JPEG", progressive=progressive)
    data = file.getvalue()[: file.tell() // 2]
    for read in (fitted, lambda reader: reader.read(0)):
        with pytest.raises(InvalidImage, match="damaged or cut short"):
            read(open_file(io.BytesIO(data), field="document"))
