"""What handlers use: made when the process starts, and found by them in the app."""

import asyncio
import math
from collections.abc import Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, Request

from services.runtime.observability.metrics import Metrics
from services.runtime.security.reloading import Reloading
from services.runtime.security.tokens import Tokens
from services.web.bodies import Bodies
from services.web.gateway import Gateway
from services.web.jobs import Jobs
from services.web.problems import Refused
from services.web.settings import WebSettings
from stamp2vec.decoding import DecoderPool
from stamp2vec.errors import Violation

R = TypeVar("R")

TIMEOUT_HEADER = "x-timeout-s"
LONGEST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Context:
    """Of one process."""

    settings: WebSettings
    gateway: Gateway
    bodies: Bodies
    jobs: Jobs
    decoders: DecoderPool
    metrics: Metrics
    tokens: Reloading[Tokens] | None
    """None where the gateway alone checks them."""
    draining: asyncio.Event
    """Set when the process has been told to end."""

    def timeout_s(self, request: Request, default_s: float | None = None) -> float:
        """How long a call may take: what its X-Timeout-S says, else the default. Raises Refused."""
        text = request.headers.get(TIMEOUT_HEADER)
        if text is None:
            return self.settings.timeout_s if default_s is None else default_s
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds <= LONGEST_S:
            detail = f"the timeout is {text[:20]!r}: send seconds, above 0 and up to {LONGEST_S:.0f}"
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, detail, [Violation(TIMEOUT_HEADER, detail)])
        return seconds


def _context(request: Request) -> Context:
    return cast(Context, request.app.state.context)


Here = Annotated[Context, Depends(_context)]


async def while_connected(request: Request, work: Coroutine[Any, Any, R]) -> R:
    """The result of `work`, which is cancelled when the caller goes; its body has been read before."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise asyncio.CancelledError
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
