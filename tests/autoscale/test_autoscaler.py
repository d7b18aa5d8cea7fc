"""The algorithm of the HorizontalPodAutoscaler, by the cases of its documentation."""

import pytest

from bench.autoscale.autoscaler import Autoscaler, Direction, Policy, Select, Source, Spec, Unit

AT_ONCE = Direction(0, (Policy(Unit.PERCENT, 10_000, 15),))
AT_ONCE_DOWN = Direction(0, (Policy(Unit.PERCENT, 100, 15),))


def spec(
    up: Direction = AT_ONCE, down: Direction = AT_ONCE_DOWN, source: Source = Source.PODS, most: int = 100
) -> Spec:
    return Spec(min_replicas=1, max_replicas=most, target_milli=100, source=source, up=up, down=down)


@pytest.mark.parametrize(
    ("current", "loads_milli", "desired"),
    [
        (2, [200, 200], 4),  # "if the current metric value is 200m and the desired value is 100m, [...] doubled"
        (2, [50, 50], 1),  # "if the current value is 50m, [...] halved"
        (3, [110, 105, 109], 3),  # within the tolerance of 0.1
        (3, [91, 92, 93], 3),
        (3, [120, 120, 120], 4),  # 3.6, rounded up
        (2, [1000, 0], 10),
    ],
)
def test_replicas_follow_the_ratio_of_load_to_target(current: int, loads_milli: list[int], desired: int) -> None:
    assert Autoscaler(spec()).sync(0, current, loads_milli) == desired


@pytest.mark.parametrize(
    ("current", "loads_milli", "desired"),
    [
        (4, [300, 300], 6),  # two start: counted as idle, the mean is 150m
        (4, [150, 150], 4),  # so counted, the mean would ask for fewer: nothing changes
        (4, [20, 20], 3),  # counted as at the target, the mean is 60m
        (4, [95, 60], 4),  # so counted, it is within the tolerance
    ],
)
def test_pods_without_a_value_damp_scaling(current: int, loads_milli: list[int], desired: int) -> None:
    assert Autoscaler(spec()).sync(0, current, loads_milli) == desired


@pytest.mark.parametrize(
    ("current", "loads_milli", "desired"), [(2, [150, 150], 3), (2, [105, 105], 2), (4, [300], 3), (4, [410], 4)]
)
def test_a_metric_of_all_is_divided_by_the_target(current: int, loads_milli: list[int], desired: int) -> None:
    assert Autoscaler(spec(source=Source.EXTERNAL)).sync(0, current, loads_milli) == desired


def test_replicas_stay_within_their_bounds() -> None:
    assert Autoscaler(spec(most=10)).sync(0, 5, [900] * 5) == 10
    assert Autoscaler(spec()).sync(0, 5, [0] * 5) == 1


@pytest.mark.parametrize("source", Source)
def test_without_a_metric_replicas_stay(source: Source) -> None:
    assert Autoscaler(spec(source=source)).sync(0, 7, []) == 7


def test_of_two_policies_the_more_permissive_one_is_the_default() -> None:
    policies = (Policy(Unit.PERCENT, 100, 60), Policy(Unit.PODS, 4, 60))
    for select, small, large in ((Select.MAX, 5, 20), (Select.MIN, 2, 14), (Select.DISABLED, 1, 10)):
        up = Direction(0, policies, select)
        assert Autoscaler(spec(up)).sync(0, 1, [10_000]) == small
        assert Autoscaler(spec(up)).sync(0, 10, [10_000] * 10) == large


def test_a_policy_counts_what_was_added_within_its_period() -> None:
    autoscaler = Autoscaler(spec(Direction(0, (Policy(Unit.PODS, 4, 60),))))
    assert autoscaler.sync(0, 2, [1000] * 2) == 6
    assert autoscaler.sync(15, 6, [1000] * 6) == 6
    assert autoscaler.sync(60, 6, [1000] * 6) == 10


def test_shrinking_is_limited_in_percent_and_in_pods() -> None:
    down = Direction(0, (Policy(Unit.PERCENT, 10, 60), Policy(Unit.PODS, 4, 60)))
    assert Autoscaler(spec(down=down)).sync(0, 80, [0] * 80) == 72  # the documentation's example
    assert Autoscaler(spec(down=down)).sync(0, 20, [0] * 20) == 16


def test_replicas_shrink_to_the_most_that_was_recommended_within_the_window() -> None:
    autoscaler = Autoscaler(spec(down=Direction(300, (Policy(Unit.PERCENT, 100, 15),))))
    assert autoscaler.sync(0, 8, [100] * 8) == 8
    assert autoscaler.sync(100, 8, [50] * 8) == 8
    assert autoscaler.sync(299, 8, [20] * 8) == 8
    assert autoscaler.sync(301, 8, [20] * 8) == 4  # that of 100 s is the highest left
    assert autoscaler.sync(401, 4, [20] * 4) == 2  # that of 299 s was for 2


def test_replicas_grow_to_the_least_that_was_recommended_within_the_window() -> None:
    autoscaler = Autoscaler(spec(Direction(60, AT_ONCE.policies)))
    assert autoscaler.sync(0, 2, [100] * 2) == 2
    assert autoscaler.sync(15, 2, [800] * 2) == 2
    assert autoscaler.sync(61, 2, [400] * 2) == 8
