"""The smallest app that the runtime can serve."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import grpc
import grpc.aio

from services.runtime.observability.metrics import Metrics
from services.runtime.security.access import Access
from services.runtime.serving.errors import AioContext
from services.runtime.serving.interceptor import calling

METHOD = "/test.Service/Call"


def method(channel: grpc.Channel) -> "grpc.UnaryUnaryMultiCallable[bytes, bytes]":
    """The unary method of OneMethod, for a synchronous client."""
    return channel.unary_unary(METHOD)


def aio_method(channel: grpc.aio.Channel) -> "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]":
    """The unary method of OneMethod."""
    return channel.unary_unary(METHOD)


def aio_stream(channel: grpc.aio.Channel) -> "grpc.aio.StreamStreamMultiCallable[bytes, bytes]":
    """The streaming method of OneMethod."""
    return channel.stream_stream("/test.Service/Stream")


def raising(error: Exception) -> Callable[[], object]:
    """A behaviour that raises `error`."""

    def behaviour() -> object:
        raise error

    return behaviour


class OneMethod:
    """An App with one unary and one streaming method, whose behaviour a test sets; both take and return bytes."""

    service_name = "test.Service"
    other_services = ()
    messages = None

    def __init__(self) -> None:
        self.behaviour: Callable[[], object] = lambda: None
        self.started = asyncio.Event()
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.on_health: Callable[[bool], None] = lambda _: None
        self.who_may_call: Access | None = None
        self.ended: list[str] = []

    def access(self) -> Access | None:
        return self.who_may_call

    def register(self, server: grpc.aio.Server) -> None:
        async def call(request: bytes, context: AioContext) -> bytes:
            self.started.set()
            result = self.behaviour()
            if asyncio.iscoroutine(result):
                await result
            with calling("test.Service/Other") as metadata:
                return json.dumps(dict(metadata)).encode()

        async def stream(requests: AsyncIterator[bytes], context: AioContext) -> AsyncIterator[bytes]:
            async for request in requests:
                self.behaviour()
                yield request

        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "Call": grpc.unary_unary_rpc_method_handler(call),
            "Stream": grpc.stream_stream_rpc_method_handler(stream),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Service", handlers),))

    async def start(self, metrics: Metrics, on_health: Callable[[bool], None]) -> None:
        self.on_health = on_health
        await self.may_start.wait()

    def end_streams(self) -> None:
        self.ended.append("streams ended")

    async def drain(self) -> None:
        self.ended.append("drained")

    async def stop(self) -> None:
        self.ended.append("stopped")
