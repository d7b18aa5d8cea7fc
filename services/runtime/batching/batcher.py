"""Dynamic batching: many callers, few executors, and one task that decides what runs next.

`submit` puts items into the queue; the owner task alone takes them out, and only while an executor has a free slot.
All of it happens on one event loop, and nobody awaits between reading the queue and changing it: no lock is needed.
Nothing polls: the owner sleeps until items arrive, a slot frees, an executor returns or `max_delay_s` is over.

Invariants:
- The future of an admitted item is done in the end: with a result, with a Refusal, or cancelled by its caller.
- An item is in one place at a time: waiting, suspected, or in the batch of one executor.
- No caller fails because of another caller's item.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Generic, TypeVar

from services.runtime.batching.executor import Executor, ExecutorDead, ExecutorKilled
from services.runtime.batching.items import Item, Outcome, Priority
from services.runtime.batching.latency import LatencyCurve
from services.runtime.batching.observer import Drop, Guarded, Observer
from services.runtime.batching.pool import Pool
from services.runtime.batching.refusals import SHUTTING_DOWN, HopelessDeadline, NotServing, PoisonItem, QueueFull
from services.runtime.batching.waiting import Waiting

T = TypeVar("T")
R = TypeVar("R")

MIN_RETRY_S = 0.05


class Batcher(Generic[T, R]):
    """Made inside a running event loop, whose `time()` is the only clock it knows."""

    def __init__(
        self,
        executors: Sequence[Executor[T, R]],
        observer: Observer,
        latency: LatencyCurve,
        *,
        max_batch: int,
        capacity: int,
        max_delay_s: float = 0.0,
        stuck_after_s: float = 20.0,
        restart_grace_s: float = 10.0,
    ) -> None:
        """The executors are ready; `capacity` counts the items that may wait, those of all calls together."""
        self._observer, self._latency = Guarded(observer), latency
        self._max_batch, self._max_delay_s, self._stuck_after_s = max_batch, max_delay_s, stuck_after_s
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._waiting: Waiting[T, R] = Waiting(capacity, self._observer)
        self._promised: set[asyncio.Future[Outcome[R]]] = set()
        self._pool = Pool(executors, self._observer, restart_grace_s, self._wake.set, self._refuse_promised)
        self._tasks: set[asyncio.Task[None]] = set()
        self._start(self._own_queue())
        self._start(self._pool.keep_alive())

    @property
    def waiting(self) -> int:
        """Items that wait."""
        return len(self._waiting)

    @property
    def in_flight(self) -> int:
        """Items in the batches of executors."""
        return self._pool.in_flight

    def submit(
        self, values: Sequence[T], *, deadline_s: float | None = None, priority: Priority = Priority.INTERACTIVE
    ) -> list[asyncio.Future[Outcome[R]]]:
        """Admits all or none, and returns one future for each; cancel it when nobody waits for it any more.

        Raises QueueFull, HopelessDeadline (`deadline_s` is a time of the loop's clock) or NotServing, at once.
        """
        now_s = self._loop.time()
        self._check_admission(len(values), now_s, deadline_s, priority)
        items = [Item[T, R](value, self._loop.create_future(), now_s, deadline_s) for value in values]
        for item in items:
            self._promised.add(item.future)
            item.future.add_done_callback(self._promised.discard)
        self._waiting.put(items, priority)
        self._wake.set()
        return [item.future for item in items]

    async def drain(self) -> None:
        """Admits nothing more, and returns when all that was admitted is answered."""
        self._is_closed = True
        if self._promised:
            await asyncio.wait(self._promised)

    async def stop(self) -> None:
        """Admits nothing more, and refuses what has no result yet."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._refuse_promised()

    def _check_admission(self, count: int, now_s: float, deadline_s: float | None, priority: Priority) -> None:
        if self._is_closed or self._pool.is_extinct or self._pool.is_hanging:
            self._observer.dropped(Drop.NOT_SERVING, count)
            raise self._not_serving()
        has_room = self._waiting.has_room(count, priority, now_s)
        ahead = self.in_flight + self._waiting.ahead_of(priority)
        # 0 when idle, whatever was measured: a bad measurement cannot refuse the calls that would correct it.
        wait_s = ahead * self._latency.seconds_per_item(self._max_batch) / max(self._pool.slots, 1)
        if not has_room:
            self._observer.dropped(Drop.QUEUE_FULL, count)
            raise QueueFull(max(wait_s, MIN_RETRY_S))
        if deadline_s is not None and now_s < deadline_s < now_s + wait_s:  # one that is over already expires below
            self._observer.dropped(Drop.HOPELESS, count)
            raise HopelessDeadline(max(wait_s, MIN_RETRY_S), deadline_s - now_s)

    async def _own_queue(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (executor := self._free_executor()) and (batch := self._form_batch()):
                self._pool.work[executor].append(batch)
                self._start(self._run(executor, batch))

    def _free_executor(self) -> Executor[T, R] | None:
        if self._waiting.suspects:  # what kills its executor must kill nobody beside it
            return next(iter(self._pool.idle), None)
        return self._pool.free()

    def _form_batch(self) -> list[Item[T, R]]:
        """What to run now; nothing when nobody waits, or when it pays to wait for more."""
        now_s = self._loop.time()
        if suspect := self._waiting.take_suspect(now_s):
            return [suspect]
        if 0 < len(self._waiting) < self._max_batch and now_s < (due_s := self._waiting.oldest_s + self._max_delay_s):
            if self._alarm:
                self._alarm.cancel()
            self._alarm = self._loop.call_at(due_s, self._wake.set)
            return []
        share = -(-len(self._waiting) // max(len(self._pool.idle), 1))  # idle executors split what waits
        return self._waiting.take(min(share, self._max_batch), now_s)

    async def _run(self, executor: Executor[T, R], batch: list[Item[T, R]]) -> None:
        try:
            await self._attempt(executor, batch)
        except ExecutorDead as death:
            self._pool.lose(executor)
            for item in (item for item in batch if not item.future.done()):
                if not item.suspect:
                    self._waiting.put_suspect(item)
                elif isinstance(death, ExecutorKilled):
                    item.future.set_exception(NotServing("executors were killed from outside: send the call again"))
                    self._observer.dropped(Drop.NOT_SERVING)
                else:  # it was alone this time, so it is to blame
                    item.future.set_exception(PoisonItem("two executors died under it"))
                    self._observer.dropped(Drop.POISON)
        finally:
            self._pool.work[executor].remove(batch)
            self._wake.set()

    async def _attempt(self, executor: Executor[T, R], batch: list[Item[T, R]]) -> None:
        """Runs a batch and delivers; one that fails is halved until the item to blame is alone."""
        started_s = self._loop.time()
        stuck_s = max(self._stuck_after_s, self._latency.longest_s)
        try:
            results = await self._pool.run(executor, [item.value for item in batch], stuck_s)
            outcomes = list(zip(batch, results, strict=True))
        except ExecutorDead:
            raise
        except Exception as error:
            if len(batch) > 1:
                for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                    if living := [item for item in half if self._waiting.is_alive(item, self._loop.time())]:
                        await self._attempt(executor, living)
            elif not batch[0].future.done():
                batch[0].future.set_exception(PoisonItem(str(error)))
                self._observer.dropped(Drop.POISON)
            return
        inference_s = self._loop.time() - started_s
        for item, result in outcomes:
            if not item.future.done():
                item.future.set_result(Outcome(result, started_s - item.enqueued_s, inference_s, len(batch)))
        self._latency.observe(len(batch), inference_s)
        self._observer.ran(batch, started_s, inference_s)

    def _not_serving(self) -> NotServing:
        if self._is_closed:
            return NotServing(SHUTTING_DOWN)
        return NotServing("the model's executors died or do not answer: send the call again")

    def _refuse_promised(self) -> None:
        self._waiting.clear()
        for future in [future for future in self._promised if not future.done()]:
            future.set_exception(self._not_serving())
            self._observer.dropped(Drop.NOT_SERVING)

    def _start(self, coroutine: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
