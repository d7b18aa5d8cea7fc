"""The files that an assistant may have read and written: those below the folders that a person has named."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that is not there yet: its name in a folder `parent` below `root`, and its path as it was typed."""

    root: Path
    parent: Path
    name: str
    typed: str

    def write(self, data: bytes) -> None:
        """InvalidInput when there is a file of that name by now, or it cannot be written: then there is none."""
        try:
            folder = _opened(self.root, self.parent)
            try:
                self._write(folder, data)
            finally:
                os.close(folder)
        except OSError as error:
            raise InvalidInput(f"{self.typed} cannot be written ({error.strerror}): name another") from error

    def _write(self, folder: int, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(self.name, flags, 0o644, dir_fd=folder), "wb") as file:
            try:
                file.write(data)
                file.flush()
            except OSError:
                os.unlink(self.name, dir_fd=folder)
                raise


class WriteRoot:
    """Names new files below a folder: no `..` and no link leads out of it, and what is there stays as it is."""

    def __init__(self, folder: str) -> None:
        """InvalidInput when it is no folder."""
        self._folder = Path(os.path.realpath(folder))
        if not self._folder.is_dir():
            raise InvalidInput(f"--write-root {folder} is no folder: name one that is there")

    def new(self, path: str) -> NewFile:
        """A file by its absolute path, or by its path below the folder.

        InvalidInput when it lies elsewhere, is there already, or its folder is not there.
        """
        if "\0" in path:
            raise InvalidInput("a path with a NUL in it names no file: name another")
        typed = self._folder / path
        parent = Path(os.path.realpath(typed.parent))
        if typed.name in ("", "..") or not parent.is_relative_to(self._folder):
            raise InvalidInput(f"{path} is in no folder that may be written to: name a file below {self._folder}")
        if not parent.is_dir():
            raise InvalidInput(f"{path} is in a folder that is not there: name a file in one that is")
        if os.path.lexists(parent / typed.name):
            raise InvalidInput(f"{path} is there already, and no file is overwritten: name another")
        return NewFile(self._folder, parent.relative_to(self._folder), typed.name, path)


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
