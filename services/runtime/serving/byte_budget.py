"""How many bytes calls take at once."""

import asyncio
from collections import deque
from types import TracebackType
from typing import Self


class ByteBudget:
    """Bounds the bytes that all calls together hold; who comes first is served first."""

    def __init__(self, size: int) -> None:
        """`size` is in bytes; more is granted at once to nobody."""
        self.size = size
        self.taken = 0
        self.given_back = 0
        """Bytes that were ever given back."""
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for room."""
        return any(not turn.done() for _, turn in self._waiting)

    def hold(self) -> "Hold":
        """The share of one call; use it in a `with`."""
        return Hold(self)

    async def take(self, count: int) -> int:
        """Waits until there is room for so many bytes, or for all that there is; how many were taken."""
        count = min(count, self.size)
        if not self.try_take(count):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((count, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self.give_back(count)
                else:
                    self._serve()
                raise
        return count

    def try_take(self, count: int) -> bool:
        """Takes so many bytes if there is room for them and nobody waits."""
        self._waiting = deque((size, turn) for size, turn in self._waiting if not turn.done())
        if self._waiting or self.taken + count > self.size:
            return False
        self.taken += count
        return True

    def give_back(self, count: int) -> None:
        """Makes room for others."""
        self.taken -= count
        self.given_back += count
        self._serve()

    def _serve(self) -> None:
        while self._waiting:
            count, turn = self._waiting[0]
            if not turn.done():
                if self.taken + count > self.size:
                    return
                self.taken += count
                turn.set_result(None)
            self._waiting.popleft()


class Hold:
    """The bytes of one call, all of which are given back when it is closed, or at the end of a `with`.

    Threads may still be at work for a call that is over: a closed hold takes nothing, and has nothing to give back.
    """

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._taken = 0
        self._taking: set[asyncio.Task[int]] = set()
        self.is_closed = False
        """Whether its call is over."""

    async def take(self, count: int) -> int:
        """Waits until there is room for so many bytes more; how many were taken. Cancelled at the end of the hold."""
        if self.is_closed:
            raise asyncio.CancelledError
        taking = asyncio.create_task(self._budget.take(count))
        self._taking.add(taking)
        try:
            taken = await taking
        finally:
            self._taking.discard(taking)
        if self.is_closed:  # between the room that was made and now
            self._budget.give_back(taken)
            raise asyncio.CancelledError
        self._taken += taken
        return taken

    def try_take(self, count: int) -> bool:
        """Takes so many bytes more if there is room for them."""
        is_taken = not self.is_closed and self._budget.try_take(count)
        self._taken += count if is_taken else 0
        return is_taken

    def give_back(self, count: int) -> None:
        """Makes room for others; a negative count takes what is there already, room or not."""
        if self.is_closed:
            return
        self._taken -= count
        self._budget.give_back(count)

    def close(self) -> None:
        """Gives all back, and ends what still waits for more."""
        for taking in self._taking:
            taking.cancel()
        self.give_back(self._taken)
        self.is_closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
