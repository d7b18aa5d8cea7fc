"""A file to its eraser."""

import io
from typing import BinaryIO

from stamp2vec.erasing.marks import Eraser
from stamp2vec.erasing.picture import PictureEraser
from stamp2vec.erasing.tiff import TiffEraser
from stamp2vec.errors import MissingExtra
from stamp2vec.imaging.formats import Limits, Reader
from stamp2vec.imaging.formats.pdf import PdfReader
from stamp2vec.imaging.formats.tiff import TiffReader


def open_eraser(file: BinaryIO, reader: Reader, limits: Limits, field: str, password: str | None = None) -> Eraser:
    """The eraser of a file that `reader` has open, and keeps open for as long. InvalidImage when there is none.

    MissingExtra where the file is a PDF, and what rewrites it is not installed.
    """
    file.seek(0, io.SEEK_SET)
    if isinstance(reader, TiffReader):
        return TiffEraser(file, reader, field)
    if isinstance(reader, PdfReader):
        try:
            from stamp2vec.erasing.pdf import PdfEraser
        except ImportError as error:
            raise MissingExtra("erasing stamps from a PDF", "erase", error) from error
        return PdfEraser(file, reader, limits, field, password)
    return PictureEraser(file, limits, field)
