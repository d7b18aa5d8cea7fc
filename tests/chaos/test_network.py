"""Networks between gateways and model services that are slow, lossy, or go nowhere, under load."""

import time

import pytest

from stamp2vec.errors import DeadlineExceeded, Unavailable
from tests.chaos.cluster import MODELS, Cluster
from tests.chaos.load import load
from tests.chaos.network import Link
from tests.e2e.live import eventually


def links(cluster: Cluster, *kinds: str) -> list[Link]:
    """Those to all replicas of services."""
    return [each.link for kind in kinds or MODELS for each in cluster.of(kind) if each.link]


@pytest.mark.parametrize(("delay_s", "loss"), [(0.05, 0.0), (0.0, 0.02)], ids=["50 ms each way", "2 % lost"])
def test_a_bad_network_costs_time_and_no_call(cluster: Cluster, page: bytes, delay_s: float, loss: float) -> None:
    with load(cluster.target, page) as seen:
        began_s = time.monotonic()
        for link in links(cluster):
            link.delay_s, link.loss = delay_s, loss
        seen.wait(16, began_s)
        for link in links(cluster):
            link.delay_s = link.loss = 0.0
        seen.wait(4, time.monotonic())
    seen.tell(f"{1000 * delay_s:.0f} ms late, {100 * loss:.0f} % lost", began_s)
    assert seen.failed == []


def test_connections_that_are_reset_cost_no_call(cluster: Cluster, page: bytes) -> None:
    with load(cluster.target, page) as seen:
        seen.wait(4, time.monotonic())
        began_s = time.monotonic()
        for link in links(cluster):
            cluster.network.reset([link])
            seen.wait(4, time.monotonic())
    seen.tell("all connections reset, one link after the other", began_s)
    assert seen.failed == []


def test_a_partition_costs_no_call_where_another_replica_can_be_reached(cluster: Cluster, page: bytes) -> None:
    cut = [links(cluster, kind)[0] for kind in MODELS]
    with load(cluster.target, page) as seen:
        seen.wait(4, time.monotonic())
        began_s = time.monotonic()
        for link in cut:
            link.is_cut = True
        seen.wait(8, began_s)
        eventually(lambda: all(call.start_s > began_s for call in seen.calls[-4:]))
        time.sleep(1)
        for link in cut:
            link.is_cut = False
        seen.wait(8, time.monotonic())
    seen.tell("1 of 2 links to each model service cut", began_s)
    assert seen.failed == []


def test_a_partition_from_all_ends_calls_at_their_deadlines_and_heals(cluster: Cluster, page: bytes) -> None:
    with load(cluster.target, page, deadline_s=2.0) as seen:
        seen.wait(4, time.monotonic())
        for link in links(cluster, "embedder"):
            link.is_cut = True
        eventually(lambda: len(seen.failed) >= 8)
        for link in links(cluster, "embedder"):
            link.is_cut = False
        back_s = time.monotonic()
        seen.wait(8, back_s)
    seen.tell("2 of 2 links to the embedder cut, then healed", back_s)
    assert {type(call.error) for call in seen.calls if call.error} <= {DeadlineExceeded, Unavailable}
