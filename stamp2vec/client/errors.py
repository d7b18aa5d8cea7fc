"""From the errors of gRPC to those of the library."""

import re

import grpc

from stamp2vec.errors import InvalidImage, InvalidInput, ModelNotFound, Stamp2vecError
from stamp2vec.wire.errors import details_from_error, service_error, trailing_metadata

_IMAGE_FIELD = re.compile(r"images\[(\d+)\]")


def call_error(error: grpc.RpcError, address: str) -> Stamp2vecError:
    """The error of a whole call to the gateway at this address."""
    code, message = error.code(), error.details() or "it gave no reason"
    details = details_from_error(error)
    match code:
        case grpc.StatusCode.INVALID_ARGUMENT:
            violations = details.violations if details else ()
            return InvalidInput(message, violations[0].field if violations else "")
        case grpc.StatusCode.NOT_FOUND:
            return ModelNotFound(message)
        case grpc.StatusCode.UNAVAILABLE if details is None:  # gRPC itself failed, not the gateway
            message = f"no gateway answers at {address} ({message}): check the address, or start the gateway"
        case grpc.StatusCode.UNIMPLEMENTED:
            message = f"what answers at {address} is no gateway of stamp2vec ({message}): check the address"
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            message = f"{address} took too long ({message}): try later, or allow the call more time"
    request_id = trailing_metadata(error).get("x-request-id", "")
    return service_error(code, message, details.retry_after_s if details else None, request_id)


def errors_by_image(error: grpc.RpcError) -> dict[int, InvalidImage]:
    """The error of each image of a failed call, by index; empty when the call failed for another reason."""
    found = {}
    details = details_from_error(error)
    for violation in details.violations if details else ():
        if match := _IMAGE_FIELD.match(violation.field):
            found[int(match[1])] = InvalidImage(violation.description, violation.field)
    return found
