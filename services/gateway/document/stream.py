"""Many documents over one stream: a few in work at a time, answered as they finish."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import grpc.aio

from services.gateway.upstream.deadline import Deadline
from services.gateway.validation import check_id
from services.runtime.batching.refusals import HopelessDeadline, NotServing, QueueFull
from services.runtime.observability import tracing
from services.runtime.serving.errors import item_status, problem
from stamp2vec.v1 import common_pb2, gateway_pb2

MAX_IN_WORK = 8

Analyze = Callable[[gateway_pb2.AnalyzeDocumentRequest, Deadline], Awaitable[gateway_pb2.AnalyzeDocumentResponse]]
Answer = gateway_pb2.AnalyzeDocumentsResponse


async def answers(
    requests: AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest],
    analyze: Analyze,
    remaining_s: Callable[[], float | None],
    ending: asyncio.Event,
) -> AsyncGenerator[Answer, None]:
    """Reads no further while 8 documents are in work or their responses not taken.

    A failed document gets an error response. Once `ending` is set it reads no more at all, responds to what it has, and
    raises NotServing. Each document has what is left of the stream's deadline, or 30 s where there is none. Closing
    this iterator cancels all that is in work.
    """
    reading: asyncio.Task[gateway_pb2.AnalyzeDocumentsRequest] | None = None
    work: dict[asyncio.Task[Answer], str] = {}
    end = asyncio.create_task(ending.wait())
    ended = False
    try:
        while work or not (ended or end.done()):
            if reading is None and not ended and not end.done() and len(work) < MAX_IN_WORK:
                reading = asyncio.ensure_future(anext(requests))
            waiting = {*work, reading} if reading else {*work}
            await asyncio.wait(waiting if end.done() else {*waiting, end}, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in work if task.done()]:
                yield task.result()
                del work[task]
            if reading and reading.done():
                try:
                    request = reading.result()
                except StopAsyncIteration:
                    ended = True
                else:
                    in_work = frozenset(work.values())
                    task = asyncio.create_task(_answer(request, in_work, analyze, Deadline.after(remaining_s())))
                    work[task] = request.id
                reading = None
        if not ended:
            raise NotServing("this server is shutting down: open the stream again and send what has no answer yet")
    finally:
        left = [*work, reading, end] if reading else [*work, end]
        for each in left:
            each.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _answer(
    request: gateway_pb2.AnalyzeDocumentsRequest, in_work: frozenset[str], analyze: Analyze, deadline: Deadline
) -> Answer:
    document = request.document
    document.priority = document.priority or common_pb2.PRIORITY_BULK
    try:
        check_id(request.id, in_work)
        with tracing.stage("document"):
            return Answer(id=request.id, result=await _patiently(analyze, document, deadline))
    except Exception as error:
        return Answer(id=request.id, status=item_status(error))


async def _patiently(
    analyze: Analyze, document: gateway_pb2.AnalyzeDocumentRequest, deadline: Deadline
) -> gateway_pb2.AnalyzeDocumentResponse:
    """A stream yields when all is busy: it retries after the pushback that it got, until its deadline."""
    while True:
        try:
            return await analyze(document, deadline)
        except (QueueFull, HopelessDeadline, grpc.aio.AioRpcError) as error:
            retry_after_s = problem(error).retry_after_s
            if retry_after_s is None or retry_after_s >= deadline.remaining_s():
                raise
        await asyncio.sleep(retry_after_s)
