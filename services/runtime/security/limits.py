"""How much one caller may ask for: calls at once, calls a second, and pages and bytes a minute."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from services.runtime.security.refusals import LimitReached, Reason

_RETRY_S = 1.0  # after which another call of the same caller may have ended
_SWEEP_AT = 1024  # callers
_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Of each caller; zero leaves an amount without a limit. `rate` is in calls a second, of which `burst` may come at
    once; `in_work` is in calls, `pages` and `size` are pages and bytes a minute.
    """

    rate: float = 0.0
    burst: int = 1
    in_work: int = 0
    pages: int = 0
    size: int = 0


class Bucket:
    """A token bucket that may be overdrawn: what a call takes is known only when it has begun."""

    def __init__(self, rate: float, most: float, now_s: float) -> None:
        """`rate` is what comes in a second, and `most` what is there at first and at most."""
        self._rate, self._most = rate, most
        self._level, self._updated_s = most, now_s

    def level(self, now_s: float) -> float:
        """What is there."""
        self._level = min(self._most, self._level + (now_s - self._updated_s) * self._rate)
        self._updated_s = now_s
        return self._level

    def take(self, count: float, now_s: float) -> None:
        """Takes it, whether it is there or not."""
        self._level = self.level(now_s) - count

    def wait_s(self, count: float, now_s: float) -> float:
        """Seconds until so much is there; 0 where it is."""
        return max(0.0, (count - self.level(now_s)) / self._rate)

    def is_full(self, now_s: float) -> bool:
        """Whether it is as good as a new one."""
        return self.level(now_s) >= self._most


class Account:
    """What one caller has taken."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits, self._clock = limits, clock
        now_s = clock()
        self._calls = Bucket(limits.rate, limits.burst, now_s) if limits.rate else None
        self._pages = Bucket(limits.pages / _MINUTE_S, limits.pages, now_s) if limits.pages else None
        self._bytes = Bucket(limits.size / _MINUTE_S, limits.size, now_s) if limits.size else None
        self.in_work = 0

    def begin(self) -> None:
        """A call of it begins. LimitReached when it is one too many."""
        most, now_s = self._limits.in_work, self._clock()
        if most and self.in_work >= most:
            text = f"{self.in_work} of your calls are in work, as many as may be: send the next when one has ended"
            raise LimitReached(Reason.CONCURRENCY, text, _RETRY_S)
        self.check()
        if self._calls is not None:
            if wait_s := self._calls.wait_s(1, now_s):
                text = f"you may send {self._limits.rate:g} calls a second: send this one again in about {wait_s:.2f} s"
                raise LimitReached(Reason.RATE, text, wait_s)
            self._calls.take(1, now_s)
        self.in_work += 1

    def check(self) -> None:
        """LimitReached where pages or bytes are overdrawn, or used up."""
        now_s = self._clock()
        for bucket, reason, amount in (
            (self._pages, Reason.PAGES, f"{self._limits.pages:,} pages"),
            (self._bytes, Reason.BYTES, f"{self._limits.size:,} bytes"),
        ):
            if bucket is not None and (wait_s := bucket.wait_s(1, now_s)):
                text = f"you may send {amount} a minute, and have: send this again in about {wait_s:.1f} s"
                raise LimitReached(reason, text, wait_s)

    def charge(self, *, pages: int = 0, size: int = 0) -> None:
        """Counts pages, and bytes of requests."""
        now_s = self._clock()
        if self._pages is not None:
            self._pages.take(pages, now_s)
        if self._bytes is not None:
            self._bytes.take(size, now_s)

    def is_new(self) -> bool:
        """Whether one that is begun now would be the same."""
        now_s = self._clock()
        buckets = (self._calls, self._pages, self._bytes)
        return not self.in_work and all(bucket is None or bucket.is_full(now_s) for bucket in buckets)


_account: ContextVar[Account | None] = ContextVar("account", default=None)


def charge(*, pages: int = 0, size: int = 0) -> None:
    """Counts what the current call turns out to hold; may overdraw, and then the next one waits."""
    if (account := _account.get()) is not None:
        account.charge(pages=pages, size=size)


def check() -> None:
    """Before more of the current call is begun. LimitReached where its caller has had its share for now."""
    if (account := _account.get()) is not None:
        account.check()


class CallerLimits:
    """The accounts of all callers, by their names."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._clock = limits, clock
        self._accounts: dict[str, Account] = {}
        self._sweep_at = _SWEEP_AT

    @contextmanager
    def enter(self, caller: str) -> Iterator[None]:
        """One call, from here to the end of the `with`. LimitReached when it is one too many."""
        account = self._accounts.get(caller)
        if account is None:
            self._sweep()
            account = self._accounts[caller] = Account(self._limits, self._clock)
        account.begin()
        _account.set(account)
        try:
            yield
        finally:
            account.in_work -= 1
            _account.set(None)

    def _sweep(self) -> None:
        """Forgets callers that are as good as new ones."""
        if len(self._accounts) < self._sweep_at:
            return
        self._accounts = {name: account for name, account in self._accounts.items() if not account.is_new()}
        self._sweep_at = max(_SWEEP_AT, 2 * len(self._accounts))  # so that a sweep costs each caller little
