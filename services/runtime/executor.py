"""An executor that is a process of its own: it shares no GIL, and what kills it kills nothing else.

Inputs go through shared memory, one region a slot, so that the next batch is copied in while one runs; results come
back over a socket, as bytes.
"""

import asyncio
import contextlib
import json
import logging
import mmap
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from services.runtime.contract import ExecutorDead
from services.runtime.executor_child import JobSpec
from services.runtime.frames import PREFIX, Array, unpack_arrays

log = logging.getLogger(__name__)

_FIRST_RETRY_S, _LAST_RETRY_S = 0.5, 30.0
_READ_BUFFER_BYTES = 2**22
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class StartFailed(Exception):
    """The child could not load or warm up its model."""


class BatchFailed(Exception):
    """The model raised; the child is well."""


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
        self._factory, self._arguments, self._threads = factory, dict(arguments), threads
        self._shape = (slots, max_batch, height, width, 3)
        size = int(np.prod(self._shape))
        self._memory_fd = os.memfd_create("stamp2vec-batches")  # it has no name that would have to be removed
        os.ftruncate(self._memory_fd, size)
        self._inputs = np.frombuffer(mmap.mmap(self._memory_fd, size), np.uint8).reshape(self._shape)
        self._child: _Child | None = None

    @property
    def slots(self) -> int:
        """See Executor."""
        return self._shape[0]

    @property
    def pid(self) -> int:
        """Of the child, which must have been started."""
        return self._living().process.pid

    async def start(self) -> dict[int, float]:
        """Returns when every batch size is warm: the seconds that each takes. Raises StartFailed."""
        ours, theirs = socket.socketpair()
        slots, max_batch, height, width, _ = self._shape
        fds = (theirs.fileno(), self._memory_fd)
        job = JobSpec(self._factory, self._arguments, height, width, max_batch, slots, *fds)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.runtime.executor_child",
                job.to_json(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sys.__stderr__,  # stdout is for the server's own announcement
                pass_fds=fds,
                env=os.environ | dict.fromkeys(_THREAD_VARIABLES, str(self._threads)),
            )
        try:
            reader, writer = await asyncio.open_connection(sock=ours, limit=_READ_BUFFER_BYTES)
            header, _ = await _read_frame(reader)
        except asyncio.IncompleteReadError:
            raise StartFailed(f"the executor ended while it loaded, exit code {await process.wait()}") from None
        except BaseException:
            process.kill()
            raise
        if "error" in header:
            writer.close()
            await process.wait()
            raise StartFailed(f"{header['error']}\n{header['trace']}")
        self._child = _Child(process, reader, writer, slots)
        return {int(size): seconds for size, seconds in header["seconds_by_batch"].items()}

    async def run(self, batch: Sequence[Array], /) -> Sequence[Array]:
        """See Executor. Raises BatchFailed when the model raises."""
        child = self._living()
        if child.died.is_set():
            raise ExecutorDead
        slot = child.free_slots[-1]
        np.stack(batch, out=self._inputs[slot, : len(batch)])
        return await child.ask(child.free_slots.pop(), len(batch))

    def kill(self) -> None:
        """See Executor."""
        self._living().kill()

    async def died(self) -> None:
        """See Executor."""
        await self._living().died.wait()

    async def restart(self) -> None:
        """See Executor."""
        await self.stop()
        retry_s = _FIRST_RETRY_S
        while True:
            try:
                await self.start()
            except StartFailed as error:
                log.error("an executor does not start", extra={"fields": {"reason": str(error), "retry_s": retry_s}})
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, _LAST_RETRY_S)
            else:
                return

    async def stop(self) -> None:
        """Returns when the child has gone."""
        if self._child:
            self._child.end()
            await self._child.died.wait()

    def _living(self) -> "_Child":
        if not self._child:
            raise RuntimeError("start() comes first. This is a bug.")
        return self._child


class _Child:
    """One life of the process. It answers in the order in which it is asked."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        slots: int,
    ) -> None:
        self.process, self.died = process, asyncio.Event()
        self._is_ending = False
        self._pidfd = os.pidfd_open(process.pid)
        self.free_slots = list(range(slots))
        self._reader, self._writer = reader, writer
        self._asked: deque[tuple[int, asyncio.Future[list[Array]]]] = deque()
        self._reading = asyncio.get_running_loop().create_task(self._read())

    async def ask(self, slot: int, count: int) -> list[Array]:
        """Runs what lies in the slot, which is free again when the answer has come, not when the asker has gone."""
        answer: asyncio.Future[list[Array]] = asyncio.get_running_loop().create_future()
        self._asked.append((slot, answer))
        self._writer.write(PREFIX.pack(slot, count))
        return await answer

    def kill(self) -> None:
        # Not process.kill(): it may reap the child, and then asyncio's own watcher does not learn the exit code.
        if not self.died.is_set():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def end(self) -> None:
        """Kills it because its work is over, which is no reason to warn."""
        self._is_ending = True
        self.kill()

    async def _read(self) -> None:
        try:
            while True:
                header, payload = await _read_frame(self._reader)
                slot, answer = self._asked.popleft()
                self.free_slots.append(slot)
                if answer.done():
                    continue
                if "error" in header:
                    log.error("a batch failed", extra={"fields": {"trace": header["trace"]}})
                    answer.set_exception(BatchFailed(header["error"]))
                else:
                    answer.set_result(unpack_arrays(header, payload))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.kill()
            self._writer.close()
            code = await self.process.wait()
            level = logging.DEBUG if self._is_ending else logging.WARNING
            log.log(level, "an executor has gone", extra={"fields": {"pid": self.process.pid, "exit_code": code}})
            for _, answer in self._asked:
                if not answer.done():
                    answer.set_exception(ExecutorDead(f"exit code {code}"))
            self.died.set()
            os.close(self._pidfd)


async def _read_frame(reader: asyncio.StreamReader) -> tuple[dict[str, Any], bytes]:
    header_size, payload_size = PREFIX.unpack(await reader.readexactly(PREFIX.size))
    header: dict[str, Any] = json.loads(await reader.readexactly(header_size))
    return header, await reader.readexactly(payload_size) if payload_size else b""
