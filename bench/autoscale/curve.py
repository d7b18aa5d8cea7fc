"""The latency curve of the detector, measured on an executor of the services."""

import asyncio
from pathlib import Path

import numpy as np

from bench.autoscale.pod import Curve
from services.model_process import describe
from services.runtime.process.executor import ProcessExecutor
from stamp2vec.values import Task

_REPEATS = 5


def measured_curve(max_batch: int) -> Curve:
    """CPU seconds of a batch on one thread, by batch size: the minimum of some runs.

    CPU time, so that other load on the machine does not distort the curve.
    """
    return asyncio.run(_measure(max_batch))


async def _measure(max_batch: int) -> Curve:
    spec = describe((Task.DETECT,), "cpu", "yolo-stamp")
    height, width = spec.info.input_size
    executor = ProcessExecutor(spec.factory, spec.arguments, height=height, width=width, max_batch=max_batch)
    blank = np.full((height, width, 3), 255, np.uint8)
    try:
        seconds = await executor.start()
        for _ in range(_REPEATS):
            for size in seconds:
                before_s = _cpu_s(executor.pid)
                await executor.run([blank] * size)
                seconds[size] = min(seconds[size], _cpu_s(executor.pid) - before_s)
    finally:
        await executor.stop()
    return seconds


def _cpu_s(pid: int) -> float:
    """CPU seconds of the process's main thread: https://docs.kernel.org/scheduler/sched-stats.html."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
