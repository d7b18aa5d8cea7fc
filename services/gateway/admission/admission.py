"""How many calls the gateway has in work at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.runtime.batching.refusals import QueueFull

_NEWEST_WEIGHT = 0.2  # of the moving average of how long a call takes that is answered
_MIN_RETRY_S = 0.05
_BULK_SHARE = 0.75  # of the places, which bulk may take


class Admission:
    """Refuses calls beyond a number in work."""

    def __init__(self, capacity: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity, self._clock = capacity, clock
        self._bulk_capacity = max(1, int(_BULK_SHARE * capacity))
        self._usual_s = 0.0
        self.in_work = 0

    @contextmanager
    def enter(self, *, urgent: bool = True) -> Iterator[None]:
        """One call, from here to the end of the `with`. QueueFull when too many are in work.

        Calls that are not urgent may take three quarters of the places.
        """
        if self.in_work >= (self._capacity if urgent else self._bulk_capacity):
            raise self._full()
        started_s = self._clock()
        self.in_work += 1
        try:
            yield
            self._usual_s += _NEWEST_WEIGHT * (self._clock() - started_s - self._usual_s)
        finally:
            self.in_work -= 1

    def check_bulk(self) -> None:
        """QueueFull when a call that has a place, and turns out to be bulk, may not keep it."""
        if self.in_work > self._bulk_capacity:
            raise self._full()

    def _full(self) -> QueueFull:
        # One place becomes free in `usual / capacity` on average; all refused callers want it, so they are spread.
        return QueueFull(max(self._usual_s, _MIN_RETRY_S))
