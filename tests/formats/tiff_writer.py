"""Writes the TIFFs of the tests: any tags, any segments, either order of bytes, broken on request."""

import io
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Value = int | float | bytes | Sequence[int] | Sequence[float]
Pixels = NDArray[np.uint8]

_SHORT, _LONG, _RATIONAL, _UNDEFINED, _LONG8 = 3, 4, 5, 7, 16
_RATIONALS = (282, 283, 529, 532)
_SHORTS = (258, 259, 262, 277, 284, 266, 274, 317, 320, 338, 339, 530)


@dataclass(frozen=True)
class Directory:
    """Tags of a frame, and its compressed strips or tiles; offsets and lengths are added where they are not given."""

    tags: Mapping[int, Value]
    segments: Sequence[bytes]
    tiled: bool = False


@dataclass
class Written:
    """A file, and where in it the directories and their segments are."""

    data: bytes = b""
    directories: list[int] = field(default_factory=list)
    links: list[int] = field(default_factory=list)
    segments: list[list[int]] = field(default_factory=list)


def write(directories: Sequence[Directory], order: str = "<", *, big: bool = False) -> Written:
    """A file of these directories, its pixels before each."""
    written = Written()
    mark = b"II" if order == "<" else b"MM"
    header = struct.pack(order + "2sHHHQ", mark, 43, 8, 0, 0) if big else struct.pack(order + "2sHI", mark, 42, 0)
    out = bytearray(header)
    link = len(header) - (8 if big else 4)
    offset_code = "Q" if big else "I"
    for directory in directories:
        starts = []
        for segment in directory.segments:
            starts.append(len(out))
            out += segment + bytes(len(segment) % 2)
        offsets, counts = (324, 325) if directory.tiled else (273, 279)
        tags: dict[int, Value] = {offsets: starts, counts: [len(segment) for segment in directory.segments]}
        tags |= directory.tags
        entries = []
        for tag, value in sorted(tags.items()):
            kind, count, data = _packed(tag, value, order)
            if len(data) > (8 if big else 4):
                where = len(out)
                out += data + bytes(len(data) % 2)
                data = struct.pack(order + offset_code, where)
            entries.append(struct.pack(order + ("HHQ8s" if big else "HHI4s"), tag, kind, count, data))
        struct.pack_into(order + offset_code, out, link, len(out))
        written.directories.append(len(out))
        written.segments.append(starts)
        out += struct.pack(order + ("Q" if big else "H"), len(entries)) + b"".join(entries)
        link = len(out)
        written.links.append(link)
        out += bytes(8 if big else 4)
    written.data = bytes(out)
    return written


def _packed(tag: int, value: Value, order: str) -> tuple[int, int, bytes]:
    if isinstance(value, bytes):
        return _UNDEFINED, len(value), value
    if tag in _RATIONALS:
        numbers = [value] if isinstance(value, int | float) else list(value)
        pairs = [part for number in numbers for part in _fraction(number)]
        return _RATIONAL, len(numbers), struct.pack(f"{order}{len(pairs)}I", *pairs)
    whole = [value] if isinstance(value, int | float) else list(value)
    kind = _SHORT if tag in _SHORTS else _LONG
    return kind, len(whole), struct.pack(f"{order}{len(whole)}{'H' if kind == _SHORT else 'I'}", *whole)


def _fraction(number: float) -> tuple[int, int]:
    if number != number:
        return 0, 0
    if number == float("inf"):
        return 1, 0
    return (int(number), 1) if number == int(number) else (round(number * 10_000), 10_000)


def page(samples: NDArray[Any], order: str = "<", *, rows_per_strip: int = 0, **tags: Any) -> Directory:
    """An uncompressed page of samples (H, W) or (H, W, S) with its samples together; tags as t262=1."""
    height, width = samples.shape[:2]
    number = samples.shape[2] if samples.ndim == 3 else 1
    rows = rows_per_strip or height
    stored = samples.astype(samples.dtype.str.replace("<", order))
    strips = [stored[first : first + rows].tobytes() for first in range(0, height, rows)]
    kind = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    fixed: dict[int, Value] = {
        256: width, 257: height, 258: [8 * samples.dtype.itemsize] * number, 259: 1, 262: 2 if number > 2 else 1,
        277: number, 278: rows, 339: [kind] * number,
    }  # fmt: skip
    return Directory(fixed | by_number(tags), strips)


def by_number(tags: Mapping[str, Any]) -> dict[int, Value]:
    """The tags of keyword arguments: t262=1 is tag 262."""
    return {int(name[1:]): value for name, value in tags.items()}


def by_pillow(image: Image.Image | NDArray[Any], **options: Any) -> bytes:
    """A TIFF as Pillow writes it."""
    buffer = io.BytesIO()
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(buffer, "TIFF", **options)
    return buffer.getvalue()


def strips_of(data: bytes) -> tuple[dict[int, Any], list[bytes]]:
    """The tags of the first page of a file that Pillow wrote, and its strips."""
    with Image.open(io.BytesIO(data)) as file:
        tags = dict(file.tag_v2)  # type: ignore[attr-defined]
    strips = [data[start : start + count] for start, count in zip(tags[273], tags[279], strict=True)]
    kept = (256, 257, 258, 259, 262, 266, 277, 278, 284, 292, 317, 320, 338, 347, 530)
    return {tag: tags[tag] for tag in kept if tag in tags}, strips
