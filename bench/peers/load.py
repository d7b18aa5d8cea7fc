"""The load generator, the same for all: h2load of nghttp2, in C, which speaks HTTP/1.1 and the HTTP/2 of gRPC.

Each caller is a connection with one request at a time, the same bytes again and again.
"""

import re
import resource
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.peers.calls import Call

_DATA = re.compile(r"^traffic: .*\((\d+)\) data$", re.MULTILINE)
_TIMEOUT_S = 300.0


class LoadFailed(Exception):
    """Not every request was answered in full. The text has what h2load says."""


@dataclass(frozen=True, slots=True)
class Load:
    """What h2load measured."""

    seconds: float
    latencies_ms: NDArray[np.float64]
    """Of each request, (N,)."""
    bytes_a_response: float
    cpu_s: float
    """Its own."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies_ms) / self.seconds


def send(call: Call, address: str, callers: int, requests: int) -> Load:
    """Sends so many requests. LoadFailed where one of them gets no 200."""
    program = shutil.which("h2load")
    if program is None:
        raise LoadFailed("h2load is missing: run `apt-get install nghttp2-client`")
    headers = dict(call.headers)
    if call.is_grpc:
        headers |= {"content-type": "application/grpc", "te": "trailers"}
    with tempfile.TemporaryDirectory() as name:
        body, log = Path(name, "body"), Path(name, "log")
        body.write_bytes(call.body)
        options = ["-n", str(requests), "-c", str(callers), "-t", "1", "-m", "1", "-d", str(body)]
        for key, value in headers.items():
            options += ["-H", f"{key}: {value}"]
        options += [] if call.is_grpc else ["--h1"]
        before_s = _children_cpu_s()
        done = subprocess.run(
            [program, *options, f"--log-file={log}", f"http://{address}{call.path}"],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
        cpu_s = _children_cpu_s() - before_s
        # A line a request: its start in microseconds since 1970, the status, the microseconds until its end.
        rows = np.loadtxt(log, ndmin=2) if log.exists() and log.stat().st_size else np.empty((0, 3))
    data = _DATA.search(done.stdout)
    if done.returncode or data is None or len(rows) != requests or (rows[:, 1] != 200).any():
        raise LoadFailed(f"{call.path}, {requests} requests of {callers} callers:\n{done.stdout}{done.stderr}")
    starts_us, times_us = rows[:, 0], rows[:, 2]
    seconds = ((starts_us + times_us).max() - starts_us.min()) / 1e6
    return Load(seconds, times_us / 1000, int(data[1]) / requests, cpu_s)


def _children_cpu_s() -> float:
    """Of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
