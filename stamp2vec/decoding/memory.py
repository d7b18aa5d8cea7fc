"""Memory that a parent and its child share; it has no name that would have to be removed. Linux only."""

import fcntl
import mmap
import os
from typing import Self

import numpy as np
from numpy.typing import NDArray

_FIXED_SIZE = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


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


def shared_pixels(height: int, width: int) -> tuple[int, NDArray[np.uint8]]:
    """Pixels, uint8 (height, width, 3), writable, and the descriptor by which another process maps them."""
    fd = os.memfd_create("stamp2vec-page", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, 3 * height * width)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _FIXED_SIZE)
    memory = mmap.mmap(fd, 3 * height * width, mmap.MAP_SHARED)
    return fd, np.frombuffer(memory, np.uint8).reshape(height, width, 3)


def mapped_pixels(fd: int, height: int, width: int) -> NDArray[np.uint8]:
    """Pixels of another process, uint8 (height, width, 3), read-only; closes the descriptor.

    ValueError when they are not there, or may go: to read memory that the other process has cut off is a bus error.
    """
    try:
        if fcntl.fcntl(fd, fcntl.F_GET_SEALS) & _FIXED_SIZE != _FIXED_SIZE:
            raise ValueError("the size of the pixels is not fixed")
        memory = mmap.mmap(fd, 3 * height * width, mmap.MAP_SHARED, mmap.PROT_READ)
    except OSError as error:
        raise ValueError("the pixels are no memory") from error
    finally:
        os.close(fd)
    return np.frombuffer(memory, np.uint8).reshape(height, width, 3)
