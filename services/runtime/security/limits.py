"""How often one caller may call, and how many of its calls may be in work: a token bucket and a count for each."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.runtime.security.refusals import LimitReached, Reason

_RETRY_S = 1.0  # after which another call of the same caller may have ended
_SWEEP_AT = 1024  # callers


@dataclass(slots=True)
class _Usage:
    """Of one caller."""

    level: float  # calls that it may make now
    updated_s: float
    in_work: int = 0


class CallerLimits:
    """Zero leaves the rate, or the number of calls in work, without a limit."""

    def __init__(self, rate: float, burst: int, in_work: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`rate` is in calls a second, of which `burst` may come at once."""
        self._rate, self._burst, self._in_work, self._clock = rate, burst, in_work, clock
        self._usages: dict[str, _Usage] = {}
        self._sweep_at = _SWEEP_AT

    @contextmanager
    def enter(self, caller: str) -> Iterator[None]:
        """One call, from here to the end of the `with`. LimitReached when it is one too many."""
        usage = self._usage(caller)
        if self._in_work and usage.in_work >= self._in_work:
            text = f"{usage.in_work} of your calls are in work, as many as may be: send the next when one has ended"
            raise LimitReached(Reason.CONCURRENCY, text, _RETRY_S)
        if self._rate:
            self._take(usage)
        usage.in_work += 1
        try:
            yield
        finally:
            usage.in_work -= 1

    def _take(self, usage: _Usage) -> None:
        if usage.level < 1.0:
            wait_s = (1.0 - usage.level) / self._rate
            text = f"you may send {self._rate:g} calls a second: send this one again in about {wait_s:.2f} s"
            raise LimitReached(Reason.RATE, text, wait_s)
        usage.level -= 1.0

    def _usage(self, caller: str) -> _Usage:
        now_s = self._clock()
        usage = self._usages.get(caller)
        if usage is None:
            self._sweep(now_s)
            usage = self._usages[caller] = _Usage(float(self._burst), now_s)
        self._refill(usage, now_s)
        return usage

    def _refill(self, usage: _Usage, now_s: float) -> None:
        usage.level = min(float(self._burst), usage.level + (now_s - usage.updated_s) * self._rate)
        usage.updated_s = now_s

    def _sweep(self, now_s: float) -> None:
        """Forgets callers with nothing in work and a full bucket: they are as good as new ones."""
        if len(self._usages) < self._sweep_at:
            return
        for usage in self._usages.values():
            self._refill(usage, now_s)
        self._usages = {
            name: usage
            for name, usage in self._usages.items()
            if usage.in_work or (self._rate and usage.level < self._burst)
        }
        self._sweep_at = max(_SWEEP_AT, 2 * len(self._usages))  # so that a sweep costs each caller little
