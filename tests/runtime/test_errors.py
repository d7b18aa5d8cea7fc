"""The table from errors to codes, as a client sees it over a real server."""

import json
import random
import time
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from google.rpc import (  # type: ignore[import-untyped]
    error_details_pb2,
    status_pb2,
)

from services.runtime.batching.refusals import DeadlinePassed, HopelessDeadline, NotServing, PoisonItem, QueueFull
from services.runtime.serving.errors import item_status, problem
from services.runtime.serving.server import Ports, running
from services.runtime.serving.settings import ServerSettings
from stamp2vec.errors import (
    IncompatibleVectors,
    InvalidCall,
    InvalidImage,
    InvalidInput,
    MissingExtra,
    ModelNotFound,
    WeightsError,
)
from stamp2vec.v1 import common_pb2
from tests.runtime.one_method_app import OneMethod, aio_method, aio_stream, raising

Code = grpc.StatusCode


@pytest_asyncio.fixture
async def app() -> OneMethod:
    return OneMethod()


@pytest_asyncio.fixture
async def ports(app: OneMethod) -> AsyncIterator[Ports]:
    async with running(app, ServerSettings()) as ports:
        yield ports


@pytest_asyncio.fixture
async def channel(ports: Ports) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel:
        yield channel


async def refusal_of(channel: grpc.aio.Channel, **options: object) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await aio_method(channel)(b"", **options)  # type: ignore[arg-type]
    return refusal.value


def details(error: grpc.aio.AioRpcError) -> list[object]:
    trailing = dict(error.trailing_metadata() or ())
    found: list[object] = []
    for detail in status_pb2.Status.FromString(trailing["grpc-status-details-bin"]).details:
        kinds = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo(), error_details_pb2.RequestInfo()
        found += [kind for kind in kinds if detail.Unpack(kind)]
    return found


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InvalidImage("not an image: send a JPEG", "images[2].encoded"), Code.INVALID_ARGUMENT, "send a JPEG"),
        (InvalidInput("too many", "images"), Code.INVALID_ARGUMENT, "too many"),
        (IncompatibleVectors("two models", "b.vector"), Code.INVALID_ARGUMENT, "two models"),
        (InvalidCall([InvalidImage("one", "a"), InvalidImage("two", "b")]), Code.INVALID_ARGUMENT, "one; two"),
        (ModelNotFound("no model x: ask for y"), Code.NOT_FOUND, "ask for y"),
        (MissingExtra("a part", "erase", ImportError("none")), Code.FAILED_PRECONDITION, "needs the extra"),
        (QueueFull(1.5), Code.RESOURCE_EXHAUSTED, "again in about 1.50 s"),
        (HopelessDeadline(2.0, 1.0), Code.RESOURCE_EXHAUSTED, "again in about 2.00 s"),
        (NotServing("going down"), Code.UNAVAILABLE, "going down"),
        (DeadlinePassed(), Code.DEADLINE_EXCEEDED, "longer one"),
        (TimeoutError(), Code.DEADLINE_EXCEEDED, "longer one"),
        (PoisonItem("shape mismatch in layer 3"), Code.INTERNAL, "with the request id the-id"),
        (WeightsError("/secret/path"), Code.INTERNAL, "request id the-id"),
        (ZeroDivisionError("secret"), Code.INTERNAL, "request id the-id"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_the_table(app: OneMethod, channel: grpc.aio.Channel, error: Exception, code: Code, message: str) -> None:
    app.behaviour = raising(error)
    refusal = await refusal_of(channel, metadata=(("x-request-id", "the-id"),))
    assert refusal.code() is code
    text = refusal.details() or ""
    assert message in text
    assert "secret" not in text
    assert "layer 3" not in text
    assert error_details_pb2.RequestInfo(request_id="the-id") in details(refusal)


async def test_fields_at_fault_are_named(app: OneMethod, channel: grpc.aio.Channel) -> None:
    app.behaviour = raising(InvalidCall([InvalidImage("one", "images[0]"), InvalidImage("two", "images[3].raw")]))
    (bad_request, _) = details(await refusal_of(channel))
    assert isinstance(bad_request, error_details_pb2.BadRequest)
    named = [(violation.field, violation.description) for violation in bad_request.field_violations]
    assert named == [("images[0]", "one"), ("images[3].raw", "two")]


@pytest.mark.parametrize(
    ("text", "least_named"),
    [("not an image: send a JPEG, PNG, TIFF, WebP or BMP file", 64), ("{0} " + 40 * "too many pixels ", 5)],
    ids=["one short reason", "many long reasons"],
)
async def test_an_error_with_many_fields_reaches_the_caller(
    app: OneMethod, channel: grpc.aio.Channel, text: str, least_named: int
) -> None:
    app.behaviour = raising(InvalidCall([InvalidImage(text.format(i), f"images[{i}].encoded") for i in range(64)]))
    for _ in range(10):  # gRPC refuses metadata between its two limits at random
        refusal = await refusal_of(channel)
        assert refusal.code() is Code.INVALID_ARGUMENT
        assert (refusal.details() or "").startswith(text.format(0)[:60])
        (bad_request, _) = details(refusal)
        assert isinstance(bad_request, error_details_pb2.BadRequest)
        named = [violation.field for violation in bad_request.field_violations]
        assert len(named) >= least_named
        assert named == [f"images[{index}].encoded" for index in range(len(named))]


async def test_an_overloaded_server_sends_a_retry_delay(app: OneMethod, channel: grpc.aio.Channel) -> None:
    app.behaviour = raising(QueueFull(1.2345))
    refusal = await refusal_of(channel)
    (retry, _) = details(refusal)
    assert isinstance(retry, error_details_pb2.RetryInfo)
    delay_ms = retry.retry_delay.ToMilliseconds()
    assert 1235 <= delay_ms <= 1852
    assert dict(refusal.trailing_metadata() or ())["grpc-retry-pushback-ms"] == str(delay_ms)


async def test_a_client_with_a_retry_policy_obeys_the_pushback(app: OneMethod, ports: Ports) -> None:
    """Its own backoff is a minute; gRPC clients obey `grpc-retry-pushback-ms`, and none obeys RetryInfo."""
    policy = {
        "maxAttempts": 2,
        "initialBackoff": "60s",
        "maxBackoff": "60s",
        "backoffMultiplier": 1,
        "retryableStatusCodes": ["RESOURCE_EXHAUSTED"],
    }
    config = json.dumps({"methodConfig": [{"name": [{"service": OneMethod.service_name}], "retryPolicy": policy}]})
    attempts_s: list[float] = []

    def refuse_once() -> None:
        attempts_s.append(time.monotonic())
        if len(attempts_s) == 1:
            raise QueueFull(0.5)

    app.behaviour = refuse_once
    options = [("grpc.service_config", config)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}", options) as channel:
        await aio_method(channel)(b"", timeout=20)
    assert attempts_s[1] - attempts_s[0] >= 0.5


def test_retry_delays_have_jitter() -> None:
    for error in (QueueFull(2.0), HopelessDeadline(2.0, 1.0)):
        random.seed(7)
        delays = [problem(error).retry_after_s or 0 for _ in range(1000)]
        assert 2.0 <= min(delays) < 2.01
        assert 2.99 < max(delays) <= 3.0
        shares = [sum(2 + tenth / 10 <= delay < 2.1 + tenth / 10 for delay in delays) for tenth in range(10)]
        assert all(70 <= share <= 130 for share in shares)


async def test_an_upstream_s_status_is_passed_on_with_its_details(app: OneMethod, channel: grpc.aio.Channel) -> None:
    errors = (QueueFull(1.0), InvalidImage("bad", "images[0]"), NotServing("no"), ModelNotFound("none"))
    for error in errors:
        app.behaviour = raising(error)
        upstream = await refusal_of(channel)
        app.behaviour = raising(upstream)
        passed_on = await refusal_of(channel)
        assert (passed_on.code(), passed_on.details()) == (upstream.code(), upstream.details())
        assert details(passed_on)[:-1] == details(upstream)[:-1]


async def test_an_upstream_s_bug_is_internal(app: OneMethod, channel: grpc.aio.Channel) -> None:
    app.behaviour = raising(
        grpc.aio.AioRpcError(Code.UNIMPLEMENTED, grpc.aio.Metadata(), grpc.aio.Metadata(), "secret")
    )
    refusal = await refusal_of(channel)
    assert refusal.code() is Code.INTERNAL
    assert "secret" not in (refusal.details() or "")


async def test_an_upstream_that_cannot_be_reached_is_unavailable(app: OneMethod, channel: grpc.aio.Channel) -> None:
    async def call_unreachable() -> None:
        async with grpc.aio.insecure_channel("127.0.0.1:1") as unreachable:
            await aio_method(unreachable)(b"")

    app.behaviour = call_unreachable
    refusal = await refusal_of(channel)
    assert refusal.code() is Code.UNAVAILABLE
    assert refusal.details() == "a service behind this one is not reachable: send the call again"


@pytest.mark.parametrize(
    ("code", "expected"), [(Code.CANCELLED, Code.UNAVAILABLE), (Code.DEADLINE_EXCEEDED, Code.DEADLINE_EXCEEDED)]
)
async def test_messages_of_grpc_itself_about_an_upstream_are_replaced(
    app: OneMethod, channel: grpc.aio.Channel, code: Code, expected: Code
) -> None:
    app.behaviour = raising(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "RST_STREAM"))
    refusal = await refusal_of(channel)
    assert refusal.code() is expected
    assert "send the call again" in (refusal.details() or "")
    assert "RST_STREAM" not in (refusal.details() or "")


async def test_an_error_in_a_stream_ends_it_with_its_code(app: OneMethod, channel: grpc.aio.Channel) -> None:
    stream = aio_stream(channel)()
    await stream.write(b"a")
    assert await stream.read() == b"a"
    app.behaviour = raising(ModelNotFound("gone"))
    await stream.write(b"b")
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stream.read()
    assert refusal.value.code() is Code.NOT_FOUND


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, common_pb2.ItemStatus()),
        (InvalidImage("bad", "images[1].raw"), common_pb2.ItemStatus(code=3, message="bad", field="images[1].raw")),
        (NotServing("no"), common_pb2.ItemStatus(code=14, message="no", field="images[9]")),
    ],
)
def test_an_item_s_status(error: Exception | None, expected: common_pb2.ItemStatus) -> None:
    assert item_status(error, "images[9]") == expected
