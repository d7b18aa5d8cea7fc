"""How long batches take, by their size."""

_NEWEST_WEIGHT = 0.2  # of the moving average: a step in speed is followed within about ten batches
_HUNG = 20


class LatencyCurve:
    """Seconds a batch takes on one executor, by batch size: first measured at warm-up, then kept current."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}

    def observe(self, batch_size: int, seconds: float) -> None:
        """Takes in one batch that ran: an exponentially weighted moving average for each size."""
        known = self._seconds.get(batch_size, seconds)
        self._seconds[batch_size] = known + _NEWEST_WEIGHT * (seconds - known)

    def seconds_per_item(self, batch_size: int) -> float:
        """What one item of a batch of `batch_size` costs, seconds; 0 while nothing has been measured.

        Falls back to the nearest size that has been seen.
        """
        if not self._seconds:
            return 0.0
        nearest = min(self._seconds, key=lambda size: abs(size - batch_size))
        return self._seconds[nearest] / nearest

    @property
    def longest_s(self) -> float:
        """What no batch that still runs takes: 20 times the slowest size, seconds; 0 before any measurement."""
        return _HUNG * max(self._seconds.values(), default=0.0)

    @property
    def largest_batch(self) -> int:
        """The largest size that has been measured, and 1 before any measurement."""
        return max(self._seconds, default=1)
