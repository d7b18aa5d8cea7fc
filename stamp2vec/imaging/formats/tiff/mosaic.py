"""Strips and tiles of a TIFF put together to a page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from stamp2vec.imaging.formats.page import new_array
from stamp2vec.imaging.formats.pixels import Range, values_within
from stamp2vec.imaging.formats.tiff.codecs import Rows, decompress
from stamp2vec.imaging.formats.tiff.frame import Frame
from stamp2vec.imaging.formats.tiff.samples import Meaning, Samples, unpack
from stamp2vec.imaging.formats.tiff.segments import Segments
from stamp2vec.imaging.formats.upright import Canvas

GROUP_BYTES = 4 << 20  # of strips that are decompressed together
_BAND_ROWS = 128


@dataclass(frozen=True, slots=True)
class Damage:
    """Rows of a page, as stored, that could not be decoded, and that may have been decoded wrong."""

    lost: set[range] = field(default_factory=set)
    doubtful: set[range] = field(default_factory=set)


def put_together(meaning: Meaning, segments: Segments, damage: Damage, page: NDArray[np.uint8] | None = None) -> Canvas:
    """The page as stored, three colours of it in `page` where it is given; what is damaged is added to `damage`."""
    if meaning.needs_range:
        meaning = _with_range(meaning, segments)
    canvas = _fill(meaning, segments, damage, page)
    if meaning.is_faint(canvas.colour):
        canvas = _fill(_with_range(meaning, segments), segments, damage, page)
    return canvas


def _with_range(meaning: Meaning, segments: Segments) -> Meaning:
    """Goes through the file once more, rather than to keep up to 8 bytes of each sample of it in memory."""
    frame = meaning.frame
    ends = [values_within(part[..., : frame.colours]) for _, _, part in _parts(frame, segments, Damage())]
    known = [end for end in ends if end is not None]
    return replace(meaning, range=Range.for_values(known, floats=frame.kind == "f"))


def _fill(meaning: Meaning, segments: Segments, damage: Damage, page: NDArray[np.uint8] | None) -> Canvas:
    frame = meaning.frame
    shape = (frame.height, frame.width)
    colour = np.empty(shape, np.uint8) if meaning.channels == 1 else new_array(*shape) if page is None else page
    alpha = np.empty(shape, np.uint8) if frame.alpha else None
    for top, left, samples in _parts(frame, segments, damage):
        part, opacity = meaning.to_8_bit(samples)
        place = slice(top, top + len(part)), slice(left, left + part.shape[1])
        colour[place] = part
        if alpha is not None and opacity is not None:
            alpha[place] = opacity
    return Canvas(colour, alpha, frame.alpha == "premultiplied")


def _parts(frame: Frame, segments: Segments, damage: Damage) -> Iterator[tuple[int, int, Samples]]:
    """Samples (n, w, s) of the page in parts, with the row and the column of each; rows that are damaged are added."""
    _, unit = frame.subsampling
    height, down = frame.segment_height, frame.down
    # Segments of a plane that lie below each other are decompressed in one go, a row of tiles is, too.
    together = max(GROUP_BYTES // max(frame.row_bytes * height, 1), 1) if not frame.tiled and height % unit == 0 else 1
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


def united(damaged: set[range], height: int) -> list[range]:
    """In order, those that touch as one, none below `height`."""
    united: list[range] = []
    for rows in sorted(damaged, key=lambda rows: rows.start):
        stop = min(rows.stop, height)
        if united and rows.start <= united[-1].stop:
            united[-1] = range(united[-1].start, max(united[-1].stop, stop))
        elif rows.start < stop:
            united.append(range(rows.start, stop))
    return united
