"""The text of stamps through the gateway: scripted models around it, and the real reader behind it."""

from collections.abc import Callable
from typing import Any

import grpc.aio
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from services.reader import servicer as reader
from services.runtime.serving.server import running
from services.runtime.serving.settings import ModelServerSettings
from services.segmenter import servicer as segmenter
from stamp2vec.imaging import crop
from stamp2vec.pipelines import ReadingPipeline
from stamp2vec.texts import moved
from stamp2vec.v1 import common_pb2, gateway_pb2, reader_pb2
from stamp2vec.values import Detection, StampType
from stamp2vec.wire.texts import text_from_message
from tests.conftest import require
from tests.parity import hold_equal
from tests.services.gateway import TIMEOUT_S, Code, document, encoded, gateway, refusal
from tests.services.scripted import Scripted, darkness

FONT = "/usr/share/fonts/truetype/liberation/LiberationSans-Bold.ttf"


def page(*lines: str) -> Image.Image:
    """A page of 800 x 800 pixels whose middle half is one stamp of these lines, in blue."""
    image = Image.new("RGB", (800, 800), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.truetype(FONT, 44)
    for number, line in enumerate(lines):
        pen.text((400, 330 + 80 * number), line, (30, 50, 190), font, "mm")
    return image


def request(*lines: str, **options: Any) -> gateway_pb2.AnalyzeDocumentRequest:
    return gateway_pb2.AnalyzeDocumentRequest(document=encoded(page(*lines)), include_text=True, **options)


def says(text: str, **more: object) -> Callable[[np.ndarray], list[reader_pb2.Reading]]:
    """A reader that reads the same of every strip."""
    box = common_pb2.Box(x1=10, y1=8, x2=80, y2=56)
    values = {"box": box, "text": text, "script": common_pb2.SCRIPT_LATIN, "confidence": 0.9, "score": 0.9, **more}
    return lambda pixels: [reader_pb2.Reading(**values)]  # type: ignore[arg-type]


async def test_strips_go_to_the_reader_and_its_text_comes_with_the_stamp() -> None:
    script = Scripted(ink=darkness, text=says("No. 7701"))
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(request("PAID", "No. 7701"), timeout=TIMEOUT_S)
    (stamp,) = response.pages[0].stamps
    assert {line.text for line in stamp.text.lines} == {"No. 7701"}
    assert {(number.digits, number.doubtful) for number in stamp.text.numbers} == {("7701", False)}
    assert all(stamp.box.x1 - 40 < line.box.x1 < line.box.x2 < stamp.box.x2 + 40 for line in stamp.text.lines)
    assert not stamp.HasField("mask")
    assert [model.model.name for model in response.models] == ["detector", "embedder", "segmenter", "reader"]
    assert response.timing.read_ms > 0
    first, second = [each for each in script.requests if isinstance(each, reader_pb2.ReadRequest)]
    assert {image.raw.height for image in (*first.images, *second.images)} == {64}
    assert len(second.images) == len(stamp.text.lines)  # digits are read once more


async def test_text_is_read_only_where_it_is_asked_for() -> None:
    script = Scripted(text=says("PAID"))
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)
    assert not response.pages[0].stamps[0].HasField("text")
    assert response.timing.read_ms == 0
    assert not any(isinstance(each, reader_pb2.ReadRequest) for each in script.requests)


async def test_a_stamp_on_which_nothing_is_read_has_a_text_without_lines() -> None:
    async with gateway(Scripted(ink=darkness)) as stub:
        response = await stub.AnalyzeDocument(request("PAID"), timeout=TIMEOUT_S)
    (stamp,) = response.pages[0].stamps
    assert stamp.HasField("text")
    assert stamp.text == gateway_pb2.StampText()


async def test_two_readings_that_differ_are_in_doubt() -> None:
    """The first strips are of the ink, black on white; the others are of the page, where the ink is blue."""

    def text(pixels: np.ndarray) -> list[reader_pb2.Reading]:
        is_ink = pixels.shape[2] == 1 or not np.ptp(pixels, axis=2).any()
        return says("18.10.2021" if is_ink else "18.10.2024")(pixels)

    async with gateway(Scripted(ink=darkness, text=text)) as stub:
        response = await stub.AnalyzeDocument(request("PAID"), timeout=TIMEOUT_S)
    (stamp,) = response.pages[0].stamps
    assert {(date.iso, date.doubtful) for date in stamp.text.dates} == {("2021-10-18", True)}
    assert all(line.doubtful for line in stamp.text.lines)


async def test_without_a_reader_all_else_works_and_text_is_refused() -> None:
    script = Scripted(ink=darkness)
    async with gateway(script, {"reader": ""}) as stub:
        error = await refusal(stub.AnalyzeDocument(request("PAID"), timeout=TIMEOUT_S))
        plain = await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)
        listed = await stub.ListModels(gateway_pb2.ListModelsRequest(), timeout=TIMEOUT_S)
    assert error.code() is Code.FAILED_PRECONDITION
    assert "python -m services.reader" in str(error.details())
    assert len(plain.pages[0].stamps) == 1
    assert common_pb2.TASK_READ not in [model.task for model in listed.models]


async def test_a_reader_that_fails_on_a_strip_costs_the_page_and_no_other() -> None:
    async def fail(asked: reader_pb2.ReadRequest, context: Any) -> None:
        if asked.images[0].raw.width > 0:
            await context.abort(grpc.StatusCode.INTERNAL, "the model failed")

    async with gateway(Scripted(ink=darkness, on_read=fail)) as stub:
        asked = gateway_pb2.AnalyzeDocumentRequest(
            document=encoded(page("PAID"), Image.new("RGB", (800, 800), "white"))
        )
        asked.include_text = True
        response = await stub.AnalyzeDocument(asked, timeout=TIMEOUT_S)
    assert [page.status.code for page in response.pages] == [Code.INTERNAL.value[0], 0]


async def test_the_real_reader_says_the_same_here_and_in_the_library() -> None:
    require("tesseract", "sudo make system")
    lines = ("NORTHWIND", "RECEIVED", "18.10.2021")
    asked = request(*lines, include_masks=True)
    reading, segmenting = (ModelServerSettings(model=(name,)) for name in ("stamp-reader", "stamp-unet"))
    async with (
        running(reader.app(reading), reading) as read,
        running(segmenter.app(segmenting), segmenting) as segment,
        gateway(
            Scripted(angle_degrees=0.0), {"reader": f"127.0.0.1:{read.grpc}", "segmenter": f"127.0.0.1:{segment.grpc}"}
        ) as stub,
    ):
        response = await stub.AnalyzeDocument(asked, timeout=TIMEOUT_S)
    (stamp,) = response.pages[0].stamps
    assert [line.text for line in stamp.text.lines] == list(lines)
    assert [date.iso for date in stamp.text.dates] == ["2021-10-18"]
    detection = Detection((200, 200, 600, 600), 0.9, StampType.OVAL, 0.0, None)
    pixels, box = crop(np.asarray(page(*lines)), detection.box)
    ink = np.frombuffer(stamp.mask.data, np.uint8).reshape(stamp.mask.height, stamp.mask.width)
    ours = ReadingPipeline.from_pretrained("stamp-reader").stamp(pixels, ink, detection)
    hold_equal(moved(ours, box[:2]), text_from_message(stamp.text))
