"""A pool of decoders: who waits, who is stopped, and what is left behind."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from stamp2vec.decoding import Decoder, DecoderLimits, DecoderPool, SharedFile
from stamp2vec.imaging import Limits
from tests.decoding.test_decoder import granted, noise, tiff

LIMITS = DecoderLimits(page_s=20.0, memory_bytes=2**29)


@pytest.fixture
async def pool() -> AsyncIterator[DecoderPool]:
    made = DecoderPool(2, LIMITS)
    yield made
    await made.close()


async def test_work_waits_for_a_free_decoder_oldest_first(pool: DecoderPool) -> None:
    order: list[int] = []
    gate = threading.Event()

    def work(number: int) -> Callable[[Decoder], None]:
        def wait(_: Decoder) -> None:
            order.append(number)
            gate.wait(10)

        return wait

    tasks = []
    for number in range(5):
        tasks.append(asyncio.ensure_future(pool.run(work(number))))
        await asyncio.sleep(0.01)
    assert (sorted(order), pool.busy, pool.size) == ([0, 1], 2, 2)
    gate.set()
    await asyncio.gather(*tasks)
    assert order[2:] == [2, 3, 4]
    assert pool.busy == 0
    assert pool.busy_s > 0


async def test_a_file_goes_back_to_the_decoder_that_has_it_open(pool: DecoderPool) -> None:
    file, other = SharedFile(tiff(noise())), SharedFile(tiff(noise()))

    def open_file(decoder: Decoder, which: SharedFile) -> int:
        if not decoder.opened(which):
            decoder.open(which, Limits(), "", None)
        return decoder.pid

    first = await pool.run(lambda decoder: open_file(decoder, file), file)
    second = await pool.run(lambda decoder: open_file(decoder, other), other)
    assert first != second
    assert await pool.run(lambda decoder: open_file(decoder, file), file) == first
    assert await pool.run(lambda decoder: open_file(decoder, other), other) == second
    file.close()
    other.close()


async def test_a_closed_file_gives_its_memory_back(pool: DecoderPool) -> None:
    file = SharedFile(tiff(noise()))

    def open_file(decoder: Decoder) -> int:
        decoder.open(file, Limits(), "", None)
        return decoder.pid

    child = await pool.run(open_file)

    def held() -> int:
        names = []
        for each in Path(f"/proc/{child}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # the folder is being listed
                names.append(str(each.readlink()))
        return sum("stamp2vec-file" in name for name in names)

    assert held() == 1
    pool.close_file(file)
    until = time.monotonic() + 10
    while held() or pool.busy:
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


async def test_a_caller_that_goes_stops_its_work_and_nobody_elses(pool: DecoderPool) -> None:
    started = asyncio.Event()
    loop = asyncio.get_running_loop()
    file = SharedFile(tiff(noise()))

    def hang(decoder: Decoder) -> None:
        decoder.open(file, Limits(), "", None)

        def never(_: int) -> bool:
            loop.call_soon_threadsafe(started.set)
            child = decoder._child
            assert child is not None
            child.wait(20)  # only a kill ends it
            return True

        decoder.read(0, never)

    task = asyncio.ensure_future(pool.run(hang))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    def read(decoder: Decoder) -> tuple[int, ...]:
        decoder.open(file, Limits(), "", None)
        return decoder.read(0, granted).image.shape

    assert await asyncio.gather(*(pool.run(read) for _ in range(4))) == [(40, 60, 3)] * 4
    while pool.busy:
        await asyncio.sleep(0.01)
    assert pool.restarts <= 1
    file.close()


async def test_a_caller_that_goes_while_it_waits_takes_no_decoder(pool: DecoderPool) -> None:
    gate = threading.Event()
    busy = [asyncio.ensure_future(pool.run(lambda _: gate.wait(10))) for _ in range(2)]
    await asyncio.sleep(0.01)
    waiting = asyncio.ensure_future(pool.run(lambda _: 1 / 0))
    await asyncio.sleep(0)
    waiting.cancel()
    gate.set()
    await asyncio.gather(*busy)
    assert waiting.cancelled()
    assert await asyncio.gather(*(pool.run(lambda _: 7) for _ in range(3))) == [7, 7, 7]


async def test_an_error_of_the_work_is_its_callers_and_frees_the_decoder(pool: DecoderPool) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda _: 1 / 0)
    assert pool.busy == 0
