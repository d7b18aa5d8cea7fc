"""The app: routes, what is around them, and errors as problems."""

import grpc.aio
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

import stamp2vec
from services.runtime.observability.metrics import Metrics
from services.runtime.security.refusals import CallerRefused
from services.web import comparison, docs, documents, erasing, job_routes, original, pictures
from services.web.access import authenticate
from services.web.calls import Calls
from services.web.context import Context
from services.web.problems import Refused, on_error
from services.web.site import site
from stamp2vec.errors import Stamp2vecError

_DESCRIPTION = """Find ink stamps on documents, turn them into vectors, and tell whether two are from one die.

Errors are problems of RFC 9457 (`application/problem+json`). `X-Request-Id` names a call in all logs, the caller's own
or a new one; `X-Timeout-S` says how long it may take; `traceparent` (W3C) is passed on."""

_ERRORS: tuple[type[Exception], ...] = (
    CallerRefused,
    Refused,
    HTTPException,
    RequestValidationError,
    ValidationError,
    grpc.aio.AioRpcError,
    Stamp2vecError,
    TimeoutError,
)


_health = APIRouter(tags=["health"])


def make_app(context: Context, metrics: Metrics) -> FastAPI:
    """The ASGI app of a process."""
    shown = context.settings.docs == "on"
    app = FastAPI(
        title="Stamp2vec",
        description=_DESCRIPTION,
        version=stamp2vec.__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if shown else None,
        exception_handlers=dict.fromkeys(_ERRORS, on_error),
    )
    app.state.context = context
    for part in (documents, erasing, pictures, comparison, job_routes, original):
        app.include_router(part.routes, dependencies=[Depends(authenticate)])
    if shown:
        app.include_router(docs.routes)
    if context.settings.page == "on":
        app.include_router(site())
    app.include_router(_health)
    app.add_middleware(
        Calls,
        metrics=metrics,
        bodies=context.bodies,
        capacity=context.settings.capacity,
    )
    if context.settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=context.settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=["location", "retry-after", "x-request-id"],
        )
    return app


def make_health_app(context: Context) -> FastAPI:
    """The one of a port that has health and nothing else."""
    app = FastAPI(openapi_url=None, exception_handlers=dict.fromkeys(_ERRORS, on_error))
    app.state.context = context
    app.include_router(_health)
    return app


@_health.get("/healthz")
async def _healthz() -> dict[str, bool]:
    """Say that the process answers."""
    return {"live": True}


@_health.get("/readyz", responses={503: {"description": "No gateway answers, or this process is ending."}})
async def _readyz(request: Request) -> Response:
    """Say whether calls would be answered: a gateway can be reached, and the process is not ending."""
    context: Context = request.app.state.context
    is_ready = not context.draining.is_set() and await context.gateway.is_serving()
    return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)
