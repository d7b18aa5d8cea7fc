"""Documents without their stamps through the gateway: what is erased, what stays, and what is refused."""

import asyncio
import io
import os
import signal
from pathlib import Path
from typing import Any

import grpc
import img2pdf
import numpy as np
import pytest
from PIL import Image, ImageDraw

from services.gateway.document import erasing
from stamp2vec.decoding import Decoder
from stamp2vec.imaging import decode_image
from stamp2vec.v1 import common_pb2, gateway_pb2
from tests.services.gateway import TIMEOUT_S, encoded, eventually, fields, gateway, refusal
from tests.services.scripted import Scripted, darkness

Request = gateway_pb2.EraseStampsRequest
Outcome = gateway_pb2.EraseOutcome
BLUE, RED = (40, 60, 190), (200, 30, 40)


def sheet(*inks: tuple[int, int, int]) -> Image.Image:
    """Paper with a ring of each ink, from the top down on the left, and lines of print across them and below."""
    page = Image.new("RGB", (400, 400), (250, 248, 242))
    draw = ImageDraw.Draw(page)
    for top in range(20, 390, 24):
        draw.rectangle((20, top, 380, top + 3), fill=(25, 25, 28))
    for number, ink in enumerate(inks):
        draw.ellipse((30, 20 + 190 * number, 180, 170 + 190 * number), outline=ink, width=8)
    return page


def one_ring(**options: Any) -> Scripted:
    """The detector's input has 64 pixels a side."""
    return Scripted(boxes=[(4.0, 2.0, 30.0, 28.0)], ink=coloured, **options)


def two_rings(**options: Any) -> Scripted:
    return Scripted(boxes=[(4.0, 2.0, 30.0, 28.0), (4.0, 32.0, 30.0, 58.0)], ink=coloured, **options)


def coloured(pixels: np.ndarray) -> np.ndarray:
    """Ink where a picture, uint8 (h, w, 3), has a colour."""
    chroma = pixels.max(2).astype(int) - pixels.min(2)
    return np.asarray(np.where(chroma > 40, 255, 0), np.uint8)


def chroma_of(data: bytes) -> int:
    """How many pixels of the first page have a colour."""
    return int((coloured(decode_image(data)) > 0).sum())


def erase(data: bytes, **options: Any) -> Request:
    return Request(document=data, **options)


def outcomes(response: gateway_pb2.EraseStampsResponse) -> list[list[int]]:
    return [[stamp.outcome for stamp in page.stamps] for page in response.pages]


async def test_a_stamp_is_erased_and_all_else_stays() -> None:
    data = encoded(sheet(BLUE), sheet())
    async with gateway(one_ring()) as stub:
        response = await stub.EraseStamps(erase(data, pages="1"), timeout=TIMEOUT_S)
        looked = await stub.AnalyzeDocument(
            gateway_pb2.AnalyzeDocumentRequest(document=data, include_erased_page=True), timeout=TIMEOUT_S
        )
    assert (response.media_type, response.page_count) == ("image/tiff", 2)
    assert outcomes(response) == [[Outcome.ERASE_OUTCOME_ERASED]]
    assert response.pages[0].stamps[0].left == 0
    assert response.timing.total_ms > response.timing.erase_ms > 0
    before, after = chroma_of(data), chroma_of(response.document)
    assert before > 3000
    assert after < 0.01 * before
    pages = Image.open(io.BytesIO(response.document))
    assert pages.n_frames == 2  # type: ignore[attr-defined]
    pages.seek(1)
    np.testing.assert_array_equal(np.asarray(pages), np.asarray(sheet()))
    erased = decode_image(looked.pages[0].erased_png)
    np.testing.assert_array_equal(erased, decode_image(response.document))
    assert not looked.pages[0].stamps[0].HasField("mask")
    assert looked.timing.erase_ms > 0


async def test_only_some_are_erased() -> None:
    data = encoded(sheet(BLUE, RED))
    erased, stays = Outcome.ERASE_OUTCOME_ERASED, Outcome.ERASE_OUTCOME_NOT_SELECTED
    only_red = gateway_pb2.StampFilter(ink_colours=[common_pb2.INK_COLOUR_RED])
    no_type = gateway_pb2.StampFilter(types=[common_pb2.STAMP_TYPE_TRIANGLE])
    second = [gateway_pb2.StampPlace(page=1, stamp=2)]
    async with gateway(two_rings()) as stub:
        whole = await stub.EraseStamps(erase(data), timeout=TIMEOUT_S)
        assert outcomes(whole) == [[erased, erased]]
        order = [stamp.ink_colour for stamp in whole.pages[0].stamps]
        red_gone = await stub.EraseStamps(erase(data, only=only_red), timeout=TIMEOUT_S)
        red = order.index(common_pb2.INK_COLOUR_RED)
        assert outcomes(red_gone)[0][red] == erased
        assert outcomes(red_gone)[0][1 - red] == stays
        kept = await stub.EraseStamps(erase(data, keep=second), timeout=TIMEOUT_S)
        assert outcomes(kept) == [[erased, stays]]
        untouched = await stub.EraseStamps(erase(data, only=no_type), timeout=TIMEOUT_S)
    assert outcomes(untouched) == [[stays, stays]]
    assert untouched.document == data
    assert chroma_of(data) > chroma_of(red_gone.document) > chroma_of(whole.document)


async def test_dies_are_asked_for_by_their_number() -> None:
    data = encoded(sheet(BLUE, RED))
    only = gateway_pb2.StampFilter(die_groups=[1])
    async with gateway(two_rings()) as stub:
        response = await stub.EraseStamps(erase(data, only=only), timeout=TIMEOUT_S)
        analysis = await stub.AnalyzeDocument(gateway_pb2.AnalyzeDocumentRequest(document=data), timeout=TIMEOUT_S)
    groups = [stamp.die_group for stamp in analysis.pages[0].stamps]
    assert [stamp.die_group for stamp in response.pages[0].stamps] == groups
    for stamp in response.pages[0].stamps:
        assert (stamp.outcome == Outcome.ERASE_OUTCOME_NOT_SELECTED) == (stamp.die_group != 1)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"pages": "7"}, "pages"),
        ({"min_score": 2.0}, "min_score"),
        ({"priority": 9}, "priority"),
        ({"preset": 9}, "preset"),
        ({"only": gateway_pb2.StampFilter(types=[99])}, "only.types"),  # type: ignore[list-item]
        ({"only": gateway_pb2.StampFilter(die_groups=[0])}, "only.die_groups"),
        ({"keep": [gateway_pb2.StampPlace(page=1, stamp=0)]}, "keep"),
        ({"keep": [gateway_pb2.StampPlace(page=1, stamp=3)]}, "keep"),
        ({"keep": [gateway_pb2.StampPlace(page=3, stamp=1)]}, "keep"),
        ({"document": b""}, "document"),
        ({"document": b"no picture"}, "document"),
        ({"document": b"%PDF-1.7 and no more"}, "document"),
    ],
)
async def test_what_cannot_be_asked_is_refused(options: dict[str, Any], field: str) -> None:
    async with gateway(one_ring()) as stub:
        error = await refusal(
            stub.EraseStamps(Request(**{"document": encoded(sheet(BLUE)), **options}), timeout=TIMEOUT_S)
        )
    assert (error.code(), fields(error)) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_a_pdf_stays_a_pdf() -> None:
    file = io.BytesIO()
    sheet(BLUE).save(file, "PNG", dpi=(150, 150))
    data = img2pdf.convert([file.getvalue(), file.getvalue()])
    async with gateway(one_ring()) as stub:
        response = await stub.EraseStamps(erase(data), timeout=TIMEOUT_S)
    assert response.media_type == "application/pdf"
    assert outcomes(response) == [[Outcome.ERASE_OUTCOME_ERASED]] * 2
    assert chroma_of(response.document) < 0.01 * chroma_of(data)


async def test_a_page_at_which_the_process_ends_costs_no_other_page_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    erase_of_decoder = Decoder.erase
    killed: list[int] = []

    def erase_or_end(self: Decoder, index: int, *rest: Any) -> Any:
        if index == 1:
            killed.append(self.pid)
            os.kill(self.pid, signal.SIGKILL)
        return erase_of_decoder(self, index, *rest)

    monkeypatch.setattr(Decoder, "erase", erase_or_end)
    data = encoded(sheet(BLUE), sheet(BLUE), sheet(BLUE))
    async with gateway(one_ring(), decoders=1) as stub:
        response = await stub.EraseStamps(erase(data), timeout=TIMEOUT_S)
    assert len(killed) == 1
    assert [page.status.code for page in response.pages] == [0, 3, 0]
    assert "crash" in response.pages[1].status.message
    pages = Image.open(io.BytesIO(response.document))
    left = []
    for number in range(3):
        pages.seek(number)
        left.append(int((coloured(np.asarray(pages.convert("RGB"))) > 0).sum()))
    assert left[1] == chroma_of(data)
    assert max(left[0], left[2]) < 0.01 * left[1]


async def test_a_file_larger_than_an_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "MAX_MESSAGE_BYTES", 2**20 + 1000)
    async with gateway(one_ring()) as stub:
        error = await refusal(stub.EraseStamps(erase(encoded(sheet(BLUE))), timeout=TIMEOUT_S))
    assert (error.code(), fields(error)) == (grpc.StatusCode.INVALID_ARGUMENT, ["document"])
    assert "ask for fewer pages a call" in (error.details() or "")


async def test_a_caller_who_goes_ends_the_work_and_the_gateway_goes_on(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def wait(request: Any, context: Any) -> None:
        begun.set()
        await asyncio.sleep(TIMEOUT_S)

    script = one_ring(on_segment=wait)
    async with gateway(script) as stub:
        call = stub.EraseStamps(erase(encoded(sheet(BLUE))), timeout=TIMEOUT_S)
        waiting = asyncio.ensure_future(call)
        await begun.wait()
        waiting.cancel()
        await eventually(lambda: bool(script.cancelled))
        script.on_segment = nothing_more
        response = await stub.EraseStamps(erase(encoded(sheet(BLUE))), timeout=TIMEOUT_S)
    assert outcomes(response) == [[Outcome.ERASE_OUTCOME_ERASED]]


async def nothing_more(request: Any, context: Any) -> None:
    pass


async def test_a_deadline_ends_the_call() -> None:
    async def wait(request: Any, context: Any) -> None:
        await asyncio.sleep(TIMEOUT_S)

    async with gateway(one_ring(on_detect=wait)) as stub:
        error = await refusal(stub.EraseStamps(erase(encoded(sheet(BLUE))), timeout=0.5))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_ink_everywhere_on_black_is_kept_with_a_reason() -> None:
    async with gateway(Scripted(boxes=[(4.0, 2.0, 30.0, 28.0)], ink=darkness)) as stub:
        response = await stub.EraseStamps(erase(encoded(Image.new("RGB", (400, 400), "white"))), timeout=TIMEOUT_S)
    (found,) = response.pages[0].stamps
    assert found.outcome == Outcome.ERASE_OUTCOME_KEPT
    assert found.reason
