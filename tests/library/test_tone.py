"""Pages that are light on dark, and pages on which nothing can be seen."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stamp2vec.imaging import Page, decode_image, prepared, whole
from stamp2vec.imaging.tone import NEGATIVE, UNIFORM
from stamp2vec.pipelines import DetectionPipeline, DocumentPipeline
from stamp2vec.values import Resolution
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def sample() -> np.ndarray:
    return decode_image((ROOT / "docs/sample/page.jpg").read_bytes())


@pytest.fixture(scope="module")
def pipeline() -> DocumentPipeline:
    return DocumentPipeline.from_preset()


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_a_negative_is_looked_at_as_what_it_is_the_negative_of(sample: np.ndarray) -> None:
    page = prepared(whole(255 - sample))
    assert page.is_negative
    assert page.info.warnings == (NEGATIVE,)
    np.testing.assert_array_equal(page.image, sample)
    assert not page.image.flags.writeable


def test_a_page_stays_as_it_is(sample: np.ndarray) -> None:
    page = whole(sample)
    assert prepared(page).image is page.image
    assert prepared(page).info == page.info


@pytest.mark.parametrize("share", [0.3, 0.4, 0.6])
def test_paper_on_a_dark_table_is_no_negative(sample: np.ndarray, share: float) -> None:
    height, width = sample.shape[:2]
    table = np.random.default_rng(0).normal(40, 8, (2 * height, 2 * width, 3)).clip(0, 255).astype(np.uint8)
    paper = Image.fromarray(sample).resize((round(2 * width * share), round(2 * height * share)))
    table[300 : 300 + paper.height, 200 : 200 + paper.width] = np.asarray(paper)
    assert not prepared(whole(table)).is_negative


@pytest.mark.parametrize("level", [0, 3, 128, 255])
def test_a_page_on_which_nothing_can_be_seen_says_so(pipeline: DocumentPipeline, level: int) -> None:
    noise = np.random.default_rng(0).integers(-1, 2, (600, 400, 3))
    image = Image.fromarray((level + noise).clip(0, 255).astype(np.uint8))
    (page,) = pipeline(png(np.asarray(image))).pages
    assert page.stamps == ()
    assert page.warnings == (UNIFORM,)


def test_one_small_word_is_something_to_be_seen() -> None:
    image = np.full((1754, 1240, 3), 250, np.uint8)
    image[800:830, 600:760:4] = 30
    assert prepared(whole(image)).info.warnings == ()


def test_a_page_of_few_pixels_an_inch_says_so(sample: np.ndarray) -> None:
    small = np.asarray(Image.fromarray(sample).resize((248, 351)))
    page = Page(0, small, replace(whole(small).info, resolution=Resolution(30, 30)))
    (warning,) = prepared(page).info.warnings
    assert "30 pixels an inch" in warning
    assert "at least 100" in warning


def test_stamps_of_a_negative_are_those_of_its_page(pipeline: DocumentPipeline, sample: np.ndarray) -> None:
    options: dict[str, Any] = {"include_masks": True, "include_crops": True, "include_erased_page": True}
    (page,), (negative,) = (pipeline(png(pixels), **options).pages for pixels in (sample, 255 - sample))
    assert [replace(stamp, vector=None, mask=None, crop=None) for stamp in negative.stamps] == [
        replace(stamp, vector=None, mask=None, crop=None) for stamp in page.stamps
    ]
    for ours, theirs in zip(negative.stamps, page.stamps, strict=True):
        np.testing.assert_array_equal(ours.mask, theirs.mask)
        np.testing.assert_array_equal(ours.crop, theirs.crop)
    assert page.erased is not None
    np.testing.assert_array_equal(negative.erased, 255 - page.erased)
    assert NEGATIVE in negative.warnings
    detect = DetectionPipeline.from_pretrained("yolo-stamp")
    assert [stamp.box for stamp in detect(255 - sample)] == [stamp.box for stamp in detect(sample)]
