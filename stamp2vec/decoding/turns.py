"""Two lines of those who wait for the next free one of a few: somebody waits for the urgent ones' answers."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

BULK_TURN = 4


class Turns(Generic[T]):
    """Oldest first, urgent before bulk; while both wait, every fourth turn is bulk's. Used on one event loop."""

    def __init__(self) -> None:
        self._urgent: deque[asyncio.Future[T]] = deque()
        self._bulk: deque[asyncio.Future[T]] = deque()
        self._turn = 0

    @property
    def is_urgent(self) -> bool:
        """Whether an urgent one waits. Any thread may ask."""
        return bool(self._urgent)

    async def wait(self, give_back: Callable[[T], None], *, urgent: bool) -> T:
        """What `serve` hands over; it goes to `give_back` when its waiter is cancelled at that moment."""
        turn: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        line = self._urgent if urgent else self._bulk
        line.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn in line:
                line.remove(turn)
            elif not turn.cancelled():
                give_back(turn.result())
            raise

    def serve(self, free: T) -> bool:
        """Hands it to whose turn it is; false when nobody waits."""
        while self._urgent or self._bulk:
            turn = self._next()
            if not turn.done():
                turn.set_result(free)
                return True
        return False

    def _next(self) -> asyncio.Future[T]:
        if self._urgent and self._bulk:
            self._turn = (self._turn + 1) % BULK_TURN
            return (self._urgent if self._turn else self._bulk).popleft()
        return (self._urgent or self._bulk).popleft()
