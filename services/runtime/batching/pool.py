"""The executors of one model: who lives, who is free, and bringing back the dead."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from services.runtime.batching.executor import Executor, ExecutorDead
from services.runtime.batching.items import Item
from services.runtime.batching.observer import Observer

T = TypeVar("T")
R = TypeVar("R")

_OVERDUE = 0.2  # of the time after which a batch has hung: from then on others had better ask another replica


class Pool(Generic[T, R]):
    """Owned by a batcher, which puts the batches that it starts into `work` and takes them out when they end."""

    def __init__(
        self,
        executors: Sequence[Executor[T, R]],
        observer: Observer,
        restart_grace_s: float,
        revived: Callable[[], None],
        extinct: Callable[[], None],
    ) -> None:
        """Calls `revived` when an executor is back, and `extinct` when none lived for `restart_grace_s`."""
        self._observer, self._restart_grace_s = observer, restart_grace_s
        self._revived, self._extinct = revived, extinct
        self._live = list(executors)
        self._grace: asyncio.TimerHandle | None = None
        self.work: dict[Executor[T, R], list[list[Item[T, R]]]] = {executor: [] for executor in executors}
        self._overdue: set[Executor[T, R]] = set()
        self.is_extinct = False
        observer.executors(len(self._live))

    @property
    def slots(self) -> int:
        """Batches that the living take at once."""
        return sum(executor.slots for executor in self._live)

    @property
    def is_hanging(self) -> bool:
        """Whether some live, and all of them run a batch that is overdue."""
        return bool(self._live) and self._overdue.issuperset(self._live)

    @property
    def in_flight(self) -> int:
        """Items in the batches that run."""
        return sum(len(batch) for batches in self.work.values() for batch in batches)

    @property
    def idle(self) -> list[Executor[T, R]]:
        """Those that live and have nothing to do."""
        return [executor for executor in self._live if not self.work[executor]]

    def free(self) -> Executor[T, R] | None:
        """Of those that live, have a free slot and run no suspect, the one with the least to do."""
        free = [executor for executor in self._live if self._has_room(executor)]
        return min(free, key=lambda executor: len(self.work[executor]), default=None)

    def lose(self, executor: Executor[T, R]) -> None:
        """Marks it dead; called by the first that notices."""
        if executor in self._live:
            self._live.remove(executor)
            self._observer.executors(len(self._live))
            if not self._live:
                self._grace = asyncio.get_running_loop().call_later(self._restart_grace_s, self._give_up)

    async def run(self, executor: Executor[T, R], values: Sequence[T], stuck_s: float) -> Sequence[R]:
        """What the executor makes of a batch. One that takes longer than `stuck_s` is killed: ExecutorDead."""
        alarm = asyncio.get_running_loop().call_later(_OVERDUE * stuck_s, self._overdue.add, executor)
        try:
            async with asyncio.timeout(stuck_s) as limit:
                return await executor.run(values)
        except TimeoutError as error:
            if not limit.expired():
                raise
            executor.kill()
            raise ExecutorDead(f"stuck for {stuck_s} s") from error
        finally:
            alarm.cancel()
            self._overdue.discard(executor)

    async def keep_alive(self) -> None:
        """Restarts each executor whenever it dies, for ever."""
        await asyncio.gather(*map(self._keep_one_alive, self.work))

    async def _keep_one_alive(self, executor: Executor[T, R]) -> None:
        while True:
            await executor.died()
            self.lose(executor)
            await executor.restart()
            self._live.append(executor)
            if self._grace:
                self._grace.cancel()
            self._observer.executors(len(self._live))
            if self.is_extinct:
                self.is_extinct = False
                self._observer.serving(True)
            self._revived()

    def _has_room(self, executor: Executor[T, R]) -> bool:
        batches = self.work[executor]
        return len(batches) < executor.slots and not any(item.suspect for batch in batches for item in batch)

    def _give_up(self) -> None:
        self.is_extinct = True
        self._observer.serving(False)
        self._extinct()
