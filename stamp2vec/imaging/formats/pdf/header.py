"""Where a PDF begins in a file, and what its end says."""

import io
import re
from typing import BinaryIO

_HEADER = b"%PDF-"
_SEARCHED_BYTES = 2**20
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"II", b"MM", b"RIFF", b"BM")
_END = b"%%EOF"
_TAIL_BYTES = 2**20
_OBJECT = re.compile(rb"(?:^|[\r\n])\s*\d{1,10}\s+\d{1,5}\s+obj\b")


def find_header(file: BinaryIO) -> int | None:
    """The offset of a PDF's header, None where the file is no PDF; what a mail or a web server put before it is passed.

    ISO 32000-1, appendix H.3.4.1, lets 1,024 bytes go before it; programs that save mails put more there.
    """
    file.seek(0)
    start = file.read(_SEARCHED_BYTES)
    if start.startswith(_PICTURES):  # a picture may quote a PDF in its metadata
        return None
    offset = start.find(_HEADER)
    return None if offset < 0 else offset


def has_end(file: BinaryIO) -> bool:
    """Whether the file's last bytes say where its table of objects is, as those of every whole PDF do."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES).rstrip(b"\0\r\n\t ")
    return b"startxref" in tail


def is_cut_revision(file: BinaryIO) -> bool:
    """Whether objects follow the last end mark: a revision that was appended and is cut short.

    PDFium then shows the older revision, without a sign of it.
    """
    position = file.seek(0, io.SEEK_END)
    tail = b""
    while position > 0:  # backwards, for what was appended may be large
        position = max(0, position - _TAIL_BYTES)
        file.seek(position)
        tail = file.read(_TAIL_BYTES) + tail[: len(_END)]
        end = tail.rfind(_END)
        if end >= 0:
            return _follows_object(file, position + end + len(_END))
    return False


def _follows_object(file: BinaryIO, start: int) -> bool:
    file.seek(start)
    rest = file.read(_TAIL_BYTES)
    found = _OBJECT.search(rest)
    return found is not None and not has_startxref_after(file, start + found.start())


def has_startxref_after(file: BinaryIO, start: int) -> bool:
    """Whether a table of objects is announced from `start` on; some programs leave the end mark out."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(start, size - _TAIL_BYTES))
    return b"startxref" in file.read(_TAIL_BYTES)
