"""The port of /metrics: bounded, and impatient with connections that say nothing."""

import contextlib
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter

from services.runtime.observability import metrics_server
from services.runtime.observability.metrics_server import MetricsServer


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    registry = CollectorRegistry()
    Counter("scraped", "A counter.", registry=registry).inc()
    with contextlib.closing(MetricsServer("127.0.0.1", 0, registry)) as server:
        yield server


def scrape(server: MetricsServer) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def silent(server: MetricsServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def test_silent_connections_take_a_bounded_number_of_threads_and_no_scrape(server: MetricsServer) -> None:
    before = threading.active_count()
    with contextlib.ExitStack() as connections:
        opened = [connections.enter_context(silent(server)) for _ in range(300)]
        assert "scraped_total 1.0" in scrape(server)
        assert all(each.recv(1) == b"" for each in opened[:200])  # the oldest have made room
        while threading.active_count() - before > metrics_server._MOST_CONNECTIONS:
            time.sleep(0.01)  # those that are told to end do so soon, or this test hangs


def test_a_connection_that_says_nothing_is_closed(server: MetricsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_server._Handler, "timeout", 0.1)
    with silent(server) as connection:
        assert connection.recv(1) == b""
    assert "scraped_total 1.0" in scrape(server)


def test_a_taken_port_is_an_error(server: MetricsServer) -> None:
    with pytest.raises(OSError, match="in use"):
        MetricsServer("127.0.0.1", server.port, CollectorRegistry())
