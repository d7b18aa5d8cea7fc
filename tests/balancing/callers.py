"""Callers that each wait for their answer before they send the next call. What one of them raises ends the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

CALLERS = 4

Call = Callable[[], Awaitable[object]]


async def call_many(call: Call, count: int) -> None:
    """So many calls in all."""
    turns = iter(range(count))

    async def caller() -> None:
        for _ in turns:
            await call()

    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLERS):
            callers.create_task(caller())


@asynccontextmanager
async def calling_on(call: Call) -> AsyncIterator[None]:
    """Calls without a pause, to the end of the `async with`."""
    is_over = asyncio.Event()

    async def caller() -> None:
        while not is_over.is_set():
            await call()

    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLERS):
            callers.create_task(caller())
        yield
        is_over.set()
