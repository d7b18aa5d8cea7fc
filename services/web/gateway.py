"""The gateway as this service calls it: the call's deadline, request id and trace go with each of its calls."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, Self, TypeVar

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

from services.runtime.security.reloading import Reloading
from services.runtime.security.tokens import AUTHORIZATION_KEY
from services.runtime.serving.connection import Connection
from services.runtime.serving.interceptor import calling
from stamp2vec.client import calls
from stamp2vec.client.calls import Call
from stamp2vec.client.connection import channel_options
from stamp2vec.client.stream import DocumentStream
from stamp2vec.document.options import Options
from stamp2vec.document.stamps import StampPngs
from stamp2vec.v1 import gateway_pb2
from stamp2vec.v1.gateway_pb2_grpc import StampServiceStub
from stamp2vec.values import DocumentResult, PageResult, Preset
from stamp2vec.wire.documents import page_from_message, result_from_message
from stamp2vec.wire.errors import status_from_message
from stamp2vec.wire.stamps import pngs_from_message

Result = TypeVar("Result")

forwarded_token: ContextVar[str | None] = ContextVar("forwarded_token", default=None)
"""The token of the call that the current task works for: it goes with each of its calls to the gateway."""

_SERVICE = str(gateway_pb2.DESCRIPTOR.services_by_name["StampService"].full_name)
_HEALTH_S = 2.0


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """A page, and as PNG files the pictures of each stamp and the page without them: empty where not asked for."""

    page: PageResult
    pngs: tuple[StampPngs, ...]
    erased_png: bytes


@dataclass(frozen=True, slots=True)
class DocumentAnswer:
    """What is known of a document: its pages, or `die_groups` of all stamps where the pages came before."""

    result: DocumentResult
    pages: tuple[PageAnswer, ...]
    die_groups: tuple[int, ...] = ()


class Gateway:
    """Made in the event loop. Its calls raise grpc.aio.AioRpcError, which says more than the library's errors."""

    def __init__(self, address: str, credentials: Reloading[grpc.ChannelCredentials] | None) -> None:
        """Without credentials it is called in clear text."""
        self._connection = Connection(partial(_channel, address), _Stubs, credentials)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    async def is_serving(self) -> bool:
        """Whether a gateway answers, and is ready itself."""
        request = health_pb2.HealthCheckRequest(service=_SERVICE)
        try:
            answer = await self._connection.stub().health.Check(request, timeout=_HEALTH_S)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def admit(self, timeout_s: float) -> None:
        """Raises what the gateway refuses the caller by, before work that is done here alone: it counts as a call."""
        await self.call(calls.models(), timeout_s)

    async def call(self, call: Call[Result], timeout_s: float) -> Result:
        """One of stamp2vec.client.calls."""
        return call.read(await self._response(call.method, call.request, timeout_s))

    async def analyze(self, document: bytes, preset: Preset, options: Options, timeout_s: float) -> DocumentAnswer:
        """A document of up to 32 MiB and 100 pages. InvalidInput when it is larger."""
        call = calls.analyze(document, preset, options, bulk=False)
        message = await self._response(call.method, call.request, timeout_s)
        pages = tuple(map(_page, message.pages))
        message.ClearField("pages")  # they have been read
        return DocumentAnswer(result_from_message(message), pages)

    async def pages(
        self, document: bytes, preset: Preset, options: Options, timeout_s: float, *, bulk: bool
    ) -> AsyncIterator[PageAnswer | DocumentAnswer]:
        """The pages of a document of up to 256 MiB, each as soon as it is analysed, and then the rest of the answer.

        Raises the error of the document. To be iterated in one task, as the call's trace is that task's.
        """
        stream = DocumentStream(preset, options, bulk=bulk)
        with _calling("AnalyzeDocuments") as metadata:
            requests = stream.requests([("document", document)])
            call = self._connection.stub().gateway.AnalyzeDocuments(requests, timeout=timeout_s, metadata=metadata)
            try:
                async for response in call:
                    if response.HasField("page"):
                        yield _page(response.page)
                    elif error := status_from_message(response.status):
                        raise error
                    else:
                        rest = response.result
                        yield DocumentAnswer(result_from_message(rest), (), tuple(rest.die_groups))
                stream.raise_refusal()
            finally:
                call.cancel()

    async def _response(self, method: str, request: Any, timeout_s: float) -> Any:
        with _calling(method) as metadata:
            return await getattr(self._connection.stub().gateway, method)(request, timeout=timeout_s, metadata=metadata)


class _Stubs:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.gateway: Any = StampServiceStub(channel)
        self.health: Any = health_pb2_grpc.HealthStub(channel)


def _channel(address: str, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
    options = channel_options(address)
    if credentials is None:
        return grpc.aio.insecure_channel(address, options)
    return grpc.aio.secure_channel(address, credentials, options)


@contextmanager
def _calling(method: str) -> Iterator[tuple[tuple[str, str], ...]]:
    with calling(f"{_SERVICE}/{method}") as metadata:
        token = forwarded_token.get()
        yield metadata if token is None else (*metadata, (AUTHORIZATION_KEY, f"Bearer {token}"))


def _page(message: gateway_pb2.Page) -> PageAnswer:
    # They are passed on as they are: to decode them would cost more than all the rest.
    pngs = tuple(map(pngs_from_message, message.stamps))
    erased_png = message.erased_png
    message.ClearField("erased_png")
    return PageAnswer(page_from_message(message), pngs, erased_png)
