"""Loads over time, in units of what one replica can do at most."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Trace:
    """`load` takes seconds (N,) and returns replicas' worth of items a second (N,)."""

    name: str
    minutes: int
    load: Callable[[np.ndarray], np.ndarray]
    outage_s: tuple[float, float] | None = None
    """The outage of Prometheus."""
    rise_s: float = 0.0
    """When load first exceeds that of the start; replicas added before do not count as a reaction."""

    @property
    def rates(self) -> np.ndarray:
        """float64 (seconds,), for each second from the start."""
        return self.load(np.arange(self.minutes * MINUTE_S, dtype=np.float64))


STEP_S = 5.0 * MINUTE_S


def _step(seconds: np.ndarray) -> np.ndarray:
    return np.where((seconds >= STEP_S) & (seconds < 20 * MINUTE_S), 4.0, 1.0)


def _ramp(seconds: np.ndarray) -> np.ndarray:
    return np.interp(seconds / MINUTE_S, (0, 3, 18, 21, 36), (1.0, 1.0, 5.0, 5.0, 1.0))


def _day(seconds: np.ndarray) -> np.ndarray:
    """A day's course within an hour: nights, a morning, a dip at noon, an afternoon."""
    hours = (0, 6, 10, 12, 13, 15, 20, 24)
    return np.interp(seconds / (60 * MINUTE_S) * 24, hours, (0.4, 0.4, 4.0, 3.5, 3.0, 4.5, 1.0, 0.4))


def _burst(seconds: np.ndarray) -> np.ndarray:
    """Half a minute in every ten."""
    return np.where(seconds % (10 * MINUTE_S) >= 9.5 * MINUTE_S, 4.0, 1.0)


def _steady(seconds: np.ndarray) -> np.ndarray:
    return np.full_like(seconds, 3.0)


TRACES = (
    Trace("step", 35, _step, rise_s=STEP_S),
    Trace("ramp", 40, _ramp),
    Trace("day", 60, _day),
    Trace("burst", 40, _burst),
    Trace("outage", 30, _steady, outage_s=(12.0 * MINUTE_S, 22.0 * MINUTE_S)),
)
