"""The files that an assistant may have read: those below the folders that a person has named."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from stamp2vec.cli.sources import ENDINGS
from stamp2vec.errors import InvalidInput
from stamp2vec.limits import MAX_FILE_BYTES

_MOST_NAMES = 20


class Roots:
    """Reads files below some folders, and nothing else: no `..` and no link leads out of them."""

    def __init__(self, folders: Sequence[str]) -> None:
        """InvalidInput when one of them is no folder."""
        self._folders = [Path(os.path.realpath(folder)) for folder in folders]
        for folder, typed in zip(self._folders, folders, strict=True):
            if not folder.is_dir():
                raise InvalidInput(f"--root {typed} is no folder: name one that is there")

    def read(self, path: str) -> bytes:
        """A file by its absolute path, or by its path below one of the folders.

        InvalidInput when it lies elsewhere, whether there is one or not, when it cannot be read, or is too large.
        """
        fault: OSError | None = None
        for folder, below in self._places(path):
            try:
                return _read(folder, below, path)
            except OSError as error:
                fault = error
        if fault is not None:
            raise InvalidInput(f"{path} cannot be read ({fault.strerror}): name a file that can") from fault
        folders = ", ".join(map(str, self._folders))
        raise InvalidInput(f"{path} is in no folder that may be read: name a file below {folders}")

    def _places(self, path: str) -> Iterator[tuple[Path, Path]]:
        """The folders that it is below, each with the way to it; links are followed."""
        if "\0" in path:
            raise InvalidInput("a path with a NUL in it names no file: name another")
        for folder in self._folders:
            real = Path(os.path.realpath(folder / path))
            if real.is_relative_to(folder):
                yield folder, real.relative_to(folder)


def _read(folder: Path, below: Path, typed: str) -> bytes:
    opened = _opened(folder, below)
    try:
        mode = os.fstat(opened).st_mode
        if stat.S_ISDIR(mode):
            raise InvalidInput(f"{typed or '.'} is a folder: name a file, of which it has {_documents(opened)}")
        if not stat.S_ISREG(mode):
            raise InvalidInput(f"{typed} is no file: name one that is")
        with os.fdopen(opened, "rb", closefd=False) as file:
            data = file.read(MAX_FILE_BYTES + 1)
    finally:
        os.close(opened)
    if len(data) > MAX_FILE_BYTES:
        raise InvalidInput(f"{typed} has more than {MAX_FILE_BYTES:,} bytes: compress it, or split it")
    return data


def _opened(folder: Path, below: Path) -> int:
    """A descriptor, reached step by step: a link that was put in the way meanwhile is not followed. Never waits."""
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    for part in below.parts:
        try:
            inner = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
        finally:
            os.close(at)
        at = inner
    return at


def _documents(folder: int) -> str:
    names = sorted(name for name in os.listdir(folder) if name.lower().endswith(ENDINGS))
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return (", ".join(map(repr, names[:_MOST_NAMES])) or "none") + more
