"""What the batcher takes and gives, and what it asks of an executor."""

import asyncio
from collections.abc import Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")
T_contra = TypeVar("T_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class Priority(IntEnum):
    """Who goes first when items wait."""

    INTERACTIVE = 0
    BULK = 1


@dataclass(frozen=True, slots=True)
class Outcome(Generic[R]):
    """An item's result, and how it came about."""

    result: R
    queue_s: float
    inference_s: float
    batch_size: int


@dataclass(slots=True, eq=False)
class Item(Generic[T, R]):
    """One item on its way. Times are seconds of the event loop's clock."""

    value: T
    future: asyncio.Future[Outcome[R]]
    enqueued_s: float
    deadline_s: float | None
    suspect: bool = False  # an executor died while it ran
    context: Context = field(default_factory=copy_context)
    """Of whoever submitted it: what observers know a call by."""


class ExecutorDead(Exception):
    """The executor died under the batch, which may or may not be to blame."""


class Executor(Protocol[T_contra, R_co]):
    """Runs batches. Any error of `run` but ExecutorDead blames the batch and leaves the executor usable."""

    @property
    def slots(self) -> int:
        """How many batches it takes at once: 2 lets it take in the next while one runs."""

    async def run(self, batch: Sequence[T_contra], /) -> Sequence[R_co]:
        """One result for each item. Raises ExecutorDead as soon as the executor dies."""

    def kill(self) -> None:
        """Ends it, even when it is stuck."""

    async def died(self) -> None:
        """Returns when it has died, be it running, idle or killed."""

    async def restart(self) -> None:
        """Returns when it is ready again, however many tries that takes, and after every `run` has raised."""
