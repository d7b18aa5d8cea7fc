"""The compressed bytes of the strips or tiles of a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats.tiff.frame import Frame

_MAX_SEGMENTS = 1_000_000
_SPARE_BYTES = 1 << 20
_MOST_EXPANSION = 16  # of a compression at its worst: fax of a chessboard is near 9 times as large
_MOST_SHARING = 8  # times that the segments of a page may have the bytes of the file


@dataclass(frozen=True, slots=True)
class Segments:
    """Where the segments of a frame lie, plane by plane, in each from left to right and from the top."""

    frame: Frame
    offsets: Sequence[int]
    counts: Sequence[int]

    def read(self, index: int) -> bytes:
        """What there is of a segment: fewer bytes than the directory says where the file is cut short."""
        if index >= len(self.offsets):
            return b""
        frame = self.frame
        most = _MOST_EXPANSION * frame.row_bytes * frame.segment_height + _SPARE_BYTES
        if any(self.counts):
            count = self.counts[index] if index < len(self.counts) else 0
            return frame.directory.file.read(self.offsets[index], min(count, most))
        # Without StripByteCounts, which TIFF 6.0 asks for: what an uncompressed one has, or all up to the next.
        following = min((o for o in self.offsets if o > self.offsets[index]), default=frame.directory.file.size)
        return frame.directory.file.read(self.offsets[index], min(following - self.offsets[index], most))


def find_segments(frame: Frame, field: str) -> Segments:
    """Raises InvalidImage when there are none, or far more than the file can hold."""
    number = frame.across * frame.down * frame.planes
    if number > _MAX_SEGMENTS:
        raise InvalidImage("the page consists of millions of tiles: save it again with larger ones", field)
    offset_tag, count_tag = (324, 325) if frame.tiled else (273, 279)
    directory = frame.directory
    offsets, counts = directory.integers(offset_tag, number), directory.integers(count_tag, number)
    if frame.tiled and not offsets:  # some writers use the tags of strips
        offsets, counts = directory.integers(273, number), directory.integers(279, number)
    if not offsets:
        raise InvalidImage(
            "the page is damaged (it holds no pixels): save the file again, or send the whole file", field
        )
    if not counts and len(offsets) > _SPARE_BYTES // 256:
        raise InvalidImage("the page is damaged (its parts have no lengths): save the file again", field)
    if sum(counts) > _MOST_SHARING * directory.file.size + _SPARE_BYTES:
        # That is true of files that are cut short too; yet of those the parts that are there count.
        counts = tuple(
            count if offset + count <= directory.file.size else max(directory.file.size - offset, 0)
            for offset, count in zip(offsets, counts)
        )
        if sum(counts) > _MOST_SHARING * directory.file.size:
            raise InvalidImage("the parts of the page overlap each other: save the file again", field)
    return Segments(frame, offsets, counts)
