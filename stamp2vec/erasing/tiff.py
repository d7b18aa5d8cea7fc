"""TIFF files without stamps: a page that changes is written at the end of the file, all else stays where it is."""

import io
import shutil
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.erasing.marks import Mark, Result, erase_marks
from stamp2vec.erasing.picture import colour_of
from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats import raster
from stamp2vec.imaging.formats.tiff import TiffReader
from stamp2vec.imaging.formats.tiff.directory import Entry, TiffFile
from stamp2vec.imaging.formats.tiff.frame import FAX, Compression, Frame, Photometric
from stamp2vec.imaging.formats.upright import Canvas, over_white, upright_view

_MEDIA_TYPE = "image/tiff"
_OFFSETS, _COUNTS, _TILE_OFFSETS, _TILE_COUNTS, _JPEG_AT, _JPEG_BYTES = 273, 279, 324, 325, 513, 514
_PROFILE, _SUB_DIRECTORIES = 34675, 330
# Tags that say how the pixels of a page are stored: they come from its new data. TIFF 6.0.
_LAYOUT = frozenset(
    {256, 257, 258, 259, 262, 266, _OFFSETS, 277, 278, _COUNTS, 280, 281, 284, 292, 293, 317, 320, 322, 323}
    | {_TILE_OFFSETS, _TILE_COUNTS, _SUB_DIRECTORIES, 338, 339, 340, 341, 347}
    | {*range(512, 522), 529, 530, 531, 532}
)
_NAMES = {
    Compression.NONE: "raw",
    Compression.CCITT_T4: "group3",
    Compression.LZW: "tiff_lzw",
    Compression.PACKBITS: "packbits",
}
_SHORT, _LONG, _LONG8 = 3, 4, 16
_MOST_SEGMENTS = 1_000_000
_CLASSIC_BYTES = 2**32 - 2**16
_BLANK = bytes(2**16)
_HEADER_BYTES = 16


@dataclass(frozen=True, slots=True)
class _NewPage:
    """A page of one strip: tags of its layout, and its data."""

    values: Mapping[int, tuple[int, ...]]
    data: bytes
    drops_profile: bool


class TiffEraser:
    """A TIFF file; see Eraser."""

    def __init__(self, source: BinaryIO, reader: TiffReader, field: str) -> None:
        """Both are their owner's."""
        self._source, self._reader, self._field = source, reader, field
        self._new: dict[int, _NewPage] = {}
        self._warnings: dict[str, None] = {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """See Eraser."""
        return tuple(self._warnings)

    def erase(self, index: int, marks: Sequence[Mark]) -> list[Result]:
        """See Eraser."""
        try:
            frame, canvas = self._reader.stored(index)
            colour = colour_of(Canvas(_on_white(canvas)))
            changed = np.zeros(colour.shape[:2], np.bool_)
            view = upright_view(colour, frame.orientation)
            results = erase_marks(view, marks, upright_view(changed, frame.orientation))
            if changed.any():
                self._new[index] = self._encoded(index, frame, canvas, colour)
        except InvalidImage:
            raise
        except MemoryError as error:
            raise InvalidImage(raster.TOO_LARGE_FOR_MEMORY, self._field) from error
        except Exception as error:  # hostile bytes make decoders raise nearly everything
            message = f"page {index + 1} is damaged or cut short ({raster.reason(error)}): send the whole file"
            raise InvalidImage(message, self._field) from error
        return results

    def save(self, target: BinaryIO) -> str:
        """See Eraser. The old pixels of a page that changed are overwritten with zeros."""
        self._source.seek(0)
        shutil.copyfileobj(self._source, target)
        if self._new:
            _Patch(self._reader, target, self._field).write(self._new)
        return _MEDIA_TYPE

    def _encoded(self, index: int, frame: Frame, canvas: Canvas, colour: NDArray[np.uint8]) -> _NewPage:
        is_grey = canvas.colour.ndim == 2
        if frame.bits > 8 and frame.compression not in FAX:
            self._warn(f"page {index + 1} had {frame.bits} bits a sample and now has 8")
        if canvas.alpha is not None:
            self._warn(f"page {index + 1} was transparent in part and is now laid over white")
        if frame.bits == 1 and is_grey:
            picture = Image.fromarray(colour[..., 0] >= 128)
            name = "group4" if frame.compression in FAX or frame.compression is Compression.CCITT_T6 else None
        else:
            picture = Image.fromarray(colour[..., 0] if is_grey else colour)
            name = None
        options: dict[str, Any] = {"compression": name or _NAMES.get(frame.compression, "tiff_adobe_deflate")}
        if options["compression"] == "group3":
            options["compression"] = "tiff_adobe_deflate"
        drops_profile = frame.photometric not in (Photometric.RGB, Photometric.BLACK_IS_ZERO, Photometric.WHITE_IS_ZERO)
        return _as_strip(picture, options, drops_profile=drops_profile and frame.photometric is not Photometric.YCBCR)

    def _warn(self, text: str) -> None:
        self._warnings[text] = None


def _on_white(canvas: Canvas) -> NDArray[np.uint8]:
    if canvas.alpha is None or not canvas.alpha.any():
        return canvas.colour
    return over_white(canvas.colour, canvas.alpha, premultiplied=canvas.premultiplied)


def _as_strip(picture: Image.Image, options: Mapping[str, Any], *, drops_profile: bool) -> _NewPage:
    """Pillow's encoding of a picture: what it says of the layout, and its strips as one."""
    file = io.BytesIO()
    picture.save(file, "TIFF", strip_size=2**31 - 1, **options)
    written = TiffFile(file, len(file.getvalue()))
    directory, _ = written.directory(written.first)
    (offset,), (count,) = directory.integers(_OFFSETS), directory.integers(_COUNTS)
    kept = [tag for tag in directory.entries if tag in _LAYOUT and tag not in (_OFFSETS, _COUNTS)]
    values = {tag: directory.integers(tag) for tag in kept}
    return _NewPage(values, written.read(offset, count), drops_profile)


class _Patch:
    """A copy of a TIFF in `target` that gets new pages."""

    def __init__(self, reader: TiffReader, target: BinaryIO, field: str) -> None:
        self._file, self._pages, self._target, self._field = reader.file, reader.chain.pages, target, field
        self._order, self._big = reader.file.order, reader.file.big
        self._offset = struct.Struct(self._order + ("Q" if self._big else "I"))

    def write(self, new: Mapping[int, _NewPage]) -> None:
        """Links new directories into the chain of pages. What is no page, such as a thumbnail, is left out of it."""
        self._clear(new)
        offsets = [self._append(index, new[index]) if index in new else at for index, at in enumerate(self._pages)]
        self._put(8 if self._big else 4, self._offset.pack(offsets[0]))
        for offset, following in zip(offsets, [*offsets[1:], 0]):
            self._put(self._link_of(offset), self._offset.pack(following))

    def _clear(self, new: Mapping[int, _NewPage]) -> None:
        """Overwrites the old pixels, but for what the file has there besides: another page's, directories, tags."""
        kept = [(0, _HEADER_BYTES)]
        for index, offset in enumerate(self._pages):
            directory, _ = self._file.directory(offset)
            kept += directory.extents()
            kept += self._parts(index) if index not in new else ()
        bounds = np.array([(start, min(end, self._file.size)) for start, end in sorted(kept)], np.int64)
        for index in new:
            for start, end in self._parts(index):
                for first, after in bounds[(bounds[:, 0] < end) & (bounds[:, 1] > start)].tolist():
                    self._blank(start, first)
                    start = max(start, after)
                self._blank(start, end)

    def _blank(self, start: int, end: int) -> None:
        while start < end:
            piece = min(len(_BLANK), end - start)
            self._put(start, _BLANK[:piece])
            start += piece

    def _parts(self, index: int) -> Iterator[tuple[int, int]]:
        """Where the pixels of a page lie in the file."""
        directory, _ = self._file.directory(self._pages[index])
        for at, size in ((_OFFSETS, _COUNTS), (_TILE_OFFSETS, _TILE_COUNTS), (_JPEG_AT, _JPEG_BYTES)):
            starts, counts = directory.integers(at, _MOST_SEGMENTS), directory.integers(size, _MOST_SEGMENTS)
            for start, count in zip(starts, counts):
                if 0 < start < self._file.size and count > 0:
                    yield start, min(start + count, self._file.size)

    def _append(self, index: int, page: _NewPage) -> int:
        """Writes the data and the directory of a page, whose other tags stay; where the directory is."""
        directory, _ = self._file.directory(self._pages[index])
        data = self._end(page.data)
        dropped = _LAYOUT | ({_PROFILE} if page.drops_profile else set())
        entries = {tag: entry for tag, entry in directory.entries.items() if tag not in dropped}
        values = {**page.values, _OFFSETS: (data,), _COUNTS: (len(page.data),)}
        for tag, numbers in values.items():
            entries[tag] = self._entry(numbers)
        packed = [(tag, entry.type, entry.count, entry.field) for tag, entry in sorted(entries.items())]
        row = struct.Struct(self._order + ("HHQ8s" if self._big else "HHI4s"))
        count = struct.pack(self._order + ("Q" if self._big else "H"), len(packed))
        return self._end(count + b"".join(row.pack(*each) for each in packed) + bytes(self._offset.size))

    def _entry(self, numbers: tuple[int, ...]) -> Entry:
        is_short = max(numbers) < 2**16
        letter, kind = ("H", _SHORT) if is_short else ("Q", _LONG8) if self._big else ("I", _LONG)
        data = struct.pack(f"{self._order}{len(numbers)}{letter}", *numbers)
        width = self._offset.size
        field = data.ljust(width, b"\0") if len(data) <= width else self._offset.pack(self._end(data))
        return Entry(kind, len(numbers), field)

    def _end(self, data: bytes) -> int:
        """Appends data at an even offset, which it returns."""
        at = self._target.seek(0, io.SEEK_END)
        if at % 2:
            self._target.write(b"\0")
            at += 1
        if not self._big and at + len(data) > _CLASSIC_BYTES:
            raise InvalidImage("the file without stamps would be larger than a TIFF can be: split it", self._field)
        self._target.write(data)
        return at

    def _link_of(self, offset: int) -> int:
        """Where a directory says which one follows."""
        self._target.seek(offset)
        counter = struct.Struct(self._order + ("Q" if self._big else "H"))
        (count,) = counter.unpack(self._target.read(counter.size))
        return offset + counter.size + int(count) * (20 if self._big else 12)

    def _put(self, offset: int, data: bytes) -> None:
        self._target.seek(offset)
        self._target.write(data)
