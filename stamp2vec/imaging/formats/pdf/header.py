"""Where a PDF begins in a file, and what its end says."""

import io
import re
from typing import BinaryIO

_HEADER = b"%PDF-"
_SEARCHED_BYTES = 2**20
# What may hold a PDF or quote one, and is none.
_OTHERS = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"II+\0", b"MM\0*", b"MM\0+", b"RIFF", b"BM", b"PK\3\4")
_END = b"%%EOF"
_PIECE_BYTES = 2**20
_OBJECT = re.compile(rb"(?:^|[\r\n])\s*\d{1,10}\s+\d{1,5}\s+obj\b")


def find_header(file: BinaryIO) -> int | None:
    """The offset of a PDF's header, None where the file is no PDF; what a mail or a web server put before it is passed.

    ISO 32000-1, appendix H.3.4.1, lets 1,024 bytes go before it; programs that save mails put more there.
    """
    file.seek(0)
    start = file.read(_SEARCHED_BYTES)
    if start.startswith(_OTHERS):
        return None
    offset = start.find(_HEADER)
    return None if offset < 0 else offset


def has_end(file: BinaryIO, start: int = 0) -> bool:
    """Whether the end of a file, not before `start`, says where the table of objects is, as in every whole PDF."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(start, size - _PIECE_BYTES))
    return b"startxref" in file.read(_PIECE_BYTES)


def is_cut_revision(file: BinaryIO) -> bool:
    """Whether objects follow the last end mark: a revision that was appended and is cut short.

    PDFium then shows the older revision, without a sign of it.
    """
    end = _after_last_end(file)
    if end is None:
        return False
    file.seek(end)
    found = _OBJECT.search(file.read(_PIECE_BYTES))
    # Some programs leave the last mark out, and the file is whole.
    return found is not None and not has_end(file, end + found.start())


def _after_last_end(file: BinaryIO) -> int | None:
    position = file.seek(0, io.SEEK_END)
    piece = b""
    while position > 0:  # backwards, for what was appended may be large
        size = min(_PIECE_BYTES, position)
        position -= size
        file.seek(position)
        piece = file.read(size) + piece[: len(_END)]
        end = piece.rfind(_END)
        if end >= 0:
            return position + end + len(_END)
    return None
