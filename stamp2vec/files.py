"""Files: read up to a limit, and written so that they appear whole or not at all."""

import tempfile
from pathlib import Path

from stamp2vec.errors import InvalidInput, UnreadableFile
from stamp2vec.limits import MAX_FILE_BYTES

File = bytes | str | Path
"""The bytes of a file, or its path."""


def contents(file: File, most: int = MAX_FILE_BYTES, field: str = "") -> bytes:
    """The bytes of a file. UnreadableFile for a path that cannot be read, InvalidInput when more than `most` are there.

    Bytes are returned as they are.
    """
    if isinstance(file, bytes):
        return file
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(most + 1)
    except (OSError, ValueError) as error:  # ValueError is of a path with a NUL in it
        raise UnreadableFile(file, error, field) from error
    if len(data) > most:
        raise InvalidInput(f"{file} has more than {most:,} bytes: compress it, or split it", field)
    return data


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in place in one step, its folder too, so that nobody ever reads half of one. OSError as usual."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(data)
            file.close()
            temporary.chmod(0o644)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
