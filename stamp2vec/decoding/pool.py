"""A few decoders for an event loop: work waits for a free one, the urgent first."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from stamp2vec.decoding.decoder import Decoder, DecoderLimits
from stamp2vec.decoding.memory import SharedFile
from stamp2vec.turns import Turns

R = TypeVar("R")

_UNUSED_S = 5.0  # after which memory for pages is given back
_PATIENCE_S = 0.5  # that work whose asker has gone has to end by itself: a new process costs more than most pages


class DecoderPool:
    """Decoders, each with a thread that waits for it. All methods are of the event loop."""

    def __init__(self, size: int, limits: DecoderLimits) -> None:
        """Processes start when they are first needed; `start` spares the first callers that."""
        self._all = tuple(Decoder(limits) for _ in range(size))
        self._idle = list(self._all)
        self._turns: Turns[Decoder] = Turns()
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="decoder")
        self._ending: set[asyncio.Task[None]] = set()
        self._trimming: asyncio.Task[None] | None = None
        self.busy_s = 0.0
        """Seconds that decoders have been at work, added up."""

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self._all)

    @property
    def busy(self) -> int:
        """How many are at work."""
        return self.size - len(self._idle)

    @property
    def is_urgent(self) -> bool:
        """Whether urgent work waits: other work had better be done in pieces. Any thread may ask."""
        return self._turns.is_urgent

    @property
    def restarts(self) -> int:
        """Processes that had to be replaced: they crashed, took too long, or their caller had gone."""
        return sum(max(0, decoder.starts - 1) for decoder in self._all)

    async def start(self) -> None:
        """Starts all processes. OSError when the system has no room for them."""
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._threads, decoder.start) for decoder in self._all))
        self._trimming = self._trimming or asyncio.create_task(self._trim())

    async def run(self, work: Callable[[Decoder], R], file: SharedFile | None = None, *, urgent: bool = True) -> R:
        """The result of `work`, which gets a decoder, at best the one that has `file` open, in a thread.

        Cancelled, it ends the work: a decoder that does not finish soon is killed.
        """
        decoder = await self._take(file, urgent=urgent)
        started_s = time.monotonic()
        call = asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work, decoder)
        try:
            result = await asyncio.shield(call)
        except asyncio.CancelledError:
            ending = asyncio.create_task(self._end(decoder, call, started_s))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            raise
        except BaseException:
            self._done(decoder, started_s)
            raise
        self._done(decoder, started_s)
        return result

    def close_file(self, file: SharedFile) -> None:
        """Closes a file here and, before they do anything else, in the decoders that have it open."""
        file.close()
        for decoder in [decoder for decoder in self._idle if decoder.has_stale_file]:
            self._idle.remove(decoder)
            self._done(decoder, time.monotonic())

    async def close(self) -> None:
        """Ends all processes."""
        if self._trimming is not None:
            self._trimming.cancel()
        for decoder in self._all:
            decoder.kill()
        await asyncio.gather(*self._ending)
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        for decoder in self._all:
            decoder.close()

    async def _take(self, file: SharedFile | None, *, urgent: bool) -> Decoder:
        if self._idle:
            fitting = next((each for each in self._idle if file is not None and each.opened(file)), self._idle[0])
            self._idle.remove(fitting)
            return fitting
        return await self._turns.wait(self._free, urgent=urgent)

    def _done(self, decoder: Decoder, started_s: float) -> None:
        self.busy_s += time.monotonic() - started_s
        if not decoder.has_stale_file:
            self._free(decoder)
            return
        closing = asyncio.get_running_loop().run_in_executor(self._threads, decoder.close_file)
        closing.add_done_callback(lambda _: self._free(decoder))

    def _free(self, decoder: Decoder) -> None:
        if not self._turns.serve(decoder):
            self._idle.append(decoder)

    async def _trim(self) -> None:
        while True:
            await asyncio.sleep(_UNUSED_S)
            for decoder in self._idle:
                decoder.trim(_UNUSED_S)

    async def _end(self, decoder: Decoder, call: "asyncio.Future[R]", started_s: float) -> None:
        done, _ = await asyncio.wait([call], timeout=_PATIENCE_S)
        if not done:
            decoder.kill()
            await asyncio.wait([call])
        if not call.cancelled():
            call.exception()  # nobody asks for it any more
        self._done(decoder, started_s)
