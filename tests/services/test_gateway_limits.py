"""Admission: the limits of the gateway on concurrent work."""

import asyncio
import contextlib
import dataclasses
import threading

import numpy as np
import pytest

from services.gateway.admission.admission import Admission
from services.gateway.admission.workers import Threads, Workers
from services.gateway.settings import GatewaySettings
from services.gateway.tasks import task_group
from services.gateway.upstream.calls import parts
from services.runtime.batching.refusals import QueueFull
from services.runtime.serving.byte_budget import ByteBudget
from stamp2vec.limits import MAX_FILE_BYTES

LARGEST_PAGE_MIB = 573  # while it is decoded


def test_a_call_frees_its_place_however_it_ends() -> None:
    admission = Admission(1)
    with contextlib.suppress(KeyError), admission.enter():
        assert admission.in_work == 1
        with pytest.raises(QueueFull), admission.enter():
            pass
        raise KeyError
    with admission.enter():
        assert admission.in_work == 1
    assert admission.in_work == 0


def test_the_retry_delay_is_about_the_duration_of_calls() -> None:
    now_s = 0.0
    admission = Admission(1, clock=lambda: now_s)
    for _ in range(50):
        with admission.enter():
            now_s += 2.0
    with admission.enter(), pytest.raises(QueueFull) as refused, admission.enter():
        pass
    assert refused.value.retry_after_s == pytest.approx(2.0, rel=0.01)


async def test_bytes_beyond_the_budget_wait_until_others_are_given_back() -> None:
    budget = ByteBudget(100)
    with budget.hold() as first:
        await first.take(60)
        with budget.hold() as second:
            waiting = asyncio.ensure_future(second.take(60))
            await asyncio.sleep(0)
            assert not waiting.done()
            first.give_back(20)
            await waiting
            assert waiting.done()


async def test_a_document_that_fails_gives_all_its_bytes_back() -> None:
    budget = ByteBudget(100)
    with contextlib.suppress(KeyError), budget.hold() as hold:
        await hold.take(40)
        await hold.take(60)
        hold.give_back(10)
        raise KeyError
    with budget.hold() as hold:
        await asyncio.wait_for(hold.take(100), 1.0)


async def test_a_cancelled_wait_takes_no_budget() -> None:
    budget = ByteBudget(100)
    with budget.hold() as first, budget.hold() as second:
        await first.take(100)
        waiting = asyncio.ensure_future(second.take(50))
        await asyncio.sleep(0)
        waiting.cancel()
        first.give_back(100)
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()
        await asyncio.wait_for(first.take(100), 1.0)


def test_bulk_leaves_a_fourth_of_the_places_to_urgent_calls() -> None:
    admission = Admission(4)
    with contextlib.ExitStack() as calls:
        for _ in range(3):
            calls.enter_context(admission.enter(urgent=False))
        with pytest.raises(QueueFull), admission.enter(urgent=False):
            pass
        with admission.enter(urgent=True):
            assert admission.in_work == 4


@pytest.mark.parametrize(
    ("waiting", "served"),
    [
        pytest.param("ABab", "abAB", id="urgent first"),
        pytest.param("ABabcdefg", "abcAdefBg", id="every fourth is bulk while both wait"),
    ],
)
async def test_urgent_calls_get_bytes_first_and_bulk_is_not_starved(waiting: str, served: str) -> None:
    budget, order = ByteBudget(100), list[str]()

    async def take(name: str) -> None:
        with budget.hold(urgent=name.islower()) as hold:
            await hold.take(70)
            order.append(name)
            await asyncio.sleep(0)

    with budget.hold() as first:
        await first.take(100)
        tasks = [asyncio.ensure_future(take(name)) for name in waiting]
        await asyncio.sleep(0.01)
    await asyncio.gather(*tasks)
    assert ("".join(order), budget.taken) == (served, 0)


async def test_bulk_leaves_a_fourth_of_the_bytes_to_urgent_calls() -> None:
    budget = ByteBudget(100)
    with budget.hold(urgent=False) as bulk, budget.hold() as urgent:
        assert await bulk.take(1000) == 75  # all that it may have
        assert not bulk.try_take(1)
        assert urgent.try_take(25)
        assert not urgent.try_take(1)


@pytest.mark.parametrize(("name", "most"), [("message_mib", MAX_FILE_BYTES), ("page_mib", LARGEST_PAGE_MIB * 2**20)])
async def test_the_largest_file_and_page_have_room_in_what_bulk_may_fill(name: str, most: int) -> None:
    (least,) = (each.metadata["at_least"] for each in dataclasses.fields(GatewaySettings) if each.name == name)
    with ByteBudget(least * 2**20).hold(urgent=False) as hold:
        assert await hold.take(most) == most


async def test_urgent_work_goes_first_in_the_threads() -> None:
    threads, order, gate = Threads(1), list[str](), threading.Event()

    def work(name: str) -> None:
        gate.wait(10)
        order.append(name)

    urgent, bulk = Workers(threads, urgent=True), Workers(threads, urgent=False)
    async with task_group() as tasks:
        for workers, names in ((bulk, "ABC"), (urgent, "abc")):
            for name in names:
                tasks.create_task(workers.run(work, name))
                await asyncio.sleep(0)
        gate.set()
    assert "".join(order) == "AabcBC"
    threads.close()


@pytest.mark.parametrize(
    ("count", "max_bytes", "sizes"), [(130, 10**9, [64, 64, 2]), (5, 24, [2, 2, 1]), (2, 1, [1, 1])]
)
def test_images_are_split_by_number_and_by_size(count: int, max_bytes: int, sizes: list[int]) -> None:
    pictures = [np.zeros((2, 2, 3), np.uint8)] * count
    assert [len(part) for part in parts(pictures, max_bytes)] == sizes


async def test_the_first_failure_cancels_the_siblings_and_is_raised() -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def fail() -> None:
        raise KeyError("me")

    async def together() -> None:
        async with task_group() as group:
            group.create_task(wait())
            group.create_task(fail())

    with pytest.raises(KeyError, match="me"):
        await together()
    assert ended == ["cancelled"]
