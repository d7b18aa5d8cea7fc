"""More load than the cluster takes on, and disks that are full."""

import time
from collections.abc import Callable
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

from tests.chaos.cluster import CAPACITY, COUNT, Cluster
from tests.chaos.load import load


def serving(target: str) -> bool:
    with grpc.insecure_channel(target) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def watched(check: Callable[[], bool], seconds: float) -> list[bool]:
    end_s, results = time.monotonic() + seconds, []
    while time.monotonic() < end_s:
        results.append(check())
        time.sleep(0.1)
    return results


def test_five_times_the_load_is_answered_or_told_when_to_come_back(cluster: Cluster, page: bytes) -> None:
    with load(cluster.target, page, callers=5 * COUNT * CAPACITY) as seen:
        began_s = time.monotonic()
        gateway = f"127.0.0.1:{cluster.of('gateway')[0].port}"
        healthy = watched(lambda: serving(gateway), 4.0)
    refusals = [call.end_s - call.start_s for call in seen.refused]
    seen.tell(f"{5 * COUNT * CAPACITY} callers where {COUNT * CAPACITY} are taken on", began_s)
    assert refusals
    assert all(getattr(call.error, "retry_after_s", None) for call in seen.refused)
    assert seen.answered
    assert seen.failed == []
    assert all(healthy)
    with load(cluster.target, page) as seen:
        over_s = time.monotonic()
        seen.wait(4, over_s)
    seen.tell("after it", over_s)
    assert (seen.failed, seen.refused) == ([], [])


def test_a_full_disk_under_the_logs_costs_no_call(cluster: Cluster, page: bytes) -> None:
    """Nothing else is written: files and pages are in memory that has no name."""
    node = cluster.node(0)
    cluster.kill(node)
    for each in node:
        each.log = Path("/dev/full")
    cluster.restart(node)
    began_s = time.monotonic()
    with load(cluster.target, page) as seen:
        seen.wait(12, began_s)
    seen.tell("no room for the logs of 1 of 2", began_s)
    assert seen.failed == []
