"""The socket between a decoder and its parent, when the other end went wrong: nothing hangs, nothing is believed."""

import gc
import json
import os
import resource
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from stamp2vec.decoding import Decoder, DecoderLimits, OpenFile, SharedFile
from stamp2vec.decoding.channel import Channel, Closed
from stamp2vec.decoding.memory import Buffers
from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import Page
from tests.decoding.test_decoder import granted

INFO = {
    "height": 8, "width": 8, "resolution": {"x": 200, "y": 200}, "to_points": [1, 0, 0, 1, 0, 0], "label": "iv",
    "warnings": ["a part is damaged"], "overlays": [{"source": "annotation", "box": [0, 0, 8, 8]}],
}  # fmt: skip


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    yield channel, theirs
    channel.close()
    theirs.close()


@contextmanager
def many_descriptors(number: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2 * number, hard), hard))
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(number)]
    try:
        yield
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_process_of_many_connections_has_decoders_too() -> None:
    with many_descriptors(1100):
        ours, theirs = socket.socketpair()
        Channel(theirs).send({"page_count": 1})
        assert Channel(ours).receive(time.monotonic() + 1) == ({"page_count": 1}, None)
        ours.close()
        theirs.close()


@pytest.mark.parametrize("sent", [b"", b"\x40", b"\x40\0\0\0", b'\x40\0\0\0{"room": '], ids=repr)
def test_an_answer_that_is_begun_and_not_ended_is_late(ends: tuple[Channel, socket.socket], sent: bytes) -> None:
    channel, theirs = ends
    theirs.sendall(sent)
    with pytest.raises(TimeoutError):
        channel.receive(time.monotonic() + 0.1)


@pytest.mark.parametrize(
    "text", [b"[]", b"7", b"nonsense", b"\xff", b'{"a": ' * 100_000, b"[" * 100_000], ids=lambda text: repr(text[:9])
)
def test_what_is_no_message_closes(ends: tuple[Channel, socket.socket], text: bytes) -> None:
    channel, theirs = ends
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20)
    theirs.sendall(struct.pack("<I", len(text)) + text)
    with pytest.raises(Closed):
        channel.receive(time.monotonic() + 5)


def read_from(*messages: tuple[Mapping[str, Any], int | None]) -> Page:
    """A page of a decoder whose process answers so."""
    ours, theirs = socket.socketpair()
    other_end, decoder = Channel(theirs), Decoder(DecoderLimits(page_s=5.0, memory_bytes=2**20))
    for message, fd in messages:
        other_end.send(message, fd)
        if fd is not None:
            os.close(fd)
    decoder._channel = Channel(ours)
    try:
        with SharedFile() as file:
            decoder._opened = file, OpenFile(1, ()), "document"
            return decoder.read(0, granted)
    finally:
        decoder.close()
        other_end.close()


def test_an_answer_that_makes_sense_is_a_page() -> None:
    page = read_from(({"room": [8, 8]}, None), ({"info": INFO}, None))
    assert page.image.shape == (8, 8, 3)
    assert (page.info.label, page.info.overlays[0].box) == ("iv", (0, 0, 8, 8))


def test_a_process_cannot_cut_off_the_memory_that_it_gets() -> None:
    buffer = Buffers(0).take(192)
    with pytest.raises(PermissionError):
        os.ftruncate(buffer.fd, 0)


def test_a_descriptor_that_nobody_has_asked_for_is_closed() -> None:
    fd = os.open(__file__, os.O_RDONLY)
    held = len(os.listdir("/proc/self/fd"))
    with pytest.raises(InvalidImage, match="made the decoder crash"):
        read_from(({"room": [8, 8]}, None), ({"info": INFO}, fd))
    assert len(os.listdir("/proc/self/fd")) <= held - 1


@pytest.mark.parametrize(
    "messages",
    [
        [{}],
        [{"info": INFO}],
        [{"room": [-8, 8]}],
        [{"room": [8]}],
        [{"room": "88"}],
        [{"room": [8, 10**9]}],
        [{"invalid": 7}],
        *([{"room": [8, 8]}, {"info": INFO | changed}] for changed in (
            {"height": 0},
            {"width": "8"},
            {"resolution": {"x": 0, "y": 200}},
            {"resolution": {"x": float("nan"), "y": 200}},
            {"to_points": [1, 0, 0, 1, 0]},
            {"to_points": [1, 0, 0, 1, 0, 10**400]},
            {"label": None},
            {"warnings": "a warning"},
            {"warnings": [7]},
            {"overlays": [{"source": "nobody", "box": [0, 0, 8, 8]}]},
            {"overlays": [{"source": "annotation", "box": [0, 0, 9, 8]}]},
            {"overlays": [{"source": "annotation", "box": "page"}]},
        )),
    ],
    ids=lambda messages: json.dumps(messages[-1])[-60:],
)  # fmt: skip
def test_an_answer_that_makes_no_sense_costs_a_page(messages: list[dict[str, Any]]) -> None:
    held = len(os.listdir("/proc/self/fd"))
    with pytest.raises(InvalidImage, match="made the decoder crash"):
        read_from(*((each, None) for each in messages))
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= held
