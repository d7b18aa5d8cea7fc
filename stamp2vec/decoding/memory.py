"""Memory that a parent and its child share; it has no name that would have to be removed. Linux only."""

import ctypes
import fcntl
import mmap
import os
import time
import weakref
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import Self

import numpy as np
from numpy.typing import NDArray

_KEEP_SIZE, _PUNCH_HOLE = 1, 2  # fallocate(2)
_WASTE = 4  # times as large as a page a buffer may be that it gets


class SharedFile:
    """A file in memory that grows by its end; close it."""

    def __init__(self, data: bytes = b"") -> None:
        """`data` is its beginning."""
        self.fd = os.memfd_create("stamp2vec-file", os.MFD_CLOEXEC)
        self.size = 0
        self.append(data)

    def append(self, data: bytes) -> None:
        """Writes at its end."""
        view = memoryview(data)
        while view:
            written = os.pwrite(self.fd, view, self.size)
            self.size += written
            view = view[written:]

    @property
    def is_closed(self) -> bool:
        """Whether nobody reads it any more."""
        return self.fd < 0

    def close(self) -> None:
        """Gives the memory back once no child has it open any more."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(slots=True, weakref_slot=True)
class Buffer:
    """Memory for one page at a time, of `size` bytes, which a child maps by its descriptor."""

    number: int
    size: int
    fd: int = field(init=False)
    memory: mmap.mmap = field(init=False)
    free_since_s: float = 0.0
    _closing: "weakref.finalize[..., Buffer]" = field(init=False)

    def __post_init__(self) -> None:
        """MemoryError when the system has too little."""
        self.fd = os.memfd_create("stamp2vec-page", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(self.fd, self.size)
            # To read memory that a child has cut off would be a bus error.
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
            self.memory = mmap.mmap(self.fd, self.size, mmap.MAP_SHARED, mmap.PROT_READ)
        except OSError as error:
            os.close(self.fd)
            raise MemoryError from error
        self._closing = weakref.finalize(self, os.close, self.fd)

    def drop(self) -> None:
        """Gives its memory back, also where a child has it mapped still."""
        offset, size = ctypes.c_int64(0), ctypes.c_int64(self.size)
        ctypes.CDLL(None).fallocate(self.fd, _PUNCH_HOLE | _KEEP_SIZE, offset, size)
        self._closing()


class Buffers:
    """Memory for pages, used again: to have the system make it anew takes longer than to decode a page into it.

    `take` and `trim` are for one thread at a time; pages may be let go of in any.
    """

    def __init__(self, kept_bytes: int) -> None:
        """So many bytes are kept for the next pages at the most."""
        self._kept_bytes = kept_bytes
        self._numbers = count()
        self._free: list[Buffer] = []
        self._returned: deque[Buffer] = deque()
        self.dropped: list[int] = []
        """Numbers of buffers that are no more, which a child may have mapped still; who tells it clears the list."""

    def take(self, size: int) -> Buffer:
        """One that has room for so many bytes. MemoryError when the system has none."""
        self.trim(0.0)
        size = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE  # memory is made and given back in whole pages
        fitting = [each for each in self._free if size <= each.size <= _WASTE * size]
        if not fitting:
            return Buffer(next(self._numbers), size)
        best = min(fitting, key=lambda each: each.size)
        self._free.remove(best)
        return best

    def page(self, buffer: Buffer, height: int, width: int) -> NDArray[np.uint8]:
        """What it holds, uint8 (height, width, 3), read-only; the buffer is free again when nothing uses that."""
        pixels = np.frombuffer(buffer.memory, np.uint8, 3 * height * width)
        weakref.finalize(pixels, self._returned.append, buffer).atexit = False
        return pixels.reshape(height, width, 3)

    def drop(self, buffer: Buffer) -> None:
        """Lets go of one that must not be used again: a child that dies may write into it still."""
        buffer.drop()
        self.dropped.append(buffer.number)

    def trim(self, unused_since_s: float) -> None:
        """Lets go of those that were not used since then, of time.monotonic(), and of those that are too many."""
        while self._returned:
            buffer = self._returned.popleft()
            buffer.free_since_s = time.monotonic()
            self._free.append(buffer)
        while self._free and (
            self._free[0].free_since_s < unused_since_s or sum(each.size for each in self._free) > self._kept_bytes
        ):
            self.drop(self._free.pop(0))
