"""What the batcher asks of an executor."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

T_contra = TypeVar("T_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class ExecutorDead(Exception):
    """The executor died under the batch, which may or may not be to blame."""


class ExecutorKilled(ExecutorDead):
    """Something outside killed it, as the kernel does for memory that others have taken: no proof against the batch."""


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
