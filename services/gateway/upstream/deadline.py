"""What is left of a caller's time, and how much of it a hop may take."""

import asyncio
from dataclasses import dataclass

from stamp2vec.limits import DEFAULT_DEADLINE_S

MARGIN_S = 0.02  # kept back at each hop, to carry its answer home


@dataclass(frozen=True, slots=True)
class Deadline:
    """`at_s` is a time of the event loop's clock."""

    at_s: float

    @classmethod
    def after(cls, remaining_s: float | None) -> "Deadline":
        """So many seconds from now; `None` is a caller without a deadline, who gets 30 s."""
        return cls(asyncio.get_running_loop().time() + (DEFAULT_DEADLINE_S if remaining_s is None else remaining_s))

    def remaining_s(self) -> float:
        """Seconds left, negative when it is over."""
        return self.at_s - asyncio.get_running_loop().time()

    def budget_s(self) -> float:
        """The timeout of a call to another service. TimeoutError when nothing is left for it."""
        if (budget_s := self.remaining_s() - MARGIN_S) <= 0:
            raise TimeoutError
        return budget_s
