"""What happens around every call: its request id, its log line, its metrics, and its errors turned into statuses."""

import asyncio
import logging
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager, nullcontext
from functools import partial
from typing import Any

import grpc
import grpc.aio

from services.runtime.batching.refusals import NotServing
from services.runtime.observability import tracing
from services.runtime.observability.logs import request_id
from services.runtime.observability.metrics import Metrics
from services.runtime.security.access import Access, address
from services.runtime.security.limits import charge
from services.runtime.security.refusals import CallerRefused
from services.runtime.serving.errors import AioContext, Code, Problem, abort, problem
from services.runtime.serving.messages import Messages, Room, parser, readable
from stamp2vec.turns import owner

log = logging.getLogger(__name__)

REQUEST_ID_KEY = "x-request-id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")  # what callers send ends up in our logs


def accepted_request_id(given: str | bytes) -> str:
    """The request id that a caller gave, where it may stand in logs, else a new one."""
    return given if isinstance(given, str) and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


@contextmanager
def calling(method: str) -> Iterator[tuple[tuple[str, str], ...]]:
    """Around a call to "package.Service/Method": the metadata with which it stays part of the current request."""
    with tracing.calling(method) as headers:
        yield ((REQUEST_ID_KEY, request_id.get()), *headers.items())


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Wraps unary and streaming calls alike; leaves health and reflection alone."""

    def __init__(self, metrics: Metrics, messages: Messages | None = None, access: Access | None = None) -> None:
        """`messages` bounds what requests and responses take; without it gRPC takes what comes.

        `access` decides who may call; without it everybody may who can connect.
        """
        self._metrics, self._messages, self._access = metrics, messages, access
        self._calls = 0
        self._no_calls = asyncio.Event()
        self._no_calls.set()
        self.not_serving: str | None = None
        """While set, every call is refused with this text."""

    async def drained(self) -> None:
        """Returns when no call is being answered."""
        await self._no_calls.wait()

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """Wraps the handler that answers this method."""
        handler: Any = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith("/grpc."):
            return handler  # type: ignore[no-any-return]
        metadata = dict(handler_call_details.invocation_metadata or ())
        given = accepted_request_id(metadata.get(REQUEST_ID_KEY, ""))

        async def answer_once(request: Any, context: AioContext) -> Any:
            async with self._call(method, given, metadata, context):
                return await handler.unary_unary(readable(request), context)

        async def answer_in_room(messages: Messages, requests: Any, context: AioContext) -> Any:
            async with self._call(method, given, metadata, context):
                async with messages.room(
                    method
                ) as room:  # without a name for the request: whoever answers may let go of it
                    request = room.request(context, handler.request_deserializer)
                    response = await handler.unary_unary(await _charged(request, room), context)
                messages.respond(response, context)
                return response

        async def answer_many(requests: Any, context: AioContext) -> AsyncIterator[Any]:
            async with (
                self._call(method, given, metadata, context),
                aclosing(handler.stream_stream(_readable(requests), context)) as responses,
            ):
                async for response in responses:
                    yield response

        if handler.unary_unary and self._messages is not None:
            answer = partial(answer_in_room, self._messages)
            return grpc.stream_unary_rpc_method_handler(answer, None, handler.response_serializer)
        parse = handler.request_deserializer and parser(handler.request_deserializer)
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(answer_once, parse, handler.response_serializer)
        return grpc.stream_stream_rpc_method_handler(answer_many, parse, handler.response_serializer)

    @asynccontextmanager
    async def _call(
        self, method: str, request: str, metadata: Mapping[str, str | bytes], context: AioContext
    ) -> AsyncIterator[None]:
        request_id.set(request)
        span = tracing.begin_call(method.removeprefix("/"), metadata, request)
        context.set_trailing_metadata(((REQUEST_ID_KEY, request),))
        # A stream whose caller has gone may be ended when gRPC has freed its call: to ask for either then is a crash.
        peer, remaining_s = context.peer(), context.time_remaining()
        owner.set(address(peer))
        started = time.perf_counter()
        self._calls += 1
        self._no_calls.clear()
        self._metrics.requests_in_flight.inc()
        status = Problem(Code.OK, "")
        try:
            if self.not_serving:
                raise NotServing(self.not_serving)
            with self._access.admit(method, metadata, peer) if self._access else nullcontext():
                yield
        except (asyncio.CancelledError, GeneratorExit):  # the latter ends a stream that nobody reads any more
            is_late = remaining_s is not None and time.perf_counter() - started >= remaining_s
            status = problem(TimeoutError() if is_late else asyncio.CancelledError())
            raise
        except Exception as error:
            if isinstance(error, CallerRefused):
                self._metrics.refused_calls.labels(error.reason.value).inc()
            status = problem(error)
            await abort(context, status)
        finally:
            seconds = time.perf_counter() - started
            self._calls -= 1
            if not self._calls:
                self._no_calls.set()
            self._metrics.requests_in_flight.dec()
            self._metrics.request_seconds.labels(method, status.code.name).observe(seconds)
            fields = {"method": method, "code": status.code.name, "seconds": round(seconds, 6), "peer": peer}
            log.info("call", extra={"fields": fields | ({"error": status.message} if status.message else {})})
            tracing.end_call(span, status.code)


async def _charged(request: Awaitable[Any], room: Room) -> Any:
    message = await request
    charge(size=room.size)
    return message


async def _readable(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        message = readable(request)
        charge(size=len(message) if isinstance(message, bytes) else message.ByteSize())
        yield message
