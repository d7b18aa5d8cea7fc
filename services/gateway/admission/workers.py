"""Threads for what holds the event loop up: resizing, cutting, packing."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from stamp2vec.turns import Turns

P = ParamSpec("P")
R = TypeVar("R")


class Threads:
    """A fixed number of them; numpy and Pillow let go of the GIL while they work."""

    def __init__(self, size: int) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="work")
        self._free = size
        self._turns: Turns[None] = Turns()

    async def run(self, call: Callable[[], R], *, urgent: bool) -> R:
        """The result of `call`, which waits for its turn. Cancelled, it ends before it has begun or not at all."""
        if self._free:
            self._free -= 1
        else:
            await self._turns.wait(self._release, urgent=urgent)
        running = asyncio.get_running_loop().run_in_executor(self._pool, call)
        running.add_done_callback(self._release)
        return await running

    def close(self) -> None:
        """Waits for what runs."""
        self._pool.shutdown(cancel_futures=True)

    def _release(self, _: object) -> None:
        if not self._turns.serve(None):
            self._free += 1


class Workers:
    """The threads, as the work of one call has them."""

    def __init__(self, threads: Threads, *, urgent: bool) -> None:
        """Urgent work goes before that of others."""
        self._threads, self._urgent = threads, urgent

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The result of `work`, which knows the request that it belongs to. See Threads.run."""
        return await self._threads.run(partial(copy_context().run, work, *args, **kwargs), urgent=self._urgent)
