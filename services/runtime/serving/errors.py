"""The one table from errors to gRPC codes, and the two ways to send one: as a call's status, as an item's status."""

import asyncio
import logging
import random
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import grpc
import grpc.aio

from services.runtime.batching.refusals import DeadlinePassed, HopelessDeadline, NotServing, PoisonItem, QueueFull
from services.runtime.observability.logs import request_id
from services.runtime.security.refusals import LimitReached, NotAuthenticated, NotPermitted
from stamp2vec.errors import InvalidCall, InvalidInput, MissingExtra, ModelNotFound, ServiceError, Violation
from stamp2vec.v1 import common_pb2
from stamp2vec.wire.errors import ErrorDetails, code_of, details_from_error, details_to_metadata

log = logging.getLogger(__name__)

Code = grpc.StatusCode
AioContext = grpc.aio.ServicerContext[Any, Any]

_METADATA_BYTES = 7800  # clients take 8192; a larger error would reach them as RESOURCE_EXHAUSTED, without its text
_MESSAGE_CHARS = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as its caller sees it."""

    code: grpc.StatusCode
    message: str
    violations: tuple[Violation, ...] = ()
    retry_after_s: float | None = None


def problem(error: BaseException) -> Problem:
    """The table. What it does not name is a bug: it is logged with its trace, and shown without."""
    match error:
        case InvalidCall():
            return Problem(Code.INVALID_ARGUMENT, str(error), error.violations)
        case InvalidInput():
            return Problem(Code.INVALID_ARGUMENT, str(error), (Violation(error.field, str(error)),))
        case ServiceError(code=Code.INTERNAL):
            return problem(PoisonItem(str(error)))
        case MissingExtra():
            return Problem(Code.FAILED_PRECONDITION, str(error))
        case ModelNotFound() | ServiceError():
            return Problem(code_of(error), str(error))
        case NotAuthenticated():
            return Problem(Code.UNAUTHENTICATED, str(error))
        case NotPermitted():
            return Problem(Code.PERMISSION_DENIED, str(error))
        case QueueFull() | HopelessDeadline() | LimitReached():
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
            log.error("item_failed", extra={"fields": {"reason": error.reason}})
            return Problem(Code.INTERNAL, f"{error} {request_id.get()}")
        case grpc.aio.AioRpcError():
            return upstream_problem(error)
    log.error("internal_error", exc_info=error)
    return _bug()


def _bug() -> Problem:
    return Problem(Code.INTERNAL, f"internal error: report it with the request id {request_id.get()}")


def _spread(retry_after_s: float) -> float:
    """Up to half as long again: those who are refused together must not all come back together."""
    return retry_after_s * random.uniform(1.0, 1.5)


_PASSED_ON = {
    Code.FAILED_PRECONDITION,
    Code.INVALID_ARGUMENT,
    Code.NOT_FOUND,
    Code.RESOURCE_EXHAUSTED,
    Code.UNAVAILABLE,
    Code.DEADLINE_EXCEEDED,
}


def upstream_problem(error: grpc.aio.AioRpcError, also: Collection[grpc.StatusCode] = ()) -> Problem:
    """What another service of ours answered; its bugs and what we cannot place are ours to the caller.

    `also` are codes that are the caller's too.
    """
    fields = {"code": error.code().name, "details": error.details()}
    details = details_from_error(error)
    if details is None:  # gRPC itself failed, not the service
        match error.code():
            case Code.UNAVAILABLE | Code.CANCELLED:  # it went in the middle of the call; our caller did not
                log.warning("upstream_unreachable", extra={"fields": fields})
                return Problem(Code.UNAVAILABLE, "a service behind this one is not reachable: send the call again")
            case Code.DEADLINE_EXCEEDED:
                return problem(TimeoutError())
    if error.code() not in _PASSED_ON and error.code() not in also:
        log.error("upstream_failed", extra={"fields": fields})
        return _bug()
    details = details or ErrorDetails()
    return Problem(error.code(), error.details() or "", details.violations, details.retry_after_s)


def item_status(error: BaseException | None, field: str = "") -> common_pb2.ItemStatus:
    """The status of one item of a call; `None` is OK."""
    if error is None:
        return common_pb2.ItemStatus()
    found = problem(error)
    at_fault = found.violations[0].field if found.violations else field
    return common_pb2.ItemStatus(code=found.code.value[0], message=found.message, field=at_fault)


async def abort(context: AioContext, status: Problem) -> NoReturn:
    """Ends the call with a google.rpc.Status in its trailing metadata, which names as many fields as go into it."""
    status = _shortened(status)
    details = ErrorDetails(status.violations, status.retry_after_s, request_id.get())
    # `abort` replaces what `set_trailing_metadata` was given, so all of it goes here.
    trailing = (("x-request-id", request_id.get()), *details_to_metadata(status.code, status.message, details))
    await context.abort(status.code, status.message, trailing)


def _shortened(status: Problem) -> Problem:
    message = status.message if len(status.message) <= _MESSAGE_CHARS else f"{status.message[:_MESSAGE_CHARS]}..."
    room = _METADATA_BYTES - 3 * len(message)  # it is sent as text, and in the base64 of the status
    violations = []
    for each in status.violations:
        room -= (len(each.field) + len(each.description) + 8) * 4 // 3
        if room < 0:
            break
        violations.append(each)
    return replace(status, message=message, violations=tuple(violations))
