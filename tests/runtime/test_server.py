"""The lifecycle of a server: loading, serving, draining, stopped; and its observability."""

import asyncio
import json
import logging
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import (  # type: ignore[import-untyped]
    health_pb2,
    health_pb2_grpc,
)
from grpc_reflection.v1alpha import reflection_pb2  # type: ignore[import-untyped]

from services.runtime.observability.logs import JsonFormatter
from services.runtime.serving.server import LIVENESS, STARTUP, running
from services.runtime.serving.settings import ServerSettings
from tests.runtime.one_method_app import METHOD, OneMethod, aio_method, method

Code = grpc.StatusCode
Health = health_pb2.HealthCheckResponse
SETTINGS = ServerSettings()


def open_channel(port: int) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(f"127.0.0.1:{port}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def health_of(channel: grpc.aio.Channel, service: str = "test.Service") -> int:
    response = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))
    return int(response.status)


async def code_of(channel: grpc.aio.Channel) -> grpc.StatusCode:
    return await aio_method(channel)(b"").code()


async def metrics_of(port: int) -> str:
    url = f"http://127.0.0.1:{port}/metrics"
    return await asyncio.to_thread(lambda: urllib.request.urlopen(url).read().decode())


# Lifecycle


async def test_a_started_server_serves_and_is_healthy() -> None:
    async with running(OneMethod(), SETTINGS) as ports, open_channel(ports.grpc) as channel:
        assert await health_of(channel) == await health_of(channel, "") == Health.SERVING
        assert await aio_method(channel)(b"")


async def test_while_loading_it_serves_health_and_refuses_calls() -> None:
    app, port, end = OneMethod(), free_port(), asyncio.Event()
    app.may_start.clear()

    async def serve() -> None:
        async with running(app, ServerSettings(port=port)):
            await end.wait()

    serving = asyncio.create_task(serve())
    async with open_channel(port) as channel:
        await channel.channel_ready()
        assert await health_of(channel) == await health_of(channel, "") == Health.NOT_SERVING
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await aio_method(channel)(b"")
        assert refusal.value.code() is Code.UNAVAILABLE
        assert "starting" in (refusal.value.details() or "")
        app.may_start.set()
        end.set()
        await serving


async def test_an_app_that_cannot_start_is_stopped_with_an_error() -> None:
    class Broken(OneMethod):
        async def start(self, *_: object) -> None:
            raise FileNotFoundError("no weights")

    app = Broken()
    with pytest.raises(FileNotFoundError, match="no weights"):
        async with running(app, SETTINGS):
            pass
    assert app.ended == ["stopped"]


async def test_health_follows_the_app() -> None:
    app = OneMethod()
    async with running(app, SETTINGS) as ports, open_channel(ports.grpc) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="test.Service"))
        assert (await watch.read()).status == Health.SERVING
        app.on_health(False)
        assert (await watch.read()).status == Health.NOT_SERVING
        app.on_health(True)
        assert (await watch.read()).status == Health.SERVING
        watch.cancel()


@pytest.mark.parametrize("reported", [[False, True], [False]], ids=["healthy again", "unhealthy"])
async def test_health_reported_while_loading_applies_after_loading(reported: list[bool]) -> None:
    app, port, end = OneMethod(), free_port(), asyncio.Event()
    app.may_start.clear()

    async def serve() -> None:
        async with running(app, ServerSettings(port=port)):
            await end.wait()

    serving = asyncio.create_task(serve())
    async with open_channel(port) as channel:
        await channel.channel_ready()
        for serves in reported:
            app.on_health(serves)
        assert await health_of(channel) == await health_of(channel, "") == Health.NOT_SERVING
        app.may_start.set()
        while await code_of(channel) is Code.UNAVAILABLE:  # still loading
            pass
        expected = Health.SERVING if reported[-1] else Health.NOT_SERVING
        assert await health_of(channel) == await health_of(channel, "") == expected
        end.set()
        await serving


async def test_startup_and_liveness_have_health_of_their_own() -> None:
    app, port, end = OneMethod(), free_port(), asyncio.Event()
    app.may_start.clear()
    calls_may_end = asyncio.Event()
    app.behaviour = calls_may_end.wait

    async def serve() -> None:
        async with running(app, ServerSettings(port=port)):
            await end.wait()

    async def health(channel: grpc.aio.Channel) -> list[int]:
        return [await health_of(channel, name) for name in (STARTUP, "test.Service", LIVENESS)]

    serving = asyncio.create_task(serve())
    async with open_channel(port) as channel:
        await channel.channel_ready()
        assert await health(channel) == [Health.NOT_SERVING, Health.NOT_SERVING, Health.SERVING]
        app.may_start.set()
        while await health_of(channel) != Health.SERVING:
            pass
        assert await health(channel) == [Health.SERVING] * 3
        app.on_health(False)  # no executor is live
        while await health_of(channel) == Health.SERVING:
            pass
        assert await health(channel) == [Health.SERVING, Health.NOT_SERVING, Health.SERVING]
        app.on_health(True)
        while await health_of(channel) != Health.SERVING:
            pass
        stub = health_pb2_grpc.HealthStub(channel)
        alive = stub.Watch(health_pb2.HealthCheckRequest(service=LIVENESS))
        ready = stub.Watch(health_pb2.HealthCheckRequest(service="test.Service"))
        assert (await alive.read()).status == (await ready.read()).status == Health.SERVING
        call = asyncio.ensure_future(aio_method(channel)(b""))
        await app.started.wait()
        end.set()
        assert (await ready.read()).status == Health.NOT_SERVING
        further = asyncio.ensure_future(alive.read())
        calls_may_end.set()
        assert await call
        with pytest.raises(grpc.aio.AioRpcError):  # the server has stopped, without a change before
            await further
        await serving


async def test_draining_changes_health_first_and_finishes_running_calls() -> None:
    app, may_end, end = OneMethod(), asyncio.Event(), asyncio.Event()
    app.behaviour = may_end.wait
    ports_known: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def serve() -> None:
        async with running(app, ServerSettings(drain_delay_s=0.2)) as ports:
            ports_known.set_result(ports.grpc)
            await end.wait()

    serving = asyncio.create_task(serve())
    async with open_channel(await ports_known) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=""))
        assert (await watch.read()).status == Health.SERVING
        first = asyncio.ensure_future(aio_method(channel)(b""))
        await app.started.wait()
        end.set()
        assert (await watch.read()).status == Health.NOT_SERVING
        app.started.clear()
        late = asyncio.ensure_future(aio_method(channel)(b""))  # not every client has noticed yet
        await app.started.wait()
        may_end.set()
        assert await first
        assert await late
        await serving
    assert app.ended == ["streams ended", "drained", "stopped"]


# Observability


@pytest.mark.parametrize(
    ("sent", "is_kept"),
    [("abc-123_X.y", True), (None, False), ("", False), ("a b", False), ("a" * 65, False), ('"},{"', False)],
)
async def test_a_request_id_is_kept_or_made_and_passed_on(sent: str | None, is_kept: bool) -> None:
    async with running(OneMethod(), SETTINGS) as ports, open_channel(ports.grpc) as channel:
        call = aio_method(channel)(b"", metadata=None if sent is None else (("x-request-id", sent),))
        passed_on = json.loads(await call)["x-request-id"]
        returned = dict(await call.trailing_metadata())["x-request-id"]
    assert passed_on == returned
    assert (passed_on == sent) if is_kept else re.fullmatch("[0-9a-f]{32}", passed_on)


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("sent", "passed_on"),
    [
        ({"traceparent": TRACE}, {"traceparent": TRACE}),
        ({"traceparent": TRACE, "tracestate": "a=1"}, {"traceparent": TRACE, "tracestate": "a=1"}),
        ({"traceparent": TRACE, "tracestate": "a=" + "1" * 600}, {"traceparent": TRACE}),
        ({"traceparent": TRACE, "baggage": "user=x"}, {"traceparent": TRACE}),
        ({"traceparent": "00-" + "0" * 32 + "-00f067aa0ba902b7-01"}, {}),
        ({"traceparent": "none"}, {}),
        ({"tracestate": "a=1"}, {}),
    ],
)
async def test_a_trace_context_is_passed_on_where_nothing_is_recorded(
    sent: dict[str, str], passed_on: dict[str, str]
) -> None:
    async with running(OneMethod(), SETTINGS) as ports, open_channel(ports.grpc) as channel:
        returned = json.loads(await aio_method(channel)(b"", metadata=tuple(sent.items())))
    del returned["x-request-id"]
    assert returned == passed_on


async def test_a_log_line_has_the_trace_that_it_belongs_to(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    caplog.handler.setFormatter(JsonFormatter())
    async with running(OneMethod(), SETTINGS) as ports, open_channel(ports.grpc) as channel:
        await aio_method(channel)(b"", metadata=(("traceparent", TRACE),))
        await aio_method(channel)(b"")
    first, second = [json.loads(line) for line in caplog.text.splitlines() if '"call"' in line]
    assert first["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert "trace_id" not in second


async def test_a_call_is_logged_as_one_line_of_json(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    caplog.handler.setFormatter(JsonFormatter())
    async with running(OneMethod(), SETTINGS) as ports, open_channel(ports.grpc) as channel:
        await aio_method(channel)(b"", metadata=(("x-request-id", "the-id"),))
    (line,) = [json.loads(line) for line in caplog.text.splitlines() if '"call"' in line]
    assert (line["event"], line["level"], line["request_id"]) == ("call", "info", "the-id")
    assert (line["method"], line["code"]) == (METHOD, "OK")


def test_warnings_are_logged_as_json_too() -> None:
    imports = "import warnings; from services.runtime.observability import logs"
    program = f"{imports}; logs.configure('info'); warnings.warn('odd file')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    (line,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert line["level"] == "warning"
    assert line["event"] == "python_warning"
    assert line["text"] == "UserWarning: odd file"


async def test_calls_are_counted_by_their_code_also_when_cancelled() -> None:
    app = OneMethod()
    async with running(app, SETTINGS) as ports, open_channel(ports.grpc) as channel:
        await aio_method(channel)(b"")
        app.behaviour = asyncio.Event().wait
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await aio_method(channel)(b"", timeout=0.1)
        assert refusal.value.code() is Code.DEADLINE_EXCEEDED
        app.started.clear()
        leaving = aio_method(channel)(b"")
        await app.started.wait()
        leaving.cancel()
        app.behaviour = lambda: None
        while 'code="CANCELLED"' not in (text := await metrics_of(ports.metrics)):
            await aio_method(channel)(b"")  # the cancel is in transit
    for code in ("DEADLINE_EXCEEDED", "CANCELLED"):
        assert f'stamp2vec_request_seconds_count{{code="{code}",method="{METHOD}"}} 1.0' in text
    assert 'code="OK"' in text
    assert "stamp2vec_requests_in_flight 0.0" in text


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_lists_the_service(version: str) -> None:
    async with running(OneMethod(), SETTINGS) as ports, open_channel(ports.grpc) as channel:
        reflect: Any = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        call = reflect(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        names = {service.name for service in (await call.read()).list_services_response.service}
    assert {"test.Service", "grpc.health.v1.Health"} <= names


@pytest.mark.slow
@pytest.mark.parametrize("watches", [True, False], ids=["with a call", "without calls"])
async def test_a_client_that_pings_keeps_its_connection(watches: bool) -> None:
    """Six pings: gRPC's servers by default end the connection of a client at its third within five minutes."""
    options = [
        ("grpc.keepalive_time_ms", 6_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    async with (
        running(OneMethod(), SETTINGS) as ports,
        grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}", options) as channel,
    ):
        await channel.channel_ready()
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="test.Service"))
        if watches:
            assert (await watch.read()).status == Health.SERVING
        else:
            watch.cancel()
        lost = asyncio.create_task(channel.wait_for_state_change(grpc.ChannelConnectivity.READY))
        await asyncio.wait({lost}, timeout=38)
        assert channel.get_state() is grpc.ChannelConnectivity.READY
        assert watch.done() is not watches
        lost.cancel()


# As a process


PROGRAM = """
import sys
from tests.runtime.one_method_app import OneMethod
from services.runtime.serving import server, settings
chosen = settings.load(settings.ServerSettings, "program")
app = OneMethod()
if LOADS_FOR_EVER:
    app.may_start.clear()
sys.exit(server.main(app, chosen))
"""


def start_process(*arguments: str, loads_for_ever: bool = False, before: str = "") -> subprocess.Popen[str]:
    root = str(Path(__file__).parents[2])
    program = f"{before}import sys; sys.path.insert(0, {root!r}); LOADS_FOR_EVER = {loads_for_ever}\n" + PROGRAM
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_cleanly(number: signal.Signals) -> None:
    with start_process() as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert (ready["event"], ready["service"]) == ("serving", "test.Service")
        with grpc.insecure_channel(f"127.0.0.1:{ready['port']}") as channel:
            assert method(channel)(b"")
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert output == ""
    assert [json.loads(line)["event"] for line in errors.splitlines()] == ["call", "draining"]


def test_a_signal_while_it_loads_ends_the_process_too() -> None:
    port = free_port()
    with start_process("--port", str(port), loads_for_ever=True) as process:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            grpc.channel_ready_future(channel).result(timeout=30)
        process.terminate()
        output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, "")


def test_an_endpoint_for_traces_without_the_packages_for_it_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    missing = "import sys; sys.modules['opentelemetry.sdk.trace'] = None\n"
    with start_process(before=missing) as process:
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "install stamp2vec[otel], or unset it" in errors


@pytest.mark.parametrize("flag", ["--port", "--metrics-port"])
def test_a_port_that_is_taken_is_a_clear_error(flag: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with start_process(flag, str(port)) as process:
            _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "start_failed" in errors
    assert f"cannot listen on 127.0.0.1:{port}" in errors
    assert f"choose another by {flag}" in errors
