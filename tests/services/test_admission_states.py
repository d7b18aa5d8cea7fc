"""What admits work, under any sequence of events, in simulated time: bounds, order, and an end for everybody."""

import asyncio
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from services.gateway.admission.admission import Admission
from services.gateway.admission.long_documents import LongDocuments
from services.runtime.batching.refusals import HopelessDeadline, QueueFull
from services.runtime.serving.byte_budget import ByteBudget
from tests.runtime.conftest import SimulatedTimeLoop

SIZE, CAPACITY, PLACES = 100, 8, 2
SETTINGS = settings(max_examples=200, stateful_step_count=60, deadline=None, database=None)


class Simulated(RuleBasedStateMachine):
    """A machine whose clock jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = SimulatedTimeLoop()

    @rule(seconds=st.sampled_from([0.0, 1.0, 5.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))


class BudgetMachine(Simulated):
    """The bytes of all never exceed the budget, and within a priority the oldest gets its bytes first."""

    calls = st.integers(0, 5)  # half of them urgent

    def __init__(self) -> None:
        super().__init__()
        self.budget = ByteBudget(SIZE)
        self.holds = [self.budget.hold(urgent=number % 2 == 0) for number in range(6)]
        self.sums = [0] * len(self.holds)
        self.asked: list[asyncio.Task[None]] = []
        self.order: dict[bool, list[int]] = {True: [], False: []}

    @rule(call=calls, bytes_wanted=st.integers(10, SIZE))
    def take(self, call: int, bytes_wanted: int) -> None:
        number, hold = len(self.asked), self.holds[call]

        async def take() -> None:
            taken = await hold.take(bytes_wanted)
            self.sums[call] += taken
            self.order[call % 2 == 0].append(number)

        self.asked.append(self.loop.create_task(take()))
        self.wait(0.001)

    @rule(call=calls, bytes_wanted=st.integers(1, SIZE))
    def try_take(self, call: int, bytes_wanted: int) -> None:
        if self.holds[call].try_take(bytes_wanted):
            self.sums[call] += bytes_wanted

    @rule(call=calls, share=st.sampled_from([0.5, 1.0]))
    def give_back(self, call: int, share: float) -> None:
        some = int(share * self.sums[call])
        self.holds[call].give_back(some)
        self.sums[call] -= some
        self.wait(0.001)

    @precondition(lambda self: not all(task.done() for task in self.asked))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from([task for task in self.asked if not task.done()])).cancel()
        self.wait(0.001)

    @rule(call=calls)
    def end(self, call: int) -> None:
        """And another call begins."""
        self.holds[call].close()
        self.holds[call] = self.budget.hold(urgent=call % 2 == 0)
        self.sums[call] = 0
        self.wait(0.001)

    @invariant()
    def what_is_taken_is_what_all_hold_and_no_more_than_there_is(self) -> None:
        assert self.budget.taken == sum(self.sums) <= SIZE

    @invariant()
    def the_oldest_of_a_priority_goes_first(self) -> None:
        assert all(numbers == sorted(numbers) for numbers in self.order.values())

    def teardown(self) -> None:
        for hold in self.holds:
            hold.close()
        self.wait(0.001)
        assert all(task.done() for task in self.asked), "somebody waits for ever"
        assert (self.budget.taken, self.budget.is_waited_for) == (0, False)
        self.loop.close()


class PlacesMachine(RuleBasedStateMachine):
    """No more calls are in work than may be, and bulk leaves some of the places free."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.admission, self.open = Admission(CAPACITY, clock=lambda: 0.0), ExitStack()
        self.in_work = self.bulk = 0

    @rule(target=calls, kind=st.sampled_from(["urgent", "bulk of a stream", "bulk, as its request says"]))
    def enter(self, kind: str) -> tuple[AbstractContextManager[None], bool] | None:
        entering, is_bulk = self.admission.enter(urgent=kind != "bulk of a stream"), kind != "urgent"
        try:
            entering.__enter__()
        except QueueFull:
            assert self.in_work >= (CAPACITY * 3 // 4 if kind == "bulk of a stream" else CAPACITY)
            return None
        if kind == "bulk, as its request says":
            try:
                self.admission.check_bulk()
            except QueueFull as refused:
                assert self.in_work >= CAPACITY * 3 // 4
                entering.__exit__(type(refused), refused, None)
                return None
        self.in_work, self.bulk = self.in_work + 1, self.bulk + is_bulk
        return entering, is_bulk

    @rule(call=consumes(calls))
    def leave(self, call: tuple[AbstractContextManager[None], bool] | None) -> None:
        if call is not None:
            call[0].__exit__(None, None, None)
            self.in_work, self.bulk = self.in_work - 1, self.bulk - call[1]

    @invariant()
    def bounds_hold(self) -> None:
        assert self.admission.in_work == self.in_work <= CAPACITY
        assert self.bulk <= CAPACITY * 3 // 4


class LongDocumentsMachine(Simulated):
    """Long documents begin in the order in which they came, few at a time, and each ends."""

    @initialize()
    def start(self) -> None:
        self.line = LongDocuments(PLACES)
        self.tasks: list[asyncio.Task[Any]] = []
        self.begun: list[int] = []
        self.in_work = 0

    @rule(
        groups=st.integers(1, 6), page_s=st.sampled_from([0.1, 1.0]), within_s=st.sampled_from([20.0, 60.0, 100.0, 1e6])
    )
    def come(self, groups: int, page_s: float, within_s: float) -> None:
        number, alone = len(self.tasks), not any(not task.done() for task in self.tasks)

        async def work() -> str:
            deadline_s = self.loop.time() + within_s
            try:
                async with self.line.turn(8 * groups, "fast", deadline_s) as document:
                    self.begun.append(number)
                    self.in_work += 1
                    try:
                        for _ in range(groups):
                            await asyncio.sleep(8 * page_s)
                            self.line.advance(document, 8)
                    finally:
                        self.in_work -= 1
            except HopelessDeadline:
                assert not alone, "alone it is begun, whatever was measured"
                return "refused"
            return "done"

        self.tasks.append(self.loop.create_task(work()))
        self.wait(0.001)

    @precondition(lambda self: self.tasks)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.tasks)).cancel()
        self.wait(0.001)

    @invariant()
    def few_are_in_work_in_order(self) -> None:
        if hasattr(self, "line"):
            assert self.in_work <= PLACES
            assert self.begun == sorted(self.begun)

    @invariant()
    def nobody_waits_while_nothing_is_in_work(self) -> None:
        if hasattr(self, "line"):
            assert self.in_work or not self.line.waiting

    def teardown(self) -> None:
        if hasattr(self, "line"):

            async def all_ended() -> list[Any]:
                return await asyncio.gather(*self.tasks, return_exceptions=True)

            ends = self.loop.run_until_complete(all_ended())
            assert all(end in ("done", "refused") or isinstance(end, asyncio.CancelledError) for end in ends), ends
            assert (self.in_work, self.line.waiting) == (0, 0)
        self.loop.close()


TestBudget = BudgetMachine.TestCase
TestPlaces = PlacesMachine.TestCase
TestLongDocuments = LongDocumentsMachine.TestCase
TestBudget.settings = TestPlaces.settings = TestLongDocuments.settings = SETTINGS
