"""The child process of an executor: `python -m services.runtime.process.executor_child JOB SOCKET MEMORY`.

JOB is a JobSpec in JSON; SOCKET and MEMORY are descriptors that it has from its parent.

It loads a model, warms it up, and then answers batches, which it finds in memory that it shares with its parent.
Its thread counts come by its environment, since libraries read them when they are imported.
"""

import ctypes
import importlib
import json
import mmap
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from services.runtime.process.frames import PREFIX, Array, pack, pack_arrays

Infer = Callable[[Array], list[Array]]
"""uint8 (N, height, width, 3) -> N arrays."""

_PR_SET_PDEATHSIG = 1
_LEAST_GAIN = 0.05  # of the cost of an item, for which a batch may be twice as large
_RUNS = 3


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What a child is to do."""

    factory: str
    """ "package.module:function", which takes `arguments` and returns an Infer."""
    arguments: dict[str, Any]
    height: int
    width: int
    max_batch: int
    slots: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the uint8 array that parent and child share."""
        return (self.slots, self.max_batch, self.height, self.width, 3)

    def to_json(self) -> str:
        """For the child's command line."""
        return json.dumps(asdict(self))


def main(job: JobSpec, socket_fd: int, memory_fd: int) -> None:
    """Works until the parent closes the socket or dies."""
    for number in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C and systemd signal all processes; the parent drains first
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = socket.socket(fileno=socket_fd)
    inputs = np.frombuffer(mmap.mmap(memory_fd, int(np.prod(job.shape))), np.uint8).reshape(job.shape)
    try:
        infer = _load(job)
        parent.sendall(pack({"seconds_by_batch": _warm_up(infer, job)}))
    except Exception as error:
        parent.sendall(pack({"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}))
        return
    while request := parent.recv(PREFIX.size, socket.MSG_WAITALL):
        slot, count = PREFIX.unpack(request)
        try:
            results = infer(inputs[slot, :count])
            frame = pack_arrays({}, results)
        except Exception as error:
            frame = pack({"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()})
        parent.sendall(frame)


def _load(job: JobSpec) -> Infer:
    module, _, function = job.factory.partition(":")
    infer: Infer = getattr(importlib.import_module(module), function)(**job.arguments)
    return infer


def _warm_up(infer: Infer, job: JobSpec) -> dict[int, float]:
    """Seconds by batch size, of 1, 2, 4 and so on for as long as an item gets cheaper by it.

    Larger sizes would take memory and make all of a batch wait, for nothing.
    """
    blank = np.full((job.max_batch, job.height, job.width, 3), 255, np.uint8)
    size, seconds = 1, {1: _seconds(infer, blank[:1])}
    while size < job.max_batch:
        larger = min(2 * size, job.max_batch)
        found = _seconds(infer, blank[:larger])
        if found / larger > (1 - _LEAST_GAIN) * seconds[size] / size:
            break
        size, seconds[larger] = larger, found
    return seconds


def _seconds(infer: Infer, batch: Array) -> float:
    """Of the fastest of a few runs, after one that makes room: others may take the core meanwhile."""
    infer(batch)
    times = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        infer(batch)
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main(JobSpec(**json.loads(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3]))
