"""The reader: a real server, real executors, the real engines."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import grpc
import grpc.aio
import numpy as np
import pytest
import pytest_asyncio
from PIL import Image, ImageDraw, ImageFont

from services.reader import servicer as reader
from services.runtime.serving.server import running
from services.runtime.serving.settings import ModelServerSettings
from stamp2vec.engines.reading import tesseract
from stamp2vec.errors import InvalidImage
from stamp2vec.pipelines import DocumentPipeline, ReadingPipeline
from stamp2vec.reading.scripts import plain
from stamp2vec.v1 import common_pb2, reader_pb2, reader_pb2_grpc
from stamp2vec.wire.images import image_to_message
from stamp2vec.wire.texts import readings_from_message
from tests.conftest import ROOT, require
from tests.services.gateway import fields

if TYPE_CHECKING:
    from stamp2vec.v1.reader_pb2_grpc import ReaderServiceAsyncStub

pytestmark = pytest.mark.asyncio(loop_scope="module")

SANS = "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf"
DEJAVU = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
CJK = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
ARABIC = "/usr/share/fonts/truetype/noto/NotoSansArabic-Regular.ttf"
INSTALL = "sudo make system"


def strip(text: str, font: str = SANS, *, upside_down: bool = False) -> np.ndarray:
    """A line of text, uint8 (64, W, 3)."""
    face = ImageFont.truetype(font, 34)
    image = Image.new("RGB", (int(face.getlength(text)) + 60, 64), "white")
    ImageDraw.Draw(image).text((30, 32), text, (20, 30, 120), face, "lm")
    return np.asarray(image.rotate(180) if upside_down else image)


@asynccontextmanager
async def serving() -> "AsyncIterator[ReaderServiceAsyncStub]":
    settings = ModelServerSettings(model=("stamp-reader",), max_batch=4, capacity=128)
    async with (
        running(reader.app(settings), settings) as ports,
        grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel,
    ):
        yield cast("ReaderServiceAsyncStub", reader_pb2_grpc.ReaderServiceStub(channel))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stub() -> "AsyncIterator[ReaderServiceAsyncStub]":
    require("tesseract", INSTALL)
    async with serving() as stub:
        yield stub


def request(*strips: np.ndarray) -> reader_pb2.ReadRequest:
    return reader_pb2.ReadRequest(images=map(image_to_message, strips))


def said(result: reader_pb2.ReadResult) -> str:
    return " ".join(reading.text for reading in result.readings)


@pytest.mark.parametrize(
    ("text", "font", "script", "engines"),
    [
        ("STAMP WORKS LIMITED", SANS, common_pb2.SCRIPT_LATIN, {"pp-ocrv6", "stamp-text"}),
        ("Approved 18 OCT 2021", SANS, common_pb2.SCRIPT_LATIN, {"pp-ocrv6", "stamp-text"}),
        ("徽商银行股份有限公司", CJK, common_pb2.SCRIPT_HAN, {"pp-ocrv6"}),
        ("ОБЩЕСТВО С ОГРАНИЧЕННОЙ", SANS, common_pb2.SCRIPT_CYRILLIC, {"tesseract-rus", "stamp-text"}),
        ("CÔNG TY THƯƠNG MẠI", DEJAVU, common_pb2.SCRIPT_LATIN, {"pp-ocrv6", "stamp-text"}),
        ("شركة التجارة المحدودة", ARABIC, common_pb2.SCRIPT_ARABIC, {"tesseract-ara"}),
    ],
)
async def test_each_script_is_read_by_engines_that_know_it(
    stub: "ReaderServiceAsyncStub", text: str, font: str, script: int, engines: set[str]
) -> None:
    upright, turned = (await stub.Read(request(strip(text, font), strip(text, font, upside_down=True)))).results
    for result, upside_down in ((upright, False), (turned, True)):
        assert plain(said(result)) == plain(text)
        assert {reading.engine for reading in result.readings} <= engines
        assert {reading.script for reading in result.readings} == {script}
        assert {reading.upside_down for reading in result.readings} == {upside_down}
        assert all(0 < reading.confidence <= 1 for reading in result.readings)


async def test_the_two_texts_of_a_ring_are_told_apart() -> None:
    require("tesseract", INSTALL)
    (page,) = DocumentPipeline.from_preset()(ROOT / "docs/sample/page.jpg", include_text=True).pages
    lines = [line.text for stamp in page.stamps if stamp.text for line in stamp.text.lines]
    assert {"Northwind Electronics JSC", "FOR INVOICES"} <= set(lines)


async def test_text_of_a_script_that_no_engine_reads_is_said_to_be_unread(stub: "ReaderServiceAsyncStub") -> None:
    texts = ["საქართველოს რესპუბლიკა", "ՀԱՅԱՍՏԱՆԻ ՀԱՆՐԱՊԵՏՈՒԹՅՈՒՆ"]
    for result in (await stub.Read(request(*(strip(text, DEJAVU) for text in texts)))).results:
        assert result.readings
        assert said(result).strip() == ""
        assert {reading.script for reading in result.readings} == {common_pb2.SCRIPT_OTHER}
        assert {reading.confidence for reading in result.readings} == {0}


async def test_what_is_no_text_is_no_reading(stub: "ReaderServiceAsyncStub") -> None:
    blank = np.full((64, 400, 3), 255, np.uint8)
    noise = np.random.default_rng(0).integers(200, 256, (64, 400, 3), np.uint8)
    border = blank.copy()
    border[4:8] = border[56:60] = 40
    for result in (await stub.Read(request(blank, noise, border, strip("★ ★ ★", DEJAVU)))).results:
        assert said(result).strip() == ""


async def test_results_are_those_of_the_pipeline_and_boxes_of_the_picture_that_was_sent(
    stub: "ReaderServiceAsyncStub",
) -> None:
    large = np.asarray(Image.fromarray(strip("STAMP WORKS")).resize((880, 160)))
    strips = [large, strip("18.10.2021")]
    found = [readings_from_message(result) for result in (await stub.Read(request(*strips))).results]
    for ours, theirs in zip(found, ReadingPipeline.from_pretrained("stamp-reader")(strips), strict=True):
        assert [(each.text, each.box, each.script) for each in ours.readings] == [
            (each.text, each.box, each.script) for each in theirs.readings
        ]
    x1, y1, x2, y2 = found[0].readings[0].box
    assert x2 - x1 > 600
    assert 0 <= y1 < 60 < 100 < y2 <= 160


async def test_a_strip_reads_the_same_whatever_is_read_with_it(stub: "ReaderServiceAsyncStub") -> None:
    alone = (await stub.Read(request(strip("МОСКОВСКАЯ ОБЛАСТЬ")))).results[0]
    crowd = [strip("ОБЩЕСТВО"), strip("МОСКОВСКАЯ ОБЛАСТЬ"), strip("STAMP"), strip("ВЕКТОРБАНК")]
    assert (await stub.Read(request(*crowd))).results[1] == alone


async def test_what_cannot_be_read_spoils_only_its_own_result(stub: "ReaderServiceAsyncStub") -> None:
    messages = [
        image_to_message(strip("STAMP")),
        image_to_message(np.full((20, 900, 3), 255, np.uint8)),
        common_pb2.Image(encoded=b"no picture"),
        common_pb2.Image(),
    ]
    results = (await stub.Read(reader_pb2.ReadRequest(images=messages))).results
    assert said(results[0]) == "STAMP"
    assert [result.status.code for result in results] == [0, 3, 3, 3]
    assert "cut it into pieces" in results[1].status.message
    assert [result.status.field for result in results[1:]] == ["images[1]", "images[2].encoded", "images[3]"]


async def test_a_strip_of_twenty_megapixels_is_read(stub: "ReaderServiceAsyncStub") -> None:
    drawn = Image.fromarray(strip("STAMP WORKS LIMITED"))
    file = io.BytesIO()
    drawn.resize((12_000, round(12_000 * drawn.height / drawn.width))).save(file, "PNG", compress_level=1)
    response = await stub.Read(reader_pb2.ReadRequest(images=[common_pb2.Image(encoded=file.getvalue())]))
    assert said(response.results[0]) == "STAMP WORKS LIMITED"


async def test_a_call_without_strips_is_refused(stub: "ReaderServiceAsyncStub") -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.Read(reader_pb2.ReadRequest())
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert fields(refused.value) == ["images"]


async def test_a_language_that_is_missing_is_a_warning_and_never_wrong_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    async with serving() as stub:
        latin, arabic = (await stub.Read(request(strip("STAMP WORKS"), strip("شركة التجارة المحدودة", ARABIC)))).results
    assert said(latin) == "STAMP WORKS"
    assert said(arabic).strip() == ""
    assert {reading.script for reading in arabic.readings} == {common_pb2.SCRIPT_ARABIC}
    assert any("tesseract-ocr-ara" in warning for warning in arabic.status.warnings)


async def test_a_program_that_is_missing_is_a_warning_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tesseract, "PROGRAM", str(tmp_path / "gone"))
    found = await asyncio.to_thread(
        lambda: ReadingPipeline.from_pretrained("stamp-reader")([strip("شركة التجارة المحدودة", ARABIC)])
    )
    assert [each.text for each in found[0].readings] == [""] * len(found[0].readings)
    assert any("tesseract-ocr-ara" in warning for warning in found[0].warnings)


@pytest.fixture
def line() -> np.ndarray:
    require("tesseract", INSTALL)
    return np.asarray(Image.fromarray(strip("ОБЩЕСТВО")).convert("L"))


async def test_tesseract_ends_at_its_time_limit(line: np.ndarray) -> None:
    with pytest.raises(tesseract.TesseractFailed, match="took more than"):
        tesseract.read([line] * 200, "rus", timeout_s=0.05)


async def test_tesseract_ends_at_its_memory_limit(line: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tesseract, "_MEMORY_BYTES", 2**20)
    with pytest.raises(tesseract.TesseractFailed):
        tesseract.read([line], "rus")


async def test_pictures_that_are_none_are_refused_before_they_are_read() -> None:
    pipeline = ReadingPipeline.from_pretrained("stamp-reader")
    with pytest.raises(InvalidImage):
        pipeline([np.zeros((64, 100), np.float32)])
    assert pipeline([]) == []
