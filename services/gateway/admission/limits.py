"""How much the gateway takes on at once: calls in work, and decoded pixels in memory."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from services.runtime.batching.refusals import QueueFull

_NEWEST_WEIGHT = 0.2  # of the moving average of how long a call takes
_MIN_RETRY_S = 0.05


class Admission:
    """Refuses calls beyond a number in work."""

    def __init__(self, capacity: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity, self._clock = capacity, clock
        self._usual_s = 0.0
        self.in_work = 0

    @contextmanager
    def enter(self) -> Iterator[None]:
        """One call, from here to the end of the `with`. QueueFull when too many are in work."""
        if self.in_work >= self._capacity:
            # One place becomes free in `usual / capacity` on average; all refused callers want it, so they are spread.
            raise QueueFull(max(self._usual_s, _MIN_RETRY_S))
        started_s = self._clock()
        self.in_work += 1
        try:
            yield
        finally:
            self.in_work -= 1
            self._usual_s += _NEWEST_WEIGHT * (self._clock() - started_s - self._usual_s)


class PixelBudget:
    """Bounds the decoded pixels that all documents together hold in memory."""

    def __init__(self, pixels: int) -> None:
        self._free = pixels
        self._freed = asyncio.Event()

    def hold(self) -> "Hold":
        """The share of one document; use it in a `with`."""
        return Hold(self)

    async def take(self, pixels: int) -> None:
        """Waits until there is room for so many."""
        while self._free < pixels:
            self._freed.clear()
            await self._freed.wait()
        self._free -= pixels

    def give_back(self, pixels: int) -> None:
        """Makes room for others."""
        self._free += pixels
        self._freed.set()


class Hold:
    """The pixels of one document; whatever happens to it, all are given back at the end of the `with`."""

    def __init__(self, budget: PixelBudget) -> None:
        self._budget = budget
        self._pixels = 0

    async def take(self, pixels: int) -> None:
        """Waits until there is room for so many more."""
        await self._budget.take(pixels)
        self._pixels += pixels

    def give_back(self, pixels: int) -> None:
        """Makes room for others."""
        self._pixels -= pixels
        self._budget.give_back(pixels)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_back(self._pixels)
