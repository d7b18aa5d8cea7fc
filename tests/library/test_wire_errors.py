"""Errors of calls and of their items on the wire."""

import grpc
import grpc.aio
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from stamp2vec.errors import (
    DeadlineExceeded,
    InvalidImage,
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
from stamp2vec.wire import errors

Code = grpc.StatusCode


@pytest.mark.parametrize(
    "error",
    [
        InvalidImage("no image: send one", "images[2].encoded"),
        ModelNotFound("no such model"),
        *(
            kind("text", code)
            for kind, code in (
                (Unavailable, Code.UNAVAILABLE),
                (Overloaded, Code.RESOURCE_EXHAUSTED),
                (DeadlineExceeded, Code.DEADLINE_EXCEEDED),
                (Unauthenticated, Code.UNAUTHENTICATED),
                (PermissionDenied, Code.PERMISSION_DENIED),
                (NotEnabled, Code.FAILED_PRECONDITION),
                (ServiceError, Code.INTERNAL),
            )
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_of_items(error: Stamp2vecError) -> None:
    found = errors.status_from_message(
        common_pb2.ItemStatus.FromString(errors.status_to_message(error).SerializeToString())
    )
    assert type(found) is type(error)
    assert str(found) == str(error)
    assert getattr(found, "field", "") == getattr(error, "field", "")
    assert errors.code_of(error) is errors.code_of(found)


def test_an_item_that_went_well_has_no_error() -> None:
    assert errors.status_from_message(common_pb2.ItemStatus()) is None


@pytest.mark.parametrize(
    "details",
    [
        errors.ErrorDetails(),
        errors.ErrorDetails((Violation("a", "one"), Violation("b[1]", "two")), 1.25, "request"),
    ],
)
def test_details_of_calls(details: errors.ErrorDetails) -> None:
    trailing = errors.details_to_metadata(Code.INVALID_ARGUMENT, "wrong", details)
    metadata = grpc.aio.Metadata(*trailing)
    error = grpc.aio.AioRpcError(Code.INVALID_ARGUMENT, grpc.aio.Metadata(), metadata, "wrong")
    assert errors.details_from_error(error) == details
    assert dict(trailing).get("grpc-retry-pushback-ms") == ("1250" if details.retry_after_s else None)


def test_a_call_that_grpc_itself_failed_has_no_details() -> None:
    error = grpc.aio.AioRpcError(Code.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), "refused")
    assert errors.details_from_error(error) is None


def _status(type_url: str, value: bytes) -> bytes:
    detail = any_pb2.Any(type_url=type_url, value=value)
    return bytes(status_pb2.Status(code=14, details=[detail]).SerializeToString())


@pytest.mark.parametrize(
    "data",
    [
        b"no message",
        _status("type.googleapis.com/google.rpc.RetryInfo", b"no message"),
        _status(
            "type.googleapis.com/google.rpc.RetryInfo",
            error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=2**60)).SerializeToString(),
        ),
    ],
)
def test_details_that_cannot_be_read_are_none(data: bytes) -> None:
    metadata = grpc.aio.Metadata(("grpc-status-details-bin", data))
    error = grpc.aio.AioRpcError(Code.UNAVAILABLE, grpc.aio.Metadata(), metadata, "refused")
    assert errors.details_from_error(error) is None
