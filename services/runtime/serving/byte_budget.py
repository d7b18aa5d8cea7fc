"""How many bytes calls take at once."""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from stamp2vec.turns import Line

_BULK_SHARE = 0.75  # of the size, which bulk may fill: somebody waits for those who take the rest
_BULK_TURN = 4


class ByteBudget:
    """Bounds the bytes that all calls together hold: urgent before bulk, owners of work in turn, and of each the oldest
    first.

    Bulk may fill three quarters. While both wait, every fourth turn is bulk's, which then may fill all.
    """

    def __init__(self, size: int) -> None:
        """`size` is in bytes; more is granted at once to nobody."""
        self.size = size
        self.taken = 0
        self.given_back = 0
        """Bytes that were ever given back."""
        self._urgent: Line[_Turn] = Line()
        self._bulk: Line[_Turn] = Line()
        self._turn = 0  # of those since the last that was bulk's

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for room."""
        return any(not turn.future.done() for turn in (*self._urgent, *self._bulk))

    def hold(self, *, urgent: bool = True) -> "Hold":
        """The share of one call; use it in a `with`."""
        return Hold(self, urgent=urgent)

    async def take(self, count: int, *, urgent: bool = True) -> int:
        """Waits until there is room for so many bytes, or for all that it may have; how many were taken."""
        count = min(count, self._limit(urgent=urgent))
        if not self.try_take(count, urgent=urgent):
            turn = _Turn(count, asyncio.get_running_loop().create_future())
            (self._urgent if urgent else self._bulk).append(turn)
            try:
                await turn.future
            except asyncio.CancelledError:
                if turn.future.done() and not turn.future.cancelled():
                    self.give_back(count)
                else:
                    self._serve()
                raise
        return count

    def try_take(self, count: int, *, urgent: bool = True) -> bool:
        """Takes so many bytes if there is room for them and nobody waits who goes before."""
        self._forget()
        if self._urgent or (self._bulk and not urgent) or self.taken + count > self._limit(urgent=urgent):
            return False
        self.taken += count
        return True

    def give_back(self, count: int) -> None:
        """Makes room for others."""
        self.taken -= count
        self.given_back += count
        self._serve()

    def _limit(self, *, urgent: bool) -> int:
        return self.size if urgent else int(_BULK_SHARE * self.size)

    def _forget(self) -> None:
        for line in (self._urgent, self._bulk):
            while line and line.first.future.done():
                line.popleft()

    def _serve(self) -> None:
        self._forget()
        while self._urgent or self._bulk:
            both = bool(self._urgent and self._bulk)
            is_bulk = not self._urgent or (both and self._turn == _BULK_TURN - 1)
            turn = (self._bulk if is_bulk else self._urgent).first
            if self.taken + turn.count > self._limit(urgent=both or not is_bulk):
                return
            self._turn = (self._turn + 1) % _BULK_TURN if both else self._turn
            self.taken += turn.count
            turn.future.set_result(None)
            self._forget()


@dataclass(frozen=True, slots=True)
class _Turn:
    """Bytes that somebody waits for."""

    count: int
    future: asyncio.Future[None]


class Hold:
    """The bytes of one call, all of which are given back when it is closed, or at the end of a `with`.

    Threads may still be at work for a call that is over: a closed hold takes nothing, and has nothing to give back.
    """

    def __init__(self, budget: ByteBudget, *, urgent: bool) -> None:
        self._budget, self._urgent = budget, urgent
        self._taken = 0
        self._taking: set[asyncio.Task[int]] = set()
        self.is_closed = False
        """Whether its call is over."""

    async def take(self, count: int) -> int:
        """Waits until there is room for so many bytes more; how many were taken. Cancelled at the end of the hold."""
        if self.is_closed:
            raise asyncio.CancelledError
        taking = asyncio.create_task(self._budget.take(count, urgent=self._urgent))
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
        is_taken = not self.is_closed and self._budget.try_take(count, urgent=self._urgent)
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
