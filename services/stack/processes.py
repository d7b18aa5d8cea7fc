"""Services as child processes: started together, found by the ports that they report, stopped without orphans."""

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.table import MODEL_SERVICES

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 40.0  # more than the services' own grace
_TICK_S = 0.25
_TAIL_LINES = 15

Progress = Callable[[Collection[str], float], None]
"""Called at short intervals with the services that are still starting and the seconds so far; at the end with none."""


class ServiceDied(Exception):
    """A service ended by itself. The text has the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service listens, on loopback."""

    port: int
    metrics_port: int

    @property
    def target(self) -> str:
        """For a gRPC channel."""
        return f"127.0.0.1:{self.port}"

    @property
    def metrics_url(self) -> str:
        """For Prometheus."""
        return f"http://127.0.0.1:{self.metrics_port}/metrics"


class Service:
    """One process; its log is appended to `log`."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path) -> None:
        """Starts `python -m services.<name>` with these arguments; even `kill -9` of this process leaves no orphan."""
        self.name, self.log = name, log
        self.address: Address | None = None
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.stack.child", name, str(os.getpid()), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                process_group=0,  # Ctrl-C reaches us alone; we stop them in order
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def fileno(self) -> int:
        """For selectors: readable when the service has reported its ports, and when it has ended."""
        if self._process.stdout is None:
            raise RuntimeError("its stdout is no pipe. This is a bug.")
        return self._process.stdout.fileno()

    def read_line(self) -> None:
        """Reads the ports that it reports. Raises ServiceDied when it has ended."""
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            raise ServiceDied(self._exit_report())
        ports = json.loads(line)
        self.address = Address(ports["port"], ports["metrics_port"])

    def terminate(self) -> None:
        """Asks it to finish its work and to end."""
        self._process.terminate()

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        self._process.kill()
        self.wait()

    def wait(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Its exit code. It is killed when it does not end in time."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _exit_report(self) -> str:
        code = self.wait()
        lines = self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        head = f"the {self.name} ended with code {code}; the end of its log, {self.log}:"
        return "\n".join([head, *map(_for_people, lines)])


def _for_people(line: str) -> str:
    """A line of a log: of JSON the event, and of a trace its last line, which names the error."""
    try:
        record = json.loads(line)
    except ValueError:
        return line
    cause = f": {record['trace'].splitlines()[-1]}" if "trace" in record else ""
    return f"  {record.get('event')}{cause}"


def wait_until_serving(services: Collection[Service], progress: Progress) -> None:
    """Returns when all have reported their ports. Raises ServiceDied or TimeoutError."""
    started_s = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for service in services:
            selector.register(service, selectors.EVENT_READ, service)
        while True:
            starting = [key.data.name for key in selector.get_map().values()]
            elapsed_s = time.monotonic() - started_s
            progress(starting, elapsed_s)
            if not starting:
                return
            if elapsed_s > START_TIMEOUT_S:
                raise TimeoutError(
                    f"the {' and the '.join(starting)} did not start within {START_TIMEOUT_S:g} s: see the logs"
                )
            for key, _ in selector.select(_TICK_S):
                key.data.read_line()
                selector.unregister(key.fileobj)


def stop(services: Collection[Service]) -> None:
    """Asks all of them to end, and returns when all have ended."""
    for service in services:
        service.terminate()
    for service in services:
        service.wait()


class Stack:
    """The services, running, and HTTP before them where it was started."""

    def __init__(self, options: Mapping[str, Sequence[str]], logs: Path, *, free_ports: bool) -> None:
        """`options` are further arguments by service name. Nothing runs yet."""
        self._options, self._logs, self._free_ports = options, logs, free_ports
        self._services: dict[str, Service] = {}

    def __getitem__(self, name: str) -> Service:
        return self._services[name]

    def address(self, name: str) -> Address:
        """Where one of the services listens."""
        address = self._services[name].address
        if address is None:
            raise RuntimeError(f"the {name} has not started")
        return address

    @property
    def model_services(self) -> tuple[str, ...]:
        """Those of the table whose packages are installed here."""
        return tuple(spec.name for spec in MODEL_SERVICES if spec.is_installed)

    def start(self, progress: Progress) -> None:
        """Returns when all serve, with logs of their own. Raises ServiceDied or TimeoutError."""
        for name in (*self.model_services, "gateway"):
            (self._logs / f"{name}.log").unlink(missing_ok=True)
        for name in self.model_services:
            self._services[name] = self._launch(name, ())
        wait_until_serving([self._services[name] for name in self.model_services], progress)
        upstreams = [part for name in self.model_services for part in (f"--{name}", self.address(name).target)]
        self._services["gateway"] = self._launch("gateway", upstreams)
        wait_until_serving([self._services["gateway"]], progress)

    def start_web(self, progress: Progress) -> None:
        """Returns when HTTP is served before the gateway too. Raises ServiceDied or TimeoutError."""
        (self._logs / "web.log").unlink(missing_ok=True)
        self._services["web"] = self._launch("web", ("--gateway", self.address("gateway").target))
        wait_until_serving([self._services["web"]], progress)

    def restart(self, name: str) -> None:
        """Kills a service as a crash would, and returns when a new one serves at the same address."""
        address = self.address(name)
        self._services[name].kill()
        ports = ("--port", str(address.port), "--metrics-port", str(address.metrics_port))
        self._services[name] = self._launch(name, ports)
        wait_until_serving([self._services[name]], _no_progress)

    def watch(self) -> None:
        """Never returns. Raises ServiceDied as soon as one ends by itself."""
        with selectors.DefaultSelector() as selector:
            for service in self._services.values():
                selector.register(service, selectors.EVENT_READ, service)
            while True:
                for key, _ in selector.select():
                    key.data.read_line()

    def stop(self) -> None:
        """Ends each service after those that call it, so that no new calls come."""
        callers = [self._services[name] for name in ("web", "gateway") if name in self._services]
        for service in callers:
            stop([service])
        stop([service for service in self._services.values() if service not in callers])

    def kill(self) -> None:
        """Ends all of them at once."""
        for service in self._services.values():
            service.kill()

    def _launch(self, name: str, arguments: Sequence[str]) -> Service:
        ports = ("--port", "0", "--metrics-port", "0") if self._free_ports else ()
        # Of two equal flags the last one counts.
        return Service(name, [*ports, *self._options.get(name, ()), *arguments], self._logs / f"{name}.log")


def _no_progress(starting: Collection[str], elapsed_s: float) -> None:
    pass


@contextmanager
def running(
    options: Mapping[str, Sequence[str]], logs: Path, progress: Progress = _no_progress, *, free_ports: bool = True
) -> Iterator[Stack]:
    """The services, until the end of the `with`, also when an exception ends it.

    Raises ServiceDied or TimeoutError when one of them does not start.
    """
    stack = Stack(options, logs, free_ports=free_ports)
    try:
        stack.start(progress)
    except BaseException:
        stack.kill()  # no call has been accepted yet
        raise
    try:
        yield stack
    finally:
        stack.stop()
