"""Errors: as the status of one item of a call, and as the google.rpc.Status of a whole call (AIP-193)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from stamp2vec.errors import (
    DeadlineExceeded,
    InvalidImage,
    InvalidInput,
    ModelNotFound,
    NotEnabled,
    Overloaded,
    PermissionDenied,
    ServiceError,
    Stamp2vecError,
    Unauthenticated,
    Unavailable,
    Violation,
)
from stamp2vec.v1 import common_pb2

Code = grpc.StatusCode

_STATUS_KEY = "grpc-status-details-bin"
_CODES = {code.value[0]: code for code in Code}
_SERVICE_ERRORS: dict[grpc.StatusCode, type[ServiceError]] = {
    Code.UNAVAILABLE: Unavailable,
    Code.RESOURCE_EXHAUSTED: Overloaded,
    Code.DEADLINE_EXCEEDED: DeadlineExceeded,
    Code.UNAUTHENTICATED: Unauthenticated,
    Code.PERMISSION_DENIED: PermissionDenied,
    Code.FAILED_PRECONDITION: NotEnabled,
}


def code_of(error: Stamp2vecError) -> grpc.StatusCode:
    """The code that an error of the library has on the wire; UNKNOWN for one that should not get there."""
    match error:
        case InvalidInput():
            return Code.INVALID_ARGUMENT
        case ModelNotFound():
            return Code.NOT_FOUND
        case ServiceError():
            return error.code
    return Code.UNKNOWN


def service_error(
    code: grpc.StatusCode, message: str, retry_after_s: float | None = None, request_id: str = ""
) -> ServiceError:
    """The error of the class that goes with a code."""
    return _SERVICE_ERRORS.get(code, ServiceError)(message, code, retry_after_s, request_id)


def status_to_message(error: Stamp2vecError, field: str = "") -> common_pb2.ItemStatus:
    """The error of one item of a call; `field` is the item's, for errors that name none."""
    at_fault = error.field if isinstance(error, InvalidInput) else ""
    return common_pb2.ItemStatus(code=code_of(error).value[0], message=str(error), field=at_fault or field)


def warnings_to_message(warnings: Sequence[str]) -> common_pb2.ItemStatus | None:
    """The status of an item that went well, of which something may be missing; None where nothing is."""
    return common_pb2.ItemStatus(warnings=warnings) if warnings else None


def status_from_message(status: common_pb2.ItemStatus) -> Stamp2vecError | None:
    """The error of one item of a call; None when it went well."""
    match _CODES.get(status.code, Code.UNKNOWN):
        case Code.OK:
            return None
        case Code.INVALID_ARGUMENT:
            return InvalidImage(status.message, status.field)
        case Code.NOT_FOUND:
            return ModelNotFound(status.message)
        case code:
            return service_error(code, status.message)


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """What a failed call carries beside its code and message."""

    violations: tuple[Violation, ...] = ()
    retry_after_s: float | None = None
    request_id: str = ""


def details_to_metadata(
    code: grpc.StatusCode, message: str, details: ErrorDetails
) -> tuple[tuple[str, str | bytes], ...]:
    """The trailing metadata of a failed call: a google.rpc.Status, and the retry pushback of gRFC A6."""
    packed = []
    trailing: list[tuple[str, str | bytes]] = []
    if details.violations:
        packed.append(
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(field=each.field, description=each.description)
                    for each in details.violations
                ]
            )
        )
    if details.retry_after_s is not None:
        wait_ms = ceil(details.retry_after_s * 1000)
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(wait_ms)
        packed.append(error_details_pb2.RetryInfo(retry_delay=delay))
        trailing.append(("grpc-retry-pushback-ms", str(wait_ms)))
    if details.request_id:
        packed.append(error_details_pb2.RequestInfo(request_id=details.request_id))
    status = status_pb2.Status(code=code.value[0], message=message, details=list(map(_packed, packed)))
    return (*trailing, (_STATUS_KEY, status.SerializeToString()))


def details_from_error(error: grpc.RpcError) -> ErrorDetails | None:
    """What a failed call carries; None without a readable google.rpc.Status: then no service of ours made the error."""
    data = trailing_metadata(error).get(_STATUS_KEY)
    if data is None:
        return None
    try:
        return _details(status_pb2.Status.FromString(data))
    except (DecodeError, ValueError, OverflowError):  # of a proxy, or another server: the call's own error matters
        return None


def _details(status: Any) -> ErrorDetails:
    violations: Sequence[Violation] = ()
    retry_after_s, request_id = None, ""
    for each in status.details:
        bad_request, retry = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        request = error_details_pb2.RequestInfo()
        if each.Unpack(bad_request):
            violations = [Violation(one.field, one.description) for one in bad_request.field_violations]
        elif each.Unpack(retry):
            retry_after_s = retry.retry_delay.ToTimedelta().total_seconds()
        elif each.Unpack(request):
            request_id = request.request_id
    return ErrorDetails(tuple(violations), retry_after_s, request_id)


def trailing_metadata(error: grpc.RpcError) -> dict[str, Any]:
    """What came with the end of a failed call: bytes for keys that end in `-bin`, text for others."""
    pairs: Any = error.trailing_metadata() or ()
    return dict(tuple(pair) for pair in pairs)


def _packed(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
