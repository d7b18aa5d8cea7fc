"""An executor that is a process of its own: it shares no GIL, and what kills it kills nothing else.

Inputs go through shared memory, one region a slot, so that the next batch is copied in while one runs; results come
back over a socket, as bytes.
"""

import asyncio
import logging
import mmap
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from services.runtime.batching.executor import ExecutorDead
from services.runtime.process.child_process import ChildProcess, StartFailed
from services.runtime.process.executor_child import JobSpec
from services.runtime.process.frames import Array

log = logging.getLogger(__name__)

_FIRST_RETRY_S, _LAST_RETRY_S = 0.5, 30.0


class ProcessExecutor:
    """An Executor of uint8 (height, width, 3) arrays, which gives one array of any shape for each."""

    def __init__(
        self,
        factory: str,
        arguments: Mapping[str, Any],
        *,
        height: int,
        width: int,
        max_batch: int,
        slots: int = 1,
        threads: int = 1,
    ) -> None:
        """`factory` is "package.module:function"; the child calls it with the arguments, which must fit into JSON."""
        self._job = JobSpec(factory, dict(arguments), height, width, max_batch, slots)
        self._threads = threads
        self._memory_fd = os.memfd_create("stamp2vec-batches")  # it has no name that would have to be removed
        size = int(np.prod(self._job.shape))
        os.ftruncate(self._memory_fd, size)
        self._inputs = np.frombuffer(mmap.mmap(self._memory_fd, size), np.uint8).reshape(self._job.shape)
        self._child: ChildProcess | None = None

    @property
    def slots(self) -> int:
        """See Executor."""
        return self._job.slots

    @property
    def pid(self) -> int:
        """Of the child, which must have been started."""
        return self._started().pid

    async def start(self) -> dict[int, float]:
        """Returns when it is warm: the seconds that each batch size takes that is worth it. Raises StartFailed."""
        try:
            self._child = child = await ChildProcess.spawn(self._job, self._memory_fd, self._threads)
        except OSError as error:
            raise StartFailed(f"the system gives no process: {error}") from error
        try:
            return await child.loaded
        except asyncio.CancelledError:
            child.end()
            raise

    async def run(self, batch: Sequence[Array], /) -> Sequence[Array]:
        """See Executor. Raises BatchFailed when the model raises."""
        child = self._started()
        if child.died.is_set():
            raise ExecutorDead
        slot = child.free_slots[-1]
        np.stack(batch, out=self._inputs[slot, : len(batch)])
        return await child.ask(child.free_slots.pop(), len(batch))

    def kill(self) -> None:
        """See Executor."""
        self._started().kill()

    async def died(self) -> None:
        """See Executor."""
        await self._started().died.wait()

    async def restart(self) -> None:
        """See Executor."""
        await self.stop()
        retry_s = _FIRST_RETRY_S
        while True:
            try:
                await self.start()
            except StartFailed as error:
                log.error("executor_start_failed", extra={"fields": {"reason": str(error), "retry_s": retry_s}})
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, _LAST_RETRY_S)
            else:
                return

    async def stop(self) -> None:
        """Returns when the child has gone, also one that still loads."""
        if self._child:
            self._child.end()
            await self._child.died.wait()

    def _started(self) -> ChildProcess:
        if not self._child:
            raise RuntimeError("start() comes first. This is a bug.")
        return self._child
