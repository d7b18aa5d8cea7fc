"""A decoder: its child process answers as the readers in this process do, and whatever happens to it costs one page."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stamp2vec.decoding import Decoder, DecoderLimits, SharedFile
from stamp2vec.decoding.decoder import PEAK
from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import Limits, NoRoom, decode_pages
from stamp2vec.imaging.formats.page import Page

RNG = np.random.default_rng(0)


def tiff(*pages: np.ndarray) -> bytes:
    file = io.BytesIO()
    first, *others = map(Image.fromarray, pages)
    first.save(file, "TIFF", save_all=True, append_images=others)
    return file.getvalue()


def noise(height: int = 40, width: int = 60) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), np.uint8)


def granted(_: int) -> bool:
    return True


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    made = Decoder(DecoderLimits(page_s=10.0, memory_bytes=2**29))
    yield made
    made.close()


def test_pages_are_those_of_the_readers_in_this_process(decoder: Decoder) -> None:
    data = tiff(noise(), noise(30, 20), noise())
    expected = list(decode_pages(data))
    with SharedFile(data) as file:
        assert decoder.open(file, Limits(), "document", None).page_count == 3
        for index in (2, 0, 1):
            page = decoder.read(index, granted)
            one = expected[index]
            assert isinstance(one, Page)
            assert (page.index, page.info) == (index, one.info)
            np.testing.assert_array_equal(page.image, one.image)
            assert not page.image.flags.writeable
    assert decoder.starts == 1


def test_a_page_comes_in_as_few_pixels_as_are_looked_at_and_then_whole(decoder: Decoder) -> None:
    file_of_page = io.BytesIO()
    Image.fromarray(noise(1000, 700)).save(file_of_page, "JPEG")
    asked: list[int] = []

    def room(count: int) -> bool:
        asked.append(count)
        return True

    with SharedFile(file_of_page.getvalue()) as file:
        decoder.open(file, Limits(), "document", None)
        reduced, whole = decoder.read(0, room, fit=(100, 100)), decoder.read(0, room)
    assert (reduced.image.shape, whole.image.shape) == ((125, 88, 3), (1000, 700, 3))  # an eighth
    assert reduced.info == whole.info
    assert asked == [round(PEAK * 3 * 125 * 88), round(PEAK * 3 * 1000 * 700)]


def test_a_page_outlives_its_file_and_its_decoder(decoder: Decoder) -> None:
    pixels = noise()
    with SharedFile(tiff(pixels)) as file:
        decoder.open(file, Limits(), "", None)
        page = decoder.read(0, granted)
    decoder.close()
    np.testing.assert_array_equal(page.image, pixels)


def test_room_is_asked_for_before_pixels_are_made(decoder: Decoder) -> None:
    asked: list[int] = []

    def none(count: int) -> bool:
        asked.append(count)
        return False

    with SharedFile(tiff(noise())) as file:
        decoder.open(file, Limits(), "", None)
        with pytest.raises(NoRoom):
            decoder.read(0, none)
        assert asked == [round(PEAK * 40 * 60 * 3)]
        assert decoder.read(0, granted).image.shape == (40, 60, 3)


def test_an_error_of_a_file_names_its_field(decoder: Decoder) -> None:
    with SharedFile(b"no picture") as file, pytest.raises(InvalidImage, match="not an image") as caught:
        decoder.open(file, Limits(), "images[2].encoded", None)
    assert caught.value.field == "images[2].encoded"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_costs_a_page_and_the_next_file_is_read(decoder: Decoder, number: int) -> None:
    data = tiff(noise(), noise())
    with SharedFile(data) as file:
        decoder.open(file, Limits(), "document", None)

        def crash(_: int) -> bool:
            os.kill(decoder.pid, number)
            return True

        with pytest.raises(InvalidImage, match="page 2 made the decoder crash: save it again") as caught:
            decoder.read(1, crash)
        assert caught.value.field == "document"
        assert decoder.opened(file) is None
        decoder.open(file, Limits(), "document", None)
        assert decoder.read(0, granted).image.shape == (40, 60, 3)
    assert decoder.starts == 2


def stopped(decoder: Decoder) -> None:
    """A decoder that takes for ever, whatever it reads."""
    decoder.start()
    os.kill(decoder.pid, signal.SIGSTOP)


def test_what_takes_too_long_is_refused_and_its_process_killed() -> None:
    decoder = Decoder(DecoderLimits(page_s=0.2, memory_bytes=2**29))
    stopped(decoder)
    child = decoder._child
    with SharedFile(tiff(noise())) as file, pytest.raises(InvalidImage, match=r"takes more than 0\.2 s to decode"):
        decoder.open(file, Limits(), "document", None)
    assert child is not None
    assert child.wait(5) == -signal.SIGKILL
    decoder.close()


def test_the_callers_deadline_ends_the_work(decoder: Decoder) -> None:
    stopped(decoder)
    with SharedFile(tiff(noise())) as file, pytest.raises(TimeoutError):
        decoder.open(file, Limits(), "document", None, time.monotonic() + 0.1)
    with SharedFile(tiff(noise())) as file:
        assert decoder.open(file, Limits(), "document", None).page_count == 1


def test_waiting_for_room_does_not_count_as_decoding() -> None:
    decoder = Decoder(DecoderLimits(page_s=4.0, memory_bytes=2**29))

    def late(_: int) -> bool:
        time.sleep(4.2)
        return True

    with SharedFile(tiff(noise())) as file:
        decoder.open(file, Limits(), "", None)
        assert decoder.read(0, late).image.shape == (40, 60, 3)
    decoder.close()


def test_a_process_that_is_killed_while_it_waits_costs_no_page(decoder: Decoder) -> None:
    with SharedFile(tiff(noise())) as file:
        decoder.open(file, Limits(), "document", None)
        child = decoder._child
        assert child is not None
        child.kill()
        child.wait()
        assert decoder.opened(file) is None, "it is to be opened again"
        decoder.open(file, Limits(), "document", None)
        assert decoder.read(0, granted).image.shape == (40, 60, 3)


def test_memory_beyond_the_limit_is_refused_and_the_process_goes_on() -> None:
    decoder = Decoder(DecoderLimits(page_s=20.0, memory_bytes=200 * 2**20))
    with SharedFile(tiff(np.zeros((8000, 8000, 3), np.uint8))) as file:  # 256 MB, as Pillow holds them
        decoder.open(file, Limits(), "document", None)
        with pytest.raises(InvalidImage, match="more memory to decode than there is"):
            decoder.read(0, granted)
    with SharedFile(tiff(noise())) as file:
        decoder.open(file, Limits(), "document", None)
        assert decoder.read(0, granted).image.shape == (40, 60, 3)
    assert decoder.starts == 1
    decoder.close()


def test_a_decoder_ends_with_its_parent_whatever_it_does() -> None:
    script = (
        "import os, signal\n"
        "from stamp2vec.decoding import Decoder, DecoderLimits\n"
        "decoder = Decoder(DecoderLimits(10.0, 2**29))\n"
        "decoder.start()\n"
        "print(decoder.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    parent = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    child = int(parent.stdout)
    until = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split()[2]:
        assert time.monotonic() < until, "the decoder is left behind"
        time.sleep(0.02)


def test_a_file_grows_by_its_end() -> None:
    data = tiff(noise())
    with SharedFile(data[:100]) as file:
        file.append(data[100:])
        assert os.pread(file.fd, file.size, 0) == data
    assert file.is_closed
