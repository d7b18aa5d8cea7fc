"""The one way to run a process: gRPC with health, reflection and metrics; warm before ready, drained before gone."""

import asyncio
import json
import logging
import resource
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Protocol

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from grpc_reflection.v1alpha import reflection, reflection_pb2  # type: ignore[import-untyped]

from services.runtime.batching.refusals import SHUTTING_DOWN
from services.runtime.observability import logs, tracing
from services.runtime.observability.metrics import Metrics
from services.runtime.observability.metrics_server import MetricsServer
from services.runtime.security.access import Access
from services.runtime.security.exposure import check_exposure
from services.runtime.security.tls import server_credentials
from services.runtime.serving.interceptor import CallInterceptor
from services.runtime.serving.messages import Messages
from services.runtime.serving.settings import ServerSettings
from stamp2vec.limits import MAX_MESSAGE_BYTES

log = logging.getLogger(__name__)

# Names of grpc.health.v1 beside the service's own, which is for readiness and for clients.
STARTUP = "startup"
LIVENESS = "liveness"

_FLUSH_S = 1.0  # for last answers to leave; open health watches would otherwise hold the server for all its grace
# A call that has arrived and is with no handler yet when the server stops ends as CANCELLED, which nobody sends again
# (https://github.com/grpc/grpc/issues/41785). So that there are few, handlers refuse calls for so long first; clients
# that watch health have gone by then.
_REFUSE_S = 0.05


class App(Protocol):
    """What a process serves."""

    @property
    def service_name(self) -> str:
        """The full name of its protobuf service: "stamp2vec.v1.DetectorService"."""

    @property
    def other_services(self) -> Sequence[str]:
        """The full names of what `register` adds beside it, for reflection and health."""

    @property
    def messages(self) -> Messages | None:
        """What requests and responses may take; None leaves that to gRPC, which takes what comes."""

    def access(self) -> Access | None:
        """Who may call; None lets everybody who can connect. Called once, before `register`."""

    def register(self, server: grpc.aio.Server) -> None:
        """Adds its servicer."""

    async def start(self, metrics: Metrics, on_health: Callable[[bool], None]) -> None:
        """Gets ready; once it returns, health is what `on_health` was last called with, or SERVING without a call."""

    def end_streams(self) -> None:
        """The process is about to end: calls that could last for ever finish what they have, and end."""

    async def drain(self) -> None:
        """Refuses new work and finishes what it has."""

    async def stop(self) -> None:
        """Frees what it holds; called once, also after a `start` that failed."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a running server listens."""

    grpc: int
    metrics: int


class _Health:
    """grpc.health.v1 by name.

    The process as a whole and its services are one and the same: NOT_SERVING until the app has started, then what the
    app reported last, and NOT_SERVING while draining. STARTUP becomes SERVING once, when the app has started. LIVENESS
    is always SERVING: a process that hangs gives no answer; load, lost executors and draining end by themselves.
    """

    def __init__(self, service_names: Sequence[str]) -> None:
        self.servicer = health.aio.HealthServicer()
        self._service_names = service_names
        self._has_started, self._is_well, self._is_draining = False, True, False
        self._tasks: set[asyncio.Task[None]] = set()

    async def publish(self) -> None:
        is_ready = self._has_started and self._is_well and not self._is_draining
        serving = dict.fromkeys(("", *self._service_names), is_ready)
        serving |= {STARTUP: self._has_started, LIVENESS: True}
        status = health_pb2.HealthCheckResponse
        for name, serves in serving.items():
            await self.servicer.set(name, status.SERVING if serves else status.NOT_SERVING)

    async def started(self) -> None:
        self._has_started = True
        await self.publish()

    async def draining(self) -> None:
        self._is_draining = True
        await self.publish()

    def on_health(self, serving: bool) -> None:
        """See App.start."""
        log.log(logging.INFO if serving else logging.ERROR, "health_changed", extra={"fields": {"serving": serving}})
        self._is_well = serving
        task = asyncio.get_running_loop().create_task(self.publish())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def running(app: App, settings: ServerSettings) -> AsyncIterator[Ports]:
    """Serves inside the `async with`: calls are answered from its first line on, and leaving it drains."""
    credentials = server_credentials(settings.tls_files)
    check_exposure(settings.host, encrypted=credentials is not None, insecure=settings.insecure)
    metrics = Metrics()
    interceptor = CallInterceptor(metrics, app.messages, app.access())
    interceptor.not_serving = "this server is starting: send the call again in a few seconds"
    server = grpc.aio.server(
        interceptors=[interceptor],
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),  # two processes on one port are a mistake that must be seen
            ("grpc.max_connection_age_ms", int(settings.max_connection_age_s * 1000)),
            ("grpc.max_connection_age_grace_ms", int(settings.grace_s * 1000)),
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 20_000),
            # Clients may ping every 5 s, with and without calls (gRFC A8). gRPC ignores a misspelt option silently.
            ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ("grpc.keepalive_permit_without_calls", 1),
        ],
    )
    names = (app.service_name, *app.other_services)
    status = _Health(names)
    await status.publish()
    health_pb2_grpc.add_HealthServicer_to_server(status.servicer, server)
    app.register(server)
    if settings.reflection:
        _add_reflection(server, (*names, health.SERVICE_NAME, reflection.SERVICE_NAME))
    port = _open(server, settings.host, settings.port, "--port", credentials)
    health_server = await _health_server(status, settings) if settings.health_port else None
    with _listening(settings.host, settings.metrics_port, "--metrics-port"):
        metrics_server = MetricsServer(settings.host, settings.metrics_port, metrics.registry)
    await server.start()
    try:
        await app.start(metrics, status.on_health)
        interceptor.not_serving = None
        await status.started()
        try:
            yield Ports(port, metrics_server.port)
        finally:
            await status.draining()
            await asyncio.sleep(settings.drain_delay_s)
            app.end_streams()
            interceptor.not_serving = SHUTTING_DOWN
            await asyncio.sleep(_REFUSE_S)
            stopped = asyncio.create_task(server.stop(settings.grace_s))
            await asyncio.wait({stopped, asyncio.create_task(interceptor.drained())}, return_when="FIRST_COMPLETED")
            await server.stop(_FLUSH_S)
            await app.drain()
    finally:
        await app.stop()
        await server.stop(0)
        if health_server:
            await health_server.stop(0)
        metrics_server.close()


def _open(server: grpc.aio.Server, host: str, port: int, flag: str, credentials: grpc.ServerCredentials | None) -> int:
    """The port that the server listens on: with TLS where there are credentials."""
    address = f"{host}:{port}"
    with _listening(host, port, flag):
        return server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)


async def _health_server(status: _Health, settings: ServerSettings) -> grpc.aio.Server:
    """What probes ask that speak no TLS: a server of its own, as every port of one serves all that it has."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    health_pb2_grpc.add_HealthServicer_to_server(status.servicer, server)
    _open(server, settings.host, settings.health_port, "--health-port", None)
    await server.start()
    return server


def _add_reflection(server: grpc.aio.Server, names: Sequence[str]) -> None:
    """grpc.reflection.v1 beside v1alpha, the only one that grpcio-reflection 1.85 has: their messages are the same."""
    reflection.enable_server_reflection(names, server)
    handler = grpc.stream_stream_rpc_method_handler(
        reflection.aio.ReflectionServicer(names).ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    v1 = grpc.method_handlers_generic_handler("grpc.reflection.v1.ServerReflection", {"ServerReflectionInfo": handler})
    server.add_generic_rpc_handlers((v1,))


@contextmanager
def _listening(host: str, port: int, flag: str) -> Iterator[None]:
    """Around the opening of a port: its error names the port that could not be opened, and the remedy."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        reason = f"cannot listen on {host}:{port} ({error})"
        raise OSError(f"{reason}: end the process that has the port, or choose another by {flag}") from error


def main(app: App, settings: ServerSettings) -> int:
    """Serves until SIGTERM or SIGINT; the exit code is 0 after a clean drain and 1 when it could not start.

    Once ready it prints one line of JSON to stdout: {"event": "serving", "service": ..., "port": ...,
    "metrics_port": ...}. All else is logged to stderr.
    """
    logs.configure(settings.log_level)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection takes one; 1,024 are soon taken
    try:
        with tracing.exporting(app.service_name):
            asyncio.run(_serve(app, settings))
    except asyncio.CancelledError:
        log.info("start_cancelled")
    except Exception:
        log.exception("start_failed")
        return 1
    return 0


async def _serve(app: App, settings: ServerSettings) -> None:
    loaded, signalled = asyncio.Event(), asyncio.Event()

    async def serve() -> None:
        async with running(app, settings) as ports:
            loaded.set()
            ready = {"event": "serving", "service": app.service_name, "port": ports.grpc, "metrics_port": ports.metrics}
            print(json.dumps(ready), flush=True)
            await signalled.wait()
            log.info("draining")

    def end() -> None:
        if loaded.is_set():
            signalled.set()
        else:
            serving.cancel()  # there is nothing to drain yet

    serving = asyncio.create_task(serve())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    await serving
