"""Processes that are killed, that hang, and that are replaced, under load: what a replica is left for must not fail."""

import os
import signal
import time

import pytest

from stamp2vec.errors import DeadlineExceeded, Unavailable
from tests.chaos.cluster import MODELS, Cluster, Replica, hung
from tests.chaos.conftest import WHERE
from tests.chaos.load import load
from tests.e2e.live import eventually

READY_S = 3.0
"""Before the next is replaced; `minReadySeconds` of the manifests is 10. Channels look for who was away every 2 s."""


def of(cluster: Cluster, where: str) -> list[Replica]:
    """What a fault befalls: the first of one service, or of each."""
    return cluster.node(0) if where == "node" else cluster.of(where)[:1]


@pytest.mark.parametrize("count", [1, 2], ids=["one of two", "both"])
def test_executors_that_are_killed_cost_no_call(cluster: Cluster, page: bytes, count: int) -> None:
    """Also without any other: the service holds the calls until a new one is there."""
    with load(cluster.target, page) as seen:
        seen.wait(4, time.monotonic())
        executors = set.union(*(each.executors for kind in MODELS for each in cluster.of(kind)[:count]))
        assert len(executors) == count * len(MODELS)
        for pid in executors:
            os.kill(pid, signal.SIGKILL)
        killed_s = time.monotonic()
        eventually(lambda: all(each.executors for kind in MODELS for each in cluster.of(kind)))
        seen.wait(8, time.monotonic())
    seen.tell(f"{count} of 2 executors of each model killed", killed_s)
    assert seen.failed == []


def test_an_executor_that_hangs_costs_no_call(cluster: Cluster, page: bytes) -> None:
    with load(cluster.target, page) as seen:
        seen.wait(4, time.monotonic())
        hung_s = time.monotonic()
        with hung([*cluster.of("detector")[0].executors]):
            seen.wait(8, hung_s)
        seen.wait(8, time.monotonic())
    seen.tell("executor of 1 of 2 detectors stopped", hung_s)
    assert seen.failed == []


@pytest.mark.parametrize("where", WHERE)
def test_a_process_that_is_killed_costs_no_call_where_another_is_left(
    cluster: Cluster, page: bytes, where: str
) -> None:
    dead = of(cluster, where)
    with load(cluster.target, page) as seen:
        seen.wait(4, time.monotonic())
        killed_s = time.monotonic()
        cluster.kill(dead)
        seen.wait(8, killed_s)
        cluster.restart(dead)
        seen.wait(8, time.monotonic())
    seen.tell(f"{where}: 1 of 2 killed", killed_s)
    assert seen.failed == []


@pytest.mark.parametrize("where", WHERE)
def test_a_process_that_hangs_costs_no_call_where_another_is_left(cluster: Cluster, page: bytes, where: str) -> None:
    """Its connections stay, and nothing says that it is gone but that it answers no ping."""
    with load(cluster.target, page) as seen:
        seen.wait(4, time.monotonic())
        hung_s = time.monotonic()
        with hung([each.service.pid for each in of(cluster, where)]):
            seen.wait(8, hung_s)
            eventually(lambda: all(call.start_s > hung_s for call in seen.calls[-4:]))
            time.sleep(1)
        seen.wait(8, time.monotonic())
    seen.tell(f"{where}: 1 of 2 stopped", hung_s)
    assert seen.failed == []


def test_a_roll_out_costs_no_call(cluster: Cluster, page: bytes) -> None:
    with load(cluster.target, page) as seen:
        seen.wait(4, time.monotonic())
        for number in (0, 1):
            old, drained_s = cluster.node(number), time.monotonic()
            assert set(cluster.drain(old)) == {0}
            cluster.restart(old)
            time.sleep(READY_S)
            seen.wait(8, time.monotonic())
    seen.tell("all replaced, one node after the other", drained_s)
    assert seen.failed == []


@pytest.mark.parametrize("where", [each for each in WHERE if each != "gateway"])
def test_without_any_left_calls_are_unavailable_and_heal(cluster: Cluster, page: bytes, where: str) -> None:
    dead = cluster.of("detector" if where == "node" else where)
    with load(cluster.target, page) as seen:
        seen.wait(4, time.monotonic())
        cluster.kill(dead)
        eventually(lambda: len(seen.failed) >= 4)
        cluster.restart(dead)
        back_s = time.monotonic()
        seen.wait(8, back_s)
    seen.tell(f"{dead[0].kind}: 2 of 2 killed, then restarted", back_s)
    assert {type(call.error) for call in seen.calls if call.error} == {Unavailable}


def test_behind_processes_that_hang_calls_end_at_their_deadlines_and_heal(cluster: Cluster, page: bytes) -> None:
    with load(cluster.target, page, deadline_s=2.0) as seen:
        seen.wait(4, time.monotonic())
        with hung([each.service.pid for each in cluster.of("segmenter")]):
            eventually(lambda: len(seen.failed) >= 8)
        back_s = time.monotonic()
        seen.wait(8, back_s)
    seen.tell("segmenter: 2 of 2 stopped, then continued", back_s)
    assert {type(call.error) for call in seen.calls if call.error} <= {DeadlineExceeded, Unavailable}
