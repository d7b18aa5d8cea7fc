"""Callers who use the client as it is, one call after the other, and what they see."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from stamp2vec.client import Client
from stamp2vec.errors import DeadlineExceeded, Overloaded, Stamp2vecError
from tests.e2e.live import TIMEOUT_S

CALLERS = 4


@dataclass(frozen=True, slots=True)
class Call:
    """Times are of time.monotonic()."""

    start_s: float
    end_s: float
    error: Stamp2vecError | None


@dataclass(slots=True)
class Seen:
    """The calls that have ended, and the deadline that each had."""

    deadline_s: float
    calls: list[Call] = field(default_factory=list)

    @property
    def answered(self) -> list[Call]:
        """Those with an answer."""
        return [call for call in self.calls if call.error is None]

    @property
    def refused(self) -> list[Call]:
        """Those told to come back later."""
        return [call for call in self.calls if isinstance(call.error, Overloaded)]

    @property
    def failed(self) -> list[str]:
        """The errors of all others."""
        errors = [call.error for call in self.calls if call.error is not None]
        return [f"{type(error).__name__}: {error}" for error in errors if not isinstance(error, Overloaded)]

    def answered_after(self, since_s: float) -> list[Call]:
        """Those that began after a time."""
        return [call for call in self.answered if call.start_s >= since_s]

    def wait(self, count: int, since_s: float) -> None:
        """Returns when so many calls that began after a time have been answered."""
        end_s = time.monotonic() + TIMEOUT_S
        while len(self.answered_after(since_s)) < count:
            assert time.monotonic() < end_s, f"too few answers; {self.failed[-3:]}"
            time.sleep(0.02)

    def tell(self, what: str, since_s: float) -> None:
        """Prints the figures of a fault that began, or ended, at a time."""
        after = [call.end_s - since_s for call in self.answered_after(since_s)]
        late = [call.end_s - call.start_s for call in self.calls if isinstance(call.error, DeadlineExceeded)]
        overshoot = f"{1000 * (max(late) - self.deadline_s):.0f} ms" if late else "-"
        times = [call.end_s - call.start_s for call in self.answered]
        longest = f"{max(times):.2f} s" if times else "-"
        print(
            f"\n| {what} | {len(self.calls)} calls | {len(self.failed)} failed | {len(self.refused)} refused | "
            f"first answer after {min(after, default=np.inf):.2f} s | longest {longest} | overshoot {overshoot} |"
        )


@contextmanager
def load(target: str, page: bytes, *, deadline_s: float = 30.0, callers: int = CALLERS) -> Iterator[Seen]:
    """Calls without a pause inside the `with`; those in work at its end are waited for."""
    seen, over = Seen(deadline_s), threading.Event()
    with Client(target, deadline_s=deadline_s) as client:
        threads = [threading.Thread(target=_call, args=[client, page, seen, over]) for _ in range(callers)]
        for thread in threads:
            thread.start()
        try:
            yield seen
        finally:
            over.set()
            for thread in threads:
                thread.join()


def _call(client: Client, page: bytes, seen: Seen, over: threading.Event) -> None:
    while not over.is_set():
        start_s, error = time.monotonic(), None
        try:
            result = client.analyze(page, include_masks=True)
            assert result.pages[0].stamps, "every service had its part"
        except Stamp2vecError as raised:
            error = raised
        seen.calls.append(Call(start_s, time.monotonic(), error))
        if error is not None:  # a caller who gets an error looks at it first; one who is to wait waits
            over.wait(error.retry_after_s or 0.1 if isinstance(error, Overloaded) else 0.1)
