"""Documents through the gateway page by page, in pieces, in part, and past pages that cannot be decoded."""

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from services.gateway.document.pages import Group, PageReader
from services.gateway.document.stream import Document
from services.gateway.upstream.deadline import Deadline
from services.gateway.validation import DOCUMENT_LIMITS
from services.runtime.serving.byte_budget import ByteBudget, Hold
from stamp2vec.decoding import Decoder, DecoderLimits, DecoderPool, SharedFile
from stamp2vec.v1 import common_pb2, detector_pb2, gateway_pb2
from stamp2vec.wire.models import info_from_message
from tests.services.gateway import TIMEOUT_S, document, encoded, eventually, fields, gateway, grey, refusal
from tests.services.scripted import Scripted, info, rim
from tests.services.test_gateway_streams import stream_of

Request = gateway_pb2.AnalyzeDocumentsRequest
LIMITS = DecoderLimits(page_s=20.0, memory_bytes=2**29)


async def sent(*requests: Request) -> AsyncIterator[Request]:
    for request in requests:
        yield request


async def test_pages_are_answered_one_by_one_and_then_the_rest() -> None:
    asked = document(100, 150, 200)
    async with gateway(Scripted()) as stub:
        whole = await stub.AnalyzeDocument(asked, timeout=TIMEOUT_S)
        stream = stub.AnalyzeDocuments(sent(Request(id="a", document=asked, page_by_page=True)), timeout=TIMEOUT_S)
        responses = [response async for response in stream]
    *pages, last = responses
    assert [each.page.index for each in pages] == [0, 1, 2]
    assert not any(each.HasField("status") or each.HasField("result") for each in pages)
    assert not last.HasField("page")
    assert (last.result.page_count, len(last.result.pages)) == (3, 0)
    assert last.result.similarity.values == whole.similarity.values
    assert list(last.result.die_groups) == [stamp.die_group for page in whole.pages for stamp in page.stamps]
    for each, page in zip(pages, whole.pages, strict=True):
        for stamp in page.stamps:
            stamp.die_group = 0
        assert each.page == page


async def test_pictures_of_more_pages_than_a_response_holds_come_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """What of them has been answered takes no room any more."""
    pictures = {"include_crops": True, "include_masks": True, "include_unrolled": True, "include_clean_stamps": True}
    asked = document(100, 150, 200, **pictures, include_vectors=False)
    async with gateway(Scripted(ink=rim)) as stub:
        whole = await stub.AnalyzeDocument(asked, timeout=TIMEOUT_S)
        room = max(page.ByteSize() for page in whole.pages) * 2
        monkeypatch.setattr("services.gateway.document.analysis.MAX_MESSAGE_BYTES", room)
        monkeypatch.setattr("services.gateway.document.analysis._GROUPS_IN_WORK", 1)
        monkeypatch.setattr("services.gateway.document.analysis.GROUP_PAGES", 1)
        error = await refusal(stub.AnalyzeDocument(asked, timeout=TIMEOUT_S))
        stream = stub.AnalyzeDocuments(sent(Request(id="a", document=asked, page_by_page=True)), timeout=TIMEOUT_S)
        *pages, last = [response async for response in stream]
    assert fields(error) == ["include_crops"]
    assert "leave out include_crops and leave out include_masks and leave out include_unrolled" in str(error.details())
    assert last.HasField("result")
    for each, page in zip(pages, whole.pages, strict=True):
        assert each.page == page
        assert len(page.stamps[0].unrolled) == 2


async def test_the_first_page_comes_while_the_others_are_in_work() -> None:
    calls, may_go_on = 0, asyncio.Event()

    async def hold(request: Any, context: Any) -> None:
        nonlocal calls
        calls += isinstance(request, detector_pb2.DetectRequest)
        if calls > 1:
            await may_go_on.wait()

    async with gateway(Scripted(on_detect=hold)) as stub:
        requests = sent(Request(id="a", document=document(100, 150), page_by_page=True))
        stream = aiter(stub.AnalyzeDocuments(requests, timeout=TIMEOUT_S))
        assert (await anext(stream)).page.index == 0
        may_go_on.set()
        assert (await anext(stream)).page.index == 1
        assert (await anext(stream)).HasField("result")


async def test_more_pages_than_a_response_holds_are_answered_one_by_one() -> None:
    many = encoded(*[grey(200, 16)] * 101)
    asked = gateway_pb2.AnalyzeDocumentRequest(document=many, include_vectors=False)
    async with gateway(Scripted()) as stub:
        error = await refusal(stub.AnalyzeDocument(asked, timeout=TIMEOUT_S))
        assert "more than 100 pages: split it, or ask for some of its pages" in (error.details() or "")
        stream = stub.AnalyzeDocuments(sent(Request(id="a", document=asked, page_by_page=True)), timeout=TIMEOUT_S)
        pages = [response.page.index async for response in stream if response.HasField("page")]
        asked.pages = "101"
        alone = await stub.AnalyzeDocument(asked, timeout=TIMEOUT_S)
    assert pages == list(range(101))
    assert ([page.index for page in alone.pages], alone.page_count) == ([100], 101)


@pytest.mark.parametrize("pages", ["4", "0", "3-2", "two", "1,,2"])
async def test_pages_that_are_not_there_are_the_callers_fault(pages: str) -> None:
    async with gateway(Scripted()) as stub:
        error = await refusal(stub.AnalyzeDocument(document(100, 150, 200, pages=pages), timeout=TIMEOUT_S))
    assert (error.code(), fields(error)) == (grpc.StatusCode.INVALID_ARGUMENT, ["pages"])


async def test_a_password_longer_than_any_is_the_callers_fault() -> None:
    async with gateway(Scripted()) as stub:
        assert (await stub.AnalyzeDocument(document(100, password="x" * 1000), timeout=TIMEOUT_S)).page_count == 1
        error = await refusal(stub.AnalyzeDocument(document(100, password="x" * 1001), timeout=TIMEOUT_S))
    assert (error.code(), fields(error)) == (grpc.StatusCode.INVALID_ARGUMENT, ["password"])


async def test_a_document_comes_in_pieces_beside_others() -> None:
    data = encoded(grey(100), grey(150))
    third = len(data) // 3

    def piece(name: str, start: int, *, continues: bool, **options: Any) -> Request:
        part = data[start : start + third] if continues else data[start:]
        asked = gateway_pb2.AnalyzeDocumentRequest(document=part, **options)
        return Request(id=name, document=asked, continues=continues)

    requests = sent(
        piece("a", 0, continues=True, pages="2"),
        piece("b", 0, continues=True),
        piece("a", third, continues=True),
        piece("b", third, continues=False),
        piece("a", 2 * third, continues=False),
        piece("cut", 2 * third, continues=False),
    )
    async with gateway(Scripted()) as stub:
        stream = stub.AnalyzeDocuments(requests, timeout=TIMEOUT_S)
        responses = {response.id: response async for response in stream}
    assert {name: response.status.code for name, response in responses.items()} == {"a": 0, "b": 0, "cut": 3}
    assert [page.index for page in responses["a"].result.pages] == [1]
    assert [page.index for page in responses["b"].result.pages] == [0, 1]


async def test_a_document_that_there_is_no_room_for_costs_no_other() -> None:
    analyzed: list[int] = []

    async def analyze(each: Document, deadline: Deadline) -> gateway_pb2.AnalyzeDocumentResponse:
        analyzed.append(each.file.size)
        return gateway_pb2.AnalyzeDocumentResponse()

    def piece(name: str, size: int, *, continues: bool) -> Request:
        return Request(id=name, document=gateway_pb2.AnalyzeDocumentRequest(document=bytes(size)), continues=continues)

    budget = ByteBudget(134)  # three quarters of which are for bulk
    stream = stream_of(analyze, asyncio.Event(), budget)
    requests = sent(
        piece("a", 60, continues=True),
        piece("b", 30, continues=True),
        piece("b", 30, continues=True),
        piece("b", 30, continues=False),
        piece("a", 40, continues=False),
    )
    answers = {answer.id: answer.status.code async for answer in stream.answers(requests)}
    assert answers == {"a": 0, "b": grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]}
    assert analyzed == [100]
    assert budget.taken == 0


async def test_a_half_sent_document_makes_room_for_those_who_wait() -> None:
    async def analyze(each: Document, deadline: Deadline) -> gateway_pb2.AnalyzeDocumentResponse:
        return gateway_pb2.AnalyzeDocumentResponse()

    def piece(name: str, size: int, *, continues: bool) -> Request:
        return Request(id=name, document=gateway_pb2.AnalyzeDocumentRequest(document=bytes(size)), continues=continues)

    may_go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[Request]:
        yield piece("a", 60, continues=True)
        await may_go_on.wait()
        yield piece("a", 40, continues=False)
        yield piece("b", 40, continues=False)

    budget = ByteBudget(100)
    stream = aiter(stream_of(analyze, asyncio.Event(), budget, patience_s=0.1).answers(slowly()))
    first = asyncio.ensure_future(anext(stream))
    await eventually(lambda: budget.taken == 60)
    await asyncio.sleep(0.3)
    assert budget.taken == 60, "nobody waits"
    assert await asyncio.wait_for(budget.take(70), TIMEOUT_S) == 70
    budget.give_back(70)
    may_go_on.set()
    assert (await first).status.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert (await anext(stream)).id == "b"
    assert [answer async for answer in stream] == []
    assert budget.taken == 0


async def read_all(reader: PageReader) -> list[Group]:
    groups = [await reader.next_group()]
    while not groups[-1].is_last:
        groups.append(await reader.next_group())
    return groups


def reader_of(file: SharedFile, pool: DecoderPool, hold: Hold, *, urgent: bool = True) -> PageReader:
    return PageReader(
        file,
        info_from_message(info("detector", common_pb2.TASK_DETECT)),
        pool,
        hold,
        Deadline.after(TIMEOUT_S),
        urgent=urgent,
        pages="",
        password=None,
        limits=DOCUMENT_LIMITS,
    )


async def test_a_page_that_makes_the_decoder_crash_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, budget = DecoderPool(1, LIMITS), ByteBudget(10**9)
    read, reads = Decoder.read, list[int]()

    def crash(decoder: Decoder, index: int, *rest: Any) -> Any:
        reads.append(index)
        if index == 1 and decoder._child is not None:
            os.kill(decoder._child.pid, signal.SIGSEGV)
        return read(decoder, index, *rest)

    monkeypatch.setattr(Decoder, "read", crash)
    with SharedFile(encoded(grey(100), grey(150), grey(200))) as file:
        (group,) = await read_all(reader_of(file, pool, budget.hold()))
    assert [each.page.index for each in group.pages] == [0, 2]
    assert [(each.index, "made the decoder crash" in str(each.error)) for each in group.broken] == [(1, True)]
    assert (reads, pool.restarts) == ([0, 1, 2], 1)
    await asyncio.sleep(0)  # what threads gave back arrives
    assert budget.taken == group.size
    await pool.close()


async def test_a_group_ends_where_there_is_no_room_for_the_next_page() -> None:
    pool = DecoderPool(1, LIMITS)
    one = 100 * 100 * 3
    with SharedFile(encoded(*[grey(100)] * 4)) as file:
        reader = reader_of(file, pool, ByteBudget(round(one * 2.5)).hold())
        group = await reader.next_group()
        assert (len(group.pages), group.is_last) == (1, False)
        waiting = asyncio.ensure_future(reader.next_group())
        await asyncio.sleep(0.2)
        assert not waiting.done(), "the first page of a group waits for room"
        reader._hold.give_back(group.size)
        assert [each.page.index for each in (await waiting).pages] == [1]
    await pool.close()


async def test_bulk_lets_go_of_its_decoder_after_a_page_while_somebody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, budget, loop = DecoderPool(1, LIMITS), ByteBudget(10**9), asyncio.get_running_loop()
    read, waits = Decoder.read, threading.Event()
    reading_bulk = asyncio.Event()

    def after_somebody_waits(decoder: Decoder, index: int, *rest: Any) -> Any:
        loop.call_soon_threadsafe(reading_bulk.set)
        waits.wait(10)
        return read(decoder, index, *rest)

    monkeypatch.setattr(Decoder, "read", after_somebody_waits)
    with SharedFile(encoded(*[grey(100)] * 8)) as long, SharedFile(encoded(*[grey(200)] * 8)) as other:
        bulk = asyncio.ensure_future(reader_of(long, pool, budget.hold(urgent=False), urgent=False).next_group())
        await reading_bulk.wait()
        urgent = asyncio.ensure_future(reader_of(other, pool, budget.hold()).next_group())
        await eventually(lambda: pool.is_urgent)
        waits.set()
        assert len((await bulk).pages) == 1
        assert len((await urgent).pages) == 8
    await pool.close()


@pytest.mark.parametrize("page_s", [0.05, 20.0], ids=["between two pages", "in the middle of one"])
async def test_a_caller_that_goes_leaves_nothing_taken_and_no_page_in_work(
    monkeypatch: pytest.MonkeyPatch, page_s: float
) -> None:
    pool, budget = DecoderPool(1, LIMITS), ByteBudget(10**9)
    hold, reads, loop, begun = budget.hold(), list[int](), asyncio.get_running_loop(), asyncio.Event()
    read = Decoder.read

    def slowly(decoder: Decoder, index: int, *rest: Any) -> Any:
        reads.append(index)
        loop.call_soon_threadsafe(begun.set)
        child = decoder._child
        assert child is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(page_s)  # only a kill ends it sooner
        return read(decoder, index, *rest)

    monkeypatch.setattr(Decoder, "read", slowly)
    with SharedFile(encoded(*[grey(100)] * 8)) as file:
        with hold:
            reading = asyncio.ensure_future(reader_of(file, pool, hold).next_group())
            await begun.wait()
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        await eventually(lambda: pool.busy == 0)
    await asyncio.sleep(0.05)  # what threads gave back arrives
    assert budget.taken == 0
    assert reads == [0]
    await pool.close()
