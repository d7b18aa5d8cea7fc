"""What happens around every call: its request id, trace, log line and metrics, and the bounds of how many there are."""

import asyncio
import logging
import time
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.observability import tracing
from services.runtime.observability.logs import request_id
from services.runtime.observability.metrics import Metrics
from services.runtime.serving.interceptor import REQUEST_ID_KEY, accepted_request_id
from services.web.bodies import Bodies
from services.web.problems import Refused, problem, response

log = logging.getLogger(__name__)

_HEALTH = ("/healthz", "/readyz")
_RETRY_S = 1.0
_GONE = 499  # the status that logs and metrics have for a caller that did not wait


class Calls:
    """ASGI middleware; leaves health alone, whose answers must come under any load."""

    def __init__(self, app: ASGIApp, metrics: Metrics, bodies: Bodies, capacity: int) -> None:
        self._app, self._metrics, self._bodies, self._capacity = app, metrics, bodies, capacity
        self._in_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http" or scope["path"] in _HEALTH:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id.set(accepted_request_id(headers.get(REQUEST_ID_KEY, "")))
        span = tracing.begin_http(scope["method"], scope["path"], headers, request_id.get())
        started_s = time.perf_counter()
        status = 0  # until the response begins

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_KEY] = request_id.get()
            await send(message)

        self._in_work += 1
        self._metrics.requests_in_flight.inc()
        try:
            with self._bodies.hold() as scope["hold"]:
                self._admit()
                await self._app(scope, receive, sending)
        except asyncio.CancelledError:
            status = _GONE
        except Exception as error:
            if status:  # too late to say so: the connection is cut, which no client takes for the end of an answer
                raise
            await response(problem(error))(scope, receive, sending)
        finally:
            self._in_work -= 1
            self._metrics.requests_in_flight.dec()
            route = getattr(scope.get("route"), "path", "unknown")  # not the path, of which there are any number
            name, seconds = f"{scope['method']} {route}", time.perf_counter() - started_s
            if route == "unknown":
                name = route
            self._metrics.request_seconds.labels(name, str(status or _GONE)).observe(seconds)
            fields = {"method": name, "code": status or _GONE, "seconds": round(seconds, 6)}
            log.info("call", extra={"fields": fields})
            tracing.end_http(span, name, status or _GONE)

    def _admit(self) -> None:
        if self._in_work > self._capacity:
            text = f"{self._capacity} calls are in work, as many as there may be: send it again in a second"
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, text, retry_after_s=_RETRY_S)
