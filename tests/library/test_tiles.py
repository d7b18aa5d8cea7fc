"""A page in parts: what covers it, how many there are, how boxes come back, and which of them a part sees well."""

import itertools

import numpy as np
import pytest

from stamp2vec.imaging import views
from stamp2vec.imaging.formats import is_long
from stamp2vec.imaging.tiles import MAX_VIEWS, OVERLAP, SMALL, TILE, pieces, tiles
from stamp2vec.values import Views

SIDES = [
    (3508, 2480),
    (4961, 3508),
    (7016, 9933),
    (20_000, 4000),
    (20_000, 8),
    (8, 20_000),
    (8944, 8944),
    (1754, 1240),
    (900, 900),
    (481, 8),
]


@pytest.mark.parametrize(("height", "width"), [(SMALL, SMALL), (480, 339), (8, 8)])
def test_a_small_picture_has_no_tiles(height: int, width: int) -> None:
    assert tiles(height, width) == []


@pytest.mark.parametrize(("height", "width"), [*SIDES, (20_000, 20_000)])
def test_tiles_cover_the_page_share_their_edges_and_are_few(height: int, width: int) -> None:
    parts = tiles(height, width)
    assert 1 <= len(parts) < MAX_VIEWS
    columns = sorted({(left, right) for left, _, right, _ in parts})
    rows = sorted({(top, bottom) for _, top, _, bottom in parts})
    assert len(columns) * len(rows) == len(parts)
    for spans, length in ((columns, width), (rows, height)):
        assert (spans[0][0], spans[-1][1]) == (0, length)
        assert len({last - first for first, last in spans}) == 1
        side = spans[0][1] - spans[0][0]
        assert side == length or side >= min(TILE, max(height, width) / 1.5)
        for (_, end), (start, _) in itertools.pairwise(spans):
            assert end - start >= OVERLAP * side - 2  # rounding moves each edge by a pixel


@pytest.mark.parametrize("shown", Views)
@pytest.mark.parametrize(("height", "width"), [(6000, 600), (600, 15_000), (20_000, 4000), (3000, 1), (1, 20_000)])
def test_a_long_page_is_seen_in_pieces_alone(shown: Views, height: int, width: int) -> None:
    page = np.full((height, width, 3), 255, np.uint8)
    parts = views(page, (64, 48), shown)
    assert 2 <= len(parts) <= MAX_VIEWS
    longer, shorter = max(height, width), min(height, width)
    spans = sorted({(part.top, part.top + part.place.height) for part in parts})
    if width > height:
        spans = sorted({(part.left, part.left + part.place.width) for part in parts})
    assert (spans[0][0], spans[-1][1]) == (0, longer)
    for (_, end), (start, _) in itertools.pairwise(spans):
        assert end - start >= min(0.45 * shorter, 0.3 * TILE)


def test_how_many_pieces_a_receipt_has() -> None:
    assert len(pieces(6000, 600, Views.WHOLE)) == len(pieces(600, 6000, Views.WHOLE)) == 10
    assert not is_long(1754, 1240)
    assert not is_long(2000, 1000)
    assert is_long(2001, 1000)


def test_usual_scans_have_few_tiles() -> None:
    assert [len(tiles(height, width)) for height, width in SIDES[:3]] == [2, 4, 15]


@pytest.mark.parametrize("dpi", [72, 100, 150, 200, 300])
def test_a4_has_an_upper_and_a_lower_tile(dpi: int) -> None:
    height, width = round(11.69 * dpi), round(8.27 * dpi)
    assert tiles(height, width) == [(0, 0, width, width), (0, height - width, width, height)]
    assert tiles(width, height) == [(0, 0, width, width), (height - width, 0, height, width)]


@pytest.mark.parametrize(("height", "width"), [(3300, 2550), (3520, 2504), (3508, 2481)])
def test_a_scan_a_little_wider_than_its_paper_has_two_tiles_too(height: int, width: int) -> None:
    assert len(tiles(height, width)) == 2


def test_no_tile_is_the_whole_page() -> None:
    for width in range(400, 1100, 7):
        assert (0, 0, width, 1000) not in tiles(1000, width)


def test_views_show_the_whole_page_and_then_its_tiles() -> None:
    page = np.zeros((4961, 3508, 3), np.uint8)
    page[4500:4600, 3000:3100] = 255
    assert len(views(page, (640, 640), Views.WHOLE)) == 1
    whole, *parts = views(page, (640, 640), Views.WHOLE_AND_TILES)
    assert (whole.left, whole.top, whole.place.width, whole.place.height) == (0, 0, 3508, 4961)
    assert len(parts) == 4
    for view in (whole, *parts):
        assert view.pixels.shape == (640, 640, 3)
        assert (view.width, view.height) == (3508, 4961)
    last = parts[-1]
    rows, columns = np.nonzero(last.pixels.mean(2) > 200)
    inside = columns < last.place.pad_x + last.place.content_width
    box = np.array([[columns[inside].min(), rows.min(), columns[inside].max() + 1, rows.max() + 1]], np.float32)
    np.testing.assert_allclose(last.boxes_to_page(box), [[3000, 4500, 3100, 4600]], atol=2 / last.place.scale)


def test_only_edges_inside_the_page_cut() -> None:
    page = np.zeros((4961, 3508, 3), np.uint8)
    whole, first, *_ = views(page, (640, 640), Views.WHOLE_AND_TILES)
    assert (first.left, first.top, first.place.width, first.place.height) == (0, 0, 2800, 2800)
    boxes = np.array([[0, 0, 100, 100], [2500, 100, 2799, 300], [100, 2500, 300, 2800], [100, 100, 2700, 2700]], float)
    assert first.cuts(boxes).tolist() == [False, True, True, False]
    assert not whole.cuts(np.array([[0, 0, 3508, 4961]], float)).any()


def test_a_view_sees_well_what_it_has_whole_and_is_neither_too_small_nor_too_large() -> None:
    whole, first, *_ = views(np.zeros((3508, 2480, 3), np.uint8), (640, 640), Views.WHOLE_AND_TILES)
    word, seal, poster, below = [100, 100, 300, 140], [100, 100, 600, 600], [0, 0, 1700, 1700], [100, 2000, 600, 2500]
    boxes = np.array([word, seal, poster, below], float)
    assert whole.sees(boxes).tolist() == [False, True, True, True]  # the word is 7 pixels high there
    assert first.sees(boxes).tolist() == [True, True, False, False]
