"""Errors as RFC 9457 problems: the table from the codes of gRPC to those of HTTP."""

import math
from collections.abc import Sequence
from http import HTTPStatus

import grpc
import grpc.aio
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.runtime.observability.logs import request_id
from services.runtime.serving import errors
from stamp2vec.errors import Violation

MEDIA_TYPE = "application/problem+json"
Code = grpc.StatusCode

_MOST_VIOLATIONS = 100  # that are named: a request may have as many unknown fields as go into its bytes
_CLIENT_CLOSED_REQUEST = 499  # nginx's; nobody is there to see it

# As in google/rpc/code.proto.
_STATUSES = {
    Code.CANCELLED: _CLIENT_CLOSED_REQUEST,
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}
# What the gateway says of a caller's own token, which has come with the call.
_OF_THE_TOKEN = (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)
# Of the errors that HTTP itself has, and no call to a gateway.
_CODES = {404: Code.NOT_FOUND, 405: Code.UNIMPLEMENTED, 429: Code.RESOURCE_EXHAUSTED, 503: Code.UNAVAILABLE}


class FieldViolation(BaseModel):
    """A field at fault."""

    field: str = Field(examples=["min_score"])
    description: str = Field(examples=["min_score is 7.0: send 0 to 1"])


class Problem(BaseModel):
    """What went wrong, and what to do next (RFC 9457)."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(default="about:blank", examples=["about:blank"])
    title: str = Field(description="The phrase of the status.", examples=["Bad Request"])
    status: int = Field(examples=[400])
    detail: str = Field(description="What is wrong: what to do next.", examples=["min_score is 7.0: send 0 to 1"])
    code: str = Field(description="The code that gRPC has for it.", examples=["INVALID_ARGUMENT"])
    request_id: str = Field(description="Names the call in the logs of every service.")
    violations: list[FieldViolation] = Field(default=[], description="The fields at fault.")
    retry_after_s: float | None = Field(default=None, description="How long to wait before another try; null: no use.")


class Refused(Exception):
    """A call that is not passed on; the gateway knows nothing of it."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        violations: Sequence[Violation] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.violations, self.retry_after_s = status, tuple(violations), retry_after_s


def problem(error: BaseException) -> Problem:
    """The problem of an error; one that nobody expects is logged with its trace, and shown without."""
    match error:
        case Refused():
            return _problem(error.status, str(error), error.violations, error.retry_after_s)
        case HTTPException():
            return _problem(error.status_code, f"{error.detail}: check the path and the method")
        case ValidationError() if error.error_count() > _MOST_VIOLATIONS:
            text = f"{error.error_count():,} values are at fault: send what /openapi.json describes"
            return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, text)
        case RequestValidationError() | ValidationError():
            found = [Violation(_path(each["loc"]), each["msg"]) for each in error.errors()]
            detail = "; ".join(f"{each.field}: {each.description}" for each in found)
            return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, found)
    match error:
        case grpc.aio.AioRpcError():
            known = errors.upstream_problem(error, _OF_THE_TOKEN)
        case _:
            known = errors.problem(error)
    status = _STATUSES.get(known.code, HTTPStatus.INTERNAL_SERVER_ERROR)
    return _problem(status, known.message, known.violations, known.retry_after_s, known.code)


def response(found: Problem, headers: dict[str, str] | None = None) -> Response:
    """The response that a problem is."""
    headers = dict(headers or {})
    if found.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"  # RFC 9110, section 15.5.2
    if found.retry_after_s is not None:
        headers["retry-after"] = str(math.ceil(found.retry_after_s))  # RFC 9110 knows whole seconds only
    return Response(found.model_dump_json(), found.status, headers, MEDIA_TYPE)


async def on_error(_: Request, error: Exception) -> Response:
    """A handler of exceptions of FastAPI."""
    headers = error.headers if isinstance(error, HTTPException) else None
    return response(problem(error), dict(headers or {}))


def _problem(
    status: int,
    detail: str,
    violations: Sequence[Violation] = (),
    retry_after_s: float | None = None,
    code: grpc.StatusCode | None = None,
) -> Problem:
    known = code or _CODES.get(status, Code.INVALID_ARGUMENT)
    return Problem(
        title="Client Closed Request" if status == _CLIENT_CLOSED_REQUEST else HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=known.name,
        request_id=request_id.get(),
        violations=[FieldViolation(field=each.field, description=each.description) for each in violations],
        retry_after_s=retry_after_s,
    )


def _path(location: Sequence[int | str]) -> str:
    """`documents[2].content` of ("documents", 2, "content")."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
