"""The child process of a decoder: `python -m stamp2vec.decoding.child SOCKET MEMORY_BYTES`.

It opens one file at a time, which it gets as a descriptor, and answers with its pages, whose pixels it puts into memory
that it shares with its parent. Before it makes room for a page it asks for it. It also writes the file without stamps
of its pages, into a file of its parent.
"""

import ctypes
import dataclasses
import mmap
import os
import resource
import signal
import socket
import sys
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from stamp2vec.decoding.channel import Channel, Closed, end_with
from stamp2vec.decoding.rewriting import BoundedFile, marks_of
from stamp2vec.erasing import Eraser, open_eraser
from stamp2vec.errors import InvalidImage, MissingExtra
from stamp2vec.imaging.formats import Limits, NoRoom, Reader, open_file, read_fitted

_LARGE_BYTES = 48 * 2**20  # of a page: what it took of the heap is given back when its file is closed
_HEADROOM_S = 2.0  # of processor time beyond what a page may take: the parent kills first, where there is one


class _Child:
    def __init__(self, parent: Channel) -> None:
        self._parent = parent
        self._reader: Reader | None = None
        self._eraser: Eraser | None = None
        self._opening: tuple[BinaryIO, Limits, str, str | None] | None = None  # of the file that is open
        self._buffers: dict[int, mmap.mmap] = {}
        self._largest = 0  # bytes of a page of the file that is open

    def serve(self) -> None:
        """Until the parent is gone."""
        while True:
            request, fd = self._parent.receive()
            try:
                answer = self._answer(request, fd)
            except InvalidImage as error:
                answer = {"invalid": str(error)}
            except NoRoom:
                answer = {"no_room": True}
            except MemoryError:
                answer = {"memory": True}
            except MissingExtra as error:
                answer = {"missing": str(error)}
            self._parent.send(answer)

    def _answer(self, request: dict[str, Any], fd: int | None) -> dict[str, Any]:
        match request["do"]:
            case "open":
                self._close()
                if fd is None:
                    raise Closed
                self._limit_time(request["seconds"])
                file = os.fdopen(fd, "rb")
                self._opening = file, Limits(**request["limits"]), request["field"], request["password"]
                self._reader = open_file(*self._opening)
                return {"page_count": self._reader.page_count, "warnings": self._reader.warnings}
            case "read":
                if self._reader is None:
                    raise Closed
                self._limit_time(request["seconds"])
                fit = request["fit"]
                page = (
                    read_fitted(self._reader, request["index"], (fit[0], fit[1]), self._room)
                    if fit
                    else self._reader.read(request["index"], self._room)
                )
                return {"info": dataclasses.asdict(page.info), "shape": page.image.shape}
            case "erase":
                if fd is None:
                    raise Closed
                with os.fdopen(fd, "rb") as masks:
                    marks = marks_of(request["marks"], masks)
                self._limit_time(request["seconds"])
                results = self._open_eraser().erase(request["index"], marks)
                self._largest = _LARGE_BYTES + 1
                return {"results": [[each.left, each.reason] for each in results]}
            case "save":
                if fd is None:
                    raise Closed
                self._limit_time(request["seconds"])
                with BoundedFile(os.fdopen(fd, "r+b"), request["most_bytes"], request["field"]) as target:
                    media_type = self._open_eraser().save(cast(BinaryIO, target))
                return {"media_type": media_type, "warnings": self._open_eraser().warnings}
            case _:
                self._close()
                return {}

    def _open_eraser(self) -> Eraser:
        """Of the file that is open: all that is erased of it since then."""
        if self._reader is None or self._opening is None:
            raise Closed
        if self._eraser is None:
            file, limits, field, password = self._opening
            self._eraser = open_eraser(file, self._reader, limits, field, password)
        return self._eraser

    def _room(self, height: int, width: int) -> NDArray[np.uint8]:
        """Pixels in memory of the parent. NoRoom when it has none."""
        self._parent.send({"room": [height, width]})
        answer, fd = self._parent.receive()
        if not answer["granted"]:
            raise NoRoom
        for number in answer["dropped"]:
            self._buffers.pop(number, None)
        if fd is not None:
            self._buffers[answer["buffer"]] = mmap.mmap(fd, answer["size"])
            os.close(fd)
        size = 3 * height * width
        self._largest = max(self._largest, size)
        return np.frombuffer(self._buffers[answer["buffer"]], np.uint8, size).reshape(height, width, 3)

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = self._eraser = self._opening = None
        if self._largest > _LARGE_BYTES:
            ctypes.CDLL(None).malloc_trim(0)
        self._largest = 0

    @staticmethod
    def _limit_time(seconds: float) -> None:
        """The system ends this process when the next step takes longer, also when nobody is there any more to do it."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        allowed = int(used.ru_utime + used.ru_stime + seconds + _HEADROOM_S) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def main(socket_fd: int, memory_bytes: int) -> None:
    """Works until the parent closes the socket or dies."""
    for number in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C and systemd signal all processes; the parent drains first
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not write a document to disk
    end = socket.socket(fileno=socket_fd)
    end_with(end)
    try:
        _Child(Channel(end)).serve()
    except Closed:
        return


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
