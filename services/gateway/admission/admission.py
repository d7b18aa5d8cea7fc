"""How many calls the gateway has in work at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.runtime.batching.refusals import QueueFull

_NEWEST_WEIGHT = 0.2  # of the moving average of how long a call takes
_MIN_RETRY_S = 0.05


_BULK_SHARE = 0.75  # of the places, which bulk may take


class Admission:
    """Refuses calls beyond a number in work."""

    def __init__(self, capacity: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity, self._clock = capacity, clock
        self._usual_s = 0.0
        self.in_work = 0

    @contextmanager
    def enter(self, *, urgent: bool = True) -> Iterator[None]:
        """One call, from here to the end of the `with`. QueueFull when too many are in work.

        Calls that are not urgent may take three quarters of the places.
        """
        if self.in_work >= (self._capacity if urgent else max(1, int(_BULK_SHARE * self._capacity))):
            # One place becomes free in `usual / capacity` on average; all refused callers want it, so they are spread.
            raise QueueFull(max(self._usual_s, _MIN_RETRY_S))
        started_s = self._clock()
        self.in_work += 1
        try:
            yield
        finally:
            self.in_work -= 1
            self._usual_s += _NEWEST_WEIGHT * (self._clock() - started_s - self._usual_s)
