"""The real services with the settings of the manifests."""

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

import grpc
import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families

from services.stack.processes import Address, Service, Stack, running, wait_until_serving
from services.table import MODEL_SERVICE_NAMES
from stamp2vec.client import Client
from stamp2vec.v1 import common_pb2, detector_pb2
from stamp2vec.v1.detector_pb2_grpc import DetectorServiceStub
from stamp2vec.values import Preset
from tests.chaos.cluster import hung
from tests.e2e.live import SAMPLE, children, eventually
from tests.k8s.code import UPSTREAMS
from tests.k8s.manifests import K8S, SERVICES, container, environment, named, of_kind, pod, quantity

VARIANT = "cpu"
TIMEOUT_S = 60.0


def flags(service: str) -> list[str]:
    """The environment of the manifests, but for the addresses of other pods, as flags."""
    skipped = {f"STAMP2VEC_{upstream.upper()}" for upstream in UPSTREAMS}
    found = {name: value for name, value in environment(VARIANT, service).items() if name not in skipped}
    return [part for name, value in found.items() for part in _flag(name, value)]


def _flag(variable: str, value: str) -> list[str]:
    flag = "--" + variable.removeprefix("STAMP2VEC_").lower().replace("_", "-")
    return [flag] if value == "true" else [flag, value]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running({name: flags(name) for name in SERVICES}, tmp_path_factory.mktemp("logs")) as stack:
        yield stack


def families(address: Address) -> dict[str, float]:
    """The names of all series that can be at an address, and the sum of the values of those that are."""
    text = urlopen(address.metrics_url).read().decode()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        suffixes = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",)}.get(family.type, ("",))
        for name in (family.name + suffix for suffix in suffixes):
            found[name] = sum(sample.value for sample in family.samples if sample.name == name)
    return found


def test_every_metric_that_a_manifest_names_is_exported(stack: Stack) -> None:
    adapter = (K8S / "components/hpa/adapter-values.yaml").read_text()
    adapted = {rule["name"]["as"] for rule in yaml.safe_load(adapter)["rules"]["custom"]}
    manifests = [*of_kind("base+keda", "ScaledObject"), *of_kind("base+hpa", "HorizontalPodAutoscaler")]
    manifests += [*of_kind("base+monitoring", "PrometheusRule"), *of_kind("base+monitoring", "ConfigMap")]
    named_there = set(re.findall(r"\bstamp2vec_[a-z0-9_]+", json.dumps(manifests) + adapter)) - adapted
    exported = {name for service in SERVICES for name in families(stack.address(service))}
    assert named_there
    assert named_there <= exported


@pytest.mark.parametrize("service", MODEL_SERVICE_NAMES)
def test_the_startup_probe_allows_twice_the_time_of_a_start(stack: Stack, service: str) -> None:
    variant = VARIANT if service in SERVICES else f"base+{service}"
    probe = container(named(variant, "Deployment", service))["startupProbe"]
    load_s = families(stack.address(service))["stamp2vec_model_load_seconds"]
    assert load_s > 0
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 2 * load_s


@pytest.mark.parametrize("service", SERVICES)
def test_the_memory_limit_has_room(stack: Stack, service: str) -> None:
    with Client(stack.address("gateway").target, deadline_s=TIMEOUT_S) as client, ThreadPoolExecutor(4) as pool:
        page = SAMPLE.read_bytes()
        presets = [preset for preset in Preset for _ in range(8)]
        assert all(pool.map(lambda preset: client.analyze(page, preset=preset, include_masks=True).pages, presets))
    pid = stack[service].pid
    statuses = [Path(f"/proc/{each}/status").read_text() for each in (pid, *children(pid))]
    used = 1024 * sum(int(peak) for text in statuses for peak in re.findall(r"VmHWM:\s+(\d+) kB", text))
    limit = quantity(container(named(VARIANT, "Deployment", service))["resources"]["limits"]["memory"])
    assert 0 < used <= 0.75 * limit


def test_probes_are_independent_of_load(stack: Stack) -> None:
    raw = common_pb2.RawImage(data=b"\x80" * 16 * 16, height=16, width=16, channels=1)
    request = detector_pb2.DetectRequest(images=[common_pb2.Image(raw=raw)] * 64)
    address = stack.address("detector")
    with grpc.insecure_channel(address.target) as channel:
        detect, health = DetectorServiceStub(channel).Detect, health_pb2_grpc.HealthStub(channel)
        with hung(children(stack["detector"].pid)):
            calls = [detect.future(request, timeout=TIMEOUT_S) for _ in range(6)]
            eventually(lambda: any(call.done() for call in calls))  # the queue is full: calls are refused
            deployment = named(VARIANT, "Deployment", "detector")
            for kind in ("startup", "readiness", "liveness"):
                probe = container(deployment)[f"{kind}Probe"]
                asked = health_pb2.HealthCheckRequest(service=probe["grpc"]["service"])
                assert (
                    health.Check(asked, timeout=probe["timeoutSeconds"]).status
                    == health_pb2.HealthCheckResponse.SERVING
                )
        refused = [call for call in calls if call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED]
        assert 0 < len(refused) < len(calls)


def test_a_model_service_that_stops_under_load_loses_no_call(stack: Stack, tmp_path: Path) -> None:
    ports = ["--port", "0", "--metrics-port", "0"]
    second = Service("detector", [*ports, *flags("detector")], tmp_path / "detector.log")
    started = [second]
    try:
        wait_until_serving([second], lambda starting, elapsed_s: None)
        assert second.address
        targets = {name: stack.address(name).target for name in UPSTREAMS}
        targets["detector"] = f"ipv4:{targets['detector']},{second.address.target}"
        upstreams = [part for name, target in targets.items() for part in (f"--{name}", target)]
        gateway = Service("gateway", [*ports, *flags("gateway"), *upstreams], tmp_path / "gateway.log")
        started.append(gateway)
        wait_until_serving([gateway], lambda starting, elapsed_s: None)
        assert gateway.address
        page, gone, completed = SAMPLE.read_bytes(), threading.Event(), threading.Semaphore(0)

        def call_until_gone(client: Client) -> int:
            calls = 0
            while not gone.is_set():
                assert client.analyze(page).pages[0].error is None
                calls += 1
                completed.release()
            return calls

        with Client(gateway.address.target, deadline_s=TIMEOUT_S) as client, ThreadPoolExecutor(4) as pool:
            callers = [pool.submit(call_until_gone, client) for _ in range(4)]
            try:
                for _ in range(8):
                    assert completed.acquire(timeout=TIMEOUT_S)
                assert families(second.address)["stamp2vec_batch_size_count"] > 0  # it has its share of the load
                second.terminate()
                assert second.wait(pod(named(VARIANT, "Deployment", "detector"))["terminationGracePeriodSeconds"]) == 0
                assert completed.acquire(timeout=TIMEOUT_S)
            finally:
                gone.set()
            assert sum(caller.result(TIMEOUT_S) for caller in callers) >= 8
    finally:
        for service in started:
            service.kill()
