"""The filters around the data of a picture, undone within a bound.

PDFium undoes them too, but without one: a megabyte becomes a gigabyte, even where the picture has few rows and is drawn
from the first of it.
"""

import base64
import zlib
from collections.abc import Sequence

MAX_UNFILTERED_BYTES = 512 * 2**20
_PIECE_BYTES = 2**20


def unfiltered(data: bytes, filters: Sequence[str], most: int = MAX_UNFILTERED_BYTES) -> bytes | None:
    """At most `most` bytes of what the filters, from the outermost on, make of `data`.

    Fewer, where the data are damaged; None where a filter is none of the usual ones around pictures.
    """
    for name in filters:
        if name in ("FlateDecode", "Fl"):
            data = _inflated(data, most)
        elif name in ("ASCII85Decode", "A85"):
            data = _from_ascii85(data)
        elif name in ("ASCIIHexDecode", "AHx"):
            data = _from_hex(data)
        else:
            return None
    return data


def _inflated(data: bytes, most: int) -> bytes:
    # Without the header and the checksum of zlib, which PDF readers do not check either.
    inflater, parts, size = zlib.decompressobj(-zlib.MAX_WBITS), [], 0
    rest = data[2:]
    try:
        while rest and size < most and not inflater.eof:
            part = inflater.decompress(rest, min(_PIECE_BYTES, most - size))
            parts.append(part)
            size += len(part)
            rest = inflater.unconsumed_tail
    except zlib.error:
        pass
    return b"".join(parts)


def _from_ascii85(data: bytes) -> bytes:
    try:
        return base64.a85decode(data.partition(b"~>")[0].removeprefix(b"<~"))
    except ValueError:
        return b""


def _from_hex(data: bytes) -> bytes:
    digits = b"".join(data.partition(b">")[0].split())
    try:
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
    except ValueError:
        return b""
