"""What is read from files, and read again when they change."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class InvalidFile(Exception):
    """A file of the settings cannot be used; the text names it, what is wrong, and what to do."""


def read_file(flag: str, path: Path) -> bytes:
    """The bytes of the file that a flag names. InvalidFile when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidFile(f"{flag} {path} cannot be read ({error.strerror}): name a file that can") from error


class Reloading(Generic[T]):
    """A value made from files; it is made anew when one of them has changed.

    Files that cannot be used leave the value as it was, which is logged once for each change. Any thread may call:
    gRPC asks for certificates on threads of its own.
    """

    def __init__(self, paths: Sequence[Path], read: Callable[[], T]) -> None:
        """`read` raises InvalidFile, and so does this where it does so at once."""
        self._paths, self._read, self._lock = paths, read, Lock()
        self._signature = self._stat()
        self._value = read()

    def current(self) -> T:
        """The value of the files as they are now, or as they last could be used."""
        with self._lock:
            # Before the files are read: what changes meanwhile is seen the next time.
            signature = self._stat()
            if signature != self._signature:
                self._signature = signature
                self._reload()
            return self._value

    def _reload(self) -> None:
        files = [str(path) for path in self._paths]
        try:
            self._value = self._read()
        except InvalidFile as error:
            log.error("reload_failed", extra={"fields": {"files": files, "reason": str(error)}})
        else:
            log.info("reloaded", extra={"fields": {"files": files}})

    def _stat(self) -> list[tuple[int, int, int] | None]:
        """Microseconds on a local disk, so that it may be done for every call, on the event loop."""
        return [_stat(path) for path in self._paths]


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()  # of what a link leads to: Kubernetes changes a mounted Secret by changing a link
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
