"""Documents and pictures by their paths: in this process, and over a gateway."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

from stamp2vec.client import AsyncClient, Client
from stamp2vec.client.stream import Document
from stamp2vec.document import DocumentOptions, Options, PageOptions
from stamp2vec.errors import InvalidImage, InvalidInput, Stamp2vecError, UnreadableFile
from stamp2vec.files import contents
from stamp2vec.pipelines import DetectionPipeline, DocumentPipeline
from stamp2vec.values import DocumentResult
from tests.library.conftest import page_image
from tests.library.standin import StandIn
from tests.library.test_client import same
from tests.library.test_document import png

Outcome = DocumentResult | Stamp2vecError


@pytest.fixture
def server(bundle: Path) -> Iterator[StandIn]:
    running = StandIn(DocumentPipeline.from_preset())
    yield running
    running.close()


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.png"
    path.write_bytes(png(page_image(0)))
    return path


async def test_a_path_is_as_good_as_its_bytes(server: StandIn, page: Path) -> None:
    expected = server.pipeline(page.read_bytes())
    same(server.pipeline(page), expected)
    same(server.pipeline(str(page)), expected)
    with Client(server.address) as client:
        same(client.analyze(page), expected)
        same(client.analyze(str(page)), expected)
        (only,) = client.analyze_pages(page)
        assert [stamp.box for stamp in only.stamps] == [stamp.box for stamp in client.analyze(page).pages[0].stamps]
    async with AsyncClient(server.address) as client_async:
        same(await client_async.analyze(page), expected)
        assert [each.stamps[0].box async for each in client_async.analyze_pages(page)] == [only.stamps[0].box]


async def test_a_path_without_a_file_is_an_error_of_two_kinds(server: StandIn, tmp_path: Path) -> None:
    with Client(server.address) as client:
        for path in (tmp_path / "missing.pdf", tmp_path, "a\0b"):
            for analyze in (client.analyze, server.pipeline, DetectionPipeline(server.pipeline.detector.engine)):
                with pytest.raises(UnreadableFile, match="cannot be read") as caught:
                    analyze(path)
                assert isinstance(caught.value, OSError)
            with pytest.raises(UnreadableFile):
                list(client.analyze_pages(path))
    async with AsyncClient(server.address) as client_async:
        with pytest.raises(UnreadableFile, match="No such file") as missing:
            await client_async.analyze("missing.pdf")
    assert missing.value.field == "document"
    assert not server.requests


def test_no_more_of_a_file_is_read_than_may_be(page: Path) -> None:
    size = page.stat().st_size
    assert contents(page, size) == contents(page) == page.read_bytes()
    with pytest.raises(InvalidInput, match=r"page\.png has more than [\d,]+ bytes: compress it"):
        contents(page, size - 1)
    with pytest.raises(InvalidInput, match="has more than 9 bytes"):
        contents("/dev/zero", 9)


async def test_each_of_many_paths_has_its_own_outcome(server: StandIn, page: Path, tmp_path: Path) -> None:
    (tmp_path / "none.pdf").write_bytes(b"no image")
    long = tmp_path / ("x" * 200) / ("y" * 200)  # more than the id of a document may have
    long.parent.mkdir()
    long.write_bytes(png(page_image(2)))
    missing = tmp_path / "missing.pdf"
    documents: list[Document] = [str(page), missing, tmp_path / "none.pdf", long, ("mine", page), ("mine", b"")]
    expected = [str(page), str(missing), str(tmp_path / "none.pdf"), str(long), "mine", "mine"]

    async def slowly() -> AsyncIterator[Document]:
        for each in documents:
            yield each

    with Client(server.address) as client:
        outcomes: list[list[tuple[str, Outcome]]] = [list(client.analyze_many(documents, min_score=0.6))]
    async with AsyncClient(server.address) as client_async:
        for source in (documents, slowly()):
            found = [each async for each in client_async.analyze_many(source, min_score=0.6)]
            outcomes.append(found)
    for found in outcomes:
        assert sorted(name for name, _ in found) == sorted(expected)
        by_name = dict(found[::-1])
        assert isinstance(by_name[str(missing)], UnreadableFile)
        assert isinstance(by_name[str(tmp_path / "none.pdf")], InvalidImage)
        of_mine = {type(outcome) for name, outcome in found if name == "mine"}
        assert of_mine == {DocumentResult, InvalidImage}
        for path in (page, long):
            outcome = by_name[str(path)]
            assert isinstance(outcome, DocumentResult)
            same(outcome, server.pipeline(path, min_score=0.6))


async def test_one_path_is_not_many(server: StandIn) -> None:
    with Client(server.address) as client, pytest.raises(InvalidInput, match=r"'scan\.pdf' is one document"):
        list(client.analyze_many("scan.pdf"))
    async with AsyncClient(server.address) as client_async:
        with pytest.raises(InvalidInput, match="pass a list"):
            _ = [each async for each in client_async.analyze_many("scan.pdf")]


def test_keyword_arguments_are_those_of_the_options() -> None:
    types = get_type_hints(Options)
    assert get_type_hints(DocumentOptions) == {field.name: types[field.name] for field in fields(Options)}
    assert set(get_type_hints(DocumentOptions)) - set(get_type_hints(PageOptions)) == {"prior"}
    with pytest.raises(TypeError, match="include_mask"):
        Client("127.0.0.1:1").analyze(b"", include_mask=True)  # type: ignore[call-arg]


def test_a_picture_may_be_a_path(server: StandIn, page: Path) -> None:
    detect = DetectionPipeline(server.pipeline.detector.engine)
    assert detect(str(page)) == detect(page) == detect(np.asarray(page_image(0)))
