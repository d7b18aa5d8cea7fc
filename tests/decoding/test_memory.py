"""Memory for pages: used again when nobody looks at it any more, and given back."""

import gc
import os
import time
from collections.abc import Iterator

import numpy as np
import pytest

from stamp2vec.decoding import Decoder, DecoderLimits, SharedFile
from stamp2vec.decoding.memory import Buffer, Buffers
from stamp2vec.imaging import Limits
from tests.decoding.test_decoder import granted, noise, tiff


@pytest.fixture
def buffers() -> Iterator[Buffers]:
    made = Buffers(3 * 2**20)
    yield made
    made.trim(time.monotonic() + 1)


def write(buffer: Buffer, value: int) -> None:
    os.pwrite(buffer.fd, bytes([value]) * buffer.size, 0)


def test_memory_is_used_again_once_no_view_of_the_page_is_left(buffers: Buffers) -> None:
    first = buffers.take(300)
    write(first, 7)
    page = buffers.page(first, 10, 10)
    part = page[2:4, ::2]
    del page
    assert buffers.take(300) is not first
    assert (part == 7).all()
    del part
    gc.collect()
    assert buffers.take(300) is first


def test_a_page_is_read_only(buffers: Buffers) -> None:
    page = buffers.page(buffers.take(300), 10, 10)
    assert (page.shape, page.dtype.name, page.flags.writeable) == ((10, 10, 3), "uint8", False)


def test_a_small_page_takes_no_memory_of_a_large_one(buffers: Buffers) -> None:
    large, middle = buffers.take(2**20), buffers.take(2**16)
    pages = [buffers.page(large, 10, 100), buffers.page(middle, 10, 30)]
    pages.clear()
    gc.collect()
    assert buffers.take(2**15) is middle
    assert buffers.take(2**15) not in (large, middle)


def test_no_more_is_kept_than_is_allowed(buffers: Buffers) -> None:
    pages = [buffers.page(buffers.take(2**20), 10, 100) for _ in range(5)]
    pages.clear()
    gc.collect()
    buffers.trim(0.0)
    assert len(buffers.dropped) == 2


def is_page(fd: str) -> bool:
    return "stamp2vec-page" in os.readlink(f"/proc/self/fd/{fd}")


def test_what_is_not_used_is_given_back_though_a_child_has_it_mapped() -> None:
    decoder = Decoder(DecoderLimits(page_s=20.0, memory_bytes=2**29))
    with SharedFile(tiff(noise(1000, 1000))) as file:
        decoder.open(file, Limits(), "", None)
        page = decoder.read(0, granted)
        fd = next(each for each in os.listdir("/proc/self/fd") if is_page(each))
        kept = os.dup(int(fd))
        assert os.fstat(kept).st_blocks * 512 >= 3_000_000
        decoder.trim(0.0)
        assert os.fstat(kept).st_blocks * 512 >= 3_000_000, "the page is in use"
        del page
        gc.collect()
        decoder.trim(0.0)  # notices that it is free
        time.sleep(0.01)
        decoder.trim(0.0)
        assert os.fstat(kept).st_blocks == 0
        os.close(kept)
        assert decoder.read(0, granted).image.shape == (1000, 1000, 3)
    decoder.close()


def test_the_next_page_is_read_into_the_same_memory() -> None:
    decoder = Decoder(DecoderLimits(page_s=20.0, memory_bytes=2**29))
    pages = [noise(), noise()]
    with SharedFile(tiff(*pages)) as file:
        decoder.open(file, Limits(), "", None)
        first = decoder.read(0, granted).image
        second = decoder.read(1, granted).image
        np.testing.assert_array_equal(first, pages[0])
        np.testing.assert_array_equal(second, pages[1])
        address = first.ctypes.data
        del first
        gc.collect()
        third = decoder.read(1, granted).image
        assert third.ctypes.data == address
        np.testing.assert_array_equal(third, second)
    decoder.close()
