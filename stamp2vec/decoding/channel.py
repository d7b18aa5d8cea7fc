"""What goes over the socket between a decoder and its parent: JSON, each with a descriptor or without. No pickle."""

import contextlib
import json
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Mapping
from typing import Any

_LENGTH = struct.Struct("<I")
_MOST = 2**24  # bytes of a message: a page of thousands of overlays has less


class Closed(Exception):
    """The other end is gone, or talks nonsense."""


class Channel:
    """One end of a socket pair."""

    def __init__(self, end: socket.socket) -> None:
        """It owns the socket."""
        self._end = end

    def send(self, message: Mapping[str, Any], fd: int | None = None) -> None:
        """Closed when nobody is there."""
        text = json.dumps(message).encode()
        try:
            socket.send_fds(self._end, [_LENGTH.pack(len(text))], [] if fd is None else [fd])
            self._end.sendall(text)
        except OSError as error:
            raise Closed from error

    def receive(self, until_s: float | None = None) -> tuple[dict[str, Any], int | None]:
        """The next message and its descriptor, which the caller closes.

        Closed when there is none any more; TimeoutError when it is not there by `until_s` of time.monotonic().
        """
        fds: list[int] = []
        try:
            self._wait(until_s)
            head, fds, _, _ = socket.recv_fds(self._end, _LENGTH.size, 1)
            if not head:
                raise Closed
            head += self._exactly(_LENGTH.size - len(head), until_s)
            (length,) = _LENGTH.unpack(head)
            if length > _MOST:
                raise Closed
            message = json.loads(self._exactly(length, until_s))
            if not isinstance(message, dict):
                raise Closed
        except TimeoutError:
            _close(fds)
            raise
        except (OSError, ValueError, RecursionError, Closed) as error:
            _close(fds)
            raise Closed from error
        return message, fds[0] if fds else None

    def close(self) -> None:
        """Ends it; the other end sees that."""
        self._end.close()

    def _exactly(self, size: int, until_s: float | None) -> bytes:
        parts = []
        while size:
            self._wait(until_s)
            part = self._end.recv(min(size, 2**16))
            if not part:
                raise Closed
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _wait(self, until_s: float | None) -> None:
        """Until there is something to receive, or nothing will come any more."""
        if until_s is None:
            return
        poll = select.poll()  # select() refuses descriptors from 1024 on, of which a server has many
        poll.register(self._end, select.POLLIN)
        if not poll.poll(max(0.0, until_s - time.monotonic()) * 1000):
            raise TimeoutError


def _close(fds: list[int]) -> None:
    for fd in fds:
        with contextlib.suppress(OSError):
            os.close(fd)


def end_with(parent: socket.socket) -> None:
    """From now on this process ends when its parent is gone, whatever it is doing."""

    def watch() -> None:
        poll = select.poll()
        poll.register(parent, 0)  # only that the other end has been closed
        poll.poll()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
