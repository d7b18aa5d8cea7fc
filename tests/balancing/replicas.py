"""Replicas of a service: real processes on one port of several loopback addresses, as pods are on several hosts."""

import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from services.stack.processes import Service, wait_until_serving

CONNECTION_AGE_S = 4
"""Far less than the default of 300, after which a test would have given up."""


class Replicas:
    """All listen on the port that the first one took."""

    def __init__(self, name: str, arguments: Sequence[str], logs: Path) -> None:
        self._name, self._arguments, self._logs = name, arguments, logs
        self._services: dict[str, Service] = {}
        self.port = 0

    def start(self, *hosts: str) -> None:
        """Returns when they serve."""
        if not self._services:
            self._launch(hosts[0])
            hosts = hosts[1:]
        for host in hosts:
            self._launch(host, wait=False)
        wait_until_serving([self._services[host] for host in hosts], lambda starting, elapsed_s: None)

    def kill(self, host: str) -> None:
        """As a node that fails does."""
        self._services.pop(host).kill()

    def kill_all(self) -> None:
        for host in list(self._services):
            self.kill(host)

    def calls(self, method: str) -> dict[str, int]:
        """How many calls each has answered, by host."""
        return {host: self._calls(host, service, method) for host, service in self._services.items()}

    def _launch(self, host: str, *, wait: bool = True) -> None:
        own = ("--host", host, "--port", str(self.port), "--metrics-port", "0")
        age = ("--max-connection-age-s", str(CONNECTION_AGE_S))
        service = Service(self._name, [*self._arguments, *own, *age], self._logs / f"{self._name}-{host}.log")
        self._services[host] = service
        if wait:
            wait_until_serving([service], lambda starting, elapsed_s: None)
            assert service.address
            self.port = service.address.port

    def _calls(self, host: str, service: Service, method: str) -> int:
        assert service.address
        with urllib.request.urlopen(f"http://{host}:{service.address.metrics_port}/metrics") as answer:
            families = text_string_to_metric_families(answer.read().decode())
            return sum(
                int(sample.value)
                for family in families
                for sample in family.samples
                if sample.name == "stamp2vec_request_seconds_count" and sample.labels["method"] == method
            )


@contextmanager
def replicas(name: str, arguments: Sequence[str], logs: Path, *hosts: str) -> Iterator[Replicas]:
    """So many, from here to the end of the `with`."""
    started = Replicas(name, arguments, logs)
    try:
        started.start(*hosts)
        yield started
    finally:
        started.kill_all()
