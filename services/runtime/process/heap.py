"""What glibc does with freed memory: keeps some for the next request, and gives the rest back to the system."""

import asyncio
import ctypes
from collections.abc import Callable

_EVERY_S = 3.0
_WORTH_BYTES = 32 * 2**20

# Of mallopt(3). Messages of pictures, and arrays as large, come and go with each request: by glibc's own thresholds the
# system makes and clears that memory anew for each of them.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 32 * 2**20  # at the end of each heap
_LARGE_BYTES = 16 * 2**20  # what is larger goes back to the system as soon as it is freed


def keep_some() -> None:
    """From now on this process keeps some of what it frees. glibc only."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)


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
