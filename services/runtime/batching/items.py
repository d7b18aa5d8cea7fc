"""What the batcher takes and gives."""

import asyncio
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


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
    """Of the submitter: by it observers find the call."""
