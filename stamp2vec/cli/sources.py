"""Arguments to files: paths, globs and `-` for stdin."""

import glob
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stamp2vec.cli.report import Report
from stamp2vec.errors import InvalidInput
from stamp2vec.imaging import Limits

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """A file and the name under which its results are reported."""

    name: str
    path: str

    @property
    def stem(self) -> str:
        """The file's name without folder and ending."""
        return "stdin" if self.path == STDIN else Path(self.path).stem

    def read(self) -> bytes:
        """All its bytes. InvalidInput when there are too many, or it cannot be read."""
        limit = Limits().max_bytes
        try:
            if self.path == STDIN:
                data = sys.stdin.buffer.read(limit + 1)
            else:
                with Path(self.path).open("rb") as file:
                    data = file.read(limit + 1)
        except IsADirectoryError as error:
            raise InvalidInput(f"is a folder: name its files, for example '{self.path.rstrip('/')}/*.jpg'") from error
        except OSError as error:
            raise InvalidInput(f"cannot be read ({error.strerror}): name a file that can") from error
        if len(data) > limit:
            raise InvalidInput(f"has more than {limit:,} bytes: compress it, or split it")
        return data


def find(typed: Sequence[str], root: str | None, report: Report) -> Iterator[Source]:
    """The files in the order typed, those of a glob by name; what matches no file is reported and left out.

    A source is named as it was typed, or by its path below `root`.
    """
    for text in typed:
        if text == STDIN:
            yield Source(STDIN, STDIN)
        elif Path(text).exists() or not glob.has_magic(text):
            yield from _named(text, root, report)
        else:
            # A glob stands for files: folders that match are left out.
            paths = sorted(path for path in glob.iglob(text, recursive=True) if not Path(path).is_dir())
            if not paths:
                report.fail(text, InvalidInput("no file matches: check the pattern"))
            for path in paths:
                yield from _named(path, root, report)


def read(sources: Iterator[Source], report: Report) -> Iterator[tuple[Source, bytes]]:
    """The bytes of each source, one after the other; what cannot be read is reported and left out."""
    for source in sources:
        try:
            yield source, source.read()
        except InvalidInput as error:
            report.fail(source.name, error)


def _named(path: str, root: str | None, report: Report) -> Iterator[Source]:
    if root is None:
        yield Source(path, path)
        return
    try:
        yield Source(Path(path).resolve().relative_to(Path(root).resolve()).as_posix(), path)
    except ValueError:
        report.fail(path, InvalidInput(f"is not below --root {root}: name another, or leave it out"))
