"""TLS of a server, over real connections: who gets in, and what happens when its files change or are wrong."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import grpc
import grpc.aio
import pytest

from services.runtime.security.reloading import InvalidFile
from services.runtime.serving.server import Ports, running
from services.runtime.serving.settings import ServerSettings
from tests.library.certificates import Certificate, certificate
from tests.runtime.one_method_app import OneMethod, aio_method

Code = grpc.StatusCode


@pytest.fixture
def own(tmp_path: Path) -> Certificate:
    """Of the server; it is its own authority."""
    return certificate(tmp_path, "own")


@pytest.fixture
def known(tmp_path: Path) -> Certificate:
    """Of a client that the server knows."""
    return certificate(tmp_path, "known")


@pytest.fixture
def stranger(tmp_path: Path) -> Certificate:
    return certificate(tmp_path, "stranger")


def settings(own: Certificate, **options: str) -> ServerSettings:
    return ServerSettings(tls_cert=str(own.path), tls_key=str(own.key), **options)  # type: ignore[arg-type]


def connect(ports: Ports, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
    address, options = f"127.0.0.1:{ports.grpc}", [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    if credentials is None:
        return grpc.aio.insecure_channel(address, options)
    return grpc.aio.secure_channel(address, credentials, options)


async def code(ports: Ports, credentials: grpc.ChannelCredentials | None) -> grpc.StatusCode:
    async with connect(ports, credentials) as channel:
        return await aio_method(channel)(b"", timeout=10).code()


async def test_only_clients_that_speak_tls_and_trust_its_authority_get_in(
    own: Certificate, stranger: Certificate
) -> None:
    app = OneMethod()
    async with running(app, settings(own)) as ports:
        assert await code(ports, own.client()) is Code.OK
        app.started.clear()
        assert await code(ports, None) is Code.UNAVAILABLE
        assert await code(ports, stranger.client()) is Code.UNAVAILABLE
        assert not app.started.is_set()


async def test_with_mutual_tls_only_clients_with_a_certificate_of_the_authority_get_in(
    own: Certificate, known: Certificate, stranger: Certificate
) -> None:
    app, admitted = OneMethod(), own.client(known)
    known.path.write_bytes("# Käufer, as bundles of authorities have it\n".encode() + known.pem)
    async with running(app, settings(own, tls_client_ca=str(known.path))) as ports:
        assert await code(ports, admitted) is Code.OK
        app.started.clear()
        for shown in (None, stranger):
            assert await code(ports, own.client(shown)) is Code.UNAVAILABLE
        assert not app.started.is_set()


async def test_a_new_certificate_counts_for_new_connections(own: Certificate, tmp_path: Path) -> None:
    before = own.client()
    async with running(OneMethod(), settings(own)) as ports, connect(ports, before) as channel:
        await aio_method(channel)(b"")
        renewed = certificate(tmp_path, "own")
        assert renewed.path == own.path
        assert await code(ports, renewed.client()) is Code.OK
        assert await code(ports, before) is Code.UNAVAILABLE
        assert await aio_method(channel)(b"")


async def test_a_secret_of_kubernetes_is_renewed_by_its_link(
    own: Certificate, stranger: Certificate, tmp_path: Path
) -> None:
    for version, each in (("1", own), ("2", stranger)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "tls.crt").write_bytes(each.pem)
        (tmp_path / version / "tls.key").write_bytes(each.key.read_bytes())
    link = tmp_path / "..data"
    link.symlink_to("1")
    mounted = Certificate(link / "tls.crt", link / "tls.key")
    async with running(OneMethod(), settings(mounted)) as ports:
        assert await code(ports, own.client()) is Code.OK
        (tmp_path / "new").symlink_to("2")
        os.replace(tmp_path / "new", link)
        assert await code(ports, stranger.client()) is Code.OK


async def test_a_new_authority_of_clients_counts_for_new_connections(
    own: Certificate, known: Certificate, stranger: Certificate
) -> None:
    async with running(OneMethod(), settings(own, tls_client_ca=str(known.path))) as ports:
        assert await code(ports, own.client(known)) is Code.OK
        shown = own.client(known)
        known.path.write_bytes(stranger.pem)
        assert await code(ports, own.client(stranger)) is Code.OK
        assert await code(ports, shown) is Code.UNAVAILABLE


@pytest.mark.parametrize("new", [b"", b"junk", None], ids=["empty", "junk", "gone"])
async def test_files_that_cannot_be_used_leave_the_last_ones_in_use(
    own: Certificate, caplog: pytest.LogCaptureFixture, new: bytes | None
) -> None:
    client = own.client()
    async with running(OneMethod(), settings(own)) as ports:
        if new is None:
            own.key.unlink()
        else:
            own.key.write_bytes(new)
        for _ in range(3):
            assert await code(ports, client) is Code.OK
    (failed,) = [record for record in caplog.records if record.message == "reload_failed"]
    assert str(own.key) in failed.fields["reason"]  # type: ignore[attr-defined]


async def test_a_key_that_comes_after_its_certificate_is_taken_when_it_is_there(
    own: Certificate, stranger: Certificate
) -> None:
    before = own.client()
    async with running(OneMethod(), settings(own)) as ports:
        own.path.write_bytes(stranger.pem)
        assert await code(ports, before) is Code.OK
        own.key.write_bytes(stranger.key.read_bytes())
        assert await code(ports, stranger.client()) is Code.OK


def encrypted(key: Path) -> Path:
    path = key.with_suffix(".encrypted")
    command: list[str | Path] = ["openssl", "pkcs8", "-topk8", "-in", key, "-out", path, "-passout", "pass:harmless"]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (lambda own, _: {"tls_cert": own.path}, "--tls-cert and --tls-key belong together"),
        (lambda own, _: {"tls_key": own.key}, "--tls-cert and --tls-key belong together"),
        (lambda own, _: {"tls_client_ca": own.path}, "--tls-client-ca needs --tls-cert and --tls-key"),
        (lambda own, _: {"tls_cert": "/no/such.pem", "tls_key": own.key}, r"--tls-cert /no/such.pem cannot be read"),
        (lambda own, _: {"tls_cert": own.path, "tls_key": own.path.parent}, r"cannot be read \(Is a directory\)"),
        (lambda own, other: {"tls_cert": own.path, "tls_key": other.key}, "is not the key of --tls-cert"),
        (lambda own, _: {"tls_cert": own.path, "tls_key": own.path}, "name the PEM files"),
        (lambda own, _: {"tls_cert": own.key, "tls_key": own.key}, "name the PEM files"),
        (lambda own, _: {"tls_cert": own.path, "tls_key": encrypted(own.key)}, "without a password"),
        (
            lambda own, _: {"tls_cert": own.path, "tls_key": own.key, "tls_client_ca": own.key},
            "--tls-client-ca .* has no certificate",
        ),
    ],
)
async def test_a_wrong_file_is_a_clear_error_at_the_start(
    own: Certificate,
    stranger: Certificate,
    options: Callable[[Certificate, Certificate], dict[str, Path]],
    message: str,
) -> None:
    chosen = {name: str(path) for name, path in options(own, stranger).items()}
    with pytest.raises(InvalidFile, match=message):
        async with running(OneMethod(), ServerSettings(**chosen)):  # type: ignore[arg-type]
            pass
