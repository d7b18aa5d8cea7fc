"""`stamp2vec mcp` as an assistant's program starts it: the protocol's own client, and the real services behind it."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from mcp_types import CallToolResult, ImageContent, TextContent
from PIL import Image

from stamp2vec.client import Client as GatewayClient
from stamp2vec.values import DocumentResult
from tests.e2e.assistant import assistant, target, text
from tests.e2e.live import ROOT, SAMPLE, TIMEOUT_S, Running
from tests.library.test_document import tiff

MOST_BYTES = 10**6  # of an answer, which is about what assistants take


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the assistant may read, beside what it must not."""
    inside = tmp_path / "documents"
    inside.mkdir()
    (inside / "page.jpg").write_bytes(SAMPLE.read_bytes())
    (inside / "note.pdf").write_text("no document")
    (tmp_path / "secret.jpg").write_bytes(SAMPLE.read_bytes())
    (inside / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    return inside


def analyzed(services: Running, document: Path) -> DocumentResult:
    with GatewayClient(target(services), deadline_s=TIMEOUT_S) as client:
        return client.analyze(document)


def pictures(result: CallToolResult) -> dict[str, Image.Image]:
    """By their captions, each of which is before its picture."""
    found: dict[str, Image.Image] = {}
    for caption, each in zip(result.content[1::2], result.content[2::2], strict=True):
        assert isinstance(caption, TextContent)
        assert isinstance(each, ImageContent)
        assert each.mime_type == "image/jpeg"
        found[caption.text] = Image.open(io.BytesIO(base64.b64decode(each.data)))
    assert len(result.model_dump_json()) < MOST_BYTES
    return found


async def test_the_tools_only_read_and_describe_what_they_answer(services: Running, folder: Path) -> None:
    async with assistant(folder, target(services)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"find_stamps", "analyze_document", "read_stamps", "compare_stamps"}
        for tool in tools.values():
            assert tool.annotations is not None
            assert (tool.annotations.read_only_hint, tool.annotations.open_world_hint) == (True, False)
            assert tool.description
            assert "\n  " not in tool.description
        stamp: dict[str, Any] = {"file_a": "page.jpg", "page_a": 1, "file_b": "page.jpg", "page_b": 1}
        for name, arguments in {
            "find_stamps": {"file": "page.jpg"},
            "analyze_document": {"file": "page.jpg"},
            "read_stamps": {"file": "page.jpg"},
            "compare_stamps": stamp,
        }.items():
            result = await client.call_tool(name, arguments)
            assert not result.is_error, text(result)
            assert tools[name].output_schema is not None
            jsonschema.validate(result.structured_content, tools[name].output_schema)
            assert not pictures(result)


async def test_the_answers_are_those_of_the_gateway(services: Running, folder: Path) -> None:
    expected = analyzed(services, SAMPLE).pages[0].stamps
    async with assistant(folder, target(services)) as client:
        looked = await client.call_tool("find_stamps", {"file": "page.jpg"})
        assert looked.structured_content is not None, text(looked)
        (page,) = looked.structured_content["pages"]
        assert [each["box"] for each in page["stamps"]] == [pytest.approx(each.box, abs=0.06) for each in expected]
        assert text(looked).startswith(f"page.jpg: {len(expected)} stamps found on 1 page\npage 1: 1 ")

        asked = {"file": str(folder / "page.jpg"), "pictures": True, "straight_text": True}
        whole = await client.call_tool("analyze_document", asked)
        assert whole.structured_content is not None, text(whole)
        assert whole.structured_content["pages"] == looked.structured_content["pages"]
        pairs = whole.structured_content["pairs"]
        assert len(pairs) == min(30, len(expected) * (len(expected) - 1) // 2)
        shown = pictures(whole)
        names = [f"page 1 stamp {number}" for number in range(1, min(8, len(expected)) + 1)]
        assert [name for name in shown if "text" not in name] == names
        straight = {name for name in shown if "text" in name}
        assert straight
        assert straight <= {f"{name}, text" for name in names}

        pair = pairs[0]
        sides = {
            f"{key}_{side}": int(number)
            for side in "ab"
            for key, number in zip(("page", "stamp"), pair[side].split()[1::2], strict=True)
        }
        compared = await client.call_tool(
            "compare_stamps", {"file_a": "page.jpg", "file_b": "page.jpg", "pictures": True, **sides}
        )
        assert compared.structured_content is not None, text(compared)
        assert compared.structured_content["similarity"] == pytest.approx(pair["similarity"], abs=1e-3)
        assert compared.structured_content["verdict"] in {"same", "different", "cannot tell", "mirrored"}
        assert "page.jpg page 1 stamp" in text(compared)
        (both,) = pictures(compared).values()
        assert both.width > 2 * both.height


async def test_a_long_document_is_looked_at_in_parts(services: Running, folder: Path) -> None:
    empty, page = Image.new("RGB", (64, 64), "white"), Image.open(SAMPLE).reduce(2)
    (folder / "long.tif").write_bytes(tiff([page, *[empty] * 21, page]))
    async with assistant(folder, target(services)) as client:
        first = await client.call_tool("find_stamps", {"file": "long.tif"})
        assert first.structured_content is not None, text(first)
        assert first.structured_content["pages_looked_at"] == list(range(1, 21))
        assert first.structured_content["next_pages"] == "21-"
        assert "call again with pages '21-'" in text(first)
        rest = await client.call_tool("find_stamps", {"file": "long.tif", "pages": "21-"})
        assert rest.structured_content is not None, text(rest)
        assert rest.structured_content["pages_looked_at"] == [21, 22, 23]
        assert rest.structured_content["next_pages"] == ""
        assert rest.structured_content["pages"][-1]["page"] == 23


async def test_what_fails_is_told_in_words(services: Running, folder: Path) -> None:
    async with assistant(folder, target(services)) as client:
        faults: list[tuple[dict[str, Any], str]] = [
            ({"file": "../secret.jpg"}, "is in no folder that may be read"),
            ({"file": str(folder.parent / "secret.jpg")}, "is in no folder that may be read"),
            ({"file": "link.jpg"}, "is in no folder that may be read"),
            ({"file": "."}, ". is a folder: name a file, of which it has 'link.jpg', 'note.pdf', 'page.jpg'"),
            ({"file": "none.pdf"}, "No such file"),
            ({"file": "note.pdf"}, "send a PDF, JPEG, PNG"),
            ({"file": "page.jpg", "pages": "2"}, "there are no pages '2': the file has 1"),
            ({"file": "page.jpg", "pages": 7.5}, "Input should be a valid string"),
            ({}, "Field required"),
        ]
        for arguments, expected in faults:
            for tool in ("find_stamps", "analyze_document", "read_stamps"):
                result = await client.call_tool(tool, arguments)
                assert result.is_error
                assert expected in text(result)
        place = {"file_a": "page.jpg", "file_b": "page.jpg", "page_a": 1, "stamp_a": 300}
        result = await client.call_tool("compare_stamps", place)
        assert result.is_error
        assert "page 1 has" in text(result)
        result = await client.call_tool("find_stamps", {"file": "page.jpg"})  # it goes on
        assert not result.is_error


async def test_without_a_gateway_the_tools_say_so(folder: Path) -> None:
    async with assistant(folder, "127.0.0.1:1") as client:
        result = await client.call_tool("find_stamps", {"file": "page.jpg"})
        assert result.is_error
        assert "no gateway answers at 127.0.0.1:1" in text(result)


def test_ctrl_c_ends_it_while_it_waits_for_the_assistant(folder: Path) -> None:
    command = [sys.executable, "-m", "stamp2vec.cli", "mcp", "--gateway", "127.0.0.1:1"]
    request = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    with subprocess.Popen(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(request).encode() + b"\n")
        server.stdin.flush()
        assert json.loads(server.stdout.readline())["id"] == 1
        server.send_signal(signal.SIGINT)
        assert server.wait(TIMEOUT_S) == -signal.SIGINT
