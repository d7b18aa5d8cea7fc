"""The alert rules: valid, tested both ways, and each with its section in the runbook."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.monitoring.manifests import MONITORING, ROOT, alerts, rule_queries, rules, write_rules

SCENARIOS = sorted((Path(__file__).parent / "alerts").glob("*.yaml"))


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_are_valid(promtool: str, tmp_path: Path) -> None:
    write_rules(tmp_path / "rules.yaml", "30s")
    run(promtool, "check", "rules", str(tmp_path / "rules.yaml"))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(promtool: str, tmp_path: Path, scenario: Path) -> None:
    write_rules(tmp_path / "rules.yaml")
    (tmp_path / scenario.name).write_text(scenario.read_text())
    run(promtool, "test", "rules", str(tmp_path / scenario.name))


def test_every_alert_has_a_scenario_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    expectations = [
        (expected["alertname"], bool(expected["exp_alerts"]))
        for scenario in SCENARIOS
        for test in yaml.safe_load(scenario.read_text())["tests"]
        for expected in test.get("alert_rule_test", ())
    ]
    names = {rule["alert"] for rule in alerts()}
    assert {name for name, fires in expectations if fires} == names
    assert {name for name, fires in expectations if not fires} == names


def test_every_alert_has_a_section_in_the_runbook_and_the_runbook_no_other() -> None:
    headings = re.findall(r"^## (Stamp2vec\w+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    assert headings == [rule["alert"] for rule in alerts()]
    for rule in alerts():
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("critical", "warning")


def test_rules_use_no_recorded_series_that_no_rule_records() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    used = {name for query in rule_queries() for name in re.findall(r"stamp2vec:[\w:]+", query.expression)}
    assert used <= recorded
    dashboard = (MONITORING / "dashboard.json").read_text()
    assert set(re.findall(r"stamp2vec:[\w:]+", dashboard)) <= recorded
