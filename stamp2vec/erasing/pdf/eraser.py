"""The eraser of PDF files."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, TypeVar

import numpy as np
import pikepdf
from numpy.typing import NDArray
from pikepdf import Name, Pdf
from PIL import Image

from stamp2vec.erasing.marks import Mark, Result, erase_marks
from stamp2vec.erasing.pdf.annotations import remove_annotation
from stamp2vec.erasing.pdf.pixels import decoded, encoded
from stamp2vec.erasing.pdf.placed import Placed, placed_pictures, replace_picture
from stamp2vec.erasing.pdf.signatures import is_signed
from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats import raster
from stamp2vec.imaging.formats.limits import Limits
from stamp2vec.imaging.formats.page import NoRoom
from stamp2vec.imaging.formats.pdf import PdfReader
from stamp2vec.imaging.formats.pdf.geometry import Matrix, inverse, product, transformed
from stamp2vec.values import Source

R = TypeVar("R")

_MEDIA_TYPE = "application/pdf"
_HOLDS = 0.97  # share of a stamp's ink that a picture holds, from which on the stamp lies in it
_INKED = 128
_MOST_OTHER = 40.0  # levels that the page may differ from the picture where the ink is, on average
_TINY = 1e-9

_SIGNATURE = "it is the appearance of a digital signature: remove the signature with a PDF program"
_NO_ANNOTATION = "its annotation was not found: remove it with a PDF program"
_NO_PICTURE = (
    "it lies in no picture of the page but is drawn, or lies across several: print the page to a picture, and send that"
)
_COVERED = "something else is drawn over the picture that it lies in: print the page to a picture, and send that"
_TRANSPARENT = "the picture that it lies in is transparent in part: print the page to a picture, and send that"
_TWICE = "the page draws the picture that it lies in more than once: print the page to a picture, and send that"
_SIGNED = "the PDF was signed, and no signature on it is valid any more: have it signed again where that matters"


class PdfEraser:
    """A PDF file; see Eraser."""

    def __init__(
        self, source: BinaryIO, reader: PdfReader, limits: Limits, field: str, password: str | None = None
    ) -> None:
        """Source and reader are their owner's. InvalidImage when it cannot be rewritten."""
        self._source, self._reader, self._limits, self._field = source, reader, limits, field
        self._changed = False
        with self._errors("the PDF"):
            self._pdf = _open(source, password)
            if len(self._pdf.pages) != reader.page_count:
                raise InvalidImage("the PDF is damaged: save it again, and send that", field)

    @property
    def warnings(self) -> tuple[str, ...]:
        """See Eraser."""
        return (_SIGNED,) if self._changed and is_signed(self._pdf) else ()

    def erase(self, index: int, marks: Sequence[Mark]) -> list[Result]:
        """See Eraser."""
        with self._errors(f"page {index + 1} of the PDF"):
            return self._erase(self._pdf.pages[index], index, marks)

    def save(self, target: BinaryIO) -> str:
        """See Eraser. It is encrypted as the file was."""
        if not self._changed:
            self._source.seek(0)
            shutil.copyfileobj(self._source, target)
            return _MEDIA_TYPE
        with self._errors("the PDF"):
            is_encrypted = self._pdf.is_encrypted
            self._pdf.save(
                target,
                encryption=is_encrypted,
                linearize=self._pdf.is_linearized,
                deterministic_id=not is_encrypted,  # whose key depends on it
            )
        return _MEDIA_TYPE

    def _erase(self, page: pikepdf.Page, index: int, marks: Sequence[Mark]) -> list[Result]:
        results: list[Result | None] = [self._laid(page, mark) for mark in marks]
        inked = [number for number, result in enumerate(results) if result is None]
        if inked:
            for number, result in zip(inked, self._inked(page, index, [marks[number] for number in inked])):
                results[number] = result
        self._changed |= any(result is not None and result.left < 1 for result in results)
        return [result for result in results if result is not None]

    def _laid(self, page: pikepdf.Page, mark: Mark) -> Result | None:
        """What becomes of a stamp that is laid over the page; None for one that is on the page itself."""
        match mark.source:
            case Source.SIGNATURE_FIELD:
                return Result(1.0, _SIGNATURE)
            case Source.ANNOTATION:
                is_removed = mark.box_points is not None and remove_annotation(page, mark.box_points)
                return Result(0.0) if is_removed else Result(1.0, _NO_ANNOTATION)
            case Source.PAGE:
                return None

    def _inked(self, page: pikepdf.Page, index: int, marks: Sequence[Mark]) -> list[Result]:
        """Stamps that are part of pictures."""
        shown = self._reader.read(index)
        if shown.info.to_points is None:
            raise ValueError("it has no size")
        to_stored = inverse(shown.info.to_points)
        stored = _stored_size(shown.image, (shown.info.width, shown.info.height))
        pictures = placed_pictures(page)
        results: list[Result] = [Result(1.0, _NO_PICTURE)] * len(marks)
        by_picture: dict[int, list[int]] = {}
        for number, mark in enumerate(marks):
            holder = _holder(pictures, to_stored, mark)
            if holder is not None:
                by_picture.setdefault(holder, []).append(number)
        for holder, numbers in by_picture.items():
            found = self._of_picture(page, pictures, holder, to_stored, stored, [marks[number] for number in numbers])
            for number, result in zip(numbers, found, strict=True):
                results[number] = result
        return results

    def _of_picture(
        self,
        page: pikepdf.Page,
        pictures: Sequence[Placed],
        holder: int,
        to_stored: Matrix,
        stored: NDArray[np.uint8],
        marks: Sequence[Mark],
    ) -> list[Result]:
        placed = pictures[holder]
        if sum(each.names == placed.names for each in pictures) > 1:
            return [Result(1.0, _TWICE)] * len(marks)
        if any(name in placed.image for name in (Name.SMask, Name.Mask)):
            return [Result(1.0, _TRANSPARENT)] * len(marks)
        pixels = decoded(placed.image, self._limits, self._field)
        to_page = product(_to_unit(placed), product(placed.matrix, to_stored))
        moved = [_moved(mark, to_page, pixels.shape[:2]) for mark in marks]
        covered = [_differs(stored, pixels, mark, to_page) for mark in marks]
        changed = np.zeros(pixels.shape[:2], np.bool_)
        seen = [mark for mark, is_covered in zip(moved, covered) if not is_covered]
        erased = iter(erase_marks(pixels, seen, changed))
        if changed.any():
            replace_picture(self._pdf, page, placed.names, encoded(self._pdf, placed.image, pixels))
        return [Result(1.0, _COVERED) if is_covered else next(erased) for is_covered in covered]

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        """Makes an InvalidImage of anything that hostile bytes may raise in pikepdf, PDFium or numpy."""
        try:
            yield
        except (InvalidImage, NoRoom):
            raise
        except MemoryError as error:
            raise InvalidImage(raster.TOO_LARGE_FOR_MEMORY, self._field) from error
        except OSError:  # of the target: the disk is full, or the file is too large
            raise
        except Exception as error:
            text = f"{what} cannot be rewritten ({raster.reason(error)}): save the PDF again, and send that"
            raise InvalidImage(text, self._field) from error


def _open(source: BinaryIO, password: str | None) -> Pdf:
    """Tries the password, and none at all, as the reader does."""
    for attempt in dict.fromkeys((password or "", "")):
        try:
            return pikepdf.open(source, password=attempt, suppress_warnings=True)
        except pikepdf.PasswordError as error:
            last = error
    raise last


def _stored_size(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A page in square pixels in as many as boxes are counted in."""
    if image.shape[:2] == size[::-1]:
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))


def _to_unit(placed: Placed) -> Matrix:
    """From pixels of a picture to the unit square, in which y runs up."""
    width, height = placed.size
    return (1 / width, 0.0, 0.0, -1 / height, 0.0, 1.0)


def _holder(pictures: Sequence[Placed], to_stored: Matrix, mark: Mark) -> int | None:
    """The picture, of those drawn later first, in which nearly all of a stamp's ink lies."""
    ys, xs = np.nonzero(mark.mask >= _INKED)
    if not len(ys):
        return None
    points = np.stack([xs + mark.box[0] + 0.5, ys + mark.box[1] + 0.5], 1)
    for number in reversed(range(len(pictures))):
        matrix = product(pictures[number].matrix, to_stored)
        if abs(matrix[0] * matrix[3] - matrix[1] * matrix[2]) < _TINY or not all(pictures[number].size):
            continue
        a, b, c, d, e, f = inverse(matrix)
        unit = points @ np.array([[a, b], [c, d]]) + np.array([e, f])
        inside = ((unit >= 0) & (unit <= 1)).all(1)
        if inside.mean() >= _HOLDS:
            return number
    return None


def _moved(mark: Mark, to_page: Matrix, shape: tuple[int, ...]) -> Mark:
    """A mark in pixels of a picture of `shape`, of which `to_page` makes those that the mark is in."""
    height, width = shape[0], shape[1]
    x1, y1, x2, y2 = transformed(tuple(map(float, mark.box)), inverse(to_page))  # type: ignore[arg-type]
    left, top = max(0, int(np.floor(x1 + 0.01))), max(0, int(np.floor(y1 + 0.01)))
    right, bottom = min(width, int(np.ceil(x2 - 0.01))), min(height, int(np.ceil(y2 - 0.01)))
    a, b, c, d, e, f = product((1, 0, 0, 1, left, top), product(to_page, (1, 0, 0, 1, -mark.box[0], -mark.box[1])))
    image = Image.fromarray(mark.mask)
    size = (right - left, bottom - top)
    moved = image.transform(size, Image.Transform.AFFINE, (a, c, e, b, d, f), Image.Resampling.BILINEAR)
    return Mark((left, top, right, bottom), np.asarray(moved), mark.source)


def _differs(stored: NDArray[np.uint8], pixels: NDArray[np.uint8], mark: Mark, to_page: Matrix) -> bool:
    """Whether the page shows something else than the picture where a stamp's ink is."""
    x1, y1, x2, y2 = mark.box
    a, b, c, d, e, f = product((1, 0, 0, 1, x1, y1), inverse(to_page))
    image = Image.fromarray(pixels)
    drawn = image.transform((x2 - x1, y2 - y1), Image.Transform.AFFINE, (a, c, e, b, d, f), Image.Resampling.BILINEAR)
    inked = mark.mask >= _INKED
    if not inked.any():
        return False
    difference = np.asarray(drawn, np.int16)[inked] - stored[y1:y2, x1:x2][inked]
    return float(np.abs(difference).mean()) > _MOST_OTHER
