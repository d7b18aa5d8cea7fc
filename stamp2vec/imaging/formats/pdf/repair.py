"""A document whose /Count is too small: PDFium opens no page beyond it."""

import io
import re
from typing import Any, BinaryIO

from stamp2vec.imaging.formats.pdf.objects import Objects, Reference, save

MAX_BYTES = 64 * 2**20  # that are copied
_COUNT = re.compile(rb"/Count [+-]?\d+( \d+ R)?")
_START = re.compile(rb"startxref\s+(\d+)")


def with_page_count(document: Any, objects: Objects, count: int) -> BinaryIO | None:
    """A copy of a document that PDFium has open, without protection, whose tree of pages says `count`.

    None when it is too large to be copied, or there is no such tree.
    """
    root = objects.trailer.get("Root")
    tree = objects.dictionary(root).get("Pages")
    if not isinstance(tree, Reference) or not isinstance(root, Reference):
        return None
    copy = io.BytesIO()
    if not save(document, lambda piece: copy.write(piece) == len(piece) and copy.tell() <= MAX_BYTES):
        return None
    previous = _START.findall(copy.getbuffer()[-64:])
    if not previous:
        return None
    body = _COUNT.sub(b"/Count %d" % count, objects.source(tree.number), count=1)
    # A second revision of that object, as ISO 32000-1, 7.5.6, adds one.
    start = copy.tell()
    copy.write(b"%d 0 obj\n%s\nendobj\n" % (tree.number, body))
    table = copy.tell()
    copy.write(b"xref\n%d 1\n%010d 00000 n \n" % (tree.number, start))
    size = int(objects.trailer.get("Size", 0))
    copy.write(b"trailer\n<</Size %d/Root %d 0 R/Prev %s>>\n" % (size, root.number, previous[-1]))
    copy.write(b"startxref\n%d\n%%%%EOF\n" % table)
    return copy
