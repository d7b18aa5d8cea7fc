"""Streams of documents through the gateway, also when its process shuts down."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest

from services.gateway.document.stream import Analyze, Document, DocumentStream
from services.gateway.upstream.deadline import Deadline
from services.runtime.batching.refusals import NotServing
from services.runtime.serving.byte_budget import ByteBudget
from stamp2vec.decoding import SharedFile
from stamp2vec.v1 import common_pb2, detector_pb2, gateway_pb2
from tests.services.gateway import (
    TIMEOUT_S,
    document,
    eventually,
    gateway,
    gateway_channel,
    numbered,
    until_cancelled,
)
from tests.services.scripted import Scripted

Request = gateway_pb2.AnalyzeDocumentsRequest
Response = gateway_pb2.AnalyzeDocumentResponse


def stream_of(
    analyze: Analyze, ending: asyncio.Event, budget: ByteBudget | None = None, **options: float
) -> DocumentStream:
    return DocumentStream(analyze, budget or ByteBudget(1000), SharedFile.close, lambda: None, ending, **options)


async def test_a_stream_responds_to_each_document_by_its_id_and_continues_after_a_bad_one() -> None:
    script = Scripted()

    async def requests() -> AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest]:
        yield numbered("first")
        yield gateway_pb2.AnalyzeDocumentsRequest(id="bad", document={"document": b"no image"})  # type: ignore[arg-type]
        yield numbered("")
        yield numbered("last", priority=common_pb2.PRIORITY_INTERACTIVE)

    async with gateway(script) as stub:
        responses = {response.id: response async for response in stub.AnalyzeDocuments(requests(), timeout=TIMEOUT_S)}
    assert {name: response.status.code for name, response in responses.items()} == {
        "first": 0,
        "bad": 3,
        "": 3,
        "last": 0,
    }
    assert responses["bad"].status.field == "document"
    assert responses[""].status.field == "id"
    assert len(responses["last"].result.pages[0].stamps) == 1
    priorities = [each.priority for each in script.requests if isinstance(each, detector_pb2.DetectRequest)]
    assert sorted(priorities) == [common_pb2.PRIORITY_INTERACTIVE, common_pb2.PRIORITY_BULK]


async def test_bytes_that_are_no_message_end_a_stream_after_the_documents_before_them() -> None:
    path = "/stamp2vec.v1.StampService/AnalyzeDocuments"
    async with gateway_channel(Scripted()) as channel:
        call: Any = channel.stream_stream(path)(timeout=TIMEOUT_S)
        for data in (numbered("a").SerializeToString(), numbered("b").SerializeToString(), b"\xff"):
            await call.write(data)
        answers = [gateway_pb2.AnalyzeDocumentsResponse.FromString(await call.read()) for _ in range(2)]
        with pytest.raises(grpc.aio.AioRpcError, match="no message of this method"):
            await call.read()
        assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert {answer.id: answer.status.code for answer in answers} == {"a": 0, "b": 0}


async def test_an_id_may_not_run_twice_at_once() -> None:
    script = Scripted(on_detect=until_cancelled)

    async def requests() -> AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest]:
        yield numbered("same")
        yield numbered("same")
        await asyncio.Event().wait()

    async with gateway(script) as stub:
        call = stub.AnalyzeDocuments(requests(), timeout=TIMEOUT_S)
        response = await anext(aiter(call))
        assert (response.id, response.status.code, response.status.field) == ("same", 3, "id")
        await eventually(lambda: bool(script.requests))
        call.cancel()
        await eventually(lambda: script.cancelled == ["DetectRequest"])


async def test_a_stream_runs_eight_documents_and_reads_no_further() -> None:
    arrived, open_gate = 0, asyncio.Event()

    async def hold(request: Any, context: Any) -> None:
        nonlocal arrived
        arrived += 1
        await open_gate.wait()

    script = Scripted(on_detect=hold)

    async def requests() -> AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest]:
        for index in range(20):
            yield numbered(str(index))

    async with gateway(script) as stub:
        call = stub.AnalyzeDocuments(requests(), timeout=TIMEOUT_S)
        reading = asyncio.ensure_future(_all(call))
        await eventually(lambda: arrived == 8)
        # A document that is not on a stream still gets through: so the ninth would have, had it been read.
        plain = asyncio.ensure_future(stub.AnalyzeDocument(document(100), timeout=TIMEOUT_S))
        await eventually(lambda: arrived == 9)
        await asyncio.sleep(0.1)
        assert arrived == 9
        open_gate.set()
        responses = await reading
        await plain
    assert sorted(int(response.id) for response in responses) == list(range(20))


async def _all(call: Any) -> list[gateway_pb2.AnalyzeDocumentsResponse]:
    return [response async for response in call]


async def test_a_stream_waits_where_a_call_is_refused() -> None:
    """The gateway admits one call at a time; the eight documents of a stream queue for it."""
    async with gateway(Scripted(), capacity=1) as stub:

        async def requests() -> AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest]:
            for index in range(8):
                yield numbered(str(index))

        responses = await _all(stub.AnalyzeDocuments(requests(), timeout=TIMEOUT_S))
    assert [response.status.code for response in responses] == [0] * 8


async def test_a_stream_on_shutdown_reads_no_more_and_finishes_its_documents() -> None:
    ending, may_answer, read = asyncio.Event(), asyncio.Event(), asyncio.Queue[str]()

    async def requests() -> AsyncIterator[Request]:
        for name in ("a", "b"):
            read.put_nowait(name)
            yield Request(id=name)
        await asyncio.Event().wait()  # a caller that keeps its stream open

    async def analyze(_: Document, __: Deadline) -> Response:
        await may_answer.wait()
        return Response(request_id="done")

    stream = stream_of(analyze, ending).answers(aiter(requests()))
    first = asyncio.ensure_future(anext(stream))
    assert [await read.get(), await read.get()] == ["a", "b"]
    ending.set()
    await asyncio.sleep(0)
    may_answer.set()
    assert sorted([(await first).id, (await anext(stream)).id]) == ["a", "b"]
    with pytest.raises(NotServing, match="open the stream again"):
        await anext(stream)


async def test_an_idle_stream_ends_at_once() -> None:
    ending = asyncio.Event()

    async def requests() -> AsyncIterator[Request]:
        await asyncio.Event().wait()
        yield Request()

    async def analyze(_: Document, __: Deadline) -> Response:
        raise AssertionError("nothing was sent")

    stream = stream_of(analyze, ending).answers(aiter(requests()))
    first = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    ending.set()
    with pytest.raises(NotServing):
        await first


async def test_a_stream_that_the_caller_ended_ends_without_error() -> None:
    async def requests() -> AsyncIterator[Request]:
        yield Request(id="a")

    async def analyze(_: Document, __: Deadline) -> Response:
        return Response()

    found = [answer.id async for answer in stream_of(analyze, asyncio.Event()).answers(aiter(requests()))]
    assert found == ["a"]
