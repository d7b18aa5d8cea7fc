"""Both clients over TLS and with a token, against a real server with a certificate of its own."""

import socket
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from stamp2vec.client import AsyncClient, Client
from stamp2vec.errors import InvalidInput, PermissionDenied, Unauthenticated, Unavailable
from stamp2vec.pipelines import DocumentPipeline
from tests.library.certificates import Certificate, certificate
from tests.library.conftest import page_image
from tests.library.standin import StandIn
from tests.library.test_document import png

TOKEN = "stk_0123.abc-XYZ"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("own"), "own")


@pytest.fixture
def server(bundle: Path, own: Certificate) -> Iterator[StandIn]:
    running = StandIn(DocumentPipeline.from_preset(), own.server())
    yield running
    running.close()


@pytest.fixture
def plain(bundle: Path) -> Iterator[StandIn]:
    running = StandIn(DocumentPipeline.from_preset())
    yield running
    running.close()


def test_the_token_goes_with_every_call_over_tls(server: StandIn, own: Certificate) -> None:
    with Client(server.address, credentials=own.client(), token=TOKEN) as client:
        assert len(client.models()) == 4
        assert [name for name, _ in client.analyze_many([("a", png(page_image(0)))])] == ["a"]
    assert server.authorization == [f"Bearer {TOKEN}"] * 2


async def test_the_async_client_sends_it_as_well(server: StandIn, own: Certificate) -> None:
    async with AsyncClient(server.address, credentials=own.client(), token=TOKEN) as client:
        assert len(await client.models()) == 4
        assert [name async for name, _ in client.analyze_many([("a", png(page_image(0)))])] == ["a"]
    assert server.authorization == [f"Bearer {TOKEN}"] * 2


def test_there_is_no_token_unless_one_is_given(server: StandIn, own: Certificate) -> None:
    with Client(server.address, credentials=own.client()) as client:
        client.models()
    assert server.authorization == [None]


async def test_a_certificate_of_another_authority_is_refused(server: StandIn, tmp_path: Path) -> None:
    other = certificate(tmp_path, "other").client()
    unverified = pytest.raises(Unavailable, match=f"the certificate of {server.address} cannot be verified")
    with Client(server.address, credentials=other, token=TOKEN) as client, unverified:
        client.models()
    async with AsyncClient(server.address, credentials=other, token=TOKEN) as client_async:
        with pytest.raises(Unavailable, match="cannot be verified"):
            await client_async.models()
    assert not server.authorization


def test_a_certificate_for_another_host_is_refused(bundle: Path, tmp_path: Path) -> None:
    elsewhere = certificate(tmp_path, "elsewhere", "DNS:elsewhere.example")
    server = StandIn(DocumentPipeline.from_preset(), elsewhere.server())
    unverified = pytest.raises(Unavailable, match="cannot be verified")
    with Client(server.address, credentials=elsewhere.client(), token=TOKEN) as client, unverified:
        client.models()
    server.close()
    assert not server.authorization


def test_a_server_without_tls_never_gets_the_token(plain: StandIn, own: Certificate) -> None:
    no_tls = pytest.raises(Unavailable, match="does not speak TLS")
    with Client(plain.address, credentials=own.client(), token=TOKEN) as client, no_tls:
        client.models()
    assert not plain.authorization


def test_a_client_without_tls_is_pointed_to_it(server: StandIn) -> None:
    with Client(server.address) as client, pytest.raises(Unavailable, match="whether the gateway requires TLS"):
        client.models()


@pytest.mark.parametrize(
    "address",
    [
        "gateway:50050",
        "gateway.example",
        "10.0.0.1:50050",
        "127.example:50050",
        "localhost.example:50050",
        "[2001:db8::1]:50050",
        "localhost:50050,gateway:50050",
        "ipv4:127.0.0.1:50050,10.0.0.1:50050",
        "dns:///gateway:50050",
        "dns://10.0.0.1/localhost:50050",
        "xds:///localhost:50050",
        "",
    ],
)
def test_a_token_goes_to_another_machine_over_tls_only(address: str) -> None:
    with pytest.raises(InvalidInput, match="must not travel to") as caught:
        Client(address, token=TOKEN)
    assert caught.value.field == "token"
    with Client(address or "gateway", token=TOKEN, credentials=grpc.ssl_channel_credentials()):
        pass


@pytest.mark.parametrize(
    "address",
    [
        "localhost:50050",
        "127.0.0.1:50050",
        "127.8.9.10",
        "[::1]:50050",
        "dns:localhost:50050",
        "dns:///localhost:50050",
        "ipv4:127.0.0.1:50050,127.0.0.2:50050",
        "ipv6:[::1]:50050",
        "unix:/run/gateway.sock",
        "unix:///run/gateway.sock",
    ],
)
def test_on_this_machine_it_needs_none(address: str) -> None:
    with Client(address, token=TOKEN):
        pass


async def test_a_token_without_tls_reaches_a_gateway_on_this_machine(plain: StandIn) -> None:
    with Client(plain.address, token=TOKEN) as client:
        client.models()
    async with AsyncClient(plain.address, token=TOKEN) as client_async:
        await client_async.models()
    assert plain.authorization == [f"Bearer {TOKEN}"] * 2


def test_no_proxy_comes_between_this_machine_and_itself(plain: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        for name in ("grpc_proxy", "https_proxy", "no_proxy", "no_grpc_proxy"):
            monkeypatch.delenv(name, raising=False)
        with Client(plain.address, token=TOKEN) as client:
            client.models()
    assert plain.authorization == [f"Bearer {TOKEN}"]


@pytest.mark.parametrize("token", ["", " ", "two words", "line\nbreak", "end\n", "tab\t", "naïve", "nul\0", "käse"])
async def test_what_cannot_be_a_token_is_refused_and_not_repeated(token: str) -> None:
    for kind in (Client, AsyncClient):
        with pytest.raises(InvalidInput, match="pass it as it was issued") as caught:
            kind("localhost:1", token=token)
        assert caught.value.field == "token"
        assert not token.strip() or token not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, Unauthenticated),
        (grpc.StatusCode.PERMISSION_DENIED, PermissionDenied),
    ],
)
def test_a_token_that_the_gateway_refuses(
    plain: StandIn, code: grpc.StatusCode, kind: type[Unauthenticated | PermissionDenied]
) -> None:
    plain.failures = [(code, None)] * 2
    with Client(plain.address, token=TOKEN) as client:
        with pytest.raises(kind) as caught:
            client.models()
        assert (caught.value.code, caught.value.request_id) == (code, "request-7")
        with pytest.raises(kind):
            list(client.analyze_many([("a", b"")]))
    assert len(plain.requests) == 2
