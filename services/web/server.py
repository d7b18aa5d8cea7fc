"""The process: HTTP and metrics on ports of their own, and an end without a lost call."""

import asyncio
import contextlib
import json
import logging
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass

import uvicorn
from prometheus_client import Gauge
from starlette.types import ASGIApp

from services.runtime.observability import logs, tracing
from services.runtime.observability.metrics import Metrics
from services.runtime.observability.metrics_server import MetricsServer
from services.runtime.process.heap import trim
from services.runtime.security.exposure import check_exposure
from services.runtime.security.tls import TlsFiles, channel_credentials, server_context
from services.runtime.serving.byte_budget import ByteBudget
from services.web.access import known_tokens
from services.web.app import make_app, make_health_app
from services.web.bodies import Bodies
from services.web.context import Context
from services.web.gateway import Gateway
from services.web.jobs import Jobs
from services.web.settings import WebSettings
from stamp2vec.decoding import DecoderLimits, DecoderPool

log = logging.getLogger(__name__)

_MIB = 2**20
_BACKLOG = 512
_DRAWING = DecoderLimits(page_s=20.0, memory_bytes=1024 * _MIB)  # pictures for /image-w-boxes, one at a time


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a running server listens."""

    http: int
    metrics: int


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: this process has more to end than the server."""
        yield


@asynccontextmanager
async def running(settings: WebSettings) -> AsyncIterator[Ports]:
    """Serves inside the `async with`; leaving it drains."""
    tls = server_context(settings.tls_files)
    check_exposure(settings.host, encrypted=tls is not None, insecure=settings.insecure)
    upstream = TlsFiles("upstream", settings.upstream_cert, settings.upstream_key, settings.upstream_ca)
    credentials, tokens = channel_credentials(upstream), known_tokens(settings)
    metrics = Metrics()
    budget, draining = ByteBudget(settings.body_mib * _MIB), asyncio.Event()
    decoders = DecoderPool(1, _DRAWING)
    metrics_server = MetricsServer(settings.host, settings.metrics_port, metrics.registry)
    try:
        async with Gateway(settings.gateway, credentials) as gateway:
            jobs = Jobs(gateway, settings.jobs, settings.caller_jobs, settings.job_mib * _MIB, settings.job_lifetime_s)
            _observe(metrics, settings, budget, jobs)
            bodies = Bodies(settings.max_body_mib * _MIB, budget)
            context = Context(settings, gateway, bodies, jobs, decoders, metrics, tokens, draining)
            trimming = asyncio.create_task(trim(lambda: budget.given_back))
            try:
                async with _health_port(context), _listening(make_app(context, metrics), settings, tls) as port:
                    try:
                        yield Ports(port, metrics_server.port)
                    finally:
                        draining.set()
                        await asyncio.sleep(settings.drain_delay_s)
                        jobs.close()
            finally:
                trimming.cancel()
    finally:
        await decoders.close()
        metrics_server.close()


@asynccontextmanager
async def _listening(
    app: ASGIApp, settings: WebSettings, tls: ssl.SSLContext | None, flag: str = "port"
) -> AsyncIterator[int]:
    """Serves an app inside the `async with`, at the port that a setting has; leaving it finishes the calls in work."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=max(1, round(settings.grace_s)),
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
    server = _Server(config)
    listener = _listener(settings.host, getattr(settings, flag), f"--{flag.replace('_', '-')}")
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        await serving


def _health_port(context: Context) -> AbstractAsyncContextManager[int | None]:
    """What probes ask that speak no TLS: a port of its own, as one that is encrypted is so for every path."""
    settings = context.settings
    if not settings.health_port:
        return nullcontext()
    return _listening(make_health_app(context), settings, None, "health_port")


def _listener(host: str, port: int, flag: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = f"cannot listen on {host}:{port} ({error})"
        raise OSError(f"{reason}: end the process that has the port, or choose another by {flag}") from error
    listener.listen(_BACKLOG)
    return listener


def _observe(metrics: Metrics, settings: WebSettings, budget: ByteBudget, jobs: Jobs) -> None:
    registry = metrics.registry
    Gauge("stamp2vec_calls_capacity", "Calls beyond which more are refused.", registry=registry).set(settings.capacity)
    Gauge("stamp2vec_body_bytes", "Bytes that requests hold.", registry=registry).set_function(lambda: budget.taken)
    Gauge("stamp2vec_jobs", "Jobs that are kept.", registry=registry).set_function(lambda: len(jobs))
    Gauge("stamp2vec_job_bytes", "Bytes that jobs hold.", registry=registry).set_function(lambda: jobs.held_bytes)


def main(settings: WebSettings) -> int:
    """Serves until SIGTERM or SIGINT; the exit code is 0 after a clean drain and 1 when it could not start.

    Once it listens it prints one line of JSON to stdout, as the other services do. All else is logged to stderr.
    """
    logs.configure(settings.log_level)
    try:
        with tracing.exporting("stamp2vec.web"):
            asyncio.run(_serve(settings))
    except Exception:
        log.exception("start_failed")
        return 1
    return 0


async def _serve(settings: WebSettings) -> None:
    signalled = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, signalled.set)
    async with running(settings) as ports:
        ready = {"event": "serving", "service": "web", "port": ports.http, "metrics_port": ports.metrics}
        print(json.dumps(ready), flush=True)
        await signalled.wait()
        log.info("draining")
