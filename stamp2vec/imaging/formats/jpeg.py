"""JPEG streams: whole or not, how much of one that is cut can be read, and the old style of TIFF."""

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, JpegImagePlugin, TiffImagePlugin

from stamp2vec.imaging.formats.tiff.directory import Directory

_START, _END = b"\xff\xd8", b"\xff\xd9"
# APP14 of Adobe, whose last byte says what three components are: 0 RGB, 1 YCbCr. Without it a decoder guesses.
_ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"
_MAX_STREAM = 256 << 20
_ZEROS = bytes(32)
_SOF_BASELINE, _SOF_EXTENDED, _DHT, _SOS = 0xC0, 0xC1, 0xC4, 0xDA


def is_complete(stream: bytes) -> bool:
    """Whether it has its end. FF D9 occurs in no other place once the pictures inside of headers are past."""
    return stream.rfind(_END) > stream.rfind(b"\xff\xda") >= 0


def before_damage(stream: bytes) -> bytes:
    """The stream up to a place that was overwritten with zeros; all of it where there is none.

    Decoders make pixels of zeros. Encoders make long runs of them only where the shortest code of every table of AC
    coefficients is the end of a block, which by the usual tables it is not; where it is, and in streams of several
    scans, no one can tell.
    """
    start = _start_of_scan(stream)
    if not start:
        return stream
    end = stream.find(_END, start)
    place = stream.find(_ZEROS, start, end if end >= 0 else len(stream))
    return stream[:place] if place >= 0 else stream


def _start_of_scan(stream: bytes) -> int:
    """Where the data of a baseline stream of one scan begins in which zeros cannot be pixels; else 0."""
    at, components = 2, 0
    first_symbols: dict[int, int] = {}  # of each table, by its class and number
    while at + 4 <= len(stream) and stream[at] == 0xFF:
        marker, (length,) = stream[at + 1], struct.unpack_from(">H", stream, at + 2)
        body = stream[at + 4 : at + 2 + length]
        at += 2 + length
        if marker in (_SOF_BASELINE, _SOF_EXTENDED) and len(body) > 5:
            components = body[5]
        elif marker == _DHT:
            table = 0
            while table + 17 < len(body):
                first_symbols[body[table]] = body[table + 17]
                table += 17 + sum(body[table + 1 : table + 17])
        elif marker == _SOS:
            together = bool(body) and body[0] == components and len(body) > 2 * components
            used = {0x10 | body[2 * index] & 0x0F for index in range(1, components + 1)} if together else set()
            return at if any(first_symbols.get(table, 0) for table in used) else 0
    return 0


def with_tables(stream: bytes, tables: bytes, *, ycbcr: bool) -> bytes:
    """A file of its own of an abbreviated stream and the tables that it lacks."""
    inner = tables[2:-2] if tables.startswith(_START) and tables.endswith(_END) else b""
    marker = _ADOBE + (b"\1" if ycbcr else b"\0")
    return _START + marker + inner + stream.removeprefix(_START)


def rows_of(stream: bytes, width: int, height: int, samples: int, *, largest: tuple[int, int]) -> NDArray[np.uint8]:
    """The rows of a stream from the top as far as they can be decoded, uint8 (n, width * samples), n <= height.

    None of a stream that says of itself that it is larger than `largest`, width and height.
    """
    nothing = np.zeros((0, width * samples), np.uint8)
    try:
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(stream))
        fits = width <= image.width <= largest[0] and image.height <= largest[1]
        if not fits or len(image.getbands()) != samples:
            return nothing
        good = load_rows(image)
    except Exception:  # Pillow's parsers raise nearly everything
        return nothing
    good = min(good, height)
    return np.asarray(image.crop((0, 0, width, good))).reshape(good, -1) if good else nothing


def load_rows(image: ImageFile.ImageFile) -> int:
    """Load as much as there is; how many rows from the top have been decoded.

    A baseline JPEG comes row by row, and where it ends Pillow raises, with the rows so far in place and zeros below.
    """
    try:
        image.load()
    except OSError:
        image.tile = []  # what load() would start over with
        filled = image.getbbox()
        return filled[3] if filled else 0
    return image.height


def old_style(directory: Directory, width: int, height: int) -> Image.Image | None:
    """The picture of a page of TIFF 6.0, section 22 (compression 6), loaded; None when it cannot be read.

    In practice JPEGInterchangeFormat points to a whole stream, or to its header, with the data in the strips. libtiff
    reads what else there is, of which it takes all for YCbCr.
    """
    for attempt in (_stream_of_old_style, _old_style_by_libtiff):
        try:
            image = attempt(directory)
            if image is not None and image.size == (width, height):
                image.load()
                return image
        except Exception:  # noqa: S112 - Pillow's parsers raise nearly everything
            continue
    return None


def _stream_of_old_style(directory: Directory) -> Image.Image | None:
    file = directory.file
    start, length = directory.integer(513, 0), directory.integer(514, 0)
    stream = file.read(start, min(length or file.size, _MAX_STREAM)) if start else b""
    if not stream.startswith(_START):
        return None
    if not is_complete(stream):
        offsets, counts = directory.integers(273, 1 << 16), directory.integers(279, 1 << 16)
        if not offsets or len(offsets) != len(counts) or sum(counts) > file.size:
            return None
        if start <= offsets[0] < start + len(stream):
            stream = stream[: offsets[0] - start]
        stream += b"".join(file.read(offset, count) for offset, count in zip(offsets, counts, strict=True))
        if not is_complete(stream):
            stream += _END
    return JpegImagePlugin.JpegImageFile(io.BytesIO(stream))


def _old_style_by_libtiff(directory: Directory) -> Image.Image | None:
    """By Pillow on the whole file, with this directory as its first: its tables lie anywhere."""
    file = directory.file
    if directory.integer(262, 6) != 6:
        return None
    data = bytearray(file.read(0, file.size))
    struct.pack_into(file.order + ("Q" if file.big else "I"), data, 8 if file.big else 4, directory.offset)
    return TiffImagePlugin.TiffImageFile(io.BytesIO(data))
