"""The batcher, in simulated time."""

import asyncio
import gc
from collections.abc import Sequence

import pytest

from services.runtime.batching.batcher import Batcher
from services.runtime.batching.items import Item, Outcome, Priority
from services.runtime.batching.latency import LatencyCurve
from services.runtime.batching.refusals import DeadlinePassed, HopelessDeadline, NotServing, PoisonItem, QueueFull
from tests.runtime.simulated import Ledger, Upper, make, results

INTERACTIVE, BULK = Priority.INTERACTIVE, Priority.BULK


# Forming batches


@pytest.mark.parametrize(
    ("calls", "began"),
    [
        pytest.param(["a"], ["0s:a"], id="a lone item goes at once"),
        pytest.param(["abcd"], ["0s:abcd"], id="a full batch"),
        pytest.param(["a", "bc", "d"], ["0s:abcd"], id="callers share a batch"),
        pytest.param(["abcdef"], ["0s:abcd", "1s:ef"], id="the rest when the executor is free"),
        pytest.param(["abc", "def", "gh"], ["0s:abcd", "1s:efgh"], id="oldest first, calls may be cut"),
    ],
)
async def test_batches_are_formed_from_waiting_items(calls: list[str], began: list[str]) -> None:
    executor = Upper()
    batcher, _ = make(executor)
    futures = [future for call in calls for future in batcher.submit(call)]
    assert await results(futures) == "".join(calls).upper()
    assert executor.began == began


async def test_a_batch_is_formed_only_when_an_executor_is_free() -> None:
    executor = Upper()
    batcher, _ = make(executor)
    futures = batcher.submit("a")
    for letter in "bcd":
        await asyncio.sleep(0.2)
        futures += batcher.submit(letter)
    assert await results(futures) == "ABCD"
    assert executor.began == ["0s:a", "1s:bcd"]


async def test_idle_executors_split_the_queue() -> None:
    executors = Upper(), Upper()
    batcher, _ = make(*executors)
    assert await results(batcher.submit("abc")) == "ABC"
    assert [executor.began for executor in executors] == [["0s:ab"], ["0s:c"]]


async def test_an_executor_with_two_slots_is_handed_the_next_batch_while_it_runs() -> None:
    executor = Upper(slots=2)
    batcher, _ = make(executor)
    assert await results(batcher.submit("abcdefghi")) == "ABCDEFGHI"
    assert executor.began == ["0s:abcd", "0s:efgh", "1s:i"]


async def test_an_outcome_has_queue_and_inference_times() -> None:
    batcher, ledger = make(Upper())
    *_, last = await asyncio.gather(*batcher.submit("abcde"))
    assert last == Outcome("E", queue_s=1.0, inference_s=1.0, batch_size=1)
    assert ledger.sizes == [4, 1]


@pytest.mark.parametrize(
    ("arrivals", "began"),
    [
        pytest.param([(0, "a")], ["0.5s:a"], id="a lone item waits for others"),
        pytest.param([(0, "a"), (0.3, "b")], ["0.5s:ab"], id="counted from the oldest, not from the newest"),
        pytest.param([(0, "a"), (0.1, "bcd")], ["0.1s:abcd"], id="a full batch does not wait"),
        pytest.param([(0, "abcd"), (0.2, "e")], ["0s:abcd", "1s:e"], id="waiting for an executor counts"),
        pytest.param([(0, "abcd"), (0.8, "e")], ["0s:abcd", "1.3s:e"], id="what is left of it when one is free"),
    ],
)
async def test_max_delay(arrivals: list[tuple[float, str]], began: list[str]) -> None:
    executor = Upper()
    batcher, _ = make(executor, max_delay_s=0.5)
    futures = []
    for at_s, letters in arrivals:
        await asyncio.sleep(at_s - asyncio.get_running_loop().time())
        futures += batcher.submit(letters)
    await results(futures)
    assert executor.began == began


# Priorities


@pytest.mark.parametrize(
    ("interactive", "bulk", "began"),
    [
        pytest.param("abcdef", "uvwxyz", ["0s:abcu", "1s:defv", "2s:wxyz"], id="every fourth is bulk"),
        pytest.param("", "uvwxyz", ["0s:uvwx", "1s:yz"], id="bulk alone has it all"),
        pytest.param("ab", "uvwxyz", ["0s:abuv", "1s:wxyz"], id="bulk fills what interactive leaves"),
    ],
)
async def test_interactive_goes_before_bulk_without_starving_it(interactive: str, bulk: str, began: list[str]) -> None:
    executor = Upper()
    batcher, _ = make(executor)
    futures = batcher.submit(bulk, priority=BULK) + batcher.submit(interactive)
    await results(futures)
    assert executor.began == began


async def test_bulk_cannot_fill_the_last_fourth_of_the_queue() -> None:
    batcher, _ = make(Upper(), capacity=16)
    futures = batcher.submit("b" * 12, priority=BULK)
    with pytest.raises(QueueFull):
        batcher.submit("b", priority=BULK)
    futures += batcher.submit("i" * 4)
    assert await results(futures) == "B" * 12 + "I" * 4


# Cancelled and expired items


async def test_cancelled_items_are_never_computed() -> None:
    executor = Upper()
    batcher, ledger = make(executor)
    futures = batcher.submit("abcdefgh")
    await asyncio.sleep(0.5)
    futures[4].cancel()
    assert await results(futures) == "ABCD?FGH"
    assert executor.began == ["0s:abcd", "1s:fgh"]
    assert ledger.drops == {"cancelled": 1}


async def test_cancelling_a_running_item_affects_no_other() -> None:
    batcher, _ = make(Upper())
    futures = batcher.submit("abcd")
    await asyncio.sleep(0.5)
    futures[1].cancel()
    assert await results(futures) == "A?CD"
    assert await results(batcher.submit("e")) == "E"


async def test_expired_items_are_never_computed() -> None:
    executor = Upper()
    batcher, ledger = make(executor, max_batch=1)
    slow, late = batcher.submit("a"), batcher.submit("b", deadline_s=0.9)
    with pytest.raises(DeadlinePassed):
        await late[0]
    assert await results(slow) == "A"
    assert executor.began == ["0s:a"]
    assert ledger.drops == {"expired": 1}


async def test_dropped_items_hold_no_place_in_a_full_queue() -> None:
    batcher, ledger = make(Upper(), capacity=8)
    for future in batcher.submit("a" * 8):
        future.cancel()
    assert await results(batcher.submit("b" * 8)) == "B" * 8
    assert ledger.drops == {"cancelled": 8}


# Overload


async def test_a_call_that_does_not_fit_is_refused_whole_with_a_retry_delay() -> None:
    batcher, ledger = make(Upper(), capacity=8)
    futures = batcher.submit("abcd")
    await asyncio.sleep(0.5)
    futures += batcher.submit("efghij")
    with pytest.raises(QueueFull) as refusal:
        batcher.submit("xyz")
    assert refusal.value.retry_after_s == pytest.approx(10 / 4)  # 4 running and 6 waiting, at 4 a second
    assert ledger.drops == {"queue_full": 3}
    assert batcher.waiting == 6
    futures += batcher.submit("kl")
    assert await results(futures) == "ABCDEFGHIJKL"


@pytest.mark.parametrize(
    ("deadline_s", "is_hopeless"), [(1.9, True), (2.1, False), (None, False)], ids=["short", "long", "none"]
)
async def test_a_deadline_that_cannot_be_met_is_refused_at_once(deadline_s: float | None, is_hopeless: bool) -> None:
    batcher, ledger = make(Upper())
    futures = batcher.submit("abcdefgh")  # two seconds of work ahead
    if is_hopeless:
        with pytest.raises(HopelessDeadline) as refusal:
            batcher.submit("z", deadline_s=deadline_s)
        assert refusal.value.retry_after_s == pytest.approx(2.0)
        assert ledger.drops == {"hopeless_deadline": 1}
    else:
        futures += batcher.submit("z", deadline_s=deadline_s)
    assert await results(futures) == "ABCDEFGHZ"[: len(futures)]


async def test_a_past_deadline_is_expired_and_not_unreachable() -> None:
    batcher, ledger = make(Upper())
    futures = batcher.submit("abcdefgh")
    (late,) = batcher.submit("z", deadline_s=0.0)
    assert await results(futures) == "ABCDEFGH"
    with pytest.raises(DeadlinePassed):
        await late
    assert ledger.drops == {"expired": 1}


async def test_two_executors_halve_the_estimated_wait() -> None:
    batcher, _ = make(Upper(), Upper())
    futures = batcher.submit("abcdefgh")
    assert await results(futures + batcher.submit("z", deadline_s=1.1)) == "ABCDEFGHZ"


async def test_interactive_calls_do_not_wait_for_bulk_in_the_estimate() -> None:
    batcher, _ = make(Upper())
    futures = batcher.submit("b" * 12, priority=BULK)
    assert await results(batcher.submit("i", deadline_s=0.5)) == "I"
    assert await results(futures) == "B" * 12


async def test_a_bad_measurement_cannot_refuse_all_calls_for_ever() -> None:
    latency = LatencyCurve()
    latency.observe(4, 1000.0)
    batcher = Batcher([Upper()], Ledger(), latency, max_batch=4, capacity=16)
    assert await results(batcher.submit("a", deadline_s=1.5)) == "A"


# Poison


@pytest.mark.parametrize("poison", range(8))
async def test_one_poisonous_item_of_eight_fails_alone(poison: int) -> None:
    batcher, ledger = make(Upper(fails_on="!"), max_batch=8)
    letters = list("abcdefgh")
    letters[poison] = "!"
    assert await results(batcher.submit(letters)) == "".join(letters).upper().replace("!", "?")
    assert ledger.drops == {"poison": 1}


async def test_a_poisonous_item_gets_its_error_and_the_executor_continues() -> None:
    executor = Upper(fails_on="!")
    batcher, _ = make(executor)
    with pytest.raises(PoisonItem) as refusal:
        await batcher.submit("!")[0]
    assert refusal.value.reason == "cannot do !"
    assert await results(batcher.submit("a")) == "A"
    assert executor.restarts == 0


async def test_halves_leave_out_cancelled_items() -> None:
    executor = Upper(fails_on="!")
    batcher, _ = make(executor)
    futures = batcher.submit("!bcd")
    await asyncio.sleep(0.5)
    futures[3].cancel()
    assert await results(futures) == "?BC?"
    assert executor.began == ["0s:!bcd", "1s:!b", "2s:!", "3s:b", "4s:c"]


async def test_a_wrong_number_of_results_fails_the_batch_not_the_loop() -> None:
    class Short(Upper):
        async def run(self, batch: Sequence[str], /) -> Sequence[str]:
            return (await super().run(batch))[1:]

    batcher, ledger = make(Short())
    assert await results(batcher.submit("ab")) == "??"
    assert ledger.drops == {"poison": 2}


# What must not end the loop


async def test_a_failing_observer_loses_no_result(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Ledger):
        def ran(self, batch: Sequence[Item[str, str]], started_s: float, inference_s: float) -> None:
            raise RuntimeError("no disk")

        dropped = executors = serving = ran  # type: ignore[assignment]

    batcher, _ = make(Upper(fails_on="!"), ledger=Broken())
    assert await results(batcher.submit("ab!d")) == "AB?D"
    assert await results(batcher.submit("e")) == "E"
    assert "observer" in caplog.text


async def test_a_failing_callback_affects_no_other_caller() -> None:
    def broken(_: object) -> None:
        raise RuntimeError("the caller's own bug")

    reported: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    batcher, _ = make(Upper())
    futures = batcher.submit("abcde")
    futures[0].add_done_callback(broken)
    assert await results(futures) == "ABCDE"
    assert len(reported) == 1


# The end


async def test_drain_finishes_waiting_items_and_refuses_new_ones() -> None:
    batcher, ledger = make(Upper())
    futures = batcher.submit("abcdef")
    draining = asyncio.create_task(batcher.drain())
    await asyncio.sleep(0.5)
    with pytest.raises(NotServing):
        batcher.submit("g")
    await draining
    assert all(future.done() for future in futures)
    assert await results(futures) == "ABCDEF"
    assert asyncio.get_running_loop().time() == pytest.approx(2.0)
    assert ledger.drops == {"not_serving": 1}


async def test_stop_fails_items_without_a_result() -> None:
    batcher, ledger = make(Upper())
    futures = batcher.submit("abcdef")
    await asyncio.sleep(0.5)
    await batcher.stop()
    assert await results(futures) == "??????"
    assert ledger.drops == {"not_serving": 6}
    assert (batcher.waiting, batcher.in_flight) == (0, 0)


# Load


async def test_a_thousand_items_of_both_priorities_each_get_their_own_result() -> None:
    executors = Upper(), Upper(slots=2), Upper()
    batcher, ledger = make(*executors, max_batch=8, capacity=4000)
    letters = [chr(ord("a") + index % 26) for index in range(1000)]
    futures = [
        batcher.submit([letter], priority=BULK if index % 3 else INTERACTIVE)[0] for index, letter in enumerate(letters)
    ]
    assert await results(futures) == "".join(letters).upper()
    assert (sum(ledger.sizes), max(ledger.sizes), ledger.drops) == (1000, 8, {})
    assert (batcher.waiting, batcher.in_flight) == (0, 0)


async def test_two_thousand_cancelled_items_leave_nothing_behind() -> None:
    executors = Upper(slots=2, fails_on="!"), Upper(restart_s=1)
    batcher, _ = make(*executors, max_batch=8, capacity=64)
    await asyncio.sleep(0)
    tasks = len(asyncio.all_tasks())
    for wave in range(100):
        futures = [batcher.submit([letter])[0] for letter in "abcdefghijklmnopqrs!"]
        await asyncio.sleep(wave % 7 / 2)  # from before they are in a batch to after all is done
        for future in futures:
            future.cancel()
        if wave % 10 == 0:
            executors[1].kill()
    assert await results(batcher.submit("xyz")) == "XYZ"
    del futures, future
    await asyncio.sleep(3)
    gc.collect()
    assert (batcher.waiting, batcher.in_flight) == (0, 0)
    assert [item for item in gc.get_objects() if type(item) is Item] == []
    assert len(asyncio.all_tasks()) == tasks
    await asyncio.wait_for(batcher.drain(), 1)
