"""Event loops for tests: the usual one, and for the batcher one whose time jumps."""

import asyncio
import selectors
from collections.abc import Callable, Mapping

import pytest


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of sleeping until the next timer, sets the clock to it."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("No timer is left: a task waits for ever.")
        self.now_s += max(timeout, 0.0)
        return super().select(0)


class SimulatedTimeLoop(asyncio.SelectorEventLoop):
    """asyncio with a clock that starts at 0 and jumps to the next timer when idle: sleeping takes no time."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return round(self._jumping.now_s, 6)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.path.name in ("test_batcher.py", "test_executor_deaths.py"):
        return {"simulated-time": SimulatedTimeLoop}
    return {"real-time": asyncio.new_event_loop}
