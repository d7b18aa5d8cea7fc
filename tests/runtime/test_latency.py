"""The latency curve of batches."""

import pytest

from services.runtime.batching.latency import LatencyCurve


def curve(**seconds: float) -> LatencyCurve:
    latency = LatencyCurve()
    for size, value in seconds.items():
        latency.observe(int(size.removeprefix("of_")), value)
    return latency


@pytest.mark.parametrize(
    ("latency", "largest"), [(curve(), 1), (curve(of_1=1.0), 1), (curve(of_1=1.0, of_2=1.2, of_4=1.6), 4)]
)
def test_the_largest_batch_is_the_largest_that_was_measured(latency: LatencyCurve, largest: int) -> None:
    assert latency.largest_batch == largest


def test_seconds_per_item_come_from_the_nearest_size_seen() -> None:
    latency = curve(of_1=1.0, of_8=4.0)
    assert [latency.seconds_per_item(size) for size in (1, 2, 8, 64)] == [1.0, 1.0, 0.5, 0.5]
    assert curve().seconds_per_item(8) == 0.0


def test_a_change_of_speed_is_followed() -> None:
    latency = curve(of_4=1.0)
    for _ in range(20):
        latency.observe(4, 3.0)
    assert latency.seconds_per_item(4) == pytest.approx(0.75, rel=0.02)
