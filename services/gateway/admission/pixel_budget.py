"""How many decoded pixels the gateway holds in memory at once."""

import asyncio
from types import TracebackType
from typing import Self


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
