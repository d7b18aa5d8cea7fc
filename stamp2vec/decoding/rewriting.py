"""Marks of stamps, and the file without them, between a decoder and its parent."""

import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from stamp2vec.decoding.channel import Closed
from stamp2vec.decoding.memory import SharedFile
from stamp2vec.erasing import Mark, Result
from stamp2vec.errors import InvalidImage
from stamp2vec.values import Source

_MEDIA_TYPE_CHARS = 100


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A file without stamps, its media type, and what it has or lacks other than them."""

    data: bytes
    media_type: str
    warnings: tuple[str, ...]


def rows_of(marks: Sequence[Mark]) -> list[dict[str, Any]]:
    """Marks as JSON, without their masks."""
    return [{"box": mark.box, "source": mark.source, "points": mark.box_points} for mark in marks]


def masks_of(marks: Sequence[Mark]) -> SharedFile:
    """Their masks one after the other, row by row; the caller closes it."""
    file = SharedFile()
    for mark in marks:
        file.append(np.ascontiguousarray(mark.mask).tobytes())
    return file


def marks_of(rows: Sequence[Mapping[str, Any]], masks: BinaryIO) -> list[Mark]:
    """The marks that a parent sends."""
    masks.seek(0)
    marks = []
    for row in rows:
        x1, y1, x2, y2 = row["box"]
        mask = np.frombuffer(masks.read((y2 - y1) * (x2 - x1)), np.uint8).reshape(y2 - y1, x2 - x1)
        points = row["points"]
        marks.append(Mark((x1, y1, x2, y2), mask, Source(row["source"]), None if points is None else tuple(points)))
    return marks


class BoundedFile(io.RawIOBase):
    """A file that may be read, written and sought, up to a number of bytes; it owns the file that it writes into."""

    def __init__(self, file: BinaryIO, most_bytes: int, field: str) -> None:
        """InvalidImage, about `field`, is raised where it would become larger."""
        super().__init__()
        self._file, self._most, self._field = file, most_bytes, field

    def readable(self) -> bool:
        """Yes."""
        return True

    def writable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See RawIOBase."""
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: Any) -> int:
        """See RawIOBase; writes all."""
        view = memoryview(data).cast("B")
        if self._file.tell() + len(view) > self._most:
            size = f"{self._most // 2**20} MiB"
            raise InvalidImage(
                f"the file without stamps would be larger than {size}: ask for fewer pages a call", self._field
            )
        self._file.write(view)
        return len(view)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """See RawIOBase."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """See RawIOBase."""
        return self._file.tell()

    def close(self) -> None:
        """Closes the file, too."""
        if not self.closed:
            self._file.close()
        super().close()


def results_of(answer: Mapping[str, Any], count: int) -> list[Result]:
    """What a decoder says became of so many marks. Closed when the answer is none, as of `rewritten_of`."""
    rows = answer.get("results")
    if not isinstance(rows, list) or len(rows) != count:
        raise Closed
    results = []
    for row in rows:
        match row:
            case [int() | float() as left, str(reason)] if math.isfinite(left) and 0 <= left <= 1:
                results.append(Result(float(left), reason))
            case _:
                raise Closed
    return results


def rewritten_of(answer: Mapping[str, Any], file: SharedFile, most_bytes: int) -> Rewritten:
    """What a decoder wrote into a file, at most so many bytes of it."""
    match answer:
        case {"media_type": str(media_type), "warnings": list(warnings)} if len(
            media_type
        ) <= _MEDIA_TYPE_CHARS and all(isinstance(text, str) for text in warnings):
            size = os.fstat(file.fd).st_size
            if not 0 < size <= most_bytes:
                raise Closed
            return Rewritten(_read(file.fd, size), media_type, tuple(warnings))
    raise Closed


def _read(fd: int, size: int) -> bytes:
    data = bytearray(size)
    view, position = memoryview(data), 0
    while position < size:
        count = os.preadv(fd, [view[position:]], position)
        if not count:
            raise Closed
        position += count
    return bytes(data)
