"""A document page by page, from the pipelines of this process and over a gateway."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stamp2vec.client import Client
from stamp2vec.document.options import Options
from stamp2vec.errors import InvalidImage, InvalidInput
from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.values import PageResult
from tests.library.conftest import page_image
from tests.library.standin import StandIn
from tests.library.test_document import tiff

DOCUMENT = tiff([page_image(0, 200, 300), page_image(1, 5, 5), page_image(2, 200, 300)])


def test_pages_are_those_of_the_whole_document(bundle: Path) -> None:
    pipeline = DocumentPipeline.from_preset()
    whole = pipeline(DOCUMENT)
    pages = list(pipeline.pages(DOCUMENT, Options()))
    assert [page.index for page in pages] == [0, 1, 2]
    assert isinstance(pages[1].error, InvalidImage)
    for page, expected in zip(pages, whole.pages, strict=True):
        assert len(page.stamps) == len(expected.stamps)
        for stamp, other in zip(page.stamps, expected.stamps, strict=True):
            assert stamp.vector is not None
            assert other.vector is not None
            np.testing.assert_array_equal(stamp.vector, other.vector)
            assert replace(stamp, vector=None) == replace(other, vector=None, die_group=0)


def test_options_are_checked_and_pages_chosen(bundle: Path) -> None:
    pipeline = DocumentPipeline.from_preset()
    options = Options(include_vectors=False, pages="3")
    assert [page.index for page in pipeline.pages(DOCUMENT, options)] == [2]
    for wrong in (Options(pages="4"), Options(min_score=2)):
        with pytest.raises(InvalidInput):
            list(pipeline.pages(DOCUMENT, wrong))


def test_a_document_has_more_pages_than_a_message_holds(bundle: Path) -> None:
    many = tiff([page_image(0, 40, 40)] * 101)
    result = DocumentPipeline.from_preset()(many, include_vectors=False)
    assert len(result.pages) == result.page_count == 101


def test_the_client_returns_what_is_wrong_with_the_file(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = DocumentPipeline.from_preset()
    monkeypatch.setattr("stamp2vec.imaging.formats.tiff.reader._warnings_of", lambda _: ("cut short: send all of it",))
    server = StandIn(pipeline)
    with Client(server.address) as client:
        for pages in (pipeline.pages(DOCUMENT, Options()), client.analyze_pages(DOCUMENT)):
            assert ended(pages) == ([0, 1, 2], ("cut short: send all of it",))
    server.close()


def ended(pages: Generator[PageResult, None, tuple[str, ...]]) -> tuple[list[int], tuple[str, ...]]:
    """The indices of pages, and what the generator returns."""
    found = []
    while True:
        try:
            found.append(next(pages).index)
        except StopIteration as end:
            return found, end.value
