"""Where the time of a document went."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from services.runtime.observability import tracing
from stamp2vec.values import Timing


class Stage(StrEnum):
    """A part of the way of a document."""

    DECODE = "decode"
    DETECT = "detect"
    SEGMENT = "segment"
    EMBED = "embed"
    COMPARE = "compare"
    READ = "read"
    ERASE = "erase"
    TOTAL = "total"


class Stages:
    """The clock of one document. A stage lasts from its first beginning to its last end, whatever lies between."""

    def __init__(self) -> None:
        now_s = time.perf_counter()
        self._spans = {Stage.TOTAL: (now_s, now_s)}

    @contextmanager
    def during(self, stage: Stage) -> Iterator[None]:
        """The `with` is part of this stage, and a span of the call's trace."""
        begin_s = time.perf_counter()
        try:
            with tracing.stage(stage):
                yield
        finally:
            self._spans[stage] = (self._spans.get(stage, (begin_s,))[0], time.perf_counter())

    def seconds(self, stage: Stage) -> float:
        """How long it took; 0 when it did not happen. The total is what has passed until now."""
        if stage is Stage.TOTAL:
            return time.perf_counter() - self._spans[stage][0]
        begin_s, end_s = self._spans.get(stage, (0.0, 0.0))
        return end_s - begin_s

    def timing(self) -> Timing:
        """As the caller gets it."""
        return Timing(**{f"{stage}_ms": self.seconds(stage) * 1000 for stage in Stage})
