"""One replica: a bounded queue before executors that take batches, as services/runtime/batching/batcher.py has it."""

from collections import deque
from collections.abc import Mapping, Sequence

from services.runtime.serving.settings import ModelServerSettings

Curve = Mapping[int, float]
"""Seconds a batch takes on one executor, for every size from 1 to the largest."""


class Pod:
    """A replica in simulated time, moved on by `advance`."""

    def __init__(self, server: ModelServerSettings, curve: Curve, deadline_s: float, ready_s: float) -> None:
        """`deadline_s` is the deadline of callers."""
        self._curve, self._max_batch, self._capacity = curve, server.max_batch, server.capacity
        self._item_s = curve[server.max_batch] / server.max_batch / server.executors
        self._deadline_s = deadline_s
        self._waiting: deque[float] = deque()
        self._ends_s = [ready_s] * server.executors
        self._sizes = [0] * server.executors

    def load(self, now_s: float) -> float:
        """Waiting and running items, as a share of the capacity."""
        in_flight = sum(size for size, end_s in zip(self._sizes, self._ends_s) if end_s > now_s)
        return (len(self._waiting) + in_flight) / self._capacity

    def is_idle(self, now_s: float) -> bool:
        """Whether it has no items."""
        return not self._waiting and max(self._ends_s) <= now_s

    def advance(self, arrivals_s: Sequence[float], until_s: float) -> tuple[list[float], int]:
        """Advances to `until_s`, with the arrivals before it: the waits of items that began, and the number shed."""
        waits_s: list[float] = []
        shed = 0
        for arrival_s in arrivals_s:
            self._work(arrival_s, waits_s)
            in_flight = sum(size for size, end_s in zip(self._sizes, self._ends_s) if end_s > arrival_s)
            is_full = len(self._waiting) >= self._capacity
            if is_full or (len(self._waiting) + in_flight) * self._item_s > self._deadline_s:
                shed += 1
            else:
                self._waiting.append(arrival_s)
                self._start(arrival_s, waits_s)
        self._work(until_s, waits_s)
        return waits_s, shed

    def _work(self, until_s: float, waits_s: list[float]) -> None:
        """Batches that begin because an executor ends before this time."""
        while self._waiting and (free_s := min(self._ends_s)) <= until_s:
            self._start(free_s, waits_s)

    def _start(self, now_s: float, waits_s: list[float]) -> None:
        idle = [index for index, end_s in enumerate(self._ends_s) if end_s <= now_s]
        for position, index in enumerate(idle):
            if not self._waiting:
                return
            share = -(-len(self._waiting) // (len(idle) - position))  # idle executors split the queue
            size = min(share, self._max_batch)
            waits_s.extend(now_s - self._waiting.popleft() for _ in range(size))
            self._ends_s[index], self._sizes[index] = now_s + self._curve[size], size
