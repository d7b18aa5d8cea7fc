"""The gateway as a process: what is made when it starts and freed when it ends."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import grpc.aio
from prometheus_client import CollectorRegistry

from services.decoders import decoder_pool, observe
from services.gateway.access import access
from services.gateway.admission.admission import Admission
from services.gateway.admission.budgets import Budgets
from services.gateway.admission.long_documents import LongDocuments
from services.gateway.admission.workers import Threads
from services.gateway.metrics import GatewayMetrics
from services.gateway.servicer import StampServicer
from services.gateway.settings import GatewaySettings
from services.gateway.upstream.upstreams import Upstreams
from services.runtime.observability.metrics import Metrics
from services.runtime.process.heap import trim
from services.runtime.security.access import Access
from services.runtime.security.tls import TlsFiles, channel_credentials
from services.runtime.serving.byte_budget import ByteBudget
from services.runtime.serving.messages import Messages
from stamp2vec.v1 import gateway_pb2, gateway_pb2_grpc


class Gateway:
    """An App of the runtime."""

    service_name = str(gateway_pb2.DESCRIPTOR.services_by_name["StampService"].full_name)
    other_services = ()

    def __init__(self, settings: GatewaySettings) -> None:
        """Takes its settings; all else is made in the event loop."""
        self._settings = settings
        self._threads = Threads(settings.worker_threads)
        self._decoders = decoder_pool(settings)
        self._registry = CollectorRegistry()
        self._budgets = Budgets(ByteBudget(settings.message_mib * 2**20), ByteBudget(settings.page_mib * 2**20))
        self._admission = Admission(settings.capacity)
        self.messages = Messages(self._budgets.messages, self._admitted)
        self._upstreams: Upstreams | None = None
        self._ending = asyncio.Event()
        self._trimming: asyncio.Task[None] | None = None

    def access(self) -> Access | None:
        """See App; None where neither tokens nor limits are set."""
        return access(self._settings)

    def _admitted(self, method: str) -> AbstractContextManager[None]:
        """A place among the calls in work; every unary method takes one, but the one that does no work."""
        return nullcontext() if method.endswith("/ListModels") else self._admission.enter()

    def register(self, server: grpc.aio.Server) -> None:
        """Adds the servicer, and makes the channels that it calls through."""
        settings = self._settings
        tls = TlsFiles("upstream", settings.upstream_cert, settings.upstream_key, settings.upstream_ca)
        self._upstreams = Upstreams(settings.upstreams, channel_credentials(tls))
        long_documents = {urgent: LongDocuments(settings.decoders) for urgent in (True, False)}
        metrics = GatewayMetrics(
            self._registry,
            lambda: self._admission.in_work,
            lambda: sum(each.waiting for each in long_documents.values()),
            settings.capacity,
            self._budgets,
        )
        servicer = StampServicer(
            self._upstreams,
            self._threads,
            self._decoders,
            long_documents,
            self._admission,
            self._budgets,
            metrics,
            self._ending,
        )
        gateway_pb2_grpc.add_StampServiceServicer_to_server(servicer, server)

    async def start(self, metrics: Metrics, on_health: Callable[[bool], None]) -> None:
        """Returns when all services have listed their models; later failures are those of single calls."""
        metrics.registry.register(self._registry)
        observe(self._decoders, metrics.registry)
        await self._decoders.start()
        self._trimming = asyncio.create_task(
            trim(lambda: self._budgets.messages.given_back + self._budgets.pages.given_back)
        )
        if self._upstreams:
            await self._upstreams.ready()

    def end_streams(self) -> None:
        """See App."""
        self._ending.set()

    async def drain(self) -> None:
        """Holds no work of its own: calls are the server's to wait for."""

    async def stop(self) -> None:
        """Closes the channels and ends the threads."""
        if self._upstreams:
            await self._upstreams.close()
        if self._trimming:
            self._trimming.cancel()
        self._threads.close()
        await self._decoders.close()
