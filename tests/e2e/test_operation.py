"""What operators rely on: health, reflection, metrics, logs, deadlines, overload, crashes, and a clean end."""

import io
import os
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc  # type: ignore[import-untyped]
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from services.gateway.app import Gateway
from services.stack.processes import Service, wait_until_serving
from services.table import MODEL_SERVICE_NAMES, MODEL_SERVICES
from stamp2vec.client import Client
from stamp2vec.v1 import common_pb2, gateway_pb2
from stamp2vec.v1.gateway_pb2_grpc import StampServiceStub
from tests.chaos.cluster import hung
from tests.e2e.live import ROOT, TIMEOUT_S, Running, channel, children, eventually, is_alive

Code = grpc.StatusCode

NAMES = {"gateway": Gateway.service_name, **{spec.name: spec.full_name for spec in MODEL_SERVICES}}


def analyze(stub: StampServiceStub, page: bytes, timeout_s: float = TIMEOUT_S, **options: Any) -> Any:
    return stub.AnalyzeDocument(gateway_pb2.AnalyzeDocumentRequest(document=page, **options), timeout=timeout_s)


def code_of(call: Callable[[], Any]) -> grpc.StatusCode:
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    return Code.OK


def metrics(services: Running, name: str) -> dict[str, Any]:
    """The metric families of a service, by name."""
    with urllib.request.urlopen(services.stack.address(name).metrics_url, timeout=TIMEOUT_S) as answer:
        return {family.name: family for family in text_string_to_metric_families(answer.read().decode())}


def total(family: Any, **labels: str) -> float:
    """The sum of the samples that carry these labels."""
    values: Iterator[float] = (
        sample.value
        for sample in family.samples
        if not sample.name.endswith(("_bucket", "_sum")) and labels.items() <= sample.labels.items()
    )
    return sum(values)


@pytest.mark.parametrize("name", NAMES)
def test_health_and_reflection_name_each_service(services: Running, name: str) -> None:
    with channel(services.stack.address(name).target) as open_channel:
        health = health_pb2_grpc.HealthStub(open_channel)
        for asked in ("", NAMES[name]):
            answer = health.Check(health_pb2.HealthCheckRequest(service=asked), timeout=TIMEOUT_S)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflection = reflection_pb2_grpc.ServerReflectionStub(open_channel)
        question = reflection_pb2.ServerReflectionRequest(list_services="")
        (listing,) = reflection.ServerReflectionInfo(iter([question]), timeout=TIMEOUT_S)
        assert NAMES[name] in {each.name for each in listing.list_services_response.service}


def test_a_request_id_is_in_the_log_of_every_service(services: Running, page: bytes) -> None:
    request = gateway_pb2.AnalyzeDocumentRequest(document=page, include_masks=True)
    metadata = (("x-request-id", "e2e-request-1"),)
    answer, call = services.stub.AnalyzeDocument.with_call(request, timeout=TIMEOUT_S, metadata=metadata)
    assert answer.request_id == "e2e-request-1"
    assert ("x-request-id", "e2e-request-1") in list(call.trailing_metadata())
    for name in NAMES.keys() - {"reader"}:  # whose text nobody asked for
        log = services.logs / f"{name}.log"
        eventually(lambda log=log: '"request_id": "e2e-request-1"' in log.read_text())  # type: ignore[misc]


def test_metrics_count_what_was_done(services: Running, page: bytes) -> None:
    before = metrics(services, "gateway")
    stamps = len(analyze(services.stub, page, include_masks=True).pages[0].stamps)
    after = metrics(services, "gateway")
    assert total(after["stamp2vec_pages"], code="OK") == total(before["stamp2vec_pages"], code="OK") + 1
    assert total(after["stamp2vec_stamps"]) == total(before["stamp2vec_stamps"]) + stamps
    method = f"/{NAMES['gateway']}/AnalyzeDocument"
    assert total(after["stamp2vec_request_seconds"], method=method, code="OK") >= 1
    for stage in ("decode", "detect", "segment", "embed", "compare", "total"):
        assert total(after["stamp2vec_stage_seconds"], stage=stage) >= 1
    for name in MODEL_SERVICE_NAMES:
        found = metrics(services, name)
        assert {sample.value for sample in found["stamp2vec_capacity_items"].samples} == {128}
        assert total(found["stamp2vec_batch_size"]) >= 1 or name == "reader"  # whose text nobody asked for


def documented() -> dict[str, str]:
    """The metrics of docs/operations.md, and whose they are."""
    rows = [line.split("|") for line in (ROOT / "docs/operations.md").read_text().splitlines()]
    return {row[1].strip(" `"): row[4].strip() for row in rows if len(row) > 4 and "`stamp2vec_" in row[1]}


@pytest.mark.parametrize("name", NAMES)
def test_metrics_are_those_of_the_documentation(services: Running, name: str) -> None:
    found = metrics(services, name)
    whose = {"all", "gateway" if name == "gateway" else "models"}
    assert {metric for metric, services in documented().items() if services in whose} <= found.keys()
    assert {metric for metric in found if metric.startswith("stamp2vec_")} <= documented().keys()


def test_past_the_deadline_work_is_dropped_instead_of_done(services: Running, page: bytes) -> None:
    def dropped() -> float:
        family = metrics(services, "detector")["stamp2vec_dropped_items"]
        return total(family, reason="cancelled") + total(family, reason="expired")

    started_s = time.monotonic()
    assert analyze(services.stub, page).pages[0].stamps
    enough_s = 2.0 + 10 * (time.monotonic() - started_s)  # to reach the queue, however busy this machine is
    executors = children(services.stack["detector"].pid)
    before = dropped()
    with hung(executors), ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(code_of, lambda: analyze(services.stub, page, timeout_s=enough_s)) for _ in range(3)]
        # The first is in the executor's hands, the others wait behind it.
        eventually(lambda: total(metrics(services, "detector")["stamp2vec_queue_items"]) == 2)
        assert {call.result(TIMEOUT_S) for call in calls} == {Code.DEADLINE_EXCEEDED}
    assert analyze(services.stub, page).pages[0].stamps
    eventually(lambda: dropped() >= before + 2)


def test_when_the_caller_goes_its_work_is_dropped(services: Running, page: bytes) -> None:
    executors = children(services.stack["detector"].pid)
    before = total(metrics(services, "detector")["stamp2vec_dropped_items"], reason="cancelled")
    request = gateway_pb2.AnalyzeDocumentRequest(document=page)
    with hung(executors):
        calls = [services.stub.AnalyzeDocument.future(request, timeout=TIMEOUT_S) for _ in range(3)]
        eventually(lambda: total(metrics(services, "detector")["stamp2vec_queue_items"]) == 2)
        for call in calls:
            call.cancel()
        eventually(lambda: total(metrics(services, "detector")["stamp2vec_requests_in_flight"]) == 0)
    assert analyze(services.stub, page).pages[0].stamps
    eventually(
        lambda: total(metrics(services, "detector")["stamp2vec_dropped_items"], reason="cancelled") == before + 2
    )


def test_overload_is_refused_at_once_with_a_time_to_come_back(services: Running) -> None:
    raw = common_pb2.RawImage(data=b"\x20" * 128 + b"\xf0" * 128, height=16, width=16, channels=1)  # ink on paper
    request = gateway_pb2.EmbedStampsRequest(images=[common_pb2.Image(raw=raw)] * 64)
    executors = children(services.stack["embedder"].pid)
    with hung(executors):
        held = [services.stub.EmbedStamps.future(request, timeout=TIMEOUT_S) for _ in range(2)]
        eventually(lambda: total(metrics(services, "embedder")["stamp2vec_queue_items"]) > 64)
        with pytest.raises(grpc.RpcError) as caught:
            services.stub.EmbedStamps(request, timeout=TIMEOUT_S)
    error = caught.value
    assert error.code() is Code.RESOURCE_EXHAUSTED
    trailing: dict[str, Any] = {datum.key: datum.value for datum in error.trailing_metadata() or ()}
    assert int(trailing["grpc-retry-pushback-ms"]) > 0
    packed = list(status_pb2.Status.FromString(trailing["grpc-status-details-bin"]).details)
    assert any(each.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for each in packed)
    assert [len(call.result(TIMEOUT_S).results) for call in held] == [64, 64]


def test_a_client_that_reads_no_more_and_goes_holds_no_pages_and_ends_nothing_but_its_stream(
    services: Running, page: bytes
) -> None:
    with Image.open(io.BytesIO(page)) as image:
        file = io.BytesIO()
        image.save(file, "TIFF", save_all=True, append_images=[image] * 59, compression="jpeg")
    gone, gateway = threading.Event(), services.stack["gateway"].pid

    def requests() -> Iterator[gateway_pb2.AnalyzeDocumentsRequest]:
        document = gateway_pb2.AnalyzeDocumentRequest(
            document=file.getvalue(), include_crops=True, include_vectors=False
        )
        yield gateway_pb2.AnalyzeDocumentsRequest(id="a", document=document, page_by_page=True)
        gone.wait(TIMEOUT_S)

    def pages_held() -> int:
        folder = Path(f"/proc/{gateway}/fd")
        return sum("stamp2vec-page" in os.readlink(each) for each in folder.iterdir() if each.is_symlink())

    def waits_for_its_client() -> bool:
        busy_s = total(metrics(services, "gateway")["stamp2vec_decoders_busy_seconds"])
        time.sleep(2)
        return total(metrics(services, "gateway")["stamp2vec_decoders_busy_seconds"]) == busy_s

    call = services.stub.AnalyzeDocuments(requests(), timeout=TIMEOUT_S)
    assert next(call).page.index == 0
    eventually(waits_for_its_client)
    eventually(lambda: pages_held() == 0)
    call.cancel()
    gone.set()
    eventually(lambda: total(metrics(services, "gateway")["stamp2vec_requests_in_flight"]) == 0)
    assert analyze(services.stub, page).pages[0].stamps
    assert is_alive(gateway)


def test_a_gateway_that_is_replaced_under_load_loses_no_call(services: Running, page: bytes) -> None:
    upstreams = [part for name in MODEL_SERVICE_NAMES for part in (f"--{name}", services.stack.address(name).target)]
    arguments = ["--port", "0", "--metrics-port", "0", "--drain-delay-s", "1", *upstreams]
    gateways = [Service("gateway", arguments, services.logs / f"replica-{index}.log") for index in range(2)]
    try:
        wait_until_serving(gateways, lambda starting, elapsed_s: None)
        old, new = gateways
        assert old.address
        assert new.address
        targets = f"ipv4:{old.address.target},{new.address.target}"
        with Client(targets, deadline_s=TIMEOUT_S) as client, ThreadPoolExecutor(4) as pool:
            enough, gone = threading.Semaphore(0), threading.Event()

            def call_until_gone() -> int:
                calls = 0
                while not gone.is_set():
                    client.analyze(page)
                    calls += 1
                    enough.release()
                client.analyze(page)
                return calls + 1

            callers = [pool.submit(call_until_gone) for _ in range(4)]
            try:
                for _ in range(8):
                    assert enough.acquire(timeout=TIMEOUT_S)
                old.terminate()
                assert old.wait() == 0
            finally:
                gone.set()
            assert sum(caller.result(TIMEOUT_S) for caller in callers) >= 8 + 4
    finally:
        for gateway in gateways:
            gateway.kill()


def test_a_killed_service_makes_calls_unavailable_until_its_successor_is_found(services: Running, page: bytes) -> None:
    executors = children(services.stack["detector"].pid)
    services.stack["detector"].kill()
    with pytest.raises(grpc.RpcError) as caught:
        analyze(services.stub, page)
    assert caught.value.code() is Code.UNAVAILABLE
    assert "send the call again" in str(caught.value.details())
    eventually(lambda: not any(map(is_alive, executors)))
    services.stack.restart("detector")
    eventually(lambda: code_of(lambda: analyze(services.stub, page)) is Code.OK)
