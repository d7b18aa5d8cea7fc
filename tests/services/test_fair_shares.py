"""Who asks for much does not take it from those who ask for little: places, bytes, and turns of long documents."""

import asyncio
from contextlib import ExitStack

import pytest

from services.gateway.admission.admission import Admission
from services.gateway.admission.long_documents import LongDocuments
from services.runtime.batching.refusals import QueueFull
from services.runtime.serving.byte_budget import ByteBudget
from stamp2vec.turns import owner


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def takes(admission: Admission, caller: str, places: ExitStack) -> bool:
    owner.set(caller)
    try:
        places.enter_context(admission.enter())
    except QueueFull:
        return False
    return True


def test_one_caller_may_have_all_places_until_another_is_refused() -> None:
    clock = Clock()
    admission = Admission(8, clock)
    of = {name: ExitStack() for name in ("greedy", "modest")}
    assert sum(takes(admission, "greedy", of["greedy"]) for _ in range(20)) == 8
    assert not takes(admission, "modest", of["modest"])
    of["greedy"].close()  # its calls end, and it is there first
    assert sum(takes(admission, "greedy", of["greedy"]) for _ in range(20)) == 4, "half is kept for who was refused"
    assert takes(admission, "modest", of["modest"])
    assert sum(takes(admission, "greedy", of["greedy"]) for _ in range(20)) == 3, "nobody is expected any more"
    for places in of.values():
        places.close()
    assert admission.in_work == 0


def test_who_does_not_come_back_is_not_waited_for() -> None:
    clock = Clock()
    admission = Admission(4, clock)
    with ExitStack() as greedy, ExitStack() as modest:
        assert sum(takes(admission, "greedy", greedy) for _ in range(4)) == 4
        assert not takes(admission, "modest", modest)
        greedy.close()
        assert sum(takes(admission, "greedy", greedy) for _ in range(4)) == 2
        clock.now_s = 11.0
        assert sum(takes(admission, "greedy", greedy) for _ in range(4)) == 2


def test_each_of_many_who_wait_has_a_place() -> None:
    admission = Admission(2, Clock())
    with ExitStack() as places:
        assert [takes(admission, name, places) for name in "abcd"] == [True, True, False, False]
        places.close()
        assert [takes(admission, name, places) for name in "aacd"] == [True, False, True, False]


async def test_bytes_go_to_owners_in_turn() -> None:
    budget = ByteBudget(100)
    order: list[str] = []

    async def take(name: str) -> None:
        owner.set(name)
        await budget.take(100)
        order.append(name)

    tasks = [asyncio.create_task(take(name)) for name in ("greedy", "greedy", "greedy", "greedy", "modest")]
    for _ in tasks:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        budget.give_back(100)
    await asyncio.gather(*tasks)
    assert order == ["greedy", "greedy", "modest", "greedy", "greedy"]
    assert budget.taken == 0


@pytest.mark.parametrize("most", [1, 2])
async def test_long_documents_of_owners_are_begun_in_turn(most: int) -> None:
    documents = LongDocuments(most)
    order: list[str] = []
    may_end = asyncio.Semaphore(0)

    async def one(name: str) -> None:
        owner.set(name)
        async with documents.turn(10, "kind", asyncio.get_running_loop().time() + 1000):
            order.append(name)
            await may_end.acquire()

    tasks = [asyncio.create_task(one(name)) for name in ("greedy",) * 5 + ("modest",)]
    for _ in tasks:
        await asyncio.sleep(0.01)
        may_end.release()
    await asyncio.gather(*tasks)
    assert order.index("modest") == most
