"""One life of an executor's process, as its parent sees it: started, loading, asked and answering, gone."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from collections import deque
from typing import Any

from services.runtime.batching.executor import ExecutorDead, ExecutorKilled
from services.runtime.process.executor_child import JobSpec
from services.runtime.process.frames import PREFIX, Array, unpack_arrays

log = logging.getLogger(__name__)

_READ_BUFFER_BYTES = 2**22
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# glibc's malloc gives large arrays back to the system as soon as they are freed, and each batch would then fault its
# activations in anew, page by page: half of the time of a small network. So it keeps them (mallopt(3)).
_KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}


class StartFailed(Exception):
    """The child could not load or warm up its model."""


class BatchFailed(Exception):
    """The model raised; the child is well."""


class ChildProcess:
    """It answers in the order in which it is asked, and is waited for in the end: it leaves no zombie."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        slots: int,
    ) -> None:
        """`reader` and `writer` are the parent's end of the socket."""
        loop = asyncio.get_running_loop()
        self.loaded: asyncio.Future[dict[int, float]] = loop.create_future()
        """Seconds by batch size, or StartFailed."""
        self.died = asyncio.Event()
        self.free_slots = list(range(slots))
        self._process, self._reader, self._writer = process, reader, writer
        self._pidfd: int | None = None
        with contextlib.suppress(ProcessLookupError):  # it may have ended already
            self._pidfd = os.pidfd_open(process.pid)
        self._is_missed = False  # whether its end would be a surprise
        self._is_killed = False  # by us
        self._asked: deque[tuple[int, asyncio.Future[list[Array]]]] = deque()
        self._living = loop.create_task(self._live())

    @classmethod
    async def spawn(cls, job: JobSpec, memory_fd: int, threads: int) -> "ChildProcess":
        """Returns while it loads. Raises OSError when the system has no room for another process."""
        ours, theirs = socket.socketpair()
        with theirs:
            reader, writer = await asyncio.open_connection(sock=ours, limit=_READ_BUFFER_BYTES)
            fds = (theirs.fileno(), memory_fd)
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "services.runtime.process.executor_child",
                    job.to_json(),
                    *map(str, fds),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=sys.__stderr__,  # stdout is for the server's own announcement
                    pass_fds=fds,
                    env=os.environ | _KEEP_MEMORY | dict.fromkeys(_THREAD_VARIABLES, str(threads)),
                )
            except BaseException:
                writer.close()
                raise
        return cls(process, reader, writer, job.slots)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def ask(self, slot: int, count: int) -> list[Array]:
        """Runs what lies in the slot, which is free again when the answer has come, not when the asker has gone.

        Raises BatchFailed or ExecutorDead.
        """
        answer: asyncio.Future[list[Array]] = asyncio.get_running_loop().create_future()
        self._asked.append((slot, answer))
        self._writer.write(PREFIX.pack(slot, count))
        return await answer

    def kill(self) -> None:
        """Ends it because it does not do its work."""
        self._is_killed = True
        self._send_kill()

    def _send_kill(self) -> None:
        # Not Process.kill(): it may reap the child, and then asyncio's own watcher does not learn the exit code.
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def end(self) -> None:
        """Ends it because there is no more work."""
        self._is_missed = False
        self.kill()

    async def _live(self) -> None:
        try:
            await self._load()
            while True:
                await self._take_answer()
        except (asyncio.IncompleteReadError, ConnectionError, StartFailed):
            pass
        except Exception:
            log.exception("executor_protocol_error")
        finally:
            self._send_kill()
            self._writer.close()
            code = await self._process.wait()
            level = logging.WARNING if self._is_missed else logging.DEBUG
            log.log(level, "executor_exited", extra={"fields": {"pid": self.pid, "exit_code": code}})
            _fail(self.loaded, StartFailed(f"the executor ended while it loaded, exit code {code}"))
            died = ExecutorKilled if code == -signal.SIGKILL and not self._is_killed else ExecutorDead
            for _, answer in self._asked:
                _fail(answer, died(f"exit code {code}"))
            self.died.set()
            if self._pidfd is not None:
                os.close(self._pidfd)
                self._pidfd = None

    async def _load(self) -> None:
        header, _ = await self._read_frame()
        if "error" in header:
            _fail(self.loaded, failure := StartFailed(f"{header['error']}\n{header['trace']}"))
            raise failure
        if not self.loaded.done():
            self.loaded.set_result({int(size): seconds for size, seconds in header["seconds_by_batch"].items()})
        self._is_missed = True

    async def _take_answer(self) -> None:
        header, payload = await self._read_frame()
        slot, answer = self._asked.popleft()
        self.free_slots.append(slot)
        if answer.done():
            return
        if "error" in header:
            log.error("batch_failed", extra={"fields": {"trace": header["trace"]}})
            answer.set_exception(BatchFailed(header["error"]))
            return
        try:
            answer.set_result(unpack_arrays(header, payload))
        except Exception as error:  # e.g. an array of objects: a bug of the model, and the caller must not wait
            answer.set_exception(BatchFailed(f"results that cannot be read: {error}"))

    async def _read_frame(self) -> tuple[dict[str, Any], bytes]:
        header_size, payload_size = PREFIX.unpack(await self._reader.readexactly(PREFIX.size))
        header: dict[str, Any] = json.loads(await self._reader.readexactly(header_size))
        return header, await self._reader.readexactly(payload_size) if payload_size else b""


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
