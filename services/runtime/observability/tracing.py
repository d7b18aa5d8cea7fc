"""Tracing by OpenTelemetry: one span a call, and what happened in it, across all services.

OpenTelemetry's own variables set it up. Without OTEL_EXPORTER_OTLP_ENDPOINT no span is recorded, and a caller's trace
context is passed on as it came. With it, spans wait in a bounded queue for a thread that sends them over gRPC: while no
collector takes them they are dropped, and no call waits or fails. Only W3C trace context is read and written
(https://www.w3.org/TR/trace-context/). Names of attributes are those of OpenTelemetry's conventions for RPC and HTTP.
"""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import grpc
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.runtime.batching.items import Item

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_FLUSH_S = 2.0  # for the last spans to leave; a collector that is away holds no process longer
_W3C = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("stamp2vec")
# Of what a server answers, what the conventions call its own failure and not its caller's.
_SERVER_FAILED = {
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
}


@contextmanager
def exporting(service: str) -> Iterator[None]:
    """Sends this process's spans to the endpoint that the environment names, if it names one; once a process.

    `service` is the name of the resource where OTEL_SERVICE_NAME gives none. Raises RuntimeError where the packages
    for it are missing.
    """
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        problem = f"{' or '.join(_ENDPOINTS)} is set and no exporter is installed ({error})"
        raise RuntimeError(f"{problem}: install stamp2vec[otel], or unset it") from error
    ours = {"service.name": service, "service.instance.id": f"{socket.gethostname()}-{os.getpid()}"}
    resource = Resource.create(ours).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(_FLUSH_S)


def begin_call(method: str, metadata: Mapping[str, str | bytes], request: str) -> Span:
    """The span of a call that came in with this metadata and request id; it is the current one of this task now."""
    span = _TRACER.start_span(
        method,
        _W3C.extract(metadata, Context()),
        SpanKind.SERVER,
        {"rpc.system.name": "grpc", "rpc.method": method, "stamp2vec.request_id": request},
    )
    context.attach(trace.set_span_in_context(span))  # never detached: the task ends with the call
    return span


def end_call(span: Span, code: grpc.StatusCode) -> None:
    """The call was answered with this code."""
    span.set_attribute("rpc.response.status_code", code.name)
    if code in _SERVER_FAILED:
        span.set_status(StatusCode.ERROR)
    span.end()


def begin_http(method: str, path: str, headers: Mapping[str, str], request: str) -> Span:
    """The span of an HTTP request that came in with these headers and request id; it is the current one now."""
    span = _TRACER.start_span(
        method,
        _W3C.extract(headers, Context()),
        SpanKind.SERVER,
        {"http.request.method": method, "url.path": path, "stamp2vec.request_id": request},
    )
    context.attach(trace.set_span_in_context(span))  # never detached: the task ends with the request
    return span


def end_http(span: Span, name: str, status: int) -> None:
    """The request was answered with this status; `name` is its method and route."""
    span.update_name(name)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(StatusCode.ERROR)
    span.end()


def stage(name: str) -> AbstractContextManager[Span]:
    """The `with` is a part of the current span that has a name of its own."""
    return _TRACER.start_as_current_span(name, record_exception=False)


@contextmanager
def calling(method: str) -> Iterator[dict[str, str]]:
    """Around a call to "package.Service/Method" elsewhere: the metadata with which it stays in this trace."""
    attributes = {"rpc.system.name": "grpc", "rpc.method": method}
    with _TRACER.start_as_current_span(
        method, kind=SpanKind.CLIENT, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        headers: dict[str, str] = {}
        _W3C.inject(headers)
        code = grpc.StatusCode.OK
        try:
            yield headers
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except grpc.RpcError as error:
            code = error.code()
            raise
        finally:
            span.set_attribute("rpc.response.status_code", code.name)
            if code is not grpc.StatusCode.OK:
                span.set_status(StatusCode.ERROR)


def batch(model: str, items: Sequence[Item[Any, Any]], started_s: float, ended_s: float) -> None:
    """A batch ran, between these times of the event loop's clock.

    Each call that has items in it gets a span of its wait. The batch itself is a span of the first of these calls; it
    links to all of them, and their waits link to it.
    """
    calls: dict[int, tuple[Span, list[Item[Any, Any]]]] = {}
    for item in items:
        span = item.context.run(trace.get_current_span)
        if span.is_recording():  # neither without tracing, nor when it is not sampled, nor when the caller has gone
            calls.setdefault(span.get_span_context().span_id, (span, []))[1].append(item)
    if not calls:
        return
    now_s, now_ns = asyncio.get_running_loop().time(), time.time_ns()

    def since_1970_ns(time_s: float) -> int:
        return now_ns - int((now_s - time_s) * 1e9)

    first, _ = next(iter(calls.values()))
    ran = _TRACER.start_span(
        "batch",
        trace.set_span_in_context(first),
        links=[Link(span.get_span_context()) for span, _ in calls.values()],
        attributes={"stamp2vec.model": model, "stamp2vec.batch_size": len(items)},
        start_time=since_1970_ns(started_s),
    )
    ran.end(since_1970_ns(ended_s))
    for span, waiting in calls.values():
        wait = _TRACER.start_span(
            "queue",
            trace.set_span_in_context(span),
            links=[Link(ran.get_span_context())],
            attributes={"stamp2vec.items": len(waiting)},
            start_time=since_1970_ns(min(item.enqueued_s for item in waiting)),
        )
        wait.end(since_1970_ns(started_s))
