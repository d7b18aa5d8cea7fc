"""The algorithm of the HorizontalPodAutoscaler, as documented and as its controller implements it.

https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details ; the order of the steps,
and what is rounded where, is that of pkg/controller/podautoscaler of Kubernetes 1.32.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """The unit of a policy."""

    PODS = "Pods"
    PERCENT = "Percent"


class Select(StrEnum):
    """The policy that applies of several: of the most change, of the least, or none at all."""

    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


class Source(StrEnum):
    """The kind of metric: one value for each pod, or one for all pods (as from KEDA)."""

    PODS = "Pods"
    EXTERNAL = "External"


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `value` within any `period_s`."""

    unit: Unit
    value: int
    period_s: float


@dataclass(frozen=True, slots=True)
class Direction:
    """The rules for one direction."""

    stabilization_s: float
    policies: tuple[Policy, ...]
    select: Select = Select.MAX


# The defaults of Kubernetes.
DEFAULT_UP = Direction(0, (Policy(Unit.PERCENT, 100, 15), Policy(Unit.PODS, 4, 15)))
DEFAULT_DOWN = Direction(300, (Policy(Unit.PERCENT, 100, 15),))


@dataclass(frozen=True, slots=True)
class Spec:
    """An autoscaler of one metric with a target for the mean of the pods."""

    min_replicas: int
    max_replicas: int
    target_milli: int
    """In thousandths, the resolution of a Kubernetes metric."""
    source: Source = Source.PODS
    up: Direction = DEFAULT_UP
    down: Direction = DEFAULT_DOWN
    tolerance: float = 0.1


@dataclass(frozen=True, slots=True)
class _Change:
    at_s: float
    replicas: int
    """Added replicas, or removed ones when negative."""


class Autoscaler:
    """The controller, with its history of recommendations and changes."""

    def __init__(self, spec: Spec) -> None:
        """Starts with an empty history."""
        self.spec = spec
        self._recommended: list[tuple[float, int]] = []
        self._changes: list[_Change] = []

    def sync(self, now_s: float, current: int, loads_milli: Sequence[int]) -> int:
        """The desired number of replicas.

        `loads_milli` holds the values of the pods that report one; `current` includes starting pods. Without any value
        the metric has failed, and the number stays.
        """
        if not loads_milli:
            return current
        wanted = self._by_metric(current, loads_milli)
        stable = self._stabilized(now_s, current, wanted)
        desired = self._limited(now_s, current, stable)
        if desired != current:
            self._changes.append(_Change(now_s, desired - current))
        return desired

    def _by_metric(self, current: int, loads_milli: Sequence[int]) -> int:
        target = self.spec.target_milli
        if self.spec.source is Source.EXTERNAL:
            total = sum(loads_milli)
            is_near = self._is_near(total / (target * current))
            return current if is_near else math.ceil(total / target)
        ratio = sum(loads_milli) // len(loads_milli) / target
        missing = current - len(loads_milli)
        if missing <= 0:
            return current if self._is_near(ratio) else math.ceil(ratio * len(loads_milli))
        # A pod without a value counts as idle before more are added, and as at the target before some are removed.
        assumed = target if ratio < 1 else 0
        with_missing = (sum(loads_milli) + missing * assumed) // current / target
        if self._is_near(with_missing) or (ratio < 1) != (with_missing < 1):
            return current
        wanted = math.ceil(with_missing * current)
        return max(wanted, current) if with_missing > 1 else min(wanted, current)

    def _is_near(self, ratio: float) -> bool:
        return abs(ratio - 1) <= self.spec.tolerance

    def _stabilized(self, now_s: float, current: int, wanted: int) -> int:
        """At most the lowest recommendation of the window when growing, at least the highest when shrinking."""
        up_since_s, down_since_s = now_s - self.spec.up.stabilization_s, now_s - self.spec.down.stabilization_s
        lowest = min([wanted, *(count for at_s, count in self._recommended if at_s > up_since_s)])
        highest = max([wanted, *(count for at_s, count in self._recommended if at_s > down_since_s)])
        oldest_s = min(up_since_s, down_since_s)
        self._recommended = [each for each in self._recommended if each[0] > oldest_s] + [(now_s, wanted)]
        return min(max(current, lowest), highest)

    def _limited(self, now_s: float, current: int, wanted: int) -> int:
        spec = self.spec
        if wanted > current:
            return min(wanted, max(min(spec.max_replicas, self._ceiling(now_s, current)), current))
        if wanted < current:
            return max(wanted, min(max(spec.min_replicas, self._floor(now_s, current)), current))
        return wanted

    def _ceiling(self, now_s: float, current: int) -> int:
        rules = self.spec.up
        if rules.select is Select.DISABLED:
            return current
        allowed = []
        for policy in rules.policies:
            start = self._replicas_before(now_s - policy.period_s, current)
            is_pods = policy.unit is Unit.PODS
            allowed.append(start + policy.value if is_pods else math.ceil(start * (1 + policy.value / 100)))
        return max(allowed) if rules.select is Select.MAX else min(allowed)

    def _floor(self, now_s: float, current: int) -> int:
        rules = self.spec.down
        if rules.select is Select.DISABLED:
            return current
        allowed = []
        for policy in rules.policies:
            start = self._replicas_before(now_s - policy.period_s, current)
            is_pods = policy.unit is Unit.PODS
            allowed.append(start - policy.value if is_pods else int(start * (1 - policy.value / 100)))
        return min(allowed) if rules.select is Select.MAX else max(allowed)

    def _replicas_before(self, since_s: float, current: int) -> int:
        return current - sum(change.replicas for change in self._changes if change.at_s > since_s)
