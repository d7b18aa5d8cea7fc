"""Where the table of a run goes: a file here or in an object store, which appears whole or not at all."""

import os
from collections.abc import Iterable
from pathlib import Path

from stamp2vec.cli import stores
from stamp2vec.cli.bulk.table import Row, require_parquet, write_jsonl, write_parquet
from stamp2vec.errors import InvalidInput

_ENDINGS = (".parquet", ".jsonl")


class Output:
    """A table that is not written yet."""

    def __init__(self, name: str) -> None:
        """A path or an address. InvalidInput for another ending, MissingExtra where it takes packages that lack."""
        self.name = name
        self._is_address = stores.is_address(name)
        self._local = Path(name.rpartition("/")[2]) if self._is_address else Path(name)
        if self._local.suffix not in _ENDINGS:
            raise InvalidInput(f"--out {name} is no {' and no '.join(_ENDINGS)} file: choose one of these")
        if self._local.suffix == ".parquet":
            require_parquet()

    @property
    def journal(self) -> Path:
        """Beside it; in the working directory where it is in a store, which has no files to append to."""
        return self._local.with_name(f"{self._local.name}.journal")

    def prepare(self) -> None:
        """Makes its folder. InvalidInput when that cannot be done."""
        try:
            self._local.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._fault(error) from error

    def exists(self) -> bool:
        """Whether it is written already. InvalidInput when a store does not answer."""
        try:
            return stores.exists(self.name) if self._is_address else self._local.exists()
        except OSError as error:
            raise self._fault(error) from error

    def write(self, rows: Iterable[Row], vector_size: int, metadata: dict[str, str]) -> None:
        """Puts it in place in one step. InvalidInput when it cannot be written."""
        temporary = self._local.with_name(f".{self._local.name}.part")
        try:
            if self._local.suffix == ".parquet":
                write_parquet(temporary, rows, vector_size, metadata)
            else:
                write_jsonl(temporary, rows)
            _sync(temporary)
            if self._is_address:
                stores.upload(temporary, self.name)
            else:
                temporary.replace(self._local)
                _sync(self._local.parent)
        except OSError as error:
            raise self._fault(error) from error
        finally:
            temporary.unlink(missing_ok=True)

    def _fault(self, error: OSError) -> InvalidInput:
        return InvalidInput(f"--out {self.name} cannot be written ({error.strerror or error}): choose another")


def _sync(path: Path) -> None:
    """What a file or a folder holds is on the disk: the journal goes next."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
