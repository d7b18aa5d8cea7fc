"""Lines of those who wait for what there is too little of: the urgent first, and owners of work in turn."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Generic, TypeVar

T = TypeVar("T")

BULK_TURN = 4

owner: ContextVar[str] = ContextVar("owner", default="")
"""Whose work the current task does. Who asks for much waits behind their own, and not before others."""


class Line(Generic[T]):
    """Of each owner the oldest first, and owners one after the other."""

    def __init__(self) -> None:
        self._of: dict[str, deque[T]] = {}  # whose turn it is comes first

    def __bool__(self) -> bool:
        """Whether somebody waits. Any thread may ask."""
        return bool(self._of)

    def __iter__(self) -> Iterator[T]:
        """All who wait."""
        return (one for line in self._of.values() for one in line)

    @property
    def first(self) -> T:
        """Whose turn it is."""
        return next(iter(self._of.values()))[0]

    def append(self, one: T) -> None:
        """At the end of what the current task's owner has there."""
        self._of.setdefault(owner.get(), deque()).append(one)

    def popleft(self) -> T:
        """Takes out the first; the next turn is another owner's, where there is one."""
        name, line = next(iter(self._of.items()))
        one = line.popleft()
        del self._of[name]
        if line:
            self._of[name] = line
        return one

    def remove(self, one: T) -> bool:
        """Takes one out who waits no more; false when it does not wait here."""
        for name, line in self._of.items():
            if one in line:
                line.remove(one)
                if not line:
                    del self._of[name]
                return True
        return False


class Turns(Generic[T]):
    """Two lines for the next free one of a few, urgent before bulk; while both wait, every fourth turn is bulk's.

    Used on one event loop.
    """

    def __init__(self) -> None:
        self._urgent: Line[asyncio.Future[T]] = Line()
        self._bulk: Line[asyncio.Future[T]] = Line()
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
            if not line.remove(turn) and not turn.cancelled():
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
