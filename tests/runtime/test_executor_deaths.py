"""What becomes of items whose executor dies, hangs or is killed, in simulated time."""

import asyncio

import pytest

from services.runtime.batching.executor import ExecutorKilled
from services.runtime.batching.refusals import NotServing
from tests.runtime.simulated import Upper, make, results


async def test_the_batch_of_a_dead_executor_is_run_by_another_one_item_at_a_time() -> None:
    executors = Upper(restart_s=10), Upper(restart_s=10)
    batcher, ledger = make(*executors)
    futures = batcher.submit("abcd")
    await asyncio.sleep(0.5)
    executors[0].kill()
    assert await results(futures) == "ABCD"
    assert [executor.began for executor in executors] == [["0s:ab"], ["0s:cd", "1s:a", "2s:b"]]
    assert ledger.drops == {}


async def test_an_item_that_kills_is_given_up_after_two_executors_and_fails_alone() -> None:
    executors = Upper(dies_on="!"), Upper(dies_on="!"), Upper(dies_on="!")
    batcher, ledger = make(*executors, max_batch=8)
    futures = batcher.submit("abcdefg!")
    assert await results(futures) == "ABCDEFG?"
    await asyncio.sleep(10)
    assert sum(executor.restarts for executor in executors) == 2
    assert ledger.drops == {"poison": 1}


@pytest.mark.parametrize("letters", ["!abcdefg", "abc!defg", "abcdefg!"])
async def test_an_executor_of_two_slots_runs_a_suspect_alone(letters: str) -> None:
    executor = Upper(slots=2, dies_on="!")
    batcher, ledger = make(executor)
    futures = batcher.submit(letters)
    await asyncio.sleep(4.5)  # back again, and busy with the first suspect
    futures += batcher.submit("xyz")
    assert await results(futures) == letters.upper().replace("!", "?") + "XYZ"
    assert executor.restarts == 2
    assert ledger.drops == {"poison": 1}


async def test_an_executor_that_is_back_within_the_grace_costs_no_call_and_no_health() -> None:
    executor = Upper(restart_s=3)
    batcher, ledger = make(executor)
    await asyncio.sleep(1)
    executor.kill()  # while idle
    await asyncio.sleep(1)
    assert await results(batcher.submit("a")) == "A"  # waits for the restart
    assert executor.began == ["4s:a"]
    assert ledger.live == ["0s:1", "1s:0", "4s:1"]
    assert ledger.served == []


async def test_calls_are_refused_when_no_executor_restarts_in_time() -> None:
    executor = Upper(restart_s=100)
    batcher, ledger = make(executor, restart_grace_s=10)
    futures = batcher.submit("ab")
    await asyncio.sleep(0.5)
    executor.kill()
    assert await results(futures) == "??"
    assert asyncio.get_running_loop().time() == pytest.approx(10.5)
    with pytest.raises(NotServing):
        batcher.submit("c")
    assert ledger.drops == {"not_serving": 3}
    assert ledger.served == ["10.5s:False"]
    await asyncio.sleep(100)
    assert await results(batcher.submit("d")) == "D"
    assert ledger.served == ["10.5s:False", "100.5s:True"]


async def test_a_stuck_executor_is_killed_and_its_neighbours_are_served() -> None:
    executor = Upper(hangs_on="!", restart_s=3)
    batcher, ledger = make(executor, stuck_after_s=25)
    assert await results(batcher.submit("a!b")) == "A?B"
    assert executor.began == ["0s:a!b", "28s:a", "29s:!", "57s:b"]
    assert ledger.live == ["0s:1", "25s:0", "28s:1", "54s:0", "57s:1"]
    assert ledger.drops == {"poison": 1}


async def test_a_batch_has_hung_after_twenty_times_the_slowest() -> None:
    executor = Upper(hangs_on="!", restart_s=3)
    _, ledger = (made := make(executor, stuck_after_s=5))
    made[0].submit("!")
    await asyncio.sleep(19.9)
    assert ledger.live == ["0s:1"]
    await asyncio.sleep(0.2)
    assert ledger.live == ["0s:1", "20s:0"]


async def test_calls_are_refused_while_every_executor_is_overdue() -> None:
    executors = Upper(hangs_on="!"), Upper(hangs_on="?")
    batcher, ledger = make(*executors)  # a batch takes 1 s: it is overdue after 4 s, and has hung after 20 s
    batcher.submit("!")
    await asyncio.sleep(5)
    assert await results(batcher.submit("a")) == "A"  # the other one answers
    batcher.submit("?")
    await asyncio.sleep(3.9)
    waits = batcher.submit("b")
    await asyncio.sleep(0.2)
    with pytest.raises(NotServing, match="send the call again"):
        batcher.submit("c")
    assert ledger.drops == {"not_serving": 1}
    assert await results(waits) == "B"  # what was admitted waits for the restart
    assert await results(batcher.submit("d")) == "D"


async def test_executors_that_are_killed_from_outside_blame_no_item() -> None:
    executor = Upper(restart_s=1)
    executor.death = ExecutorKilled
    batcher, ledger = make(executor)
    futures = batcher.submit("ab")
    for _ in range(2):
        await asyncio.sleep(0.5)
        executor.kill()
        await asyncio.sleep(1)
    with pytest.raises(NotServing, match="killed from outside"):
        await futures[0]
    assert await results(futures) == "?B"
    assert ledger.drops == {"not_serving": 1}
