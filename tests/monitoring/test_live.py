"""A real Prometheus scrapes the running services under load, with the rules and the dashboard of k8s/."""

import json
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import torch
import yaml

from services.stack.processes import Stack, running
from services.table import MODEL_SERVICE_NAMES, service_of
from stamp2vec import hub
from stamp2vec.v1 import gateway_pb2
from stamp2vec.v1.gateway_pb2_grpc import StampServiceStub
from tests.e2e.live import SAMPLE, TIMEOUT_S, channel, eventually
from tests.library.conftest import MODELS, manifest, network
from tests.monitoring.manifests import Query, alerts, dashboard_queries, metrics_of, rule_queries, write_rules

NAMESPACE = "prod"
SCRAPE = "500ms"
RATE_INTERVAL = "10s"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """The HTTP API of a running Prometheus."""

    url: str

    def get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=TIMEOUT_S) as response:
            return json.load(response)["data"]

    def evaluate(self, query: Query) -> list[Any]:
        """The current samples of a query."""
        expression = query.expression.replace("$__rate_interval", RATE_INTERVAL).replace("$namespace", NAMESPACE)
        found: list[Any] = self.get("query", query=expression)["result"]
        return found


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The four services with small random models."""
    root = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    options = {service: ["--max-batch", "2"] for service in MODEL_SERVICE_NAMES}
    for name, task, config, side, vector_size in MODELS:
        described = manifest(name, task, config, side, vector_size)
        hub.save(root / name, described, network(name, task, config).state_dict())
        options[service_of(task).name] += ["--model", str(root / name)]
    with running(options, tmp_path_factory.mktemp("logs")) as stack:
        yield stack


@contextmanager
def load(stack: Stack) -> Iterator[None]:
    """Two closed-loop callers: each waits for its response before the next document."""
    request = gateway_pb2.AnalyzeDocumentRequest(document=SAMPLE.read_bytes(), include_masks=True)
    done = threading.Event()
    with channel(stack.address("gateway").target) as open_channel, ThreadPoolExecutor(2) as pool:
        stub = StampServiceStub(open_channel)

        def call() -> None:
            while not done.is_set():
                stub.AnalyzeDocument(request, timeout=TIMEOUT_S)

        callers = [pool.submit(call) for _ in range(2)]
        try:
            yield
        finally:
            done.set()
        for caller in callers:
            caller.result(TIMEOUT_S)


@pytest.fixture(scope="module")
def live(prometheus: str, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Scrapes the stack, labelled as the PodMonitor labels, while documents keep coming."""
    folder = tmp_path_factory.mktemp("prometheus")
    write_rules(folder / "rules.yaml", SCRAPE)
    targets = [
        {
            "targets": [f"127.0.0.1:{stack.address(name).metrics_port}"],
            "labels": {"namespace": NAMESPACE, "pod": f"{name}-0", "job": name},
        }
        for name in ("gateway", *MODEL_SERVICE_NAMES)
    ]
    configuration = {
        "global": {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [{"job_name": "pods", "static_configs": targets}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    with _server(prometheus, folder) as server, load(stack):
        scraped = Query("", f"min(count_over_time(up{{namespace='{NAMESPACE}'}}[1m])) > 24")
        documents = Query("", 'stamp2vec_request_seconds_count{method=~".*/AnalyzeDocument", code="OK"} >= 8')
        eventually(lambda: bool(server.evaluate(scraped) and server.evaluate(documents)))
        yield server


@contextmanager
def _server(program: str, folder: Path) -> Iterator[Prometheus]:
    command = [program, "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        address = next(line.rpartition("address=")[2].strip() for line in process.stderr if "Listening on" in line)
        threading.Thread(target=process.stderr.read, daemon=True).start()  # a full pipe would block it
        server = Prometheus(f"http://{address}")
        eventually(lambda: _is_ready(server))
        yield server
    finally:
        process.terminate()
        process.wait()


def _is_ready(server: Prometheus) -> bool:
    try:
        server.get("rules")
    except OSError:
        return False
    return True


def test_metrics_that_rules_and_panels_name_are_those_of_the_services(stack: Stack) -> None:
    exposed = set()
    with channel(stack.address("gateway").target) as open_channel:
        StampServiceStub(open_channel).ListModels(gateway_pb2.ListModelsRequest(), timeout=TIMEOUT_S)
        request = gateway_pb2.AnalyzeDocumentRequest(document=SAMPLE.read_bytes(), include_masks=True)
        StampServiceStub(open_channel).AnalyzeDocument(request, timeout=TIMEOUT_S)
    for name in ("gateway", *MODEL_SERVICE_NAMES):
        with urllib.request.urlopen(stack.address(name).metrics_url, timeout=TIMEOUT_S) as response:
            exposed |= {line.partition("{")[0].partition(" ")[0] for line in response.read().decode().splitlines()}
    named = set(metrics_of([*rule_queries(), *dashboard_queries()]))
    assert named
    assert named <= exposed


@pytest.mark.parametrize("query", dashboard_queries(), ids=lambda query: query.place)
def test_every_panel_shows_something(live: Prometheus, query: Query) -> None:
    samples = live.evaluate(query)
    assert samples
    assert all(sample["value"][1] != "NaN" for sample in samples)


def test_every_recording_rule_records_and_every_rule_is_healthy(live: Prometheus) -> None:
    evaluated = [rule for group in live.get("rules")["groups"] for rule in group["rules"]]
    assert [rule for rule in evaluated if rule["health"] != "ok"] == []
    for rule in evaluated:
        if rule["type"] == "recording":
            assert live.evaluate(Query(rule["name"], rule["name"])), rule["name"]
    assert {rule["name"] for rule in evaluated if rule["type"] == "alerting"} == {rule["alert"] for rule in alerts()}


def test_the_load_of_every_service_is_recorded(live: Prometheus) -> None:
    loads = live.evaluate(Query("", "stamp2vec:load:ratio_avg1m"))
    assert {sample["metric"]["job"] for sample in loads} == {"gateway", *MODEL_SERVICE_NAMES}
    assert all(0 <= float(sample["value"][1]) <= 1 for sample in loads)
    assert any(float(sample["value"][1]) > 0 for sample in loads)


def test_no_alert_fires_while_all_is_well(live: Prometheus) -> None:
    firing = [alert["labels"]["alertname"] for alert in live.get("alerts")["alerts"] if alert["state"] == "firing"]
    assert firing == []


def test_the_fault_of_a_caller_is_no_error_of_ours(live: Prometheus, stack: Stack) -> None:
    with channel(stack.address("gateway").target) as open_channel, pytest.raises(grpc.RpcError):
        StampServiceStub(open_channel).AnalyzeDocument(
            gateway_pb2.AnalyzeDocumentRequest(document=b"not a page"), timeout=TIMEOUT_S
        )
    refused = Query("", 'stamp2vec_request_seconds_count{code="INVALID_ARGUMENT"}')
    eventually(lambda: bool(live.evaluate(refused)))
    (share,) = live.evaluate(Query("", "stamp2vec:call_errors:ratio_rate5m"))
    assert float(share["value"][1]) == 0
