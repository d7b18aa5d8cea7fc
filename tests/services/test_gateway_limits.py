"""Admission: the limits of the gateway on concurrent work."""

import asyncio
import contextlib

import numpy as np
import pytest

from services.gateway.admission.admission import Admission
from services.gateway.tasks import task_group
from services.gateway.upstream.calls import parts
from services.runtime.batching.refusals import QueueFull
from services.runtime.serving.byte_budget import ByteBudget


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
