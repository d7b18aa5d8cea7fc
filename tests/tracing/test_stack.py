"""The four real processes and a real receiver of OTLP: the spans of a trace."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from services.gateway.app import Gateway
from services.stack.processes import Service, running, wait_until_serving
from services.table import service_of
from stamp2vec.v1 import common_pb2, detector_pb2, gateway_pb2
from stamp2vec.v1.detector_pb2_grpc import DetectorServiceStub
from stamp2vec.v1.gateway_pb2_grpc import StampServiceStub
from stamp2vec.values import Task
from tests.e2e.live import SAMPLE, TIMEOUT_S, channel, eventually
from tests.tracing.collector import Collector, Received, collecting

STAMP = Gateway.service_name
DETECTOR, SEGMENTER, EMBEDDER = (service_of(task).full_name for task in (Task.DETECT, Task.SEGMENT, Task.EMBED))
CALLER = "00f067aa0ba902b7"
FAST = {"detector": ("--model", "yolo-stamp"), "embedder": ("--model", "tvae", "--model", "stamp-pair")}


@dataclass(frozen=True, slots=True)
class Traced:
    stub: StampServiceStub
    detector: DetectorServiceStub
    collector: Collector


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    with pytest.MonkeyPatch.context() as environment, collecting() as collector:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{collector.target}")
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        with (
            running(FAST, tmp_path_factory.mktemp("logs")) as stack,
            channel(stack.address("gateway").target) as gateway,
            channel(stack.address("detector").target) as detector,
        ):
            yield Traced(StampServiceStub(gateway), DetectorServiceStub(detector), collector)


def context(trace_id: str, flags: str = "01") -> tuple[tuple[str, str], ...]:
    return (("traceparent", f"00-{trace_id}-{CALLER}-{flags}"), ("x-request-id", f"request-{trace_id[:4]}"))


def named(spans: list[Received], name: str, kind: str = "SPAN_KIND_INTERNAL") -> Received:
    (found,) = (each for each in spans if each.span.name == name and each.span.kind == each.span.SpanKind.Value(kind))
    return found


def below(spans: list[Received], parent: Received, name: str, kind: str = "SPAN_KIND_INTERNAL") -> Received:
    return named([each for each in spans if each.span.parent_span_id == parent.span.span_id], name, kind)


def test_a_document_is_one_trace_through_all_services(traced: Traced) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    request = gateway_pb2.AnalyzeDocumentRequest(document=SAMPLE.read_bytes(), include_masks=True)
    traced.stub.AnalyzeDocument(request, timeout=TIMEOUT_S, metadata=context(trace_id))
    hops = [
        ("detect", DETECTOR, "Detect"),
        ("segment", SEGMENTER, "Segment"),
        ("embed", EMBEDDER, "Embed"),
        ("compare", SEGMENTER, "Segment"),
        ("compare", EMBEDDER, "VerifyPairs"),
    ]
    servers = {f"{STAMP}/AnalyzeDocument", *(f"{service}/{method}" for _, service, method in hops)}
    eventually(lambda: servers <= {each.span.name for each in traced.collector.of(trace_id) if each.span.kind == 2})
    spans = traced.collector.of(trace_id)
    call = named(spans, f"{STAMP}/AnalyzeDocument", "SPAN_KIND_SERVER")
    assert (call.service, call.span.parent_span_id.hex()) == (STAMP, CALLER)
    decoded = [each.span for each in spans if each.span.name == "decode"]
    assert [span.parent_span_id for span in decoded] == [call.span.span_id] * 2  # whole too, as there are stamps on it
    for stage, service, method in hops:
        # Ink may be compared in several rounds: the first segments all crops.
        part = min((each for each in spans if each.span.name == stage), key=lambda each: each.span.start_time_unix_nano)
        assert part.span.parent_span_id == call.span.span_id
        client = below(spans, part, f"{service}/{method}", "SPAN_KIND_CLIENT")
        server = below(spans, client, f"{service}/{method}", "SPAN_KIND_SERVER")
        assert (client.service, server.service) == (STAMP, service)
        inside = {each.span.name: each for each in spans if each.span.parent_span_id == server.span.span_id}
        assert inside.keys() == {"prepare", "queue", "batch"}
        assert inside["queue"].span.end_time_unix_nano == inside["batch"].span.start_time_unix_nano
        for each in inside.values():
            assert server.span.start_time_unix_nano <= each.span.start_time_unix_nano
            assert each.span.end_time_unix_nano <= server.span.end_time_unix_nano
    for each in (call, named(spans, f"{EMBEDDER}/Embed", "SPAN_KIND_SERVER")):
        assert each.attributes["stamp2vec.request_id"] == "request-4bf9"
        assert each.attributes["rpc.response.status_code"] == "OK"


def test_a_batch_links_to_the_calls_whose_items_it_has(traced: Traced) -> None:
    raw = common_pb2.RawImage(data=bytes(16 * 16), height=16, width=16, channels=1)
    request = detector_pb2.DetectRequest(images=[common_pb2.Image(raw=raw)] * 8)
    ids = [f"{index:032x}" for index in range(1, 5)]

    def detect(trace_id: str) -> Any:
        return traced.detector.Detect(request, timeout=TIMEOUT_S, metadata=context(trace_id))

    def calls() -> dict[bytes, Received]:
        return {each.span.span_id: each for trace_id in ids for each in traced.collector.of(trace_id)}

    with ThreadPoolExecutor(len(ids)) as pool:
        assert all(pool.map(detect, ids))
    eventually(lambda: sum(each.span.kind == 2 for each in calls().values()) == len(ids))
    batches = [each for each in calls().values() if each.span.name == "batch"]
    assert sum(each.attributes["stamp2vec.batch_size"] for each in batches) == 8 * len(ids)
    for each in batches:
        assert [calls()[link.span_id].span.kind for link in each.span.links] == [2] * len(each.span.links)
        assert each.span.parent_span_id == each.span.links[0].span_id
        waits = [wait for wait in calls().values() if each.span.span_id in [to.span_id for to in wait.span.links]]
        assert {wait.span.name for wait in waits} == {"queue"}
        assert {wait.span.parent_span_id for wait in waits} == {link.span_id for link in each.span.links}
        assert sum(wait.attributes["stamp2vec.items"] for wait in waits) == each.attributes["stamp2vec.batch_size"]


def test_what_the_caller_does_not_sample_is_not_recorded(traced: Traced) -> None:
    unsampled, sampled = "a" * 32, "b" * 32
    request = gateway_pb2.AnalyzeDocumentRequest(document=SAMPLE.read_bytes())
    for trace_id, flags in ((unsampled, "00"), (sampled, "01")):
        traced.stub.AnalyzeDocument(request, timeout=TIMEOUT_S, metadata=context(trace_id, flags))
    eventually(lambda: any(each.span.name.endswith("/AnalyzeDocument") for each in traced.collector.of(sampled)))
    assert traced.collector.of(unsampled) == []


def code_of(call: Callable[[], Any]) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code()


def test_a_call_that_fails_says_so(traced: Traced) -> None:
    request, trace_id = gateway_pb2.AnalyzeDocumentRequest(document=b"no image"), "c" * 32
    call = lambda: traced.stub.AnalyzeDocument(request, metadata=context(trace_id))  # noqa: E731
    assert code_of(call) is grpc.StatusCode.INVALID_ARGUMENT
    eventually(lambda: any(each.span.kind == 2 for each in traced.collector.of(trace_id)))
    failed = named(traced.collector.of(trace_id), f"{STAMP}/AnalyzeDocument", "SPAN_KIND_SERVER")
    assert failed.attributes["rpc.response.status_code"] == "INVALID_ARGUMENT"
    assert failed.span.status.code == 0  # the caller's fault


def test_documents_of_a_stream_have_spans_of_their_own(traced: Traced) -> None:
    trace_id = "d" * 32
    document = gateway_pb2.AnalyzeDocumentRequest(document=SAMPLE.read_bytes())
    sent = [gateway_pb2.AnalyzeDocumentsRequest(id=str(index), document=document) for index in range(3)]
    answers = traced.stub.AnalyzeDocuments(iter(sent), timeout=TIMEOUT_S, metadata=context(trace_id))
    assert len(list(answers)) == 3
    eventually(lambda: any(each.span.name.endswith("/AnalyzeDocuments") for each in traced.collector.of(trace_id)))
    spans = traced.collector.of(trace_id)
    stream = named(spans, f"{STAMP}/AnalyzeDocuments", "SPAN_KIND_SERVER")
    documents = {each.span.span_id for each in spans if each.span.name == "document"}
    assert len(documents) == 3
    assert {each.span.parent_span_id for each in spans if each.span.name == "document"} == {stream.span.span_id}
    assert {each.span.parent_span_id for each in spans if each.span.name == "detect"} == documents


def detector_alone(log: Path, *, endpoint: str) -> Service:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        environment.setenv("OTEL_SERVICE_NAME", "a-name-of-its-own")
        service = Service("detector", ["--port", "0", "--metrics-port", "0", "--model", "yolo-stamp"], log)
    wait_until_serving([service], lambda starting, elapsed_s: None)
    return service


def detect(service: Service, trace_id: str) -> detector_pb2.DetectResponse:
    assert service.address
    request = detector_pb2.DetectRequest(images=[common_pb2.Image(encoded=SAMPLE.read_bytes())])
    with channel(service.address.target) as opened:
        return DetectorServiceStub(opened).Detect(request, timeout=TIMEOUT_S, metadata=context(trace_id))


def test_the_last_spans_leave_before_the_process_does(tmp_path: Path) -> None:
    with collecting() as collector:
        service = detector_alone(tmp_path / "log", endpoint=f"http://{collector.target}")
        assert detect(service, "e" * 32).results[0].detections
        service.terminate()
        assert service.wait() == 0
        assert {each.span.name for each in collector.of("e" * 32)} >= {f"{DETECTOR}/Detect", "prepare", "batch"}
        assert {each.service for each in collector.spans} == {"a-name-of-its-own"}


@pytest.mark.parametrize("listens", [False, True], ids=["nobody listens", "nobody answers"])
def test_without_a_collector_calls_are_answered_and_the_process_ends(listens: bool, tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if listens:
            silent.listen()
        service = detector_alone(tmp_path / "log", endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert detect(service, "f" * 32).results[0].detections
        service.terminate()
        assert service.wait() == 0
