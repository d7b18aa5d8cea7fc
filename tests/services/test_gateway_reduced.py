"""Pages that come in fewer pixels as long as only the detector looks at them."""

import asyncio
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from services.gateway.document.pages import PageReader
from services.gateway.upstream.deadline import Deadline
from services.gateway.validation import DOCUMENT_LIMITS
from services.runtime.serving.byte_budget import ByteBudget
from stamp2vec.decoding import Decoder, DecoderLimits, DecoderPool, SharedFile
from stamp2vec.decoding.decoder import PEAK
from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import decode_image
from stamp2vec.v1 import common_pb2, gateway_pb2
from stamp2vec.wire.models import info_from_message
from tests.services.gateway import TIMEOUT_S, accurate, encoded, gateway, refusal
from tests.services.scripted import DETECTOR_SIDE, Scripted, info

HEIGHT, WIDTH = 1000, 800
FIT = (DETECTOR_SIDE, DETECTOR_SIDE)


def jpeg() -> bytes:
    """A page that is nowhere alike."""
    coarse = Image.fromarray(np.random.default_rng(0).integers(60, 256, (20, 16, 3), np.uint8))
    file = io.BytesIO()
    coarse.resize((WIDTH, HEIGHT)).save(file, "JPEG")
    return file.getvalue()


def request(document: bytes, **options: Any) -> gateway_pb2.AnalyzeDocumentRequest:
    return gateway_pb2.AnalyzeDocumentRequest(document=document, **options)


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What pages were asked to fit into, in the order in which they were read; None is a whole page."""
    read, asked = Decoder.read, []

    def recorded(decoder: Decoder, index: int, room: Any, deadline_s: Any = None, fit: Any = None) -> Any:
        asked.append(fit)
        return read(decoder, index, room, deadline_s, fit)

    monkeypatch.setattr(Decoder, "read", recorded)
    return asked


async def test_what_is_cut_out_of_a_reduced_page_has_all_of_its_pixels(fits: list[Any]) -> None:
    data = jpeg()
    whole = Image.fromarray(decode_image(data))
    async with gateway(Scripted()) as stub:
        found = await stub.AnalyzeDocument(request(data, include_crops=True, include_masks=True), timeout=TIMEOUT_S)
        assert fits == [FIT, None]
        same = await stub.AnalyzeDocument(
            request(encoded(whole), include_crops=True, include_masks=True), timeout=TIMEOUT_S
        )
    page, expected = found.pages[0], same.pages[0]
    page.ClearField("resolution")
    assert page == expected
    assert (page.height, page.width) == (HEIGHT, WIDTH)
    box = page.stamps[0].crop_box
    with Image.open(io.BytesIO(page.stamps[0].crop_png)) as crop:
        assert crop.tobytes() == whole.crop((int(box.x1), int(box.y1), int(box.x2), int(box.y2))).tobytes()


async def test_a_page_without_stamps_is_never_read_whole(fits: list[Any]) -> None:
    async with gateway(Scripted(boxes=[])) as stub:
        response = await stub.AnalyzeDocument(request(jpeg()), timeout=TIMEOUT_S)
    assert (len(response.pages), len(response.pages[0].stamps)) == (1, 0)
    assert (response.pages[0].height, response.pages[0].width) == (HEIGHT, WIDTH)
    assert fits == [FIT]


async def test_what_needs_all_pixels_reads_a_page_whole_at_once(fits: list[Any]) -> None:
    async with gateway(Scripted(boxes=[])) as stub:
        await stub.AnalyzeDocument(request(jpeg(), include_erased_page=True), timeout=TIMEOUT_S)
    async with gateway(accurate(boxes=[])) as stub:  # whose detector looks at tiles
        await stub.AnalyzeDocument(request(jpeg(), preset=common_pb2.PRESET_ACCURATE), timeout=TIMEOUT_S)
    assert fits == [None, None]


async def test_a_page_that_cannot_be_read_whole_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Decoder.read

    def fail(decoder: Decoder, index: int, room: Any, deadline_s: Any = None, fit: Any = None) -> Any:
        if fit is None:
            raise InvalidImage("it takes more than there is: scale it down", "document")
        return read(decoder, index, room, deadline_s, fit)

    monkeypatch.setattr(Decoder, "read", fail)
    async with gateway(Scripted()) as stub:
        error = await refusal(stub.AnalyzeDocument(request(jpeg()), timeout=TIMEOUT_S))
    assert "scale it down" in str(error.details())


async def test_a_page_gives_its_bytes_back_before_it_waits_for_those_of_the_whole() -> None:
    pool, budget = (
        DecoderPool(1, DecoderLimits(page_s=20.0, memory_bytes=2**29)),
        ByteBudget(round(PEAK * 3 * HEIGHT * WIDTH)),
    )
    with SharedFile(jpeg()) as file:
        reader = PageReader(
            file,
            info_from_message(info("detector", common_pb2.TASK_DETECT)),
            pool,
            budget.hold(),
            Deadline.after(TIMEOUT_S),
            urgent=True,
            pages="",
            password=None,
            limits=DOCUMENT_LIMITS,
            fit=FIT,
        )
        group = await reader.next_group()
        assert budget.taken == group.size < HEIGHT * WIDTH
        whole = await reader.whole(group.pages[0])
        await asyncio.sleep(0)  # what threads gave back arrives
        assert budget.taken == whole.size == 3 * HEIGHT * WIDTH
    await pool.close()
