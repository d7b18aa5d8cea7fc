"""The directories of a TIFF: which there are, which of them are pages, and the tags of one.

A reader of its own, because those of Pillow and tifffile load every tag, whatever its size, and count what is no page:
here a hostile file costs no more than its directories, and one that cannot be decoded hides none behind it.
TIFF 6.0, sections 2 and 8; BigTIFF as of Adobe's Photoshop technical notes and bigtiff.org.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

MAX_DIRECTORIES = 100_000
_MAX_ENTRIES = 2_000_000  # of all directories together; 20 in each is usual
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_OLD_REDUCED = 2  # SubfileType
_MASK_PHOTOMETRIC = 4

# struct's letter for each type of a value, two for a fraction.
_TYPES = {
    1: "B", 2: "c", 3: "H", 4: "I", 5: "II", 6: "b", 7: "B", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d", 13: "I",
    16: "Q", 17: "q", 18: "Q",
}  # fmt: skip
_SIZES = {code: struct.calcsize("=" + letters) for code, letters in _TYPES.items()}


class DamagedTiff(Exception):
    """The structure of the file is broken; the text is the reason, a few words."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A tag of a directory: where its values lie in the file is only known to be inside of it."""

    type: int
    count: int
    field: bytes  # the values, or where they lie


class TiffFile:
    """The bytes of a TIFF by its header: order of bytes, width of offsets."""

    def __init__(self, source: BinaryIO, size: int) -> None:
        """DamagedTiff when the header is cut short or points nowhere."""
        self.source, self.size = source, size
        header = self.read(0, 16)
        self.order = "<" if header[:2] == b"II" else ">"
        self.big = len(header) > 3 and 43 in header[2:4]
        self._offset = struct.Struct(self.order + ("Q" if self.big else "I"))
        self._count = struct.Struct(self.order + ("Q" if self.big else "H"))
        self._entry = struct.Struct(self.order + ("HHQ8s" if self.big else "HHI4s"))
        at = 8 if self.big else 4
        if len(header) < at + self._offset.size:
            raise DamagedTiff("cut short")
        (self.first,) = self._offset.unpack_from(header, at)

    def read(self, offset: int, count: int) -> bytes:
        """Fewer bytes than asked for at the end of the file."""
        if not 0 <= offset < self.size or count <= 0:
            return b""
        self.source.seek(offset)
        return self.source.read(min(count, self.size - offset))

    def directory(self, offset: int) -> tuple["Directory", int]:
        """The directory at an offset, and the offset of the next, 0 when it is the last.

        DamagedTiff when it is none, or cut short.
        """
        start = self.read(offset, self._count.size)
        if len(start) < self._count.size:
            raise DamagedTiff("its directory lies beyond the end of the file")
        (count,) = self._count.unpack(start)
        length = count * self._entry.size
        # A writer may have left out the last link, so it is no fault when it is missing.
        block = self.read(offset + len(start), length + self._offset.size) if count <= 0xFFFF else b""
        if not count or len(block) < length:
            raise DamagedTiff("its directory is empty or cut short")
        entries: dict[int, Entry] = {}
        for tag, kind, values, field in self._entry.iter_unpack(block[:length]):
            entries.setdefault(tag, Entry(kind, values, field))
        if not any(entry.type in _TYPES for entry in entries.values()):
            raise DamagedTiff("its directory is overwritten")
        link = block[length:]
        following = self._offset.unpack(link)[0] if len(link) == self._offset.size else 0
        return Directory(self, offset, entries), following


@dataclass(frozen=True, slots=True)
class Directory:
    """The tags of a frame. Values are read when they are asked for, and no more of them than asked for."""

    file: TiffFile
    offset: int
    entries: Mapping[int, Entry]

    def values(self, tag: int, most: int = 16) -> tuple[int | float, ...]:
        """The first values of a tag, fractions divided; () when it is absent, of no number's type, or out of reach."""
        entry = self.entries.get(tag)
        if entry is None or entry.type not in _TYPES or entry.type == 2:
            return ()
        letters, size = _TYPES[entry.type], _SIZES[entry.type]
        count = min(entry.count, most)
        data = self._data(entry, count * size)
        count = len(data) // size
        numbers = struct.unpack(f"{self.file.order}{count * len(letters)}{letters[0]}", data[: count * size])
        if len(letters) == 1:
            return numbers
        return tuple(a / b if b else float("nan") for a, b in zip(numbers[::2], numbers[1::2], strict=True))

    def integers(self, tag: int, most: int = 16) -> tuple[int, ...]:
        """As `values`, those that are whole numbers."""
        return tuple(value for value in self.values(tag, most) if isinstance(value, int))

    def integer(self, tag: int, default: int) -> int:
        """The first value of a tag."""
        return next(iter(self.integers(tag, 1)), default)

    def data(self, tag: int, most: int) -> bytes:
        """The bytes of a tag, `most` of them at most."""
        entry = self.entries.get(tag)
        if entry is None or entry.type not in _TYPES:
            return b""
        return self._data(entry, min(entry.count * _SIZES[entry.type], most))

    def _data(self, entry: Entry, length: int) -> bytes:
        if entry.count * _SIZES[entry.type] <= len(entry.field):
            return entry.field[:length]
        (offset,) = struct.unpack(self.file.order + ("Q" if self.file.big else "I"), entry.field)
        return self.file.read(offset, length)

    def extents(self) -> Iterator[tuple[int, int]]:
        """Where it lies in the file, and where values of its tags lie: the first byte of each, and the one after it."""
        is_big = self.file.big
        yield self.offset, self.offset + (16 if is_big else 6) + len(self.entries) * (20 if is_big else 12)
        for entry in self.entries.values():
            length = entry.count * _SIZES.get(entry.type, 0)
            if length > len(entry.field):
                (offset,) = struct.unpack(self.file.order + ("Q" if is_big else "I"), entry.field)
                yield offset, offset + length

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as stored, 0 where the directory does not say."""
        return self.integer(256, 0), self.integer(257, 0)


@dataclass(frozen=True, slots=True)
class Chain:
    """Offsets of the directories of pages, in order, and how the chain of directories ends.

    `broken` is the reason why it cannot be followed to its end, empty when it can.
    """

    pages: Sequence[int]
    broken: str = ""
    circular: bool = False


def follow(file: TiffFile) -> Chain:
    """Follow the directories to the end of their chain.

    Raises DamagedTiff when there are more than any document has.
    """
    frames: list[tuple[int, int, int]] = []  # offset, kind, area
    seen: set[int] = set()
    offset, entries, broken = file.first, 0, ""
    while offset and offset not in seen:
        seen.add(offset)
        try:
            directory, following = file.directory(offset)
        except DamagedTiff as error:
            broken = str(error)
            break
        entries += len(directory.entries)
        if len(seen) > MAX_DIRECTORIES or entries > _MAX_ENTRIES:
            raise DamagedTiff(f"more than {MAX_DIRECTORIES:,} pages, or as many tags")
        width, height = directory.size
        frames.append((offset, _kind(directory), width * height))
        offset = following
    return Chain(_pages(frames), broken, circular=offset in seen and not broken)


def _kind(directory: Directory) -> int:
    """0 of a page, else _REDUCED or _MASK."""
    kind = directory.integer(254, 0)
    if kind & _MASK or directory.integer(262, -1) == _MASK_PHOTOMETRIC:
        return _MASK
    reduced = kind & _REDUCED or (254 not in directory.entries and directory.integer(255, 0) == _OLD_REDUCED)
    return _REDUCED if reduced else 0


def _pages(frames: Sequence[tuple[int, int, int]]) -> list[int]:
    """Offsets of pages: frames that are nothing else.

    Where every frame is said to be reduced, or a mask, the flag is wrong of some: the pages are those of about the size
    of the largest.
    """
    for kind in (0, _REDUCED, _MASK):
        found = [(offset, area) for offset, its_kind, area in frames if its_kind == kind]
        if found:
            largest = max(area for _, area in found)
            return [offset for offset, area in found if not kind or 2 * area > largest]
    return []
