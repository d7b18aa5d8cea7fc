"""The latency curve of batches."""

import pytest

from services.runtime.batching.latency import LatencyCurve


def curve(**seconds: float) -> LatencyCurve:
    latency = LatencyCurve()
    for size, value in seconds.items():
        latency.observe(int(size.removeprefix("of_")), value)
    return latency


@pytest.mark.parametrize(
    ("latency", "best"),
    [
        pytest.param(curve(), 1, id="nothing known"),
        pytest.param(curve(of_1=1.0, of_2=2.0, of_4=4.0), 1, id="no gain: the smallest"),
        pytest.param(curve(of_1=1.0, of_2=1.2, of_4=1.6), 4, id="the most items a second"),
        pytest.param(curve(of_1=1.0, of_4=2.0, of_8=8.0), 4, id="too large is slower"),
        pytest.param(curve(of_1=1.0, of_2=1.0, of_4=1.99), 2, id="a gain below 2 % is none"),
    ],
)
def test_best_batch(latency: LatencyCurve, best: int) -> None:
    assert latency.best_batch == best


def test_seconds_per_item_come_from_the_nearest_size_seen() -> None:
    latency = curve(of_1=1.0, of_8=4.0)
    assert [latency.seconds_per_item(size) for size in (1, 2, 8, 64)] == [1.0, 1.0, 0.5, 0.5]
    assert curve().seconds_per_item(8) == 0.0


def test_a_change_of_speed_is_followed() -> None:
    latency = curve(of_4=1.0)
    for _ in range(20):
        latency.observe(4, 3.0)
    assert latency.seconds_per_item(4) == pytest.approx(0.75, rel=0.02)
