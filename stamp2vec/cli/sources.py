"""Arguments to files: paths, folders, globs, addresses of object stores, stamps within documents, `-` for stdin."""

import glob
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stamp2vec.cli import stores
from stamp2vec.cli.report import Report
from stamp2vec.errors import InvalidInput
from stamp2vec.imaging import Limits

STDIN = "-"
_ENDINGS = "bmp j2k jfif jp2 jpe jpeg jpg pbm pdf pgm png pnm ppm tif tiff webp"
ENDINGS = tuple(f".{ending}" for ending in _ENDINGS.split())
"""Of the files that a folder stands for; a file that is named itself may have any."""

_PLACE = re.compile(r"(page=(?P<page>[1-9]\d{0,8}))?&?(stamp=(?P<stamp>[1-9]\d{0,8}))?")


@dataclass(frozen=True, slots=True)
class Place:
    """A stamp of a document, page and stamp counted from 1: `#page=3&stamp=2`; without a stamp the best of its page."""

    page: int
    stamp: int | None


@dataclass(frozen=True, slots=True)
class Source:
    """A file and the name under which its results are reported; with a place, one stamp in it."""

    name: str
    path: str
    place: Place | None = None

    @property
    def stem(self) -> str:
        """The file's name without folder and ending, with the place in it if there is one."""
        stem = "stdin" if self.path == STDIN else Path(self.path).stem
        if self.place is None:
            return stem
        return f"{stem}-page{self.place.page}-stamp{self.place.stamp or 1}"

    def read(self) -> bytes:
        """All its bytes. InvalidInput when there are too many, or it cannot be read."""
        limit = Limits().max_bytes
        try:
            if self.path == STDIN:
                data = sys.stdin.buffer.read(limit + 1)
            elif stores.is_address(self.path):
                data = stores.read(self.path, limit + 1)
            else:
                with Path(self.path).open("rb") as file:
                    data = file.read(limit + 1)
        except OSError as error:
            raise InvalidInput(f"cannot be read ({_cause(error)}): name a file that can") from error
        if len(data) > limit:
            raise InvalidInput(f"has more than {limit:,} bytes: compress it, or split it")
        return data


def find(
    typed: Sequence[str], report: Report, *, root: str | None = None, recursive: bool = False, places: bool = False
) -> Iterator[Source]:
    """The files in the order typed, those of a folder or a glob by name; what stands for none is reported as a failure.

    A folder stands for the documents in it, `recursive` also for those in its folders; files of other endings are
    counted as left out. A source is named as it was typed, or by its path below `root`. With `places` a name may end in
    `#page=3&stamp=2`, unless a file has that very name.
    """
    for text in typed:
        if text == STDIN:
            yield Source(STDIN, STDIN)
        elif places and "#" in text and not Path(text).exists():
            yield from _placed(text, report)
        elif stores.is_address(text) or Path(text).is_dir():
            yield from _documents(text, root, report, recursive=recursive)
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


def _placed(text: str, report: Report) -> Iterator[Source]:
    path, _, fragment = text.rpartition("#")
    place = place_of(fragment)
    if place is None:
        report.fail(text, InvalidInput(f"'#{fragment}' is no place: name one such as {path}#page=3&stamp=2"))
        return
    yield Source(text, path, place)


def place_of(fragment: str) -> Place | None:
    """The place that `page=3&stamp=2` names; None when it names none."""
    found = _PLACE.fullmatch(fragment)
    if not found or not (found["page"] or found["stamp"]):
        return None
    return Place(int(found["page"] or 1), int(found["stamp"]) if found["stamp"] else None)


def _documents(folder: str, root: str | None, report: Report, *, recursive: bool) -> Iterator[Source]:
    """The documents of a folder."""
    found = left_out = 0
    is_address = stores.is_address(folder)
    try:
        for path in stores.files(folder, recursive=recursive) if is_address else _below(folder, report, recursive):
            if path != folder and not path.lower().endswith(ENDINGS):
                left_out += 1
                continue
            found += 1
            yield from [Source(path, path)] if is_address else _named(path, root, report)
    except OSError as error:
        report.fail(folder, InvalidInput(f"cannot be listed ({_cause(error)}): name what can be read"))
        return
    finally:
        report.left_out += left_out
    if not found:
        advice = "name another" if recursive else "name another, or add --recursive for the folders in it"
        report.fail(folder, InvalidInput(f"has no document: {advice}"))


def _below(folder: str, report: Report, recursive: bool) -> Iterator[str]:
    """The files of a folder, with one list of names in memory at a time; links to folders are not followed."""
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if not _is_text(entry.name):
            report.fail(ascii(entry.path), InvalidInput("its name is no UTF-8: rename it"))
        elif entry.is_dir(follow_symlinks=False):
            if recursive:
                yield from _below(entry.path, report, recursive)
        elif entry.is_file() or not os.path.exists(entry.path):  # a link to nothing is a file that cannot be read
            yield entry.path


def _is_text(name: str) -> bool:
    """Whether a name can be written down: to the system it is any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _named(path: str, root: str | None, report: Report) -> Iterator[Source]:
    if root is None:
        yield Source(path, path)
        return
    try:
        yield Source(Path(path).resolve().relative_to(Path(root).resolve()).as_posix(), path)
    except ValueError:
        report.fail(path, InvalidInput(f"is not below --root {root}: name another, or leave it out"))


def _cause(error: OSError) -> str:
    """In one line; those of a store have no `strerror`."""
    return error.strerror or " ".join(str(error).split())[:200]
