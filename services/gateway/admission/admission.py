"""How many calls the gateway has in work at once, and of whom."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.runtime.batching.refusals import QueueFull
from stamp2vec.turns import owner

_NEWEST_WEIGHT = 0.2  # of the moving average of how long a call takes that is answered
_MIN_RETRY_S = 0.05
_BULK_SHARE = 0.75  # of the places, which bulk may take
_EXPECTED_S = 10.0  # that places are shared with a caller who was refused and has not come back


class Admission:
    """Refuses calls beyond a number in work.

    One caller may have all places while nobody else asks. Once others have been refused, those who have more than their
    share get none until these have come back.
    """

    def __init__(self, capacity: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity, self._clock = capacity, clock
        self._bulk_capacity = max(1, int(_BULK_SHARE * capacity))
        self._usual_s = 0.0
        self._of: Counter[str] = Counter()  # calls in work
        self._refused: dict[str, float] = {}  # until when they are expected back
        self.in_work = 0

    @contextmanager
    def enter(self, *, urgent: bool = True) -> Iterator[None]:
        """One call, from here to the end of the `with`. QueueFull when too many are in work.

        Calls that are not urgent may take three quarters of the places.
        """
        caller, started_s = owner.get(), self._clock()
        most = self._capacity if urgent else self._bulk_capacity
        if self.in_work >= most or self._of[caller] >= self._share(caller, most, started_s):
            self._refused[caller] = started_s + _EXPECTED_S
            raise self._full()
        self._refused.pop(caller, None)
        self.in_work += 1
        self._of[caller] += 1
        try:
            yield
            self._usual_s += _NEWEST_WEIGHT * (self._clock() - started_s - self._usual_s)
        finally:
            self.in_work -= 1
            self._of[caller] -= 1
            if not self._of[caller]:
                del self._of[caller]

    def check_bulk(self) -> None:
        """QueueFull when a call that has a place, and turns out to be bulk, may not keep it."""
        if self.in_work > self._bulk_capacity:
            raise self._full()

    def _share(self, caller: str, most: int, now_s: float) -> int:
        """How many of so many places one caller may have."""
        self._refused = {name: until_s for name, until_s in self._refused.items() if until_s > now_s}
        if not self._refused.keys() - {caller}:
            return most
        return max(1, most // len(self._refused.keys() | self._of.keys() | {caller}))

    def _full(self) -> QueueFull:
        # One place becomes free in `usual / capacity` on average; all refused callers want it, so they are spread.
        return QueueFull(max(self._usual_s, _MIN_RETRY_S))
