"""What a run has done so far: durable from batch to batch, so that kill -9 loses no page that it holds.

A database of SQLite beside the output, and not a text file, since it has to be asked which files are done, and to be
read in order at the end, without a list of all files in memory. Its write-ahead log is only appended to, and a commit
is one fsync.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from stamp2vec.errors import InvalidInput

_BATCH = 256
_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (settings TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, path TEXT NOT NULL,
    is_done INTEGER NOT NULL DEFAULT 0, error TEXT, warnings TEXT NOT NULL DEFAULT '[]'
);
CREATE TABLE IF NOT EXISTS pages (
    file INTEGER NOT NULL, page INTEGER NOT NULL, stamps INTEGER NOT NULL, failed INTEGER NOT NULL,
    record TEXT NOT NULL, PRIMARY KEY (file, page)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Work:
    """A file to read, and the index of its last page that is done already, None where none is."""

    id: int
    name: str
    path: str
    last_page: int | None


@dataclass(frozen=True, slots=True)
class DonePage:
    """A page of a file; `record` is JSON."""

    file: int
    page: int
    stamps: int
    failed: bool
    record: str


@dataclass(frozen=True, slots=True)
class DoneFile:
    """The end of a file, and the error in which it ended, if it did."""

    file: int
    error: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """What a journal holds; `errors` counts failed files and failed pages."""

    files: int
    done: int
    pages: int
    stamps: int
    errors: int


@dataclass(frozen=True, slots=True)
class FileRecords:
    """All that is known of a file: the records of its pages in order."""

    name: str
    error: str | None
    warnings: tuple[str, ...]
    pages: Iterator[str]


class Journal:
    """Used by one thread of one process; another process is refused."""

    def __init__(self, path: Path, settings: Mapping[str, object], *, resume: bool) -> None:
        """Opens it, or begins one that has these settings.

        InvalidInput when there is one and it is not to be resumed, or it has other settings, or cannot be used.
        """
        self.path = path
        if path.exists() and not resume:
            raise InvalidInput(f"{path} is of a run that did not end: add --resume to go on with it, or remove it")
        try:
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")  # also: no memory shared, which NFS lacks
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(_SCHEMA)
        except sqlite3.Error as error:
            reason = "another run writes to it" if "locked" in str(error) else str(error)
            raise InvalidInput(f"the journal {path} cannot be used ({reason}): choose another --out") from error
        try:
            self._begin(settings)
        except InvalidInput:
            self._database.close()
            raise

    def _begin(self, settings: Mapping[str, object]) -> None:
        found = self._database.execute("SELECT settings FROM run").fetchone()
        now = json.loads(json.dumps(settings))
        if found is None:
            self._database.execute("INSERT INTO run VALUES (?)", [json.dumps(now)])
            return
        before = json.loads(found[0])
        if changed := [name for name in {**before, **now} if before.get(name) != now.get(name)]:
            what = "; ".join(f"{name} was {before.get(name)}, now {now.get(name)}" for name in changed)
            raise InvalidInput(f"{self.path} is of a run with other settings ({what}): use these, or remove it")

    def add(self, files: Iterable[tuple[str, str]]) -> None:
        """Names and paths of files to read; what is there already stays as it is."""
        waiting = iter(files)
        while batch := list(islice(waiting, 20 * _BATCH)):
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR IGNORE INTO files (name, path) VALUES (?, ?)", batch)
            self._database.execute("COMMIT")

    def work(self) -> Iterator[Work]:
        """The files that are not done, by name; those that are done meanwhile may be among them no more."""
        after = ""
        query = """
            SELECT id, name, path, (SELECT max(page) FROM pages WHERE file = id) FROM files
            WHERE is_done = 0 AND name > ? ORDER BY name LIMIT ?
        """
        while batch := self._database.execute(query, [after, _BATCH]).fetchall():
            yield from (Work(*row) for row in batch)
            after = batch[-1][1]

    def keep(self, results: Iterable[DonePage | DoneFile]) -> None:
        """All of them or none; they are on the disk when this returns."""
        self._database.execute("BEGIN")
        for each in results:
            if isinstance(each, DonePage):
                values = [each.file, each.page, each.stamps, each.failed, each.record]
                self._database.execute("INSERT OR IGNORE INTO pages VALUES (?, ?, ?, ?, ?)", values)
            else:
                self._database.execute(
                    "UPDATE files SET is_done = 1, error = ?, warnings = ? WHERE id = ?",
                    [each.error, json.dumps(each.warnings), each.file],
                )
        self._database.execute("COMMIT")

    def totals(self) -> Totals:
        """Counted anew."""
        files, done, failed = self._database.execute(
            "SELECT count(*), coalesce(sum(is_done), 0), count(error) FROM files"
        ).fetchone()
        pages, stamps, broken = self._database.execute(
            "SELECT count(*), coalesce(sum(stamps), 0), coalesce(sum(failed), 0) FROM pages"
        ).fetchone()
        return Totals(files, done, pages, stamps, failed + broken)

    def records(self) -> Iterator[FileRecords]:
        """Files by name."""
        for id_, name, error, warnings in self._database.execute(
            "SELECT id, name, error, warnings FROM files ORDER BY name"
        ):
            pages = self._database.execute("SELECT record FROM pages WHERE file = ? ORDER BY page", [id_])
            yield FileRecords(name, error, tuple(json.loads(warnings)), (record for (record,) in pages))

    def close(self) -> None:
        """Ends its use."""
        self._database.close()

    def remove(self) -> None:
        """Ends its use for good: the output has all that is in it."""
        self.close()
        for ending in ("", "-wal", "-shm"):
            Path(f"{self.path}{ending}").unlink(missing_ok=True)
