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

from stamp2vec.imaging.formats import jpeg
from stamp2vec.imaging.formats.tiff import fax
from stamp2vec.imaging.formats.tiff.frame import FAX, Compression, Frame, Photometric

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
_SPARE = 64  # pixels by which a compressed picture may be larger than its segment
_STEP = 64  # bytes of damaged data at a time
_ZEROS = bytes(16)
_BEYOND = 1 << 16
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The rows of one segment that could be had, (n, B), which may be fewer than it should have."""

    rows: Bytes
    doubtful: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of segments, one below the other, as an array (H, B) or a Pillow image that holds them.

    What `source` has in `lost` rows means nothing; `doubtful` rows have been decoded, yet not from what was encoded.
    """

    source: Bytes | Image.Image
    lost: Sequence[range] = ()
    doubtful: Sequence[range] = ()

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
    row_bytes: int, segments: Sequence[bytes], heights: Sequence[int], decode: Callable[[bytes, int], Decoded]
) -> Rows:
    """Decode segments singly."""
    parts = [decode(segment, height) for segment, height in zip(segments, heights, strict=True)]
    lost, doubtful, first = [], [], 0
    for part, height in zip(parts, heights, strict=True):
        if len(part.rows) < height:
            lost.append(range(first + len(part.rows), first + height))
        if part.doubtful:
            doubtful.append(range(first, first + len(part.rows)))
        first += height
    if len(parts) == 1 and not lost:
        return Rows(parts[0].rows, (), doubtful)
    whole = np.zeros((sum(heights), row_bytes), np.uint8)
    first = 0
    for part, height in zip(parts, heights, strict=True):
        whole[first : first + len(part.rows)] = part.rows
        first += height
    return Rows(whole, lost, doubtful)


def _byte_decoder(frame: Frame) -> Callable[[bytes, int], Decoded]:
    row_bytes = frame.row_bytes

    def decode(segment: bytes, height: int) -> Decoded:
        length, whole = height * row_bytes, True
        if frame.compression in _DEFLATE:
            # libtiff does not look at the checksum, and reads zeros over a part of it without a word.
            data, whole = _inflate(segment, length)
        elif frame.compression is Compression.LZMA:
            data, whole = _unpack_lzma(segment, length)
        else:
            data = segment
        rows = min(len(data) // row_bytes, height)
        return Decoded(np.frombuffer(data, np.uint8, rows * row_bytes).reshape(rows, row_bytes), not whole)

    return decode


def _inflate(segment: bytes, length: int) -> tuple[bytes, bool]:
    """What can be had of it, and whether its checksum is right, as far as it is there."""
    decoder = zlib.decompressobj()
    try:
        data = decoder.decompress(segment, length)
        # On to the checksum. Damaged data often has more before it; so has a last strip that is as high as the others.
        beyond = 0
        while decoder.unconsumed_tail and beyond <= length:
            beyond += len(decoder.decompress(decoder.unconsumed_tail, _BEYOND)) or length + 1
        return data, True
    except zlib.error:
        # Anew in small steps, for what comes before an error is lost with it.
        before = before_zeros(segment)
        return _in_steps(zlib.decompressobj().decompress, before, length), len(before) < len(segment)


def _unpack_lzma(segment: bytes, length: int) -> tuple[bytes, bool]:
    def decompressor() -> Callable[[bytes, int], bytes]:
        return lzma.LZMADecompressor(memlimit=_LZMA_MEMORY).decompress

    try:
        return decompressor()(segment, length), True
    except (lzma.LZMAError, EOFError, MemoryError):
        before = before_zeros(segment)
        return _in_steps(decompressor(), before, length), len(before) < len(segment)


def _in_steps(decompress: Callable[[bytes, int], bytes], segment: bytes, length: int) -> bytes:
    parts, found = [], 0
    try:
        for first in range(0, len(segment), _STEP):
            if found >= length:
                break
            parts.append(decompress(segment[first : first + _STEP], length - found))
            found += len(parts[-1])
    except (zlib.error, lzma.LZMAError, EOFError, MemoryError):
        pass
    return b"".join(parts)


def before_zeros(segment: bytes) -> bytes:
    """What comes before a place that was overwritten with zeros, as where a disk or a transfer has failed.

    Only for data that is known to be damaged: zeros may follow each other in whole data too.
    """
    place = segment.find(_ZEROS)
    return segment[:place] if place >= 0 else segment


def _of_bytes(frame: Frame, segments: Sequence[bytes], heights: Sequence[int]) -> Rows:
    number = _OF_BYTES[frame.compression]

    def decode(segment: bytes, height: int) -> Decoded:
        """As many rows as can be had: a strip may be read to less than its end."""
        if segment:
            try:
                return Decoded(Rows(by_libtiff(frame.row_bytes, [height], [segment], number)).part(0, height))
            except Exception:  # of many kinds, all of them the file's fault
                segment = before_zeros(segment)
        good, bad = 0, height if segment else 0
        rows = np.zeros((0, frame.row_bytes), np.uint8)
        while bad - good > 1:
            tried = (good + bad) // 2
            try:
                rows = Rows(by_libtiff(frame.row_bytes, [tried], [segment], number)).part(0, tried)
                good = tried
            except Exception:
                bad = tried
        return Decoded(rows)

    # In LZW the same code never stands many times in a row, so zeros are damage, and libtiff may read them.
    suspicious = frame.compression is Compression.LZW and any(_ZEROS in segment for segment in segments)
    if suspicious:
        segments = [before_zeros(segment) for segment in segments]
    elif all(segments):
        try:
            return Rows(by_libtiff(frame.row_bytes, heights, segments, number))
        except Exception:
            return _one_by_one(frame.row_bytes, segments, heights, decode)
    return _one_by_one(frame.row_bytes, segments, heights, decode)


def _fax(frame: Frame, segments: Sequence[bytes], heights: Sequence[int]) -> Rows:
    width, scheme = frame.segment_width, frame.compression
    options = frame.directory.integer(292, 0) if scheme is Compression.CCITT_T4 else 0
    tags: dict[int, bytes | int] = {292: options} if options else {}

    def decode(segments: Sequence[bytes], heights: Sequence[int]) -> Image.Image | None:
        try:
            return by_libtiff(width, heights, segments, scheme, bits=1, tags=tags)
        except Exception:  # of many kinds, all of them the file's fault
            return None

    image = decode(segments, heights) if all(segments) else None
    if image is not None and scheme is Compression.CCITT_T6:
        # G4 has one way to encode a page, so what is the same when encoded again was whole; that is fast.
        again = _as_g4(image, heights[0])
        if all(_begins_alike(segment, encoded) for segment, encoded in zip(segments, again, strict=True)):
            return Rows(image)
    damaged = [
        fax.damaged_rows(segment, width, height, scheme=scheme, two_dimensional=bool(options & 1))
        for segment, height in zip(segments, heights, strict=True)
    ]
    if image is not None and not any(damaged):
        return Rows(image)
    whole, lost, first = np.zeros((sum(heights), width), np.uint8), [], 0
    for segment, height, bad in zip(segments, heights, damaged, strict=True):
        # Rows at the end that are not there make libtiff give up the strip.
        end = bad[-1].start if bad and bad[-1].stop == height else height
        part = decode([segment], [end]) if segment and end else None
        if part is None:
            bad, end = [range(height)], 0
        else:
            whole[first : first + end] = Rows(part).part(0, end)
        lost += [range(first + rows.start, first + rows.stop) for rows in bad]
        first += height
    return Rows(whole, lost)


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

    def damaged(segment: bytes) -> bool:
        return len(jpeg.before_damage(jpeg.with_tables(segment, tables, ycbcr=ycbcr))) < len(segment)

    def decode(segment: bytes, height: int) -> Decoded:
        stream = jpeg.before_damage(jpeg.with_tables(segment, tables, ycbcr=ycbcr))
        size = width + _SPARE, frame.segment_height + _SPARE
        return Decoded(jpeg.rows_of(stream, width, height, samples, largest=size))

    # libtiff makes grey of what is missing, and pixels of zeros, without a word.
    if all(jpeg.is_complete(segment) for segment in segments) and not any(map(damaged, segments)):
        try:
            image = by_libtiff(
                width, heights, segments, Compression.JPEG, samples=samples, photometric=photometric, tags=tags
            )
        except Exception:
            return _one_by_one(width * samples, segments, heights, decode)
        return Rows(image)
    return _one_by_one(width * samples, segments, heights, decode)


def _file_decoder(frame: Frame) -> Callable[[bytes, int], Decoded]:
    """Of segments that are files of their own."""
    width, most_rows, samples = frame.segment_width, frame.segment_height, frame.together

    def decode(segment: bytes, height: int) -> Decoded:
        try:
            with Image.open(io.BytesIO(segment), formats=_FILES[frame.compression]) as image:
                # Its size is its own statement, which may be a bomb.
                if width <= image.width <= width + _SPARE and height <= image.height <= most_rows + _SPARE:
                    image.load()
                    rows = _samples(image, frame, segment).reshape(image.height, -1)
                    return Decoded(rows[:height, : width * samples])
        except Exception:  # noqa: S110 - of many kinds, all of them the file's fault
            pass
        return Decoded(np.zeros((0, width * samples), np.uint8))

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
