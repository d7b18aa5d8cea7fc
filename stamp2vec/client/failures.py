"""From gRPC's errors and the contract's item statuses to the library's exceptions."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from stamp2vec.errors import InvalidImage, InvalidInput, ModelNotFound, Stamp2vecError
from stamp2vec.v1 import common_pb2

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_IMAGE_FIELD = re.compile(r"images\[(\d+)\]")


class ServiceError(Stamp2vecError):
    """The gateway could not answer; `retry_after_s` is set when it said how long to wait before another try."""

    def __init__(
        self, message: str, code: grpc.StatusCode, retry_after_s: float | None = None, request_id: str = ""
    ) -> None:
        """`request_id` names the call in the logs of the services; empty when no service saw it."""
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s
        self.request_id = request_id


def item_error(status: common_pb2.ItemStatus) -> Stamp2vecError | None:
    """The error of one item of a call; None when it went well."""
    match _CODES.get(status.code, grpc.StatusCode.UNKNOWN):
        case grpc.StatusCode.OK:
            return None
        case grpc.StatusCode.INVALID_ARGUMENT:
            return InvalidImage(status.message, status.field)
        case grpc.StatusCode.NOT_FOUND:
            return ModelNotFound(status.message)
        case code:
            return ServiceError(status.message, code)


def call_error(error: grpc.RpcError, address: str) -> Stamp2vecError:
    """The error of a whole call to the gateway at this address."""
    code, message = error.code(), error.details() or "it gave no reason"
    match code:
        case grpc.StatusCode.INVALID_ARGUMENT:
            violations = _violations(error)
            return InvalidInput(message, violations[0].field if violations else "")
        case grpc.StatusCode.NOT_FOUND:
            return ModelNotFound(message)
        case grpc.StatusCode.UNAVAILABLE if _status(error) is None:  # The transport speaks, not the gateway.
            message = f"no gateway answers at {address} ({message}): check the address, or start the gateway"
        case grpc.StatusCode.UNIMPLEMENTED:
            message = f"what answers at {address} is no gateway of stamp2vec ({message}): check the address"
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            message = f"{address} took too long ({message}): try later, or allow the call more time"
    waits = [
        detail.retry_delay.ToTimedelta().total_seconds() for detail in _details(error, error_details_pb2.RetryInfo)
    ]
    request_id = _trailing(error).get("x-request-id", b"").decode()
    return ServiceError(message, code, waits[0] if waits else None, request_id)


def errors_by_image(error: grpc.RpcError) -> dict[int, InvalidImage]:
    """What a failed call says of each of its images, by index; empty when it failed for another reason."""
    found = {}
    for violation in _violations(error):
        if match := _IMAGE_FIELD.match(violation.field):
            found[int(match[1])] = InvalidImage(violation.description, violation.field)
    return found


def _violations(error: grpc.RpcError) -> list[Any]:
    return [
        violation for detail in _details(error, error_details_pb2.BadRequest) for violation in detail.field_violations
    ]


def _details(error: grpc.RpcError, kind: Callable[[], Any]) -> Iterator[Any]:
    """The details of one kind (https://google.aip.dev/193) that came with an error."""
    status = _status(error)
    for packed in status.details if status else ():
        detail = kind()
        if packed.Unpack(detail):
            yield detail


def _status(error: grpc.RpcError) -> Any:
    data = _trailing(error).get("grpc-status-details-bin")
    return None if data is None else status_pb2.Status.FromString(data)


def _trailing(error: grpc.RpcError) -> dict[str, bytes]:
    pairs = error.trailing_metadata() or ()
    return {pair.key: pair.value if isinstance(pair.value, bytes) else pair.value.encode() for pair in pairs}
