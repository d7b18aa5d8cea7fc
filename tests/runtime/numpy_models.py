"""Models for the tests of executors: loaded by child processes by their names."""

import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Infer = Callable[[Array], list[Array]]


def first_pixel() -> Infer:
    """The first byte of each item selects its behaviour; the result is that byte, repeated that many times."""

    def infer(batch: Array) -> list[Array]:
        firsts = batch[:, 0, 0, 0].tolist()
        if 13 in firsts:
            raise ValueError("13 is invalid")
        if 9 in firsts:
            os.kill(os.getpid(), signal.SIGSEGV)
        if 99 in firsts:
            time.sleep(3600)
        return [np.full(first, first, np.float32) for first in firsts]

    return infer


def thread_counts() -> Infer:
    """Returns the number of threads that libraries are configured for."""
    return lambda batch: [np.array(int(os.environ["OMP_NUM_THREADS"])) for _ in batch]


def page_faults() -> Infer:
    """Returns the page faults while it fills 64 MiB."""

    def infer(batch: Array) -> list[Array]:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        b"1" * 2**26
        return [np.array(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) for _ in batch]

    return infer


def pays_to(size: int) -> Infer:
    """A batch takes as long as one item, up to a size, and twice as long an item beyond it."""

    def infer(batch: Array) -> list[Array]:
        time.sleep(0.02 if len(batch) <= size else 0.04 * len(batch))
        return list(batch)

    return infer


def waits_for(folder: str) -> Infer:
    """Blocks a batch until the named pipe of its first byte is written to."""

    def infer(batch: Array) -> list[Array]:
        if (first := int(batch[0, 0, 0, 0])) != 255:  # 255 is the warm-up
            (Path(folder) / str(first)).read_bytes()
        return list(batch.copy())

    return infer


def broken(text: str) -> Infer:
    """Cannot be loaded."""
    raise RuntimeError(text)


def objects() -> Infer:
    """Returns objects that cannot be sent between processes."""
    return lambda batch: [np.array([{}]) for _ in batch]


def loads_at_times(folder: str, fails: str) -> Infer:
    """Loads at the first attempt, and again after `fails` failures."""
    times = len(list(Path(folder).iterdir()))
    (Path(folder) / str(times)).touch()
    if 0 < times <= int(fails):
        os._exit(7) if times % 2 else broken("not yet")
    return first_pixel()


def loads_for_ever(folder: str) -> Infer:
    """Leaves a file with the name of its process, and never ends."""
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(3600)
    return first_pixel()


def dies_on_loading(folder: str) -> Infer:
    """Exits before its first batch."""
    os._exit(7)
