"""A service, its callers, Prometheus and the autoscaler, simulated in steps of one second."""

import itertools
import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from bench.autoscale.autoscaler import Autoscaler
from bench.autoscale.manifests import Scaling
from bench.autoscale.pod import Curve, Pod
from bench.autoscale.traces import Trace

SYNC_S = 15  # --horizontal-pod-autoscaler-sync-period


@dataclass(frozen=True, slots=True)
class World:
    """Parameters that no manifest holds."""

    curve: Curve
    cold_start_s: float
    """From the decision to the first response: a node, the image, the model, its warm-up."""
    gateways: int = 2
    deadline_s: float = 10.0
    """The deadline of callers; refused calls are not retried here."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one trace."""

    rates: np.ndarray
    """float64 (seconds,), arrivals a second."""
    replicas: np.ndarray
    """int64 (seconds,), desired replicas, including starting ones."""
    ready: np.ndarray
    """int64 (seconds,), replicas that are ready."""
    waits_s: np.ndarray
    """float32 (items,), from arrival to the start of the batch, without shed items."""
    p99_s: np.ndarray
    """float64 (seconds,), 99th percentile of the waits of that second; NaN without any."""
    shed: np.ndarray
    """int64 (seconds,), shed items."""
    pod_hours: float
    first_new_ready_s: float
    """When the first replica added after the rise of load was ready; infinite without one."""

    @property
    def p99_wait_s(self) -> float:
        """The 99th percentile of the waits of all items."""
        return float(np.percentile(self.waits_s, 99)) if len(self.waits_s) else math.nan

    def shed_share(self, since_s: float = 0.0) -> float:
        """The share of shed items among arrivals since `since_s`."""
        start = min(math.ceil(since_s), len(self.rates)) if math.isfinite(since_s) else len(self.rates)
        came = float(self.rates[start:].sum())
        return float(self.shed[start:].sum()) / came if came else 0.0

    @property
    def changes_per_hour(self) -> float:
        """Changes of the number of replicas an hour."""
        return float(np.count_nonzero(np.diff(self.replicas))) * 3600 / len(self.replicas)

    @property
    def direction_changes(self) -> int:
        """Reversals between growing and shrinking."""
        signs = np.sign(np.diff(self.replicas))
        return int(np.count_nonzero(np.diff(signs[signs != 0])))

    def overshoot(self, pod_rate: float) -> float:
        """The maximum of replicas over those that the peak minute needs, less 1."""
        minute = np.convolve(self.rates, np.ones(60) / 60, "valid")
        return float(self.replicas.max() / max(math.ceil(minute.max() / pod_rate), 1) - 1)


@dataclass(slots=True, eq=False)
class _Replica:
    pod: Pod
    ready_s: float
    scrape_phase_s: int
    samples: deque[tuple[float, float]] = field(default_factory=deque)
    recorded_milli: int | None = None


@dataclass(slots=True)
class _Gateway:
    """Balances over the replicas that it has resolved; resolves again when a connection reaches its maximum age."""

    ends_s: dict[_Replica, float] = field(default_factory=dict)
    next_target: int = 0


def pod_rate(scaling: Scaling, curve: Curve) -> float:
    """The throughput of a saturated replica, items a second."""
    return scaling.server.executors * scaling.server.max_batch / curve[scaling.server.max_batch]


def simulate(scaling: Scaling, world: World, trace: Trace, seed: int = 0) -> Outcome:
    """Runs a trace; equal seeds give equal outcomes."""
    return _Simulation(scaling, world, trace, np.random.default_rng(seed)).run()


class _Simulation:
    def __init__(self, scaling: Scaling, world: World, trace: Trace, rng: np.random.Generator) -> None:
        self._scaling, self._world, self._trace, self._rng = scaling, world, trace, rng
        self._autoscaler = Autoscaler(scaling.spec)
        start = max(scaling.spec.min_replicas, 1)
        self._replicas = [self._new(0.0) for _ in range(start)]
        self._leaving: list[_Replica] = []
        self._gateways = [_Gateway() for _ in range(world.gateways)]
        self._first_new_ready_s = math.inf

    def run(self) -> Outcome:
        expected = self._trace.rates * pod_rate(self._scaling, self._world.curve)
        seconds = len(expected)
        came = self._rng.poisson(expected)
        replicas, ready, shed = (np.zeros(seconds, np.int64) for _ in range(3))
        p99_s = np.full(seconds, np.nan)
        waits: list[np.ndarray] = []
        pod_seconds = 0
        for second in range(seconds):
            self._control(second)
            waited, shed[second] = self._serve(second, int(came[second]))
            if len(waited):
                p99_s[second] = np.percentile(waited, 99)
            waits.append(waited)
            replicas[second] = len(self._replicas)
            ready[second] = sum(replica.ready_s <= second for replica in self._replicas)
            pod_seconds += len(self._replicas) + len(self._leaving)
        return Outcome(
            came.astype(np.float64),
            replicas,
            ready,
            np.concatenate(waits),
            p99_s,
            shed,
            pod_seconds / 3600,
            self._first_new_ready_s,
        )

    def _new(self, ready_s: float) -> _Replica:
        pod = Pod(self._scaling.server, self._world.curve, self._world.deadline_s, ready_s)
        return _Replica(pod, ready_s, int(self._rng.integers(int(self._scaling.scrape_interval_s))))

    def _control(self, now_s: int) -> None:
        self._leaving = [replica for replica in self._leaving if not replica.pod.is_idle(now_s)]
        outage = self._trace.outage_s
        is_seen = outage is None or not outage[0] <= now_s < outage[1]
        if is_seen:
            self._scrape(now_s)
            if now_s % self._scaling.rule_interval_s == 0:
                self._record(now_s)
        if now_s % SYNC_S == SYNC_S // 2:
            values = [replica.recorded_milli for replica in self._replicas if replica.recorded_milli is not None]
            self._scale(now_s, self._autoscaler.sync(now_s, len(self._replicas), values if is_seen else ()))

    def _scrape(self, now_s: int) -> None:
        for replica in self._replicas:
            if replica.ready_s <= now_s and now_s % self._scaling.scrape_interval_s == replica.scrape_phase_s:
                replica.samples.append((now_s, replica.pod.load(now_s)))

    def _record(self, now_s: int) -> None:
        for replica in self._replicas:
            while replica.samples and replica.samples[0][0] <= now_s - self._scaling.window_s:
                replica.samples.popleft()
            loads = [load for _, load in replica.samples]
            # prometheus-adapter truncates, too
            replica.recorded_milli = int(sum(loads) / len(loads) * 1000) if loads else None

    def _scale(self, now_s: int, wanted: int) -> None:
        while len(self._replicas) < wanted:
            ready_s = now_s + self._world.cold_start_s
            if now_s >= self._trace.rise_s:
                self._first_new_ready_s = min(self._first_new_ready_s, ready_s)
            self._replicas.append(self._new(ready_s))
        while len(self._replicas) > wanted:  # the newest go first, starting ones before all
            gone = self._replicas.pop()
            for gateway in self._gateways:
                gateway.ends_s.pop(gone, None)
            if gone.ready_s <= now_s:
                self._leaving.append(gone)

    def _serve(self, second: int, came: int) -> tuple[np.ndarray, int]:
        """Serves one second: float32 waits in seconds of items that began in it, and the number shed."""
        times_s = np.sort(second + self._rng.random(came))
        choices = self._rng.integers(len(self._gateways), size=came)
        arrivals: dict[_Replica, list[float]] = {replica: [] for replica in self._replicas}
        for index, gateway in enumerate(self._gateways):
            targets = self._resolved(gateway, second)
            for time_s, target in zip(
                times_s[choices == index].tolist(),
                itertools.islice(itertools.cycle(targets), gateway.next_target, None),
            ):
                arrivals[target].append(time_s)
            gateway.next_target = (gateway.next_target + int(np.count_nonzero(choices == index))) % len(targets)
        waits: list[float] = []
        shed = 0
        for replica in (*self._replicas, *self._leaving):
            if replica.ready_s <= second:
                # Items are sorted within a gateway only.
                waited, refused = replica.pod.advance(sorted(arrivals.get(replica, ())), second + 1)
                waits += waited
                shed += refused
        return np.array(waits, np.float32), shed

    def _resolved(self, gateway: _Gateway, now_s: int) -> list[_Replica]:
        expired = [replica for replica, end_s in gateway.ends_s.items() if end_s <= now_s]
        if expired or not gateway.ends_s:
            for replica in expired:
                del gateway.ends_s[replica]
            for replica in self._replicas:
                if replica.ready_s <= now_s and replica not in gateway.ends_s:
                    age_s = self._scaling.server.max_connection_age_s * self._rng.uniform(0.9, 1.1)  # as gRPC does
                    gateway.ends_s[replica] = now_s + age_s
        return list(gateway.ends_s)
