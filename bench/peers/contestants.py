"""What takes part in the race: how each server is started, called and stopped."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.peers import calls
from bench.peers.calls import Call
from bench.peers.job import REQUEST_TIMEOUT_S, Job
from stamp2vec import hub
from stamp2vec.hub.manifest import Manifest
from stamp2vec.values import Task

ROOT = Path(__file__).parents[2]
PEERS_PYTHON = ROOT / "build" / "peers" / "bin" / "python"
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}
"""Of glibc's malloc, as the executors of our services set it for themselves (services/runtime/process)."""

_SERVICES = {Task.DETECT: "detector", Task.EMBED: "embedder"}
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 20.0
_POLL_S = 0.2
_TAIL_LINES = 12
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class DidNotRun(Exception):
    """A server did not start, or does not answer. The text says why."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server, and how it is called."""

    name: str
    call: Callable[[Manifest, np.ndarray], Call]
    module: str = ""
    """What starts it among `bench.peers.servers`; ours has none."""

    def command(self, job: Job) -> list[str]:
        """What is run in the repository."""
        if self.module:
            return [str(PEERS_PYTHON), "-m", f"bench.peers.servers.{self.module}"]
        service = _SERVICES[hub.read_manifest(hub.find(job.model)).task]
        options = {"model": job.model, "executors": job.instances, "port": job.port, "metrics-port": 0}
        flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        return [sys.executable, "-m", f"services.{service}", *flags, "--log-level", "warning"]


OURS = Contestant("stamp2vec", calls.ours)
PEERS = (
    Contestant("Triton", calls.triton, "triton"),
    Contestant("mosec", calls.mosec, "mosec"),
    Contestant("LitServe", calls.litserve, "litserve"),
)


class Server:
    """A contestant that runs, with all the processes that it starts."""

    def __init__(self, contestant: Contestant, job: Job, folder: Path, environment: dict[str, str]) -> None:
        """Starts it. Its log and its temporary files are in `folder`."""
        self.name, self.job = contestant.name, job
        self.address = f"127.0.0.1:{job.port}"
        self._log = folder / f"{contestant.name}.log"
        own = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TMPDIR": str(folder)}
        own |= {"MOSEC_PORT": str(job.port), "MOSEC_ADDRESS": "127.0.0.1", "MOSEC_LOG_LEVEL": "warning"}
        own["MOSEC_TIMEOUT"] = str(round(1000 * REQUEST_TIMEOUT_S))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                contestant.command(job),
                cwd=ROOT,
                env=os.environ | own | environment | job.to_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # No session of its own: Linux shares the cores between sessions, and all here are to compete in one.
                process_group=0,
            )

    def wait_until_it_answers(self, call: Call) -> bytes:
        """Its first response. DidNotRun with the end of its log where none comes."""
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                return call.send(self.address)
            except ConnectionError as error:
                if self._process.poll() is None and time.monotonic() < deadline_s:
                    time.sleep(_POLL_S)
                    continue
                lines = self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
                raise DidNotRun("\n".join([f"{self.name}: {error}; the end of its log:", *lines])) from error

    def cpu_s(self) -> tuple[float, float]:
        """User and system time, proc(5), of the process that was started, and of all that it has started."""
        first, *others = [_cpu_s(pid) for pid in _family(self._process.pid)]
        return first, sum(others)

    def stop(self) -> None:
        """Returns when all of its processes have gone."""
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_TIMEOUT_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # what it has started and not ended
        self._process.wait()


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _family(pid: int) -> list[int]:
    """A process and its descendants; those that end meanwhile are left out."""
    found = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _family(int(child))
    except FileNotFoundError:
        pass
    return found


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * TICK_S
