"""The batcher under any sequence of calls, in simulated time: what no example of test_batcher.py thought of."""

import asyncio
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from services.runtime.batching.batcher import Batcher
from services.runtime.batching.items import Outcome, Priority
from services.runtime.batching.refusals import DeadlinePassed, HopelessDeadline, PoisonItem, QueueFull
from tests.runtime.conftest import SimulatedTimeLoop
from tests.runtime.simulated import Upper, make

CAPACITY, MAX_BATCH = 16, 4
KINDS = {"well": 0x4E00, "poisonous": 0x5E00, "deadly": 0x6E00}
"""Where the letters of a kind begin: each item has its own, and none of them has an upper case."""
MOST = 0x1000

Future = asyncio.Future[Outcome[str]]


def letters(kind: str) -> str:
    return "".join(map(chr, range(KINDS[kind], KINDS[kind] + MOST)))


class BatcherMachine(RuleBasedStateMachine):
    """Every item is answered once and by its own result, and bounds and order hold."""

    items = Bundle("items")

    @initialize(executors=st.integers(1, 3), slots=st.integers(1, 2), max_delay_s=st.sampled_from([0.0, 0.7]))
    def start(self, executors: int, slots: int, max_delay_s: float) -> None:
        self.loop, self.began = SimulatedTimeLoop(), list[str]()
        self.executors = [
            Upper(slots=slots, fails_on=letters("poisonous"), dies_on=letters("deadly")) for _ in range(executors)
        ]
        for each in self.executors:
            each.began = self.began  # in one list, as they begin
        self.futures: dict[str, Future] = {}
        self.priorities: dict[str, Priority] = {}
        self.with_deadline: set[str] = set()

        async def made() -> Batcher[str, str]:
            return make(*self.executors, capacity=CAPACITY, max_batch=MAX_BATCH, max_delay_s=max_delay_s)[0]

        self.batcher = self.loop.run_until_complete(made())

    @rule(
        target=items,
        kinds=st.lists(st.sampled_from(["well", "well", "well", "poisonous", "deadly"]), min_size=1, max_size=6),
        priority=st.sampled_from(Priority),
        within_s=st.none() | st.floats(0.1, 8.0),
    )
    def submit(self, kinds: list[str], priority: Priority, within_s: float | None) -> Any:
        values = [chr(KINDS[kind] + len(self.futures) + index) for index, kind in enumerate(kinds)]
        deadline_s = None if within_s is None else self.loop.time() + within_s
        waiting = self.batcher.waiting

        async def submitted() -> list[Future]:
            return self.batcher.submit(values, deadline_s=deadline_s, priority=priority)

        try:
            futures = self.loop.run_until_complete(submitted())
        except QueueFull:
            assert waiting + len(values) > (CAPACITY if priority is Priority.INTERACTIVE else CAPACITY * 3 // 4)
            return multiple()
        except HopelessDeadline:
            assert deadline_s is not None
            return multiple()
        self.futures |= dict(zip(values, futures, strict=True))
        self.priorities |= dict.fromkeys(values, priority)
        self.with_deadline |= set(values if deadline_s is not None else ())
        return multiple(*values)

    @rule(seconds=st.sampled_from([0.0, 0.3, 1.0, 2.5]))
    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @rule(value=consumes(items))
    def cancel(self, value: str) -> None:
        self.futures[value].cancel()

    @invariant()
    def bounds_hold(self) -> None:
        if hasattr(self, "batcher"):
            # Those under which an executor died have been in work, and so are beyond what may wait.
            in_work = MAX_BATCH * sum(each.slots for each in self.executors)
            assert self.batcher.in_flight <= in_work
            assert self.batcher.waiting <= CAPACITY + in_work

    @invariant()
    def the_oldest_of_a_priority_begins_first(self) -> None:
        if hasattr(self, "batcher"):
            order = list(self.futures)
            begun = dict.fromkeys(value for batch in self.began for value in batch.partition(":")[2])
            for priority in Priority:
                places = [order.index(value) for value in begun if self.priorities[value] is priority]
                assert places == sorted(places)

    def teardown(self) -> None:
        if not hasattr(self, "batcher"):
            return
        self.loop.run_until_complete(self.batcher.drain())
        for value, future in self.futures.items():
            assert future.done()
            if future.cancelled():
                continue
            error = future.exception()
            if error is None:
                assert future.result().result == value
            elif isinstance(error, PoisonItem):
                assert value not in letters("well"), "another's item is to blame"
            else:
                assert isinstance(error, DeadlinePassed)
                assert value in self.with_deadline
        assert (self.batcher.waiting, self.batcher.in_flight) == (0, 0)
        self.loop.run_until_complete(self.batcher.stop())
        self.loop.close()


TestBatcher = BatcherMachine.TestCase
TestBatcher.settings = settings(max_examples=80, stateful_step_count=40, deadline=None, database=None)
