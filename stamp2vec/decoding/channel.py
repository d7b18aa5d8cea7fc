"""What goes over the socket between a decoder and its parent: JSON, each with a descriptor or without. No pickle."""

import contextlib
import json
import os
import select
import socket
import struct
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

        Closed when there is none any more; TimeoutError when it has not begun by `until_s` of time.monotonic().
        """
        if until_s is not None:
            ready, _, _ = select.select([self._end], [], [], max(0.0, until_s - time.monotonic()))
            if not ready:
                raise TimeoutError
        fds: list[int] = []
        try:
            head, fds, _, _ = socket.recv_fds(self._end, _LENGTH.size, 1)
            head += self._exactly(_LENGTH.size - len(head)) if head else b""
            if not head:
                raise Closed
            (length,) = _LENGTH.unpack(head)
            if length > _MOST:
                raise Closed
            message: dict[str, Any] = json.loads(self._exactly(length))
        except (OSError, ValueError) as error:
            _close(fds)
            raise Closed from error
        return message, fds[0] if fds else None

    def close(self) -> None:
        """Ends it; the other end sees that."""
        self._end.close()

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = self._end.recv(min(size, 2**16))
            if not part:
                raise Closed
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _close(fds: list[int]) -> None:
    for fd in fds:
        with contextlib.suppress(OSError):
            os.close(fd)
