"""Reads the scaling configuration of a service from rendered manifests."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.autoscale.autoscaler import DEFAULT_DOWN, DEFAULT_UP, Direction, Policy, Select, Source, Spec, Unit
from services.runtime.serving import settings
from services.runtime.serving.settings import ModelServerSettings

_LOAD = "stamp2vec:load:ratio_avg1m"
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

Document = Mapping[str, Any]


class NotInManifests(Exception):
    """The manifests lack something that the simulation needs; the message names it."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """A service, its autoscaler, and the delays of its metric."""

    spec: Spec
    server: ModelServerSettings
    scrape_interval_s: float
    rule_interval_s: float
    window_s: float
    """The window of the averaged load."""


def scaling(documents: Sequence[Document], service: str) -> Scaling:
    """The scaling of one service in rendered manifests. Raises NotInManifests."""
    rule_interval_s, window_s = _rule(documents)
    return Scaling(
        spec=_spec(documents, service),
        server=settings.load(ModelServerSettings, "bench.autoscale", (), _environment(documents, service)),
        scrape_interval_s=_seconds(_one(documents, "PodMonitor")["spec"]["podMetricsEndpoints"][0]["interval"]),
        rule_interval_s=rule_interval_s,
        window_s=window_s,
    )


def _spec(documents: Sequence[Document], service: str) -> Spec:
    for document in documents:
        if document["kind"] not in ("HorizontalPodAutoscaler", "ScaledObject"):
            continue
        spec = document["spec"]
        if spec["scaleTargetRef"]["name"] != service:
            continue
        if document["kind"] == "ScaledObject":
            (trigger,) = spec["triggers"]
            behavior = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("behavior", {})
            return Spec(
                min_replicas=spec.get("minReplicaCount", 0),
                max_replicas=spec.get("maxReplicaCount", 100),
                target_milli=_milli(trigger["metadata"]["threshold"]),
                source=Source.EXTERNAL,
                up=_direction(behavior.get("scaleUp", {}), DEFAULT_UP),
                down=_direction(behavior.get("scaleDown", {}), DEFAULT_DOWN),
            )
        (metric,) = spec["metrics"]
        behavior = spec.get("behavior", {})
        return Spec(
            min_replicas=spec.get("minReplicas", 1),
            max_replicas=spec["maxReplicas"],
            target_milli=_milli(metric["pods"]["target"]["averageValue"]),
            source=Source.PODS,
            up=_direction(behavior.get("scaleUp", {}), DEFAULT_UP),
            down=_direction(behavior.get("scaleDown", {}), DEFAULT_DOWN),
        )
    raise NotInManifests(f"no autoscaler for the {service}: render an overlay with the component hpa or keda")


def _direction(rules: Mapping[str, Any], default: Direction) -> Direction:
    policies = tuple(
        Policy(Unit(each["type"]), each["value"], each["periodSeconds"]) for each in rules.get("policies", ())
    )
    return Direction(
        rules.get("stabilizationWindowSeconds", default.stabilization_s),
        policies or default.policies,
        Select(rules.get("selectPolicy", default.select)),
    )


def _environment(documents: Sequence[Document], service: str) -> dict[str, str]:
    """The settings of the container that the simulation uses."""
    (container,) = _one(documents, "Deployment", service)["spec"]["template"]["spec"]["containers"]
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= _one(documents, "ConfigMap", source["configMapRef"]["name"])["data"]
    for variable in container.get("env", ()):
        if "value" in variable:
            found[variable["name"]] = variable["value"]
        elif "resourceFieldRef" in variable.get("valueFrom", {}):
            section, _, resource = variable["valueFrom"]["resourceFieldRef"]["resource"].partition(".")
            amount = _milli(container["resources"][section][resource]) / 1000
            found[variable["name"]] = str(-int(-amount // 1))  # Kubernetes rounds up to whole units
    return found


def _rule(documents: Sequence[Document]) -> tuple[float, float]:
    for group in _one(documents, "PrometheusRule")["spec"]["groups"]:
        for rule in group["rules"]:
            if rule.get("record") == _LOAD and (window := re.search(r"avg_over_time\([^[]*\[(\w+)\]", rule["expr"])):
                return _seconds(group["interval"]), _seconds(window[1])
    raise NotInManifests(f"no rule records {_LOAD} as an average over time: render the component monitoring too")


def _one(documents: Sequence[Document], kind: str, name: str | None = None) -> Document:
    found = [each for each in documents if each["kind"] == kind and name in (None, each["metadata"]["name"])]
    if len(found) != 1:
        raise NotInManifests(f"{len(found)} times {kind} {name or ''} where there should be one: render one overlay")
    return found[0]


def _milli(quantity: str | int | float) -> int:
    """Thousandths of a quantity: "20m", "0.02" and 2 are 20, 20 and 2000."""
    text = str(quantity)
    return int(text[:-1]) if text.endswith("m") else round(float(text) * 1000)


def _seconds(duration: str) -> float:
    parts = re.fullmatch(r"(\d+)(ms|s|m|h)", duration)
    if parts is None:
        raise NotInManifests(f"{duration!r} is no duration: write it as 15s")
    return int(parts[1]) * _SECONDS[parts[2]]
