"""The one table from errors to gRPC codes, and the two ways to send one: as a call's status, as an item's status."""

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from services.runtime.logs import request_id
from services.runtime.refusals import DeadlinePassed, HopelessDeadline, NotServing, PoisonItem, QueueFull
from stamp2vec.errors import InvalidInput, ModelNotFound
from stamp2vec.v1 import common_pb2

log = logging.getLogger(__name__)

Code = grpc.StatusCode
AioContext = grpc.aio.ServicerContext[Any, Any]

_METADATA_BYTES = 7800  # clients take 8192; a larger error would reach them as RESOURCE_EXHAUSTED, without its text
_MESSAGE_CHARS = 1000


@dataclass(frozen=True, slots=True)
class Violation:
    """A field at fault, for example `images[2].encoded`, and what is wrong with it."""

    field: str
    description: str


class InvalidCall(InvalidInput):
    """Several fields of a call are at fault."""

    def __init__(self, errors: Sequence[InvalidInput]) -> None:
        super().__init__("; ".join(dict.fromkeys(map(str, errors))), errors[0].field)
        self.violations = tuple(Violation(error.field, str(error)) for error in errors)


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as its caller sees it."""

    code: grpc.StatusCode
    message: str
    violations: tuple[Violation, ...] = ()
    retry_after_s: float | None = None


def problem(error: BaseException) -> Problem:
    """THE table. What it does not name is a bug: logged with its trace, shown without."""
    match error:
        case InvalidCall():
            return Problem(Code.INVALID_ARGUMENT, str(error), error.violations)
        case InvalidInput():
            return Problem(Code.INVALID_ARGUMENT, str(error), (Violation(error.field, str(error)),))
        case ModelNotFound():
            return Problem(Code.NOT_FOUND, str(error))
        case QueueFull() | HopelessDeadline():
            return Problem(Code.RESOURCE_EXHAUSTED, str(error), retry_after_s=_spread(error.retry_after_s))
        case NotServing():
            return Problem(Code.UNAVAILABLE, str(error))
        case DeadlinePassed():
            return Problem(Code.DEADLINE_EXCEEDED, str(error))
        case TimeoutError():
            return Problem(Code.DEADLINE_EXCEEDED, "the deadline passed: send the call again with a longer one")
        case asyncio.CancelledError():
            return Problem(Code.CANCELLED, "the caller has gone")
        case PoisonItem():
            log.error("a model failed on an item", extra={"fields": {"reason": error.reason}})
            return Problem(Code.INTERNAL, f"{error} {request_id.get()}")
        case grpc.aio.AioRpcError():
            return _upstream(error)
    log.error("internal error", exc_info=error)
    return _bug()


def _bug() -> Problem:
    return Problem(Code.INTERNAL, f"internal error: report it with the request id {request_id.get()}")


def _spread(retry_after_s: float) -> float:
    """Up to half as long again: those who are refused together must not all come back together."""
    return retry_after_s * random.uniform(1.0, 1.5)


_PASSED_ON = {
    Code.INVALID_ARGUMENT,
    Code.NOT_FOUND,
    Code.RESOURCE_EXHAUSTED,
    Code.UNAVAILABLE,
    Code.DEADLINE_EXCEEDED,
}


def _upstream(error: grpc.aio.AioRpcError) -> Problem:
    """What another service of ours answered; its bugs and what we cannot place are ours to the caller."""
    fields = {"code": error.code().name, "details": error.details()}
    status = _rich_status(error)
    if status is None:  # gRPC speaks, not the service
        match error.code():
            case Code.UNAVAILABLE | Code.CANCELLED:  # it went in the middle of the call; our caller did not
                log.warning("an upstream is down", extra={"fields": fields})
                return Problem(Code.UNAVAILABLE, "a service behind this one is not reachable: send the call again")
            case Code.DEADLINE_EXCEEDED:
                return problem(TimeoutError())
    if error.code() not in _PASSED_ON:
        log.error("an upstream failed", extra={"fields": fields})
        return _bug()
    violations: list[Violation] = []
    retry_after_s = None
    for detail in status.details if status else ():
        bad_request, retry = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(bad_request):
            violations += (Violation(each.field, each.description) for each in bad_request.field_violations)
        elif detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToTimedelta().total_seconds()
    return Problem(error.code(), error.details() or "", tuple(violations), retry_after_s)


def _rich_status(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return status_pb2.Status.FromString(value if isinstance(value, bytes) else value.encode())
    return None


def item_status(error: BaseException | None, field: str = "") -> common_pb2.ItemStatus:
    """How one item of a call went; `None` is well."""
    if error is None:
        return common_pb2.ItemStatus()
    said = problem(error)
    at_fault = said.violations[0].field if said.violations else field
    return common_pb2.ItemStatus(code=said.code.value[0], message=said.message, field=at_fault)


async def abort(context: AioContext, said: Problem) -> NoReturn:
    """Ends the call with a google.rpc.Status in its trailing metadata, which names as many fields as go into it."""
    said = _shortened(said)
    details = []
    trailing: list[tuple[str, str | bytes]] = [("x-request-id", request_id.get())]
    if said.violations:
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=each.field, description=each.description)
            for each in said.violations
        ]
        details.append(_packed(error_details_pb2.BadRequest(field_violations=violations)))
    if said.retry_after_s is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(ceil(said.retry_after_s * 1000))
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
        trailing.append(("grpc-retry-pushback-ms", str(ceil(said.retry_after_s * 1000))))
    details.append(_packed(error_details_pb2.RequestInfo(request_id=request_id.get())))
    status = status_pb2.Status(code=said.code.value[0], message=said.message, details=details)
    trailing.append(("grpc-status-details-bin", status.SerializeToString()))
    await context.abort(said.code, said.message, tuple(trailing))


def _shortened(said: Problem) -> Problem:
    message = said.message if len(said.message) <= _MESSAGE_CHARS else f"{said.message[:_MESSAGE_CHARS]}..."
    room = _METADATA_BYTES - 3 * len(message)  # it is sent as text, and in the base64 of the status
    violations = []
    for each in said.violations:
        room -= (len(each.field) + len(each.description) + 8) * 4 // 3
        if room < 0:
            break
        violations.append(each)
    return replace(said, message=message, violations=tuple(violations))


def _packed(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
