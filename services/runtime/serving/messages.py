"""The bytes of requests and responses that a server holds at once.

gRPC reads a request whole before its handler is called, and keeps a response until its caller has taken it, however
many there are. So handlers are called when the headers have come, and read the request themselves once there is room
for the largest that there may be: until then its sender waits, by HTTP/2's flow control.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any

from google.protobuf.message import DecodeError, Message

from services.runtime.batching.refusals import QueueFull
from services.runtime.serving.byte_budget import ByteBudget
from services.runtime.serving.errors import AioContext
from stamp2vec.errors import InvalidInput
from stamp2vec.limits import MAX_MESSAGE_BYTES

PATIENCE_S = 5.0  # that a sender has for one request while others wait
_SMALL_BYTES = 2**20  # of a response: so few need no room
_RETRY_S = 1.0


def parser(parse: Callable[[bytes], Message]) -> Callable[[bytes], Message | InvalidInput]:
    """A deserialiser that never raises: gRPC would answer UNKNOWN, and log a stack trace, for any stranger's bytes."""

    def parsed(data: bytes) -> Message | InvalidInput:
        try:
            return parse(data)
        except DecodeError:
            return InvalidInput("the request is no message of this method: generate the stub anew")

    return parsed


def readable(request: Message | InvalidInput) -> Message:
    """What a parser gave. Raises the InvalidInput that it is."""
    if isinstance(request, InvalidInput):
        raise request
    return request


class Messages:
    """One for each server."""

    def __init__(
        self,
        budget: ByteBudget,
        admit: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`budget` has room for one message of the largest size at least.

        `admit` is entered for each call of a "/package.Service/Method" before its request is read, and left when it has
        been answered. It raises what a call is refused with: its request is then neither read nor parsed.
        """
        self._budget, self._admit, self._patience_s = budget, admit, patience_s
        self._reading: dict[asyncio.Task[Any], float] = {}  # since when, oldest first

    @asynccontextmanager
    async def room(self, method: str) -> "AsyncIterator[Room]":
        """Room for the request of a call, until the end of the `with`. QueueFull when others take too long to come."""
        with self._admit(method):
            room = Room(self, self._budget)
            await self._take(room.size)
            try:
                yield room
            finally:
                self._budget.give_back(room.size)

    def respond(self, response: Message, context: AioContext) -> None:
        """Counts a response until its call is over: its caller may take its time. QueueFull without room for it."""
        size = response.ByteSize()
        if size <= _SMALL_BYTES:
            return
        if not self._budget.try_take(size):
            raise QueueFull(_RETRY_S)
        context.add_done_callback(lambda _: self._budget.give_back(size))  # type: ignore[arg-type]

    async def _take(self, count: int) -> None:
        if self._budget.try_take(count):  # as nearly always, and without a task
            return
        taking = asyncio.create_task(self._budget.take(count))
        try:
            while not taking.done():
                await asyncio.wait([taking], timeout=self._patience_s / 4)
                self._stop_slow_senders()
        finally:
            if not taking.done() or taking.cancelled():
                taking.cancel()
            elif (task := asyncio.current_task()) is not None and task.cancelling():
                self._budget.give_back(count)

    async def read(self, read: Callable[[], Awaitable[Any]]) -> Any:
        """What `read` gives. QueueFull when that comes too slowly while others wait."""
        reading = asyncio.ensure_future(read())
        self._reading[reading] = asyncio.get_running_loop().time()
        try:
            return await reading
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and not task.cancelling():
                raise QueueFull(_RETRY_S) from None  # it was stopped, not its call
            raise
        finally:
            self._reading.pop(reading, None)
            reading.cancel()

    def _stop_slow_senders(self) -> None:
        now_s = asyncio.get_running_loop().time()
        for reading, since_s in self._reading.items():
            if now_s - since_s > self._patience_s:
                reading.cancel()


class Room:
    """What the request of one call takes."""

    def __init__(self, messages: Messages, budget: ByteBudget) -> None:
        self._messages, self._budget = messages, budget
        self.size = min(MAX_MESSAGE_BYTES, budget.size)
        """Bytes that are taken: those of the largest request until it has come, and then its own."""

    async def request(self, context: AioContext, parse: Callable[[bytes], Message]) -> Message:
        """The one request of a call, which nobody but the caller of this holds.

        Raises InvalidInput when it is none, and QueueFull when it comes too slowly while others wait.
        """
        data = await self._messages.read(context.read)
        if not isinstance(data, bytes):
            raise InvalidInput("the call has no request: send one")
        self._budget.give_back(self.size - len(data))
        self.size = len(data)
        return readable(parser(parse)(data))
