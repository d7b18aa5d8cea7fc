"""Rules and queries of k8s/components/monitoring."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "k8s/components/monitoring"


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and where it is written."""

    place: str
    expression: str


def rule_groups() -> list[dict[str, Any]]:
    """The groups of the PrometheusRule."""
    groups: list[dict[str, Any]] = yaml.safe_load((MONITORING / "prometheus-rule.yaml").read_text())["spec"]["groups"]
    return groups


def rules() -> list[dict[str, Any]]:
    """The rules of all groups."""
    return [rule for group in rule_groups() for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """The rules that alert."""
    return [rule for rule in rules() if "alert" in rule]


def write_rules(path: Path, interval: str | None = None) -> None:
    """Writes the groups as a file for Prometheus, evaluated at `interval` or at that of Prometheus itself."""
    groups = [
        {key: value for key, value in group.items() if key != "interval"} | ({"interval": interval} if interval else {})
        for group in rule_groups()
    ]
    path.write_text(yaml.safe_dump({"groups": groups}))


def rule_queries() -> list[Query]:
    """The queries of every rule."""
    return [Query(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]


def dashboard_queries() -> list[Query]:
    """The queries of every panel, with Grafana's variables as they are."""
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    return [Query(panel["title"], target["expr"]) for panel in panels for target in panel.get("targets", ())]


def metrics_of(queries: list[Query]) -> Iterator[str]:
    """The metrics of the services that they name, as on the wire."""
    for query in queries:
        yield from re.findall(r"\bstamp2vec_\w+", query.expression)
