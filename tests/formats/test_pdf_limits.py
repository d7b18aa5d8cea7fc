"""PDFs that are too large, too small, hostile, or read by several threads at once."""

import contextlib
import gc
import io
import random
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import numpy as np
import pikepdf
import pypdfium2.raw as pdfium
import pytest
from pikepdf import Array, Dictionary, Name

from stamp2vec.errors import InvalidImage, InvalidInput
from stamp2vec.imaging.formats import BrokenPage, Limits, decode_pages, open_file
from tests.formats.pdfs import RED, annotation, content, form, keys, noise, pdf, picture, read, red_box


def test_a_huge_page_is_drawn_within_the_limits_and_told() -> None:
    page = read(pdf(annotation(), size=(14_400, 14_400)), limits=Limits(max_pixels=1_000_000))
    assert page.image.shape == (1000, 1000, 3)
    assert page.info.resolution is not None
    assert page.info.resolution.x == 5
    assert "read at 5 pixels an inch" in page.info.warnings[0]


def test_a_page_that_is_only_a_little_too_large_is_not_told() -> None:
    page = read(pdf(size=(595.28, 841.89)), limits=Limits(max_pixels=3_000_000))
    assert page.image.shape[0] * page.image.shape[1] <= 3_000_000
    assert page.info.resolution is not None
    assert page.info.resolution.x > 170
    assert page.info.warnings == ()


def test_a_tree_of_pages_that_is_too_large_to_be_looked_at_is_counted_by_pdfium() -> None:
    def many(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        document.Root.Pages.Kids = Array([page.obj] * 200_000)
        document.Root.Pages.Count = 200_000

    reader = open_file(io.BytesIO(pdf(many)))
    assert (reader.page_count, reader.warnings) == (200_000, ())
    reader.close()


def test_no_side_is_longer_than_allowed() -> None:
    assert read(pdf(size=(14_000, 200))).image.shape == (286, 20_000, 3)


def test_a_scan_beyond_the_limits_is_drawn_smaller() -> None:
    page = read(pdf(picture(noise(400, 300), (72, 0, 0, 96, 0, 0)), size=(72, 96)), limits=Limits(max_pixels=30_000))
    assert page.image.shape == (200, 150, 3)
    assert page.info.warnings == ()


@pytest.mark.parametrize("size", [(1.0, 1.0), (0.01, 0.01), (200.0, 1.0)])
def test_a_page_too_small_for_a_stamp_is_an_error(size: tuple[float, float]) -> None:
    with pytest.raises(InvalidImage, match="too small to hold a stamp"):
        read(pdf(size=size))


@pytest.mark.parametrize("box", [[0, 0, 1e30, 1e30], [0, 0, float(2**40), 5], [-1e9, -1e9, 1e9, 1e9]])
def test_absurd_boxes_end_in_a_page_or_an_error(box: list[float]) -> None:
    changed = pdf(keys(MediaBox=box))
    with contextlib.suppress(InvalidImage):
        assert max(read(changed, limits=Limits(max_pixels=1_000_000)).image.shape) <= 20_000


@pytest.mark.parametrize(
    ("crop", "shape"),
    [
        ([1000, 1000, 1100, 1100], (556, 556, 3)),
        ([0, 0, 0, 0], (556, 556, 3)),
        ([-50, -50, 900, 900], (556, 556, 3)),
        ([150, 120, 50, 20], (278, 278, 3)),
    ],
    ids=["outside", "empty", "larger", "reversed"],
)
def test_unusual_crop_boxes(crop: list[float], shape: tuple[int, ...]) -> None:
    assert read(pdf(keys(CropBox=crop))).image.shape == shape


def test_boxes_are_inherited() -> None:
    def inherited(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        del page.obj.MediaBox
        document.Root.Pages.MediaBox = Array([0, 0, 100, 100])
        document.Root.Pages.Rotate = 90

    page = read(pdf(inherited, annotation()))
    assert page.image.shape == (278, 278, 3)
    assert red_box(page) == pytest.approx(tuple(side * 200 / 72 for side in (30, 20, 80, 70)), abs=1)


def test_forms_in_forms_without_end_are_left() -> None:
    def endless(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        inner = form(document, "/In Do 1 0 0 rg 0 0 5 5 re f")
        inner.Resources = Dictionary(XObject=Dictionary(In=inner))
        content("/Out Do", XObject=Dictionary(Out=inner))(document, page)

    assert read(pdf(endless)).image.shape == (556, 556, 3)


def test_a_tree_of_pages_that_leads_back_to_itself_ends() -> None:
    def loop(document: pikepdf.Pdf, _: pikepdf.Page) -> None:
        document.Root.Pages.Kids.append(document.Root.Pages)

    data = pdf(annotation())
    with pikepdf.open(io.BytesIO(data)) as document:
        tree = document.Root.Pages.objgen[0]
    kid = data.index(b"/Kids [")
    changed = data[:kid] + data[kid:].replace(b" ]", b" %d 0 R ]" % tree, 1)
    try:
        pages = list(decode_pages(changed))
    except InvalidImage:
        return
    assert any(not isinstance(page, BrokenPage) for page in pages)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_bytes_end_in_pages_or_in_errors(seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(pdf(picture(noise(40, 30), (150, 0, 0, 200, 0, 0)), annotation(), keys(UserUnit=1.5), pages=2))
    dice = random.Random(seed)
    for _ in range(dice.randrange(1, 30)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    with contextlib.suppress(InvalidImage):
        for page in decode_pages(bytes(data), Limits(max_pixels=1_000_000)):
            assert isinstance(page, BrokenPage) or page.image.size
    assert capfd.readouterr() == ("", "")


def test_a_file_that_fails_in_the_middle_is_the_files_fault() -> None:
    class Failing(io.BytesIO):
        fails = False

        def read(self, size: int | None = -1) -> bytes:
            if self.fails:
                raise OSError("the disk is gone")
            return super().read(size)

    file = Failing(pdf(picture(noise(400, 300), (200, 0, 0, 200, 0, 0)), pages=1))
    reader = open_file(file)
    file.fails = True
    with contextlib.suppress(InvalidImage):  # whatever of it PDFium had read
        reader.read(0)
    reader.close()


def test_closing_twice_and_reading_after_it() -> None:
    reader = open_file(io.BytesIO(pdf()))
    reader.close()
    reader.close()
    with pytest.raises(InvalidImage):
        reader.read(0)


def test_a_reader_that_nobody_closes_is_let_go() -> None:
    with patch.object(pdfium, "FPDF_CloseDocument", wraps=pdfium.FPDF_CloseDocument) as closed:
        decode_pages(pdf())  # never begun
        gc.collect()
        with pytest.raises(InvalidInput):
            decode_pages(pdf(), pages="7")
        assert closed.call_count == 2


def test_pages_may_be_read_in_any_order_and_by_several_threads() -> None:
    data = pdf(annotation(), pages=4)
    readers = [open_file(io.BytesIO(data)) for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        jobs = [(reader, index) for index in (3, 0, 2, 1, 0) for reader in readers] * 3
        pages = list(threads.map(lambda job: job[0].read(job[1]), jobs))
    for reader in readers:
        reader.close()
    assert [page.index for page in pages] == [index for _, index in jobs]
    assert all(bool((page.image == RED).all(axis=-1).any()) == (page.index == 0) for page in pages)


def test_pixels_are_read_only() -> None:
    image = read(pdf()).image
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert not image.flags.writeable


def test_a_page_whose_contents_are_no_contents_is_blank() -> None:
    def broken(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        page.obj.Contents = document.make_stream(b"q (( << BT 1 0 0 Tf ]]")
        page.obj.Annots = Array([Name.Foo, 5, Dictionary(), Dictionary(Type=Name.Annot, Subtype=Name.Stamp)])

    page = read(pdf(broken))
    assert (page.image == 255).all()
