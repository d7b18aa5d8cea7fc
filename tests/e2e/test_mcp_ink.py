"""The tools for the ink of stamps: what it says, and a document without it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from services.stack.processes import Service, stop, wait_until_serving
from stamp2vec.cli.rows import text_row
from stamp2vec.client import Client as GatewayClient
from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.values import Outcome, StampPlace
from tests.e2e.assistant import assistant, target, text
from tests.e2e.live import SAMPLE, TIMEOUT_S, Running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the assistant may read."""
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents/page.jpg").write_bytes(SAMPLE.read_bytes())
    return tmp_path / "documents"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where it may write, with a way out of it, and beside it what must stay."""
    inside = tmp_path / "out"
    (inside / "deep").mkdir(parents=True)
    (inside / "up").symlink_to("..")
    (inside / "nowhere.png").symlink_to("../nothing.png")
    (inside / "old.png").write_bytes(b"old")
    return inside


@pytest.fixture
def readerless(services: Running, tmp_path: Path) -> Iterator[str]:
    """A gateway before the same services, but for the reader."""
    names = [name for name in services.stack.model_services if name != "reader"]
    upstreams = [part for name in names for part in (f"--{name}", services.stack.address(name).target)]
    gateway = Service("gateway", ["--port", "0", "--metrics-port", "0", *upstreams], tmp_path / "gateway.log")
    try:
        wait_until_serving([gateway], lambda starting, elapsed_s: None)
        assert gateway.address is not None
        yield gateway.address.target
    finally:
        stop([gateway])


async def test_texts_are_those_of_the_gateway(services: Running, folder: Path) -> None:
    with GatewayClient(target(services), deadline_s=TIMEOUT_S) as client:
        (page,) = client.analyze(SAMPLE, include_text=True, include_vectors=False).pages
    expected = [text_row(stamp.text) for stamp in page.stamps if stamp.text is not None]
    async with assistant(folder, target(services)) as client_of_tools:
        result = await client_of_tools.call_tool("read_stamps", {"file": "page.jpg"})
    assert result.structured_content is not None, text(result)
    (answered,) = result.structured_content["pages"]
    assert expected
    assert [stamp["text"] for stamp in answered["stamps"]] == expected
    assert text(result).count(" says:\n") == len(expected)


async def test_without_a_gateway_the_bundled_models_read(folder: Path) -> None:
    (page,) = DocumentPipeline.from_preset()(SAMPLE, include_text=True, include_vectors=False).pages
    expected = [text_row(stamp.text) for stamp in page.stamps if stamp.text is not None]
    async with assistant(folder, None) as client:
        result = await client.call_tool("read_stamps", {"file": "page.jpg"})
    assert result.structured_content is not None, text(result)
    (answered,) = result.structured_content["pages"]
    assert [stamp["text"] for stamp in answered["stamps"]] == expected
    lines = [line for stamp in answered["stamps"] for line in stamp["text"]["lines"]]
    assert sum(bool(line["text"]) for line in lines) > 5
    assert any(line["arc"] for line in lines)
    assert all(f"  {line['confidence']:.2f}  {line['text']}" in text(result) for line in lines if line["text"])


async def test_a_gateway_without_a_reader_says_so(readerless: str, folder: Path) -> None:
    async with assistant(folder, readerless) as client:
        result = await client.call_tool("read_stamps", {"file": "page.jpg"})
        assert result.is_error
        assert "this gateway has no reader: start `python -m services.reader`" in text(result)
        assert not (await client.call_tool("find_stamps", {"file": "page.jpg"})).is_error


async def test_a_document_without_stamps_is_a_new_file(services: Running, folder: Path, out: Path) -> None:
    with GatewayClient(target(services), deadline_s=TIMEOUT_S) as gateway:
        expected = gateway.erase(SAMPLE, keep=[StampPlace(1, 1)])
    (stamps,) = (page.stamps for page in expected.pages)
    asked: dict[str, Any] = {"file": "page.jpg", "out": "deep/page.png", "keep": [{"page": 1, "stamp": 1}]}
    async with assistant(folder, target(services), "--write-root", str(out)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        hints = tools["erase_stamps"].annotations
        assert hints is not None
        assert (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint) == (False, False, True)
        result = await client.call_tool("erase_stamps", asked)
        assert result.structured_content is not None, text(result)
        jsonschema.validate(result.structured_content, tools["erase_stamps"].output_schema)
        assert [each["outcome"] for each in result.structured_content["stamps"]] == [each.outcome for each in stamps]
        assert stamps[0].outcome is Outcome.NOT_SELECTED
        gone = sum(each.outcome in (Outcome.ERASED, Outcome.PARTLY) for each in stamps)
        assert gone
        assert text(result).startswith(f"deep/page.png is written: of {len(stamps)} stamps {gone} erased\n")
        assert (out / "deep/page.png").read_bytes() == expected.data
        again = await client.call_tool("erase_stamps", asked)
        assert again.is_error
        assert "deep/page.png is there already, and no file is overwritten" in text(again)

        none = await client.call_tool("erase_stamps", {"file": "page.jpg", "out": "none.png", "types": ["triangle"]})
        assert none.structured_content is not None, text(none)
        triangles = [each for each in none.structured_content["stamps"] if each["type"] == "triangle"]
        assert none.structured_content["erased_count"] <= len(triangles)
    assert (folder / "page.jpg").read_bytes() == SAMPLE.read_bytes()


async def test_nothing_else_is_written(services: Running, folder: Path, out: Path) -> None:
    before = _files(out.parent)
    faults: list[tuple[dict[str, Any], str]] = [
        ({"out": "../page.png"}, "is in no folder that may be written to: name a file below"),
        ({"out": str(folder / "page.png")}, "is in no folder that may be written to"),
        ({"out": "up/page.png"}, "is in no folder that may be written to"),
        ({"out": "old.png"}, "old.png is there already"),
        ({"out": "nowhere.png"}, "nowhere.png is there already"),
        ({"out": "deep"}, "deep is there already"),
        ({"out": "none/page.png"}, "is in a folder that is not there"),
        ({"out": "page"}, "page has no ending"),
        ({"out": "page.jpg"}, "the file without stamps is image/png, name it .png"),
        ({"out": "page.pdf"}, "the file without stamps is image/png, name it .png"),
        ({"out": "page.png", "types": ["square"]}, "Input should be 'round'"),
        ({"out": "page.png", "keep": [{"page": 1, "stamp": 300}]}, "no stamp 300 that could be kept"),
        ({"out": "page.png", "file": "../out/old.png"}, "is in no folder that may be read"),
    ]
    async with assistant(folder, target(services), "--write-root", str(out)) as client:
        for arguments, expected in faults:
            result = await client.call_tool("erase_stamps", {"file": "page.jpg", **arguments})
            assert result.is_error, arguments
            assert expected in text(result)
    async with assistant(folder, target(services)) as client:
        result = await client.call_tool("erase_stamps", {"file": "page.jpg", "out": "page.png"})
        assert result.is_error
        assert "Unknown tool" in text(result)
    assert _files(out.parent) == before


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".log"}
