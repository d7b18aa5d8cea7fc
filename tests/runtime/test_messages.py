"""The room for requests and responses: who waits for it, who is stopped, and that all of it is given back."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
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


class Context:
    """The part of a call's context that is used here."""

    def __init__(self, data: bytes = b"", after: asyncio.Event | None = None) -> None:
        self.data, self.after, self.is_read = data, after, False
        self.callbacks: list[Callable[[Any], None]] = []

    async def read(self) -> bytes:
        self.is_read = True
        if self.after is not None:
            await self.after.wait()
        return self.data

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self.callbacks.append(callback)


async def held(messages: Messages, context: Context, until: asyncio.Event) -> Request:
    async with messages.room("/test.Service/Call") as room:
        request = await room.request(cast(AioContext, context), Request.FromString)
        await until.wait()
        return cast(Request, request)


async def settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_request_counts_until_it_is_answered() -> None:
    budget, done = ByteBudget(2 * LARGEST), asyncio.Event()
    data = Request(document=bytes(1000)).SerializeToString()
    task = asyncio.ensure_future(held(Messages(budget), Context(data), done))
    await settled(lambda: budget.taken == len(data))
    done.set()
    assert len((await task).document) == 1000
    assert budget.taken == 0


async def test_a_request_is_not_read_before_there_is_room_for_the_largest() -> None:
    budget, done, now = ByteBudget(LARGEST + 100), asyncio.Event(), asyncio.Event()
    messages = Messages(budget)
    data = Request(document=bytes(1000)).SerializeToString()
    first = asyncio.ensure_future(held(messages, Context(data, now), done))
    await settled(lambda: budget.taken == LARGEST)
    second = Context(data)
    task = asyncio.ensure_future(held(messages, second, done))
    await asyncio.sleep(0.05)
    assert not second.is_read
    now.set()
    await asyncio.sleep(0.05)
    assert not second.is_read, "the first is in work and leaves too little room"
    done.set()
    await asyncio.gather(first, task)
    assert budget.taken == 0


async def test_the_request_of_a_call_that_is_not_admitted_is_neither_read_nor_waits_for_room() -> None:
    budget, context, asked = ByteBudget(LARGEST), Context(b"\xff\xff"), list[str]()
    await budget.take(LARGEST)

    @contextlib.contextmanager
    def admit(method: str) -> Iterator[None]:
        asked.append(method)
        raise QueueFull(1.0)
        yield

    with pytest.raises(QueueFull):
        await held(Messages(budget, admit), context, asyncio.Event())
    assert not context.is_read
    assert (asked, budget.taken) == (["/test.Service/Call"], LARGEST)


async def test_a_slow_sender_is_stopped_when_others_wait() -> None:
    budget, done, never = ByteBudget(LARGEST), asyncio.Event(), asyncio.Event()
    messages = Messages(budget, patience_s=0.1)
    slow = asyncio.ensure_future(held(messages, Context(b"", never), done))
    await settled(lambda: budget.taken == LARGEST)
    await asyncio.sleep(0.2)
    assert not slow.done(), "nobody waits"
    done.set()
    assert await held(messages, Context(), done) == Request()
    with pytest.raises(QueueFull):
        await slow
    assert budget.taken == 0


@pytest.mark.parametrize("cancelled", ["while it waits", "while it is read", "while it is answered"])
async def test_a_caller_that_goes_gives_all_back(cancelled: str) -> None:
    budget, done, never = ByteBudget(LARGEST), asyncio.Event(), asyncio.Event()
    messages = Messages(budget)
    if cancelled == "while it waits":
        await budget.take(10)
    context = Context(b"", never if cancelled == "while it is read" else None)
    task = asyncio.ensure_future(held(messages, context, never))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    if cancelled == "while it waits":
        budget.give_back(10)
    done.set()
    assert await held(messages, Context(), done) == Request()
    assert budget.taken == 0


async def test_bytes_that_are_no_message_are_the_callers_fault() -> None:
    budget = ByteBudget(LARGEST)
    with pytest.raises(InvalidInput, match="no message of this method"):
        await held(Messages(budget), Context(b"\xff\xff"), asyncio.Event())
    assert budget.taken == 0


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
