"""TIFF: a file of pages, each of which is decoded in parts and by itself."""

import io
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats import jpeg, raster
from stamp2vec.imaging.formats.limits import Limits
from stamp2vec.imaging.formats.page import Allocate, NoRoom, Page, PageInfo, new_array
from stamp2vec.imaging.formats.pixels import canvas_of
from stamp2vec.imaging.formats.resolution import believable
from stamp2vec.imaging.formats.tiff.directory import Chain, DamagedTiff, TiffFile, follow
from stamp2vec.imaging.formats.tiff.frame import Compression, Frame, Photometric, read_frame
from stamp2vec.imaging.formats.tiff.mosaic import GROUP_BYTES, Damage, put_together, united
from stamp2vec.imaging.formats.tiff.samples import meaning_of
from stamp2vec.imaging.formats.tiff.segments import find_segments
from stamp2vec.imaging.formats.upright import Canvas, Upright, finish, swaps_axes

_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PIXEL_BYTES = 8  # for each pixel that a page may have: what its largest part may have once decompressed
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

    def read(self, index: int, allocate: Allocate = new_array) -> Page:
        """See Reader."""
        if index == len(self._chain.pages) and self._chain.broken:
            message = f"page {index + 1} and all after it are damaged ({self._chain.broken}): "
            raise InvalidImage(message + "save the file again, or send the whole file", self._field)
        try:
            directory, _ = self._file.directory(self._chain.pages[index])
            frame = read_frame(directory, self._field)
            return self._decode(index, frame, allocate)
        except (InvalidImage, NoRoom):
            raise
        except MemoryError as error:
            raise InvalidImage(raster.TOO_LARGE_FOR_MEMORY, self._field) from error
        # Hostile bytes make the decoders raise nearly everything: here, all of it is the file's fault.
        except Exception as error:
            message = (
                f"the page is damaged or cut short ({raster.reason(error)}): send the whole file, or save it again"
            )
            raise InvalidImage(message, self._field) from error

    @property
    def chain(self) -> Chain:
        """Where its pages lie."""
        return self._chain

    @property
    def file(self) -> TiffFile:
        """Its bytes."""
        return self._file

    def stored(self, index: int) -> tuple[Frame, Canvas]:
        """A page as it is stored, neither upright nor in square pixels. InvalidImage when any row of it is damaged."""
        what = f"page {index + 1}"
        if index >= len(self._chain.pages):
            raise InvalidImage(f"{what} is damaged: save the file again, or send the whole file", self._field)
        directory, _ = self._file.directory(self._chain.pages[index])
        frame = read_frame(directory, self._field)
        raster.check_size(frame.width, frame.height, self._limits, self._field)
        damage = Damage()
        canvas = self._canvas(frame, damage, None)
        if damage.lost or damage.doubtful:
            raise InvalidImage(f"{what} is damaged in part: save the file again, or send the whole file", self._field)
        return frame, canvas

    def close(self) -> None:
        """See Reader."""
        self._source.close()

    def _decode(self, index: int, frame: Frame, allocate: Allocate) -> Page:
        density = believable(frame.density)
        stored = frame.width, frame.height
        square = density.square_size(*stored) if density else stored
        raster.check_size(*stored, self._limits, self._field)
        raster.check_size(*square, self._limits, self._field, stored=stored)
        upright = Upright(frame.orientation, stored, square)
        page = allocate(*upright.size)
        damage = Damage()
        canvas = self._canvas(frame, damage, page if upright.changes_nothing else None)
        lost = united(damage.lost, frame.height)
        if sum(map(len, lost)) >= frame.height:
            kind = f"{frame.compression.name.replace('_', ' ')}, TIFF compression {frame.compression}"
            message = f"no row of the page can be decoded, its data ({kind}) is damaged, cut short or of a rare kind"
            raise InvalidImage(f"{message}: send the whole file, or save it again", self._field)
        for rows in lost:
            canvas.colour[rows.start : rows.stop] = _WHITE
            if canvas.alpha is not None:
                canvas.alpha[rows.start : rows.stop] = _WHITE
        warnings = finish(canvas, upright, page)
        swapped = swaps_axes(frame.orientation)
        width, height = stored[::-1] if swapped else stored
        resolution = density.upright(swapped=swapped) if density else None
        told = (*_told(united(damage.lost | damage.doubtful, frame.height), frame), *warnings)
        return Page(index, page, PageInfo(height, width, resolution, warnings=told))

    def _canvas(self, frame: Frame, damage: Damage, page: NDArray[np.uint8] | None) -> Canvas:
        """The page as stored, three colours of it in `page` where it is given; what of it is damaged is added."""
        if frame.compression is Compression.OLD_JPEG:
            return _old_jpeg(frame, self._field)
        meaning = meaning_of(frame, self._field)
        segments = find_segments(frame, self._field)
        at_once = frame.across * frame.planes * frame.row_bytes * frame.segment_height
        if at_once > _PIXEL_BYTES * self._limits.max_pixels + GROUP_BYTES:
            message = f"the page has parts of {at_once / 1e6:,.0f} million bytes"
            raise InvalidImage(f"{message}: save it in strips, with 8 bits a sample", self._field)
        return put_together(meaning, segments, damage, page)


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
    return Canvas(~canvas.colour) if frame.photometric is Photometric.WHITE_IS_ZERO else canvas


def _warnings_of(chain: Chain) -> tuple[str, ...]:
    if not chain.circular:
        return ()
    return ("the chain of pages leads back to a page before: if any are missing, save the file again",)
