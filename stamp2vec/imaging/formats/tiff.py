"""TIFF: a file of pages, each of which is decoded in parts and by itself."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats import jpeg, raster
from stamp2vec.imaging.formats.codecs import Rows, decompress
from stamp2vec.imaging.formats.directory import Chain, DamagedTiff, TiffFile, follow
from stamp2vec.imaging.formats.frame import Compression, Frame, Photometric, read_frame
from stamp2vec.imaging.formats.limits import Limits
from stamp2vec.imaging.formats.page import Page, PageInfo
from stamp2vec.imaging.formats.pixels import Range, canvas_of, values_within
from stamp2vec.imaging.formats.resolution import believable
from stamp2vec.imaging.formats.samples import Samples, meaning_of, unpack
from stamp2vec.imaging.formats.segments import Segments, find_segments
from stamp2vec.imaging.formats.upright import Canvas, swaps_axes, to_page

_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_GROUP_BYTES = 4 << 20  # of strips that are decompressed together
_BAND_ROWS = 128
_WHITE = 255


def is_tiff(head: bytes) -> bool:
    """By the first 4 bytes."""
    return head[:4] in _SIGNATURES


class TiffReader:
    """A TIFF file; see Reader. A page at which the chain of pages is broken counts, and is a broken one."""

    def __init__(self, source: BinaryIO, limits: Limits, field: str) -> None:
        """It owns the source. Raises InvalidImage when there is no page at all, or no end of them."""
        self._source, self._limits, self._field = source, limits, field
        try:
            self._file = TiffFile(source, source.seek(0, io.SEEK_END))
            self._chain = follow(self._file)
        except DamagedTiff as error:
            raise InvalidImage(f"the TIFF file is damaged ({error}): {raster.READABLE}", field) from error
        if not self._chain.pages:
            reason = self._chain.broken or "it has no pages"
            raise InvalidImage(f"the TIFF file is damaged ({reason}): {raster.READABLE}", field)
        self.page_count = len(self._chain.pages) + bool(self._chain.broken)
        self.warnings = _warnings_of(self._chain)

    def read(self, index: int) -> Page:
        """See Reader."""
        if index == len(self._chain.pages) and self._chain.broken:
            message = f"page {index + 1} and all after it are damaged ({self._chain.broken}): "
            raise InvalidImage(message + "save the file again, or send the whole file", self._field)
        try:
            directory, _ = self._file.directory(self._chain.pages[index])
            frame = read_frame(directory, self._field)
            return self._decode(index, frame)
        except InvalidImage:
            raise
        # Hostile bytes make the decoders raise nearly everything: here, all of it is the file's fault.
        except Exception as error:
            message = (
                f"the page is damaged or cut short ({raster.reason(error)}): send the whole file, or save it again"
            )
            raise InvalidImage(message, self._field) from error

    def close(self) -> None:
        """See Reader."""
        self._source.close()

    def _decode(self, index: int, frame: Frame) -> Page:
        density = believable(frame.density)
        stored = frame.width, frame.height
        square = density.square_size(*stored) if density else stored
        raster.check_size(*stored, self._limits, self._field)
        raster.check_size(*square, self._limits, self._field, stored=stored)
        damage = Damage()
        canvas = self._canvas(frame, damage)
        lost = _united(damage.lost, frame.height)
        if sum(map(len, lost)) >= frame.height:
            message = "no row of the page can be decoded, its data is damaged or cut short"
            raise InvalidImage(f"{message}: scan it again, or send the whole file", self._field)
        for rows in lost:
            canvas.colour[rows.start : rows.stop] = _WHITE
            if canvas.alpha is not None:
                canvas.alpha[rows.start : rows.stop] = _WHITE
        page, warnings = to_page(canvas, frame.orientation, square)
        swapped = swaps_axes(frame.orientation)
        width, height = stored[::-1] if swapped else stored
        resolution = density.upright(swapped=swapped) if density else None
        told = (*_told(_united(damage.lost | damage.doubtful, frame.height), frame), *warnings)
        return Page(index, page, PageInfo(height, width, resolution, warnings=told))

    def _canvas(self, frame: Frame, damage: "Damage") -> Canvas:
        """The page as stored; what of it is damaged is added."""
        if frame.compression is Compression.OLD_JPEG:
            return _old_jpeg(frame, self._field)
        meaning = meaning_of(frame, self._field)
        segments = find_segments(frame, self._field)
        if meaning.needs_range:
            # Twice through the file, rather than 8 bytes for each sample of it in memory.
            ends = [values_within(part[..., : frame.colours]) for _, _, part in _parts(frame, segments, Damage())]
            known = [end for end in ends if end is not None]
            meaning = replace(meaning, range=Range.for_values(known, frame.kind == "f"))
        shape = (frame.height, frame.width)
        colour = np.empty(shape if meaning.channels == 1 else (*shape, 3), np.uint8)
        alpha = np.empty(shape, np.uint8) if frame.alpha else None
        for top, left, samples in _parts(frame, segments, damage):
            part, opacity = meaning.to_8_bit(samples)
            place = slice(top, top + len(part)), slice(left, left + part.shape[1])
            colour[place] = part
            if alpha is not None and opacity is not None:
                alpha[place] = opacity
        return Canvas(colour, alpha, frame.alpha == "premultiplied")


@dataclass(frozen=True, slots=True)
class Damage:
    """Rows of a page, as stored, that could not be decoded, and that may have been decoded wrong."""

    lost: set[range] = field(default_factory=set)
    doubtful: set[range] = field(default_factory=set)


def _parts(frame: Frame, segments: Segments, damage: Damage) -> Iterator[tuple[int, int, Samples]]:
    """Samples (n, w, s) of the page in parts, with the row and the column of each; rows that are damaged are added."""
    _, unit = frame.subsampling
    height, down = frame.segment_height, frame.down
    # Segments of a plane that lie below each other are decompressed in one go, a row of tiles is, too.
    together = max(_GROUP_BYTES // max(frame.row_bytes * height, 1), 1) if not frame.tiled and height % unit == 0 else 1
    per_plane = frame.across * down
    for first in range(0, down, together):
        last = min(first + together, down)
        top = first * height
        numbers = range(first * frame.across, last * frame.across)
        heights = [height if frame.tiled else min(height, frame.height - number * height) for number in numbers]
        unit_rows = [-(-rows // unit) for rows in heights]
        planes: list[Rows] = []
        for plane in range(frame.planes):
            data = [segments.read(plane * per_plane + number) for number in numbers]
            planes.append(decompress(frame, data, unit_rows))
            damage.lost.update(_rows_of_page(planes[-1].lost, frame, top, unit))
            damage.doubtful.update(_rows_of_page(planes[-1].doubtful, frame, top, unit))
        columns = range(0, frame.width, frame.segment_width) if frame.tiled else [0]
        size = unit_rows[0] if frame.tiled else sum(unit_rows)
        for tile, left in enumerate(columns):
            for row in range(0, size, max(_BAND_ROWS // unit, 1)):
                end = min(row + max(_BAND_ROWS // unit, 1), size)
                start = top + row * unit
                parts = [unpack(rows.part(tile * size + row, tile * size + end), frame) for rows in planes]
                samples = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)
                yield start, left, samples[: frame.height - start, : frame.width - left]


def _rows_of_page(parts: Sequence[range], frame: Frame, top: int, unit: int) -> Iterator[range]:
    """Rows of segments one below the other to rows of the page; each part is of one segment."""
    height = -(-frame.segment_height // unit)
    for rows in parts:
        first = rows.start % height if frame.tiled else rows.start  # tiles lie side by side
        yield range(top + first * unit, top + (first + len(rows)) * unit)


def _united(damaged: set[range], height: int) -> list[range]:
    united: list[range] = []
    for rows in sorted(damaged, key=lambda rows: rows.start):
        stop = min(rows.stop, height)
        if united and rows.start <= united[-1].stop:
            united[-1] = range(united[-1].start, max(united[-1].stop, stop))
        elif rows.start < stop:
            united.append(range(rows.start, stop))
    return united


def _told(damaged: Sequence[range], frame: Frame) -> tuple[str, ...]:
    if not damaged:
        return ()
    stored = " as stored" if frame.orientation in range(2, 9) else ""
    if len(damaged) > 1:
        which = f"{sum(map(len, damaged)):,} of {frame.height:,} rows{stored}, from {damaged[0].start + 1:,} on,"
    elif damaged[0].stop == frame.height:
        which = f"rows{stored} from {damaged[0].start + 1:,} on"
    else:
        which = f"rows{stored} {damaged[0].start + 1:,} to {damaged[0].stop:,}"
    return (f"{which} are damaged and may hide stamps: scan the page again, or send the whole file",)


def _old_jpeg(frame: Frame, field: str) -> Canvas:
    image = jpeg.old_style(frame.directory, frame.width, frame.height)
    if image is None:
        message = "the page is compressed as old-style JPEG (TIFF compression 6) in a way that cannot be read"
        raise InvalidImage(f"{message}: save it as a PNG, a PDF or a TIFF with JPEG compression (7)", field)
    canvas = canvas_of(image)
    inverted = frame.photometric is Photometric.WHITE_IS_ZERO
    colour: NDArray[np.uint8] = ~canvas.colour if inverted else canvas.colour
    return Canvas(colour)


def _warnings_of(chain: Chain) -> tuple[str, ...]:
    if not chain.circular:
        return ()
    return ("the chain of pages leads back to a page before: if any are missing, save the file again",)
