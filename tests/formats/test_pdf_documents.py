"""PDFs through the bundled models: the stamps of the sample page are found in whatever PDF it is put into."""

import io
from collections.abc import Iterator
from pathlib import Path

import img2pdf
import numpy as np
import pikepdf
import pytest
import torch
from PIL import Image

from bench.pdf_resolution import overlap, strips
from stamp2vec import hub
from stamp2vec.imaging.formats import Page, decode_pages
from stamp2vec.pipelines import DetectionPipeline
from stamp2vec.values import Detection, Preset, Task

SAMPLE = Path(__file__).parents[2] / "docs" / "sample" / "page.jpg"


@pytest.fixture(scope="module")
def detect() -> Iterator[DetectionPipeline]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield DetectionPipeline.from_pretrained(hub.for_preset(Task.DETECT, Preset.FAST).reference)
    torch.set_num_threads(threads)


def found(detect: DetectionPipeline, data: bytes) -> tuple[list[Detection], Page]:
    (page,) = decode_pages(data)
    assert isinstance(page, Page)
    return sorted(detect(page.image), key=lambda one: one.box[0] / page.image.shape[1]), page


def test_a_page_in_a_pdf_has_the_stamps_of_the_picture(detect: DetectionPipeline) -> None:
    picture, _ = found(detect, SAMPLE.read_bytes())
    assert len(picture) == 4
    assert found(detect, img2pdf.convert(SAMPLE.read_bytes()))[0] == picture


def test_a_page_in_strips_has_the_same_stamps(detect: DetectionPipeline) -> None:
    picture, original = found(detect, SAMPLE.read_bytes())
    cut, page = found(detect, strips())
    assert [one.type for one in cut] == [one.type for one in picture]
    scales = [np.array([one.image.shape[1], one.image.shape[0]] * 2) for one in (original, page)]
    for a, b in zip(picture, cut):
        assert overlap(tuple(a.box / scales[0]), tuple(b.box / scales[1])) > 0.95


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_page_scanned_sideways_and_turned_by_the_pdf(detect: DetectionPipeline, degrees: int) -> None:
    picture, _ = found(detect, SAMPLE.read_bytes())
    turned = io.BytesIO()
    with Image.open(SAMPLE) as page:
        page.rotate(degrees, expand=True).save(turned, "PNG", dpi=(150, 150))
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(img2pdf.convert(turned.getvalue()))) as document:
        document.pages[0].rotate(degrees, relative=True)
        document.save(file)
    assert found(detect, file.getvalue())[0] == picture
