"""What is fuzzed: each target takes hostile bytes, and raises an exception only where there is a fault.

A target needs nothing but the library, so that it runs in an environment without the packages of the tests.
"""

import contextlib
import io
import json
import math
import os
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError, Message
from numpy.typing import NDArray

from services.gateway.validation import (
    DOCUMENT_LIMITS,
    check_comparands,
    check_crops,
    check_document,
    check_erasing,
    check_pages,
)
from services.runtime.oip import requests as oip
from services.runtime.oip.signature import Datatype, Signature, TensorSpec
from services.runtime.oip.v2 import open_inference_pb2
from stamp2vec.decoding import Decoder, DecoderLimits, OpenFile, SharedFile
from stamp2vec.decoding.channel import Channel, Closed
from stamp2vec.errors import InvalidCall, InvalidImage, InvalidInput, Violation
from stamp2vec.imaging.formats import Limits, NoRoom, Page, open_file
from stamp2vec.imaging.formats.jpeg import before_damage, is_complete
from stamp2vec.imaging.formats.pdf.filters import unfiltered
from stamp2vec.imaging.formats.pdf.header import find_header, has_end, is_cut_revision
from stamp2vec.imaging.formats.pdf.objects import Objects, _Scanner
from stamp2vec.imaging.formats.pdf.structure import read_structure
from stamp2vec.imaging.formats.selection import selected_pages
from stamp2vec.v1 import gateway_pb2
from stamp2vec.wire.images import page_from_image

LIMITS = Limits(max_pixels=250_000)  # far more than is needed to go wrong, and quick
_REQUESTS: Sequence[tuple[Callable[[Any], None], type[Message]]] = (
    (
        lambda message: check_document(message, len(message.document), DOCUMENT_LIMITS),
        gateway_pb2.AnalyzeDocumentRequest,
    ),
    (check_erasing, gateway_pb2.EraseStampsRequest),
    (check_pages, gateway_pb2.DetectStampsRequest),
    (check_crops, gateway_pb2.SegmentStampsRequest),
    (check_comparands, gateway_pb2.CompareStampsRequest),
)
_SIGNATURE: Signature[None] = Signature(
    (8, range(8, 33), 3), (TensorSpec("texts", Datatype.BYTES, (-1,)),), lambda *_: ()
)
_MOST_PAGES = 4  # of a file
_SIGNATURES = {"tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "pdf": (b"%PDF-",)}


def _filled(level: int, height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, np.uint8)


def any_file(data: bytes) -> None:
    """A file of any kind: InvalidImage in a sentence, or pages as `Page` promises them."""
    try:
        reader = open_file(io.BytesIO(data), LIMITS, "document")
    except InvalidImage as error:
        _check_error(error)
        return
    try:
        for index in range(min(reader.page_count, _MOST_PAGES)):
            try:
                page = reader.read(index, partial(_filled, 0))
                # Memory for pages is used again: what is not written would show the page of somebody else.
                assert (page.image == reader.read(index, partial(_filled, 255)).image).all()
                _check_page(page, index)
                assert page.info.height <= page.image.shape[0]
                assert page.info.width <= page.image.shape[1]
            except InvalidImage as error:
                _check_error(error)
    finally:
        reader.close()


def tiff(data: bytes) -> None:
    """A TIFF; bytes without its signature get one, as others cost time and find nothing."""
    any_file(data if data.startswith(_SIGNATURES["tiff"]) else b"II*\0" + data[4:])


def pdf(data: bytes) -> None:
    """A PDF, by PDFium."""
    any_file(data if data.startswith(_SIGNATURES["pdf"]) else b"%PDF-" + data[5:])


def pdf_objects(data: bytes) -> None:
    """The dictionaries of a PDF as PDFium writes them, in pieces of which the first byte says the size."""
    size = 1 + (data[0] if data else 0)
    scanner = _Scanner()
    for start in range(1, len(data), size):
        piece = data[start : start + size]
        if not scanner.skipped(len(piece)) and not scanner.feed(piece):
            return
    structure = read_structure(Objects(scanner.objects, bytes(scanner.rest).partition(b"trailer")[2]))
    assert structure is None or structure.page_count > 0


def parts(data: bytes) -> None:
    """What looks at parts of files by itself: marks of a PDF, its filters, the end of a JPEG."""
    file = io.BytesIO(data)
    find_header(file)
    has_end(file)
    is_cut_revision(file)
    assert data.startswith(before_damage(data))
    is_complete(data)
    names = ("FlateDecode", "LZWDecode", "ASCII85Decode", "ASCIIHexDecode", "RunLengthDecode")
    for name in names:
        unfiltered(data, [name], 10_000)


def pages(data: bytes) -> None:
    """A selection of pages, of a file with as many as the first byte says."""
    count, text = (data[0] if data else 0), data[1:].decode("utf-8", "replace")
    try:
        chosen = selected_pages(text, count)
    except InvalidInput as error:
        _check_error(error)
        return
    assert chosen == sorted(set(chosen))
    assert all(0 <= index < count for index in chosen)


def channel(data: bytes) -> None:
    """What comes over the socket of a decoder, byte by byte: messages, then Closed."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(data[:100_000])
    receiver = Channel(ours)
    with contextlib.suppress(Closed):
        while True:
            _, fd = receiver.receive()
            assert fd is None
    receiver.close()


def answers(data: bytes) -> None:
    """What a decoder's process that went wrong answers, a message a line: a page, or an error of the page."""
    ours, theirs = socket.socketpair()
    descriptor = os.open(os.devnull, os.O_RDONLY)
    with theirs:
        for line in data[:50_000].splitlines()[:40]:  # a socket takes few hundred that nobody reads
            socket.send_fds(theirs, [struct.pack("<I", len(line))], [descriptor] if b"fd" in line else [])
            theirs.sendall(line)
        theirs.shutdown(socket.SHUT_WR)  # it still takes requests
        os.close(descriptor)
        decoder = Decoder(DecoderLimits(page_s=5.0, memory_bytes=2**20))
        decoder._channel = Channel(ours)
        with SharedFile() as file:
            decoder._opened = file, OpenFile(1, ()), "document"
            with contextlib.suppress(InvalidImage, NoRoom):
                _check_page(decoder.read(0, _room), 0)
        decoder.close()


def _room(count: int) -> bool:
    assert count > 0
    return count < 10**6


def _check_page(page: Page, index: int) -> None:
    info, shape = page.info, page.image.shape
    assert page.index == index
    assert page.image.dtype == "uint8"
    assert not page.image.flags.writeable
    assert shape[2:] == (3,)
    assert 0 < shape[0] * shape[1] <= LIMITS.max_pixels
    assert min(info.height, info.width) > 0
    numbers = [*(info.to_points or ())]
    numbers += [info.resolution.x, info.resolution.y] if info.resolution else []
    assert all(map(math.isfinite, numbers))
    assert isinstance(info.label, str)
    json.dumps([info.label, info.warnings]).encode()
    for overlay in info.overlays:
        x1, y1, x2, y2 = overlay.box
        assert 0 <= x1 < x2 <= info.width
        assert 0 <= y1 < y2 <= info.height


def request(data: bytes) -> None:
    """A request to the gateway, by its first byte of which method: faults by their fields, or values as promised."""
    if not data:
        return
    check, kind = _REQUESTS[data[0] % len(_REQUESTS)]
    try:
        message = kind.FromString(data[1:])
    except DecodeError:
        return
    try:
        check(message)
    except InvalidInput as error:
        _check_faults(error)
    if isinstance(message, gateway_pb2.DetectStampsRequest):
        for image in message.images:
            if image.WhichOneof("content") == "raw":
                try:
                    page = page_from_image(image, "images[0]")
                    assert page.image.shape == (image.raw.height, image.raw.width, 3)
                except InvalidInput as error:
                    _check_faults(error)


def tensors(data: bytes) -> None:
    """A ModelInferRequest of the Open Inference Protocol: faults by their fields, or pixels of the shape it states."""
    try:
        message = open_inference_pb2.ModelInferRequest.FromString(data)
    except DecodeError:
        return
    try:
        wanted = oip.asked(message, _SIGNATURE)
        pixels = oip.images(message, wanted)
    except InvalidInput as error:
        _check_faults(error)
        return
    assert pixels.shape == wanted.shape
    assert pixels.dtype == np.uint8


def _check_faults(error: InvalidInput) -> None:
    """Every fault is a sentence about a field."""
    found = error.violations if isinstance(error, InvalidCall) else (Violation(error.field, str(error)),)
    for each in found:
        assert each.description.isprintable()
        assert len(each.description) < 500
        assert each.field


def _check_error(error: InvalidInput) -> None:
    text = str(error)
    assert text.isprintable()
    assert len(text) < 500


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "answers": answers,
    "channel": channel,
    "pages": pages,
    "parts": parts,
    "pdf": pdf,
    "pdf_objects": pdf_objects,
    "picture": any_file,
    "request": request,
    "tensors": tensors,
    "tiff": tiff,
}
