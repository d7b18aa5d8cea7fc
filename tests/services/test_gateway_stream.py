"""Streams when their process shuts down."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.gateway.document.stream import answers
from services.gateway.upstream.deadline import Deadline
from services.runtime.batching.refusals import NotServing
from stamp2vec.v1 import gateway_pb2

Request = gateway_pb2.AnalyzeDocumentsRequest
Response = gateway_pb2.AnalyzeDocumentResponse


async def test_a_stream_on_shutdown_reads_no_more_and_finishes_its_documents() -> None:
    ending, may_answer, read = asyncio.Event(), asyncio.Event(), asyncio.Queue[str]()

    async def requests() -> AsyncIterator[Request]:
        for name in ("a", "b"):
            read.put_nowait(name)
            yield Request(id=name)
        await asyncio.Event().wait()  # a caller that keeps its stream open

    async def analyze(_: gateway_pb2.AnalyzeDocumentRequest, __: Deadline) -> Response:
        await may_answer.wait()
        return Response(request_id="done")

    stream = answers(aiter(requests()), analyze, lambda: None, ending)
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

    async def analyze(_: gateway_pb2.AnalyzeDocumentRequest, __: Deadline) -> Response:
        raise AssertionError("nothing was sent")

    stream = answers(aiter(requests()), analyze, lambda: None, ending)
    first = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    ending.set()
    with pytest.raises(NotServing):
        await first


async def test_a_stream_that_the_caller_ended_ends_without_error() -> None:
    async def requests() -> AsyncIterator[Request]:
        yield Request(id="a")

    async def analyze(_: gateway_pb2.AnalyzeDocumentRequest, __: Deadline) -> Response:
        return Response()

    found = [answer.id async for answer in answers(aiter(requests()), analyze, lambda: None, asyncio.Event())]
    assert found == ["a"]
