"""Tokens over real connections: who is refused and why, what is told of it, and what happens when the file changes."""

import hashlib
import json
import logging
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

from services.runtime.observability.logs import JsonFormatter
from services.runtime.security.access import Access
from services.runtime.security.limits import CallerLimits, Limits
from services.runtime.security.reloading import InvalidFile, Reloading
from services.runtime.security.tokens import read_tokens
from services.runtime.serving.server import Ports, running
from services.runtime.serving.settings import ServerSettings
from tests.runtime.one_method_app import OneMethod, aio_method, aio_stream

Code = grpc.StatusCode
SCOPES = ("call", "read", "admin")


def line(name: str, token: str, scopes: str) -> str:
    return f"{name} {hashlib.sha256(token.encode()).hexdigest()} {scopes}\n"


ARCHIVE = line("archive", "token-of-archive", "call,read")
READER = line("reader", "token-of-reader", "read")
CHIEF = line("chief", "token-of-chief", "admin")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"# those of the tests\n\n{ARCHIVE}{READER}{CHIEF}")
    return path


@pytest.fixture
def app(file: Path) -> OneMethod:
    app = OneMethod()
    tokens = Reloading([file], lambda: read_tokens(file, SCOPES))
    app.who_may_call = Access(tokens, lambda method: "call", CallerLimits(Limits()))
    return app


@pytest_asyncio.fixture
async def ports(app: OneMethod) -> AsyncIterator[Ports]:
    async with running(app, ServerSettings()) as ports:
        yield ports


@pytest_asyncio.fixture
async def channel(ports: Ports) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel:
        yield channel


async def end_of(channel: grpc.aio.Channel, authorization: str | None) -> tuple[grpc.StatusCode, str]:
    """The code of a call, and its text; a stream with the same metadata ends likewise."""
    metadata = None if authorization is None else (("authorization", authorization),)
    call = aio_method(channel)(b"", metadata=metadata)
    stream = aio_stream(channel)(iter([b""]), metadata=metadata)
    code = await call.code()
    if code is Code.OK:
        assert [each async for each in stream] == [b""]
    assert await stream.code() is code
    return code, await call.details()


@pytest.mark.parametrize(
    ("authorization", "code", "text"),
    [
        (None, Code.UNAUTHENTICATED, "send `authorization: Bearer TOKEN` with each call"),
        ("", Code.UNAUTHENTICATED, "needs a token"),
        ("Bearer", Code.UNAUTHENTICATED, "needs a token"),
        ("token-of-archive", Code.UNAUTHENTICATED, "needs a token"),
        ("Basic token-of-archive", Code.UNAUTHENTICATED, "needs a token"),
        ("Bearer token of archive", Code.UNAUTHENTICATED, "needs a token"),
        ("Bearer token-of-nobody", Code.UNAUTHENTICATED, "is not known here"),
        (f"Bearer {hashlib.sha256(b'token-of-archive').hexdigest()}", Code.UNAUTHENTICATED, "is not known here"),
        ("Bearer token-of-reader", Code.PERMISSION_DENIED, "the token reader lacks the scope call"),
        ("Bearer token-of-archive", Code.OK, ""),
        ("bearer  token-of-archive", Code.OK, ""),
        ("Bearer token-of-chief", Code.OK, ""),
    ],
)
async def test_who_may_call(
    app: OneMethod, channel: grpc.aio.Channel, authorization: str | None, code: grpc.StatusCode, text: str
) -> None:
    found, details = await end_of(channel, authorization)
    assert found is code
    assert text in details
    assert app.started.is_set() == (code is Code.OK)


async def test_health_needs_no_token(channel: grpc.aio.Channel) -> None:
    response = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert response.status == health_pb2.HealthCheckResponse.SERVING


async def test_the_log_has_the_name_and_never_the_token(
    channel: grpc.aio.Channel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.handler.setFormatter(JsonFormatter())
    for token in ("token-of-archive", "token-of-reader", "token-of-nobody"):
        await end_of(channel, f"Bearer {token}")
    lines = [json.loads(each) for each in caplog.text.splitlines() if '"call"' in each]
    callers = {(each.get("caller"), each["code"]) for each in lines}
    assert callers == {("archive", "OK"), ("reader", "PERMISSION_DENIED"), (None, "UNAUTHENTICATED")}
    assert "token-of" not in caplog.text


async def test_refusals_are_counted_by_their_reason(ports: Ports, channel: grpc.aio.Channel) -> None:
    for authorization in (None, "Bearer token-of-nobody", "Bearer token-of-reader", "Bearer token-of-archive"):
        await end_of(channel, authorization)
    text = urllib.request.urlopen(f"http://127.0.0.1:{ports.metrics}/metrics").read().decode()
    counted = [each for each in text.splitlines() if each.startswith("stamp2vec_refused_calls_total")]
    assert sorted(counted) == [
        f'stamp2vec_refused_calls_total{{reason="{reason}"}} {count}'
        for reason, count in [
            ("bytes", 0.0),
            ("concurrency", 0.0),
            ("no_scope", 2.0),
            ("no_token", 2.0),
            ("pages", 0.0),
            ("rate", 0.0),
            ("wrong_token", 2.0),
        ]
    ]


async def test_a_changed_file_counts_at_once(file: Path, channel: grpc.aio.Channel) -> None:
    assert await end_of(channel, "Bearer token-of-archive") == (Code.OK, "")
    file.write_text(line("archive", "its-new-token", "call"))
    assert (await end_of(channel, "Bearer token-of-archive"))[0] is Code.UNAUTHENTICATED
    assert await end_of(channel, "Bearer its-new-token") == (Code.OK, "")


@pytest.mark.parametrize("new", ["", "nonsense\n", None], ids=["empty", "broken", "gone"])
async def test_a_file_that_cannot_be_used_leaves_the_tokens_as_they_were(
    file: Path, channel: grpc.aio.Channel, caplog: pytest.LogCaptureFixture, new: str | None
) -> None:
    if new is None:
        file.unlink()
    else:
        file.write_text(new)
    for _ in range(2):
        assert await end_of(channel, "Bearer token-of-archive") == (Code.OK, "")
        assert (await end_of(channel, "Bearer token-of-nobody"))[0] is Code.UNAUTHENTICATED
    (failed,) = [record for record in caplog.records if record.message == "reload_failed"]
    assert failed.levelno == logging.ERROR
    assert str(file) in failed.fields["reason"]  # type: ignore[attr-defined]


DIGEST = hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# nothing\n", "has no token"),
        (f"archive {DIGEST}\n", "line 1, has 2 parts: write NAME SHA256 SCOPE,SCOPE"),
        (f"\narchive {DIGEST} call, read\n", "line 2, has 4 parts"),
        (f"käse {DIGEST} call\n", "line 1, has no name"),
        ("archive token-in-clear call\n", "line 1, has no SHA-256 digest"),
        (f"archive {DIGEST.upper()} call\n", "line 1, has no SHA-256 digest"),
        (f"archive {DIGEST} call,write\n", "line 1, has an unknown scope: write some of call,read,admin"),
        (f"archive {DIGEST} call\nother {DIGEST} call\n", "line 2, repeats the token of another line"),
    ],
)
def test_a_wrong_file_is_a_clear_error_that_repeats_no_secret(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "tokens"
    path.write_text(text)
    with pytest.raises(InvalidFile, match=message) as caught:
        read_tokens(path, SCOPES)
    assert DIGEST not in str(caught.value)
    assert "token-in-clear" not in str(caught.value)


def test_two_tokens_may_have_one_name(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(line("archive", "old", "call") + line("archive", "new", "call,read"))
    tokens = read_tokens(path, SCOPES)
    assert tokens.caller({"authorization": "Bearer old"}).scopes == {"call"}
    assert tokens.caller({"authorization": "Bearer new"}).scopes == {"call", "read"}
