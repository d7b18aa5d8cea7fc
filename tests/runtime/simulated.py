"""Executors in simulated time: a batch of any size takes one second, unless a test sets another time."""

import asyncio
from collections.abc import Iterable, Sequence

from services.runtime.batching.batcher import Batcher
from services.runtime.batching.executor import ExecutorDead
from services.runtime.batching.items import Item, Outcome
from services.runtime.batching.latency import LatencyCurve
from services.runtime.batching.observer import Drop


class Upper:
    """An executor that makes letters upper case, and records the batches that it began: "2s:abc"."""

    def __init__(
        self, *, slots: int = 1, fails_on: str = "", dies_on: str = "", hangs_on: str = "", restart_s: float = 3
    ) -> None:
        self.slots, self.began, self.restarts = slots, list[str](), 0
        self._fails_on, self._dies_on, self._hangs_on, self._restart_s = fails_on, dies_on, hangs_on, restart_s
        self._dead = asyncio.Event()
        self.death = ExecutorDead

    async def run(self, batch: Sequence[str], /) -> Sequence[str]:
        text = "".join(batch)
        self.began.append(f"{asyncio.get_running_loop().time():g}s:{text}")
        seconds = 1e9 if set(text) & set(self._hangs_on) else 1
        try:
            await asyncio.wait_for(self._dead.wait(), seconds)
        except TimeoutError:
            if set(text) & set(self._dies_on):
                self.kill()
        if self._dead.is_set():
            raise self.death
        if set(text) & set(self._fails_on):
            raise ValueError(f"cannot do {text}")
        return list(text.upper())

    def kill(self) -> None:
        self._dead.set()

    async def died(self) -> None:
        await self._dead.wait()

    async def restart(self) -> None:
        await asyncio.sleep(self._restart_s)
        self.restarts += 1
        self._dead.clear()


class Ledger:
    """An observer that records its events."""

    def __init__(self) -> None:
        self.drops: dict[str, int] = {}
        self.sizes: list[int] = []
        self.live: list[str] = []
        self.served: list[str] = []

    def dropped(self, reason: Drop, items: int = 1) -> None:
        self.drops[reason.value] = self.drops.get(reason.value, 0) + items

    def ran(self, batch: Sequence[Item[str, str]], started_s: float, inference_s: float) -> None:
        self.sizes.append(len(batch))

    def executors(self, live: int) -> None:
        self.live.append(f"{asyncio.get_running_loop().time():g}s:{live}")

    def serving(self, can_serve: bool) -> None:
        self.served.append(f"{asyncio.get_running_loop().time():g}s:{can_serve}")


def make(*executors: Upper, ledger: Ledger | None = None, **options: float) -> tuple[Batcher[str, str], Ledger]:
    """A batcher of batches of 4 and 16 waiting items, with a latency curve of one second a full batch."""
    ledger, latency = ledger or Ledger(), LatencyCurve()
    latency.observe(4, 1.0)
    settings: dict[str, float] = {"max_batch": 4, "capacity": 16, **options}
    return Batcher(executors, ledger, latency, **settings), ledger  # type: ignore[arg-type]


async def results(futures: Iterable[asyncio.Future[Outcome[str]]]) -> str:
    """ "AB?D": the results, with a question mark for each error."""
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    return "".join(outcome.result if isinstance(outcome, Outcome) else "?" for outcome in outcomes)
