"""Decompression of the strips or tiles of a TIFF to rows of bytes, and which rows of them are damaged.

Pillow's libtiff does the work, on small files made of nothing but these strips: so it meets no tag that it does not
need and no kind of sample that it misreads, and a damaged strip costs no other. What it lets pass without a word is
checked.
"""

import io
import lzma
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from stamp2vec.imaging.formats import fax, jpeg
from stamp2vec.imaging.formats.frame import FAX, Compression, Frame, Photometric

Bytes = NDArray[np.uint8]

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_LZMA_MEMORY = 256 << 20
_MAX_TABLES = 1 << 20
# The compressions of libtiff that are of bytes, whatever these mean.
_OF_BYTES = {Compression.LZW: 5, Compression.PACKBITS: 32773, Compression.ZSTD: 50000}
_DEFLATE = (Compression.ADOBE_DEFLATE, Compression.DEFLATE)
_FILES: Mapping[Compression, tuple[str, ...]] = {
    Compression.JPEG_2000: ("JPEG2000",),
    Compression.JPEG_2000_YCBCR: ("JPEG2000",),
    Compression.JPEG_2000_LOSSY: ("JPEG2000",),
    Compression.JPEG_2000_RGB: ("JPEG2000",),
    Compression.LOSSY_JPEG: ("JPEG",),
    Compression.WEBP: ("WEBP",),
    Compression.WEBP_OLD: ("WEBP",),
    Compression.PNG: ("PNG",),
}
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of segments, one below the other, as an array (H, B) or a Pillow image that holds them."""

    source: Bytes | Image.Image
    damaged: Sequence[range] = ()

    def part(self, first: int, end: int) -> Bytes:
        """uint8 (end - first, B)."""
        if isinstance(self.source, np.ndarray):
            return self.source[first:end]
        part = self.source.crop((0, first, self.source.width, end))
        return np.asarray(part.convert("L") if part.mode == "1" else part).reshape(end - first, -1)


def decompress(frame: Frame, segments: Sequence[bytes], heights: Sequence[int]) -> Rows:
    """Rows of all segments, `heights` of each, of which all but the last are equal.

    Fax gives 0 and 255, a byte a pixel; compressed pictures give 8 bits a sample, in RGB for YCbCr. Raises
    `CannotDecode` when the kind of data is beyond the codec.
    """
    if frame.lsb_first and frame.compression not in _PICTURES:
        segments = [segment.translate(_REVERSED) for segment in segments]
    if frame.compression in FAX:
        return _fax(frame, segments, heights)
    if frame.compression is Compression.JPEG:
        return _jpeg(frame, segments, heights)
    if frame.compression in _FILES:
        return _one_by_one(frame.segment_width * frame.together, segments, heights, _file_decoder(frame))
    if frame.compression in _OF_BYTES:
        return _of_bytes(frame, segments, heights)
    return _one_by_one(frame.row_bytes, segments, heights, _byte_decoder(frame))


_PICTURES = (Compression.JPEG, *_FILES)


def by_libtiff(
    width: int,
    heights: Sequence[int],
    segments: Sequence[bytes],
    compression: int,
    *,
    bits: int = 8,
    samples: int = 1,
    photometric: int = 1,
    tags: Mapping[int, bytes | int] | None = None,
) -> Image.Image:
    """Decode strips, the most significant bit first. Raises whatever Pillow does."""
    data = _small_tiff(width, heights, segments, {
        258: struct.pack(f"<{samples}H", *[bits] * samples), 259: compression, 262: photometric, 277: samples, 284: 1,
        **(tags or {}),
    })  # fmt: skip
    # By its class, for `Image.open` counts the pixels as if these small files were sent by someone.
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    image.load()
    return image


def _small_tiff(
    width: int, heights: Sequence[int], segments: Sequence[bytes], tags: Mapping[int, bytes | int]
) -> bytes:
    """A little-endian TIFF of one page. Values that are bytes are of SHORT, or of UNDEFINED in tag 347."""
    number = len(segments)
    lengths = [len(segment) for segment in segments]
    starts = np.cumsum([0, *lengths[:-1]], dtype=np.int64)
    entries: dict[int, bytes | int] = {256: width, 257: sum(heights), 278: heights[0], **tags}
    values: list[bytes] = []
    after = 8 + 2 + 12 * (len(entries) + 2) + 4
    fields: list[tuple[int, int, int, bytes]] = []

    def field(tag: int, kind: int, count: int, data: bytes) -> None:
        nonlocal after
        if len(data) > 4:
            values.append(data + bytes(len(data) % 2))
            data = struct.pack("<I", after)
            after += len(values[-1])
        fields.append((tag, kind, count, data.ljust(4, b"\0")))

    for tag, value in entries.items():
        if isinstance(value, int):
            field(tag, 4, 1, struct.pack("<I", value))
        else:
            field(tag, *(7, len(value)) if tag == 347 else (3, len(value) // 2), value)
    field(279, 4, number, struct.pack(f"<{number}I", *lengths))
    pixels = after + (4 * number if number > 1 else 0)
    field(273, 4, number, (starts + pixels).astype("<u4").tobytes())
    directory = b"".join(struct.pack("<HHI4s", *entry) for entry in sorted(fields))
    head = struct.pack("<2sHIH", b"II", 42, 8, len(fields)) + directory + bytes(4)
    return b"".join([head, *values, *segments])


def _one_by_one(
    row_bytes: int, segments: Sequence[bytes], heights: Sequence[int], decode: Callable[[bytes, int], Bytes]
) -> Rows:
    """Decode segments singly; what `decode` gives may have fewer rows than asked for, those behind are damaged."""
    if len(segments) == 1:
        rows = decode(segments[0], heights[0])
        if len(rows) == heights[0]:
            return Rows(rows)
        parts = [rows]
    else:
        parts = [decode(segment, height) for segment, height in zip(segments, heights, strict=True)]
    whole = np.zeros((sum(heights), row_bytes), np.uint8)
    damaged, first = [], 0
    for rows, height in zip(parts, heights, strict=True):
        whole[first : first + len(rows)] = rows
        if len(rows) < height:
            damaged.append(range(first + len(rows), first + height))
        first += height
    return Rows(whole, damaged)


def _byte_decoder(frame: Frame) -> Callable[[bytes, int], Bytes]:
    row_bytes = frame.row_bytes

    def decode(segment: bytes, height: int) -> Bytes:
        length = height * row_bytes
        if frame.compression in _DEFLATE:
            # libtiff does not look at the checksum, and reads zeros over a part of it without a word.
            data = _inflate(segment, length)
        elif frame.compression is Compression.LZMA:
            data = _unpack_lzma(segment, length)
        else:
            data = segment[:length]
        rows = min(len(data) // row_bytes, height)
        return np.frombuffer(data, np.uint8, rows * row_bytes).reshape(rows, row_bytes)

    return decode


def _inflate(segment: bytes, length: int) -> bytes:
    """What can be had of it. Where the checksum is wrong no one knows from where on, and there is nothing."""
    decoder = zlib.decompressobj()
    try:
        data = decoder.decompress(segment, length)
        if len(data) == length and not decoder.eof:
            decoder.decompress(decoder.unconsumed_tail, 1)  # to the checksum
    except zlib.error:
        return _inflate_in_steps(segment, length)
    return data


def _inflate_in_steps(segment: bytes, length: int) -> bytes:
    decoder = zlib.decompressobj()
    parts, found = [], 0
    try:
        for first in range(0, len(segment), 256):
            parts.append(decoder.decompress(segment[first : first + 256], length - found + 1))
            found += len(parts[-1])
    except zlib.error:
        pass
    # Whole in length: it is the checksum that is wrong.
    return b"".join(parts) if found < length else b""


def _unpack_lzma(segment: bytes, length: int) -> bytes:
    decoder = lzma.LZMADecompressor(memlimit=_LZMA_MEMORY)
    parts, found = [], 0
    try:
        for first in range(0, len(segment), 1 << 16):
            part = segment[first : first + (1 << 16)]
            while found < length and not decoder.eof:
                parts.append(decoder.decompress(part, length - found))
                found += len(parts[-1])
                part = b""
                if decoder.needs_input:
                    break
    except (lzma.LZMAError, EOFError, MemoryError):
        pass
    return b"".join(parts)


def _of_bytes(frame: Frame, segments: Sequence[bytes], heights: Sequence[int]) -> Rows:
    number = _OF_BYTES[frame.compression]

    def decode(segment: bytes, height: int) -> Bytes:
        """As many rows as can be had: a strip may be read to less than its end."""
        good, bad = 0, height + 1
        rows = np.zeros((0, frame.row_bytes), np.uint8)
        tried = height
        while bad - good > 1:
            try:
                rows = Rows(by_libtiff(frame.row_bytes, [tried], [segment], number)).part(0, tried)
                good = tried
            except Exception:  # of many kinds, all of them the file's fault
                bad = tried
            tried = (good + bad) // 2
        return rows

    if all(segments):
        try:
            return Rows(by_libtiff(frame.row_bytes, heights, segments, number))
        except Exception:
            if len(segments) == 1 and heights[0] == 1:
                return Rows(np.zeros((1, frame.row_bytes), np.uint8), [range(1)])
    return _one_by_one(frame.row_bytes, segments, heights, decode)


def _fax(frame: Frame, segments: Sequence[bytes], heights: Sequence[int]) -> Rows:
    # `Group3Options` count for G3 only; libtiff takes runs of 1 for black whatever the photometric is.
    two_dimensional = bool(frame.directory.integer(292, 0) & 1) and frame.compression is Compression.CCITT_T4
    options = {292: frame.directory.integer(292, 0)} if frame.compression is Compression.CCITT_T4 else {}
    image = by_libtiff(
        frame.segment_width,
        heights,
        [segment or b"\0" for segment in segments],
        frame.compression,
        bits=1,
        tags=options,
    )
    damaged: list[range] = []
    first = 0
    again = _as_g4(image, heights[0]) if frame.compression is Compression.CCITT_T6 else None
    for index, (segment, height) in enumerate(zip(segments, heights, strict=True)):
        # G4 has one way to encode a page, so what is the same when encoded again was whole; that is fast.
        if again is None or not _begins_alike(segment, again[index]):
            bad = fax.damaged_rows(
                segment, frame.segment_width, height, scheme=frame.compression, two_dimensional=two_dimensional
            )
            damaged += [range(first + rows.start, first + rows.stop) for rows in bad]
        first += height
    return Rows(image, damaged)


def _as_g4(image: Image.Image, rows_per_strip: int) -> list[bytes]:
    buffer = io.BytesIO()
    image.save(buffer, "TIFF", compression="group4", tiffinfo={278: rows_per_strip})
    data = buffer.getvalue()
    buffer.seek(0)
    with TiffImagePlugin.TiffImageFile(buffer) as file:
        return [data[start : start + count] for start, count in zip(file.tag_v2[273], file.tag_v2[279], strict=True)]


def _begins_alike(segment: bytes, encoded: bytes) -> bool:
    """Whether they agree but for the end mark, which takes 4 bytes with the bits before it and may be missing."""
    length = max(len(encoded) - 4, 0)
    return len(segment) >= length and segment[:length] == encoded[:length]


def _jpeg(frame: Frame, segments: Sequence[bytes], heights: Sequence[int]) -> Rows:
    tables = frame.directory.data(347, _MAX_TABLES)
    samples = frame.together
    width = frame.segment_width
    ycbcr = frame.photometric is Photometric.YCBCR and samples == 3
    tags: dict[int, bytes | int] = {347: tables} if tables else {}
    photometric = 6 if ycbcr else {1: 1, 3: 2, 4: 5}.get(samples, 2)

    def decode(segment: bytes, height: int) -> Bytes:
        return jpeg.rows_of(jpeg.with_tables(segment, tables, ycbcr=ycbcr), width, height, samples)

    # libtiff makes grey of what is missing, without a word.
    if all(jpeg.is_complete(segment) for segment in segments):
        try:
            image = by_libtiff(
                width, heights, segments, Compression.JPEG, samples=samples, photometric=photometric, tags=tags
            )
        except Exception:
            return _one_by_one(width * samples, segments, heights, decode)
        return Rows(image)
    return _one_by_one(width * samples, segments, heights, decode)


def _file_decoder(frame: Frame) -> Callable[[bytes, int], Bytes]:
    """Of segments that are files of their own."""
    width, samples = frame.segment_width, frame.together

    def decode(segment: bytes, height: int) -> Bytes:
        try:
            with Image.open(io.BytesIO(segment), formats=_FILES[frame.compression]) as image:
                if image.width < width or image.height < height:
                    return np.zeros((0, width * samples), np.uint8)
                image.load()
                return _samples(image, frame, segment).reshape(image.height, -1)[:height, : width * samples]
        except Exception:
            return np.zeros((0, width * samples), np.uint8)

    return decode


def _samples(image: Image.Image, frame: Frame, segment: bytes) -> Bytes:
    """(H, W, samples) of 8 bits."""
    if image.mode.startswith("I;16"):
        return (np.asarray(image) >> 8).astype(np.uint8)
    if _is_ycbcr(frame, segment):
        image = Image.merge("YCbCr", image.split()[:3]).convert("RGB")
    mode = _MODES.get(frame.together, "")
    return np.asarray(image.convert(mode) if mode and mode != image.mode else image)


def _is_ycbcr(frame: Frame, segment: bytes) -> bool:
    """Whether a JPEG 2000 codestream holds YCbCr, which it itself does not say."""
    if frame.photometric is not Photometric.YCBCR and frame.compression is not Compression.JPEG_2000_YCBCR:
        return False
    style = segment.find(b"\xff\x52")  # COD, in which byte 8 is the transform of colours that the decoder undoes
    return _FILES[frame.compression] == ("JPEG2000",) and not (style >= 0 and segment[style + 8 : style + 9] == b"\1")
