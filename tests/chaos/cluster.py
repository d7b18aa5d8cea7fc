"""Two of every service as real processes, with a link of a network before each, and what may befall them."""

import contextlib
import os
import signal
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.stack.processes import Service, wait_until_serving
from tests.chaos.network import Link, Network
from tests.e2e.live import children

COUNT = 2
MODELS = {"detector": "yolo-stamp", "segmenter": "stamp-unet", "embedder": "tvae"}
KINDS = (*MODELS, "gateway")
CAPACITY = 8  # calls in work of each gateway

_COMMON = ("--metrics-port", "0", "--drain-delay-s", "2")  # the latter as in the manifests


@dataclass(eq=False)
class Replica:
    """One process, which others reach by `link`; the next one that is started has the same port."""

    kind: str
    service: Service
    arguments: Sequence[str]
    log: Path
    port: int = 0
    link: Link | None = None

    @property
    def executors(self) -> set[int]:
        """Process ids of those that run its model."""
        return {pid for pid in children(self.service.pid) if b"executor_child" in _command(pid)}


class Cluster:
    """Started by `running`."""

    def __init__(self, network: Network, logs: Path) -> None:
        self.network, self._logs = network, logs
        self.replicas: list[Replica] = []

    @property
    def target(self) -> str:
        """Of all gateways, for a client."""
        return "ipv4:" + ",".join(f"127.0.0.1:{each.port}" for each in self.of("gateway"))

    def of(self, kind: str) -> list[Replica]:
        """All replicas of a service."""
        return [each for each in self.replicas if each.kind == kind]

    def node(self, number: int) -> list[Replica]:
        """One of each service, as on one machine."""
        return [self.of(kind)[number] for kind in KINDS]

    def start(self) -> None:
        """Returns when all serve."""
        shared = ("--max-batch", "2", "--decoders", "1", "--stuck-after-s", "5")
        self._launch([(kind, (*shared, "--model", model)) for kind, model in MODELS.items() for _ in range(COUNT)])
        for replica in self.replicas:
            replica.link = self.network.link(replica.port)
        upstreams = [part for kind in MODELS for part in (f"--{kind}", self._links(kind))]
        options = ("--capacity", str(CAPACITY), "--decoders", "1", *upstreams)
        self._launch([("gateway", options)] * COUNT)

    def kill(self, replicas: Sequence[Replica]) -> None:
        """As a node that fails."""
        for each in replicas:
            each.service.kill()

    def drain(self, replicas: Sequence[Replica]) -> list[int]:
        """As a roll-out: SIGTERM; their exit codes, once all have ended."""
        for each in replicas:
            each.service.terminate()
        return [each.service.wait() for each in replicas]

    def restart(self, replicas: Sequence[Replica]) -> None:
        """Returns when successors of processes that have ended serve in their places."""
        for each in replicas:
            each.service = Service(each.kind, (*each.arguments, "--port", str(each.port)), each.log)
        wait_until_serving([each.service for each in replicas], lambda starting, elapsed_s: None)

    def close(self) -> None:
        """Ends all of them at once."""
        for each in self.replicas:
            os.kill(each.service.pid, signal.SIGCONT)
            each.service.kill()

    def _links(self, kind: str) -> str:
        return "ipv4:" + ",".join(f"127.0.0.1:{each.link.port}" for each in self.of(kind) if each.link)

    def _launch(self, wanted: Sequence[tuple[str, Sequence[str]]]) -> None:
        started = []
        for kind, options in wanted:
            log = self._logs / f"{kind}-{len(self.replicas)}.log"
            arguments = (*_COMMON, *options)
            started.append(Replica(kind, Service(kind, (*arguments, "--port", "0"), log), arguments, log))
            self.replicas.append(started[-1])
        wait_until_serving([each.service for each in started], lambda starting, elapsed_s: None)
        for each in started:
            assert each.service.address
            each.port = each.service.address.port


def _command(pid: int) -> bytes:
    """Of a process, empty where it has gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@contextmanager
def hung(pids: Collection[int]) -> Iterator[None]:
    """Processes that do nothing, not even end, to the end of the `with`."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # an executor that hung for too long has been killed
                os.kill(pid, signal.SIGCONT)


@contextmanager
def running(network: Network, logs: Path) -> Iterator[Cluster]:
    """From here to the end of the `with`."""
    cluster = Cluster(network, logs)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()
