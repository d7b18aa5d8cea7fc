"""One measurement of a server that runs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.peers import load
from bench.peers.calls import Call
from bench.peers.contestants import TICK_S, Server

_BYTES_OFF = 0.1  # numbers that are 0 take no bytes in protobuf


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one server. Times are milliseconds, CPU is for a request."""

    name: str
    callers: int
    round: int
    rate: float
    p50_ms: float
    p99_ms: float
    server_ms: float
    front_ms: float
    """Of it, of the process that was started; its workers have the rest."""
    load_ms: float
    """Of the load generator."""
    foreign_cores: float
    """What neither took: the other servers, which wait, and all else on the machine."""


class Running:
    """A server that has answered once."""

    def __init__(self, server: Server, call: Call) -> None:
        """`server` has been started. DidNotRun where it does not answer; it is stopped then."""
        self._server, self._call = server, call
        try:
            response = server.wait_until_it_answers(call)
        except BaseException:
            server.stop()
            raise
        self.answer = call.answer(response)
        self._bytes = len(response)
        self._rates: dict[int, float] = {}
        self.stop = server.stop

    @property
    def name(self) -> str:
        """That of the server."""
        return self._server.name

    def measure(self, callers: int, turn: int, seconds: float) -> Sample:
        """Sends about as many requests as take so long. LoadFailed where one of them is not answered."""
        if callers not in self._rates:
            self._rates[callers] = self._send(callers, 6 * callers + 30).rate
        requests = max(2 * callers, round(self._rates[callers] * seconds))
        before, busy_s = self._server.cpu_s(), _busy_s()
        found = self._send(callers, requests)
        front_s, workers_s = np.subtract(self._server.cpu_s(), before)
        server_s = front_s + workers_s
        p50_ms, p99_ms = np.percentile(found.latencies_ms, [50, 99])
        return Sample(
            self.name,
            callers,
            turn,
            found.rate,
            float(p50_ms),
            float(p99_ms),
            1000 * float(server_s) / requests,
            1000 * float(front_s) / requests,
            1000 * found.cpu_s / requests,
            max(0.0, (_busy_s() - busy_s - float(server_s) - found.cpu_s) / found.seconds),
        )

    def _send(self, callers: int, requests: int) -> load.Load:
        found = load.send(self._call, self._server.address, callers, requests)
        expected = self._bytes + len(self._call.body) - len(self._call.message)
        if abs(found.bytes_a_response - expected) > _BYTES_OFF * expected:
            raise load.LoadFailed(f"{self.name}: {found.bytes_a_response:.0f} bytes a response in place of {expected}")
        return found


def _busy_s() -> float:
    """Of all cores since the system started, proc(5): all columns but idle and iowait."""
    user, nice, system, _, _, *interrupts = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8])
    return (user + nice + system + sum(interrupts)) * TICK_S
