"""Freed memory back to the system, which glibc keeps where something small still lies behind it."""

import asyncio
import ctypes
from collections.abc import Callable

_EVERY_S = 3.0
_WORTH_BYTES = 32 * 2**20


async def trim(freed: Callable[[], int]) -> None:
    """For ever: now and then, once `freed`, a count of bytes that only rises, has risen by enough. glibc only."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is None:
        return
    trimmed = freed()
    while True:
        await asyncio.sleep(_EVERY_S)
        if freed() - trimmed >= _WORTH_BYTES:
            trimmed = freed()
            await asyncio.to_thread(malloc_trim, 0)
