"""From the errors of gRPC to those of the library."""

import re

import grpc

from stamp2vec.errors import InvalidCall, InvalidImage, InvalidInput, ModelNotFound, ServiceError, Stamp2vecError
from stamp2vec.limits import MAX_MESSAGE_BYTES
from stamp2vec.wire.errors import ErrorDetails, details_from_error, service_error, trailing_metadata

_IMAGE_FIELD = re.compile(r"images\[(\d+)\]")
_MESSAGE_MIB = MAX_MESSAGE_BYTES // 2**20


def call_error(error: grpc.RpcError, address: str) -> Stamp2vecError:
    """The error of a whole call to the gateway at this address."""
    code, message = error.code(), error.details() or "no reason was given"
    details = details_from_error(error)
    if details is None:  # gRPC itself failed, or something between that is no gateway
        return _transport_error(code, message, address, _request_id(error))
    match code:
        case grpc.StatusCode.INVALID_ARGUMENT:
            return _invalid(message, details)
        case grpc.StatusCode.NOT_FOUND:
            return ModelNotFound(message)
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            message = _late(address, message)
    return service_error(code, message, details.retry_after_s, _request_id(error))


def errors_by_image(error: grpc.RpcError) -> dict[int, InvalidImage]:
    """The error of each image of a failed call, by index; empty when the call failed for another reason."""
    found = {}
    details = details_from_error(error)
    for violation in details.violations if details else ():
        if match := _IMAGE_FIELD.match(violation.field):
            found[int(match[1])] = InvalidImage(violation.description, violation.field)
    return found


def _invalid(message: str, details: ErrorDetails) -> InvalidInput:
    match details.violations:
        case []:
            return InvalidInput(message)
        case [violation]:
            return InvalidInput(message, violation.field)
    return InvalidCall([InvalidInput(each.description, each.field) for each in details.violations])


def _transport_error(code: grpc.StatusCode, message: str, address: str, request_id: str) -> Stamp2vecError:
    """An error without the details that every error of a gateway has."""
    match code:
        case grpc.StatusCode.INVALID_ARGUMENT:
            return InvalidInput(message)
        case grpc.StatusCode.NOT_FOUND:
            return ModelNotFound(message)
        case grpc.StatusCode.RESOURCE_EXHAUSTED if "larger than max" in message:  # not Overloaded: a retry fails again
            text = f"the request or the response has more than {_MESSAGE_MIB} MiB ({message}): send less in one call"
            return ServiceError(text, code, None, request_id)
        case grpc.StatusCode.UNAVAILABLE if "CERTIFICATE_VERIFY_FAILED" in message or "Hostname Verif" in message:
            message = (
                f"the certificate of {address} cannot be verified ({message}): use the certificate of the authority "
                "that issued it, and the host name that it is issued for"
            )
        case grpc.StatusCode.UNAVAILABLE if "WRONG_VERSION_NUMBER" in message:
            message = f"{address} does not speak TLS ({message}): call it without, or check the address"
        case grpc.StatusCode.UNAVAILABLE if "last error" in message and "Socket closed" in message:
            message = (
                f"{address} closes connections ({message}): check the address, and whether the gateway requires TLS, "
                "or a certificate of its clients"
            )
        case grpc.StatusCode.UNAVAILABLE:
            message = f"no gateway answers at {address} ({message}): check the address, or start the gateway"
        case grpc.StatusCode.UNIMPLEMENTED:
            message = (
                f"{address} is no gateway of stamp2vec, or one that is too old for this call ({message}): "
                "check the address"
            )
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            message = _late(address, message)
    return service_error(code, message, None, request_id)


def _late(address: str, message: str) -> str:
    return f"{address} took too long ({message}): try later, or allow the call more time"


def _request_id(error: grpc.RpcError) -> str:
    return str(trailing_metadata(error).get("x-request-id", ""))
