"""The room for requests and responses: who waits for it, who is stopped, and that all of it is given back."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any, cast

import pytest

from services.runtime.batching.refusals import QueueFull
from services.runtime.serving.byte_budget import ByteBudget
from services.runtime.serving.errors import AioContext
from services.runtime.serving.messages import Messages
from stamp2vec.errors import InvalidInput
from stamp2vec.limits import MAX_MESSAGE_BYTES
from stamp2vec.v1 import gateway_pb2

Request = gateway_pb2.AnalyzeDocumentRequest
LARGEST = MAX_MESSAGE_BYTES


async def sent(data: bytes, after: asyncio.Event | None = None) -> AsyncGenerator[bytes]:
    if after is not None:
        await after.wait()
    yield data


async def held(messages: Messages, data: bytes, until: asyncio.Event, after: asyncio.Event | None = None) -> Request:
    async with messages.request(sent(data, after), Request.FromString) as request:
        await until.wait()
        return cast(Request, request)


async def settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_request_counts_until_it_is_answered() -> None:
    budget, done = ByteBudget(2 * LARGEST), asyncio.Event()
    data = Request(document=bytes(1000)).SerializeToString()
    task = asyncio.ensure_future(held(Messages(budget), data, done))
    await settled(lambda: budget.taken == len(data))
    done.set()
    assert len((await task).document) == 1000
    assert budget.taken == 0


async def test_who_gave_a_request_holds_it_no_longer() -> None:
    closed: list[bool] = []

    async def parts() -> AsyncGenerator[bytes]:
        data = Request(document=bytes(1000)).SerializeToString()
        try:
            yield data
        finally:
            closed.append(True)

    async with Messages(ByteBudget(LARGEST)).request(parts(), Request.FromString):
        assert closed == [True]


async def test_a_request_is_not_read_before_there_is_room_for_the_largest() -> None:
    budget, done, now = ByteBudget(LARGEST + 100), asyncio.Event(), asyncio.Event()
    messages = Messages(budget)
    data = Request(document=bytes(1000)).SerializeToString()
    first = asyncio.ensure_future(held(messages, data, done, now))
    await settled(lambda: budget.taken == LARGEST)
    read: list[bool] = []

    async def watched() -> AsyncGenerator[bytes]:
        read.append(True)
        yield data

    async def second() -> None:
        async with messages.request(watched(), Request.FromString):
            pass

    task = asyncio.ensure_future(second())
    await asyncio.sleep(0.05)
    assert not read
    now.set()
    await asyncio.sleep(0.05)
    assert not read, "the first is in work and leaves too little room"
    done.set()
    await asyncio.gather(first, task)
    assert read
    assert budget.taken == 0


async def test_a_slow_sender_is_stopped_when_others_wait() -> None:
    budget, done, never = ByteBudget(LARGEST), asyncio.Event(), asyncio.Event()
    messages = Messages(budget, patience_s=0.1)
    slow = asyncio.ensure_future(held(messages, b"", done, never))
    await settled(lambda: budget.taken == LARGEST)
    await asyncio.sleep(0.2)
    assert not slow.done(), "nobody waits"
    done.set()
    assert await held(messages, b"", done) == Request()
    with pytest.raises(QueueFull):
        await slow
    assert budget.taken == 0


@pytest.mark.parametrize("cancelled", ["while it waits", "while it is read", "while it is answered"])
async def test_a_caller_that_goes_gives_all_back(cancelled: str) -> None:
    budget, done, never = ByteBudget(LARGEST), asyncio.Event(), asyncio.Event()
    messages = Messages(budget)
    if cancelled == "while it waits":
        await budget.take(10)
    task = asyncio.ensure_future(held(messages, b"", never, never if cancelled == "while it is read" else None))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    if cancelled == "while it waits":
        budget.give_back(10)
    done.set()
    assert await held(messages, b"", done) == Request()
    assert budget.taken == 0


async def test_bytes_that_are_no_message_are_the_callers_fault() -> None:
    budget = ByteBudget(LARGEST)
    with pytest.raises(InvalidInput, match="no message of this method"):
        async with Messages(budget).request(sent(b"\xff\xff"), Request.FromString):
            pass
    assert budget.taken == 0


class Context:
    """The part of a call's context that is used here."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[Any], None]] = []

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self.callbacks.append(callback)


async def test_a_large_response_counts_until_its_call_is_over_and_a_small_one_does_not() -> None:
    budget, context = ByteBudget(3 * 2**20), Context()
    messages, taken = Messages(budget), cast(AioContext, context)
    large = gateway_pb2.AnalyzeDocumentResponse(request_id="x" * 2**21)
    messages.respond(gateway_pb2.AnalyzeDocumentResponse(request_id="x"), taken)
    assert (budget.taken, context.callbacks) == (0, [])
    messages.respond(large, taken)
    assert budget.taken == large.ByteSize()
    with pytest.raises(QueueFull):
        messages.respond(large, taken)
    context.callbacks[0](None)
    assert budget.taken == 0
