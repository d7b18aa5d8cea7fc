"""Long documents in simulated time: a machine that one group of pages has at a time, a second each page."""

import asyncio
from collections.abc import Sequence

import pytest

from services.gateway.admission.long_documents import LongDocuments
from services.runtime.batching.refusals import HopelessDeadline

GROUP = 8


class Machine:
    """Documents take turns at it, group by group, as at decoders and models."""

    def __init__(self, places: int = 2, page_s: float = 1.0) -> None:
        self.line, self.page_s, self.ends = LongDocuments(places), page_s, list[str]()
        self._lock = asyncio.Lock()

    async def work(self, name: str, pages: int, deadline_s: float, kind: str = "fast") -> None:
        """A document; what becomes of it, and when, is in `ends`."""
        now_s = asyncio.get_running_loop().time
        try:
            async with (
                asyncio.timeout_at(now_s() + deadline_s),
                self.line.turn(pages, kind, now_s() + deadline_s) as document,
            ):
                for _ in range(pages // GROUP):
                    async with self._lock:
                        await asyncio.sleep(GROUP * self.page_s)
                    self.line.advance(document, GROUP)
            self.ends.append(f"{name} {now_s():g}s")
        except HopelessDeadline:
            self.ends.append(f"{name} refused {now_s():g}s")
        except TimeoutError:
            self.ends.append(f"{name} late {now_s():g}s")

    async def work_all(self, *documents: tuple[str, int, float]) -> Sequence[str]:
        """All at once."""
        await asyncio.gather(*(self.work(*each) for each in documents))
        return self.ends


async def measured(page_s: float = 1.0, places: int = 2) -> Machine:
    """One that has worked before."""
    machine = Machine(places, page_s)
    await machine.work("first", 80, 1e9)
    machine.ends.clear()
    return machine


async def test_of_many_at_once_those_end_that_can_and_the_rest_is_refused_once_that_is_known() -> None:
    """In turns all eight would end between 584 and 640 s, and so none of them in time."""
    machine = Machine()
    ends = await machine.work_all(*((name, 80, 410.0) for name in "abcdefgh"))
    assert ends == ["f refused 8s", "g refused 8s", "h refused 8s", "a 152s", "b 160s", "c 288s", "d 336s", "e 400s"]


async def test_a_document_that_cannot_end_is_refused_before_it_is_begun() -> None:
    machine = await measured()
    start_s = asyncio.get_running_loop().time()
    ends = await machine.work_all(("a", 80, 100.0), ("b", 80, 100.0))
    assert ends == [f"b refused {start_s:g}s", f"a {start_s + 80:g}s"]


async def test_the_refusal_says_when_those_before_it_are_done() -> None:
    machine = await measured()
    working = asyncio.create_task(machine.work("a", 80, 100.0))
    await asyncio.sleep(41)
    with pytest.raises(HopelessDeadline, match=r"the wait is about 40\.00 s, the work then 16\.00 s") as refused:
        async with machine.line.turn(16, "fast", asyncio.get_running_loop().time() + 50.0):
            pytest.fail("it was begun")
    assert refused.value.retry_after_s == pytest.approx(40)
    await working


@pytest.mark.parametrize(
    ("deadline_s", "end_s"),
    [
        pytest.param(90.0, 80, id="to its end"),
        pytest.param(200.0, 112, id="until that one needs half of its time with the other beside it"),
    ],
)
async def test_who_could_make_another_miss_its_deadline_waits(deadline_s: float, end_s: float) -> None:
    machine = await measured()
    start_s = asyncio.get_running_loop().time()
    ends = await machine.work_all(("a", 80, deadline_s), ("b", 80, 1000.0))
    assert ends == [f"a {start_s + end_s:g}s", f"b {start_s + 160:g}s"]


async def test_with_time_enough_they_share() -> None:
    machine = await measured()
    start_s = asyncio.get_running_loop().time()
    ends = await machine.work_all(("a", 80, 1000.0), ("b", 80, 1000.0))
    assert ends == [f"a {start_s + 152:g}s", f"b {start_s + 160:g}s"]


async def test_the_oldest_goes_first_and_who_has_gone_keeps_nobody_waiting() -> None:
    machine = Machine(places=1)
    tasks = [asyncio.create_task(machine.work(name, 8, 1000.0)) for name in "abcd"]
    await asyncio.sleep(1)
    assert machine.line.waiting == 3
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert machine.ends == ["a 8s", "c 16s", "d 24s"]
    assert machine.line.waiting == 0


async def test_alone_a_document_is_begun_whatever_was_measured() -> None:
    machine = await measured(page_s=100.0)
    machine.page_s = 1.0
    start_s = asyncio.get_running_loop().time()
    await machine.work("a", 80, 90.0)
    await machine.work("b", 80, 90.0)
    assert machine.ends == [f"a {start_s + 80:g}s", f"b {start_s + 160:g}s"]


async def test_what_fails_frees_its_place() -> None:
    machine = Machine(places=1)
    for _ in range(2):
        with pytest.raises(KeyError):
            async with machine.line.turn(80, "fast", 1e9):
                raise KeyError
    assert machine.line.waiting == 0


async def test_a_page_costs_what_its_models_cost() -> None:
    machine = await measured()
    machine.page_s = 10.0
    await machine.work("slow", 80, 1e9, "accurate")
    machine.page_s = 1.0
    start_s = asyncio.get_running_loop().time()
    slow = asyncio.create_task(machine.work("b", 80, 90.0, "accurate"))
    await asyncio.sleep(0)
    await machine.work("c", 80, 500.0)
    await slow
    assert machine.ends[1:] == [f"c refused {start_s:g}s", f"b {start_s + 80:g}s"]
