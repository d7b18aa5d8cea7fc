"""TLS towards callers and towards the gateway, with certificates that change while the process runs."""

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.app import Gateway
from services.gateway.settings import GatewaySettings
from services.runtime.security.exposure import Exposed
from services.runtime.security.reloading import InvalidFile
from services.runtime.serving import server
from services.table import MODEL_SERVICE_NAMES
from tests.library.certificates import Certificate, certificate
from tests.runtime.test_server import free_port
from tests.services.scripted import Scripted, serving
from tests.web.serving import TIMEOUT_S, alone, problem
from tests.web.test_access import line


def flags(**options: Any) -> list[str]:
    return [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]


@contextmanager
def process(log: Path, **options: Any) -> Iterator[int]:
    """The port of the real process, alone."""
    command = [sys.executable, "-m", "services.web", "--port", "0", "--metrics-port", "0", *flags(**options)]
    with log.open("wb") as stderr, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr) as started:
        try:
            assert started.stdout is not None
            yield json.loads(started.stdout.readline())["port"]
        finally:
            started.terminate()
    assert started.returncode == 0


def trusting(own: Certificate, shown: Certificate | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(own.path))
    if shown:
        context.load_cert_chain(shown.path, shown.key)
    return context


def live(port: int, context: ssl.SSLContext, path: str = "/healthz") -> httpx.Response:
    """By a connection of its own."""
    return httpx.get(f"https://127.0.0.1:{port}{path}", verify=context, timeout=TIMEOUT_S)


def is_refused(port: int, context: ssl.SSLContext) -> bool:
    try:
        live(port, context)
    except httpx.TransportError:
        return True
    return False


def test_it_speaks_tls_only_and_takes_up_renewed_certificates(tmp_path: Path) -> None:
    own, log = certificate(tmp_path, "own"), tmp_path / "web.log"
    first = trusting(own)
    with process(log, tls_cert=own.path, tls_key=own.key) as port:
        assert live(port, first).json() == {"live": True}
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=TIMEOUT_S)
        certificate(tmp_path, "own")
        assert live(port, trusting(own)).status_code == 200
        assert is_refused(port, first)
        own.key.write_text("half of a file")
        assert live(port, trusting(own)).status_code == 200
    events = [json.loads(each)["event"] for each in log.read_text().splitlines()]
    assert events.count("reloaded") == 1
    assert events.count("reload_failed") == 1


def test_clients_show_a_certificate_where_it_asks_and_health_needs_none(tmp_path: Path) -> None:
    own, known, stranger = (certificate(tmp_path, name) for name in ("own", "known", "stranger"))
    log, health = tmp_path / "web.log", free_port()
    files = {"tls_cert": own.path, "tls_key": own.key, "tls_client_ca": known.path}
    options = {**files, "health_port": health, "gateway": "127.0.0.1:1"}
    with process(log, **options) as port:
        knows = trusting(own, known)
        assert live(port, knows).status_code == 200
        assert is_refused(port, trusting(own))
        assert is_refused(port, trusting(own, stranger))
        assert httpx.get(f"http://127.0.0.1:{health}/healthz").json() == {"live": True}
        assert httpx.get(f"http://127.0.0.1:{health}/readyz", timeout=TIMEOUT_S).status_code == 503
        assert httpx.post(f"http://127.0.0.1:{health}/v1/find").status_code == 404
        known.path.write_bytes(stranger.pem)
        assert is_refused(port, knows)  # also not by a session that it had
        assert live(port, trusting(own, stranger)).status_code == 200


def test_no_session_outlives_the_authority_of_a_client(tmp_path: Path) -> None:
    """A client could come back by it without its certificate being looked at."""
    own, known = certificate(tmp_path, "own"), certificate(tmp_path, "known")
    options = {"tls_cert": own.path, "tls_key": own.key, "tls_client_ca": known.path}
    with process(tmp_path / "web.log", **options) as port:
        context = trusting(own, known)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # whose session is there after the handshake
        with _connected(port, context) as first:
            session = first.session
        with _connected(port, context, session) as second:
            assert second.session_reused
        certificate(tmp_path, "known")
        with pytest.raises(OSError), _connected(port, context, session) as third:  # noqa: PT011 - of ssl, or a reset
            third.recv(1)


@contextmanager
def _connected(port: int, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as secured,
    ):
        yield secured


async def test_the_gateway_is_called_by_tls_with_a_certificate_that_is_renewed(tmp_path: Path) -> None:
    ours, its = certificate(tmp_path, "web"), certificate(tmp_path, "gateway")
    async with serving(Scripted()) as address:
        settings = GatewaySettings(
            port=0,
            metrics_port=0,
            upstreams=dict.fromkeys(MODEL_SERVICE_NAMES, address),
            tls_cert=str(its.path),
            tls_key=str(its.key),
            tls_client_ca=str(ours.path),
        )
        async with server.running(Gateway(settings), settings) as ports:
            gateway = f"127.0.0.1:{ports.grpc}"
            shown = {"upstream_ca": its.path, "upstream_cert": ours.path, "upstream_key": ours.key}
            async with alone(gateway=gateway, **{name: str(path) for name, path in shown.items()}) as served:
                for _ in range(2):
                    assert (await served.http.get("/v1/models")).status_code == 200
                    assert (await served.http.get("/readyz")).status_code == 200
                    certificate(tmp_path, "web")
                    certificate(tmp_path, "gateway")
            async with alone(gateway=gateway) as clear:
                problem(await clear.http.get("/v1/models", headers={"x-timeout-s": "5"}), 503)
            async with alone(gateway=gateway, upstream_ca=str(its.path)) as nameless:
                problem(await nameless.http.get("/v1/models", headers={"x-timeout-s": "5"}), 503)


async def test_the_certificate_of_this_process_is_no_token(tmp_path: Path) -> None:
    """A caller that has none gets nothing because the gateway knows who passes its call on."""
    ours, its, tokens = certificate(tmp_path, "web"), certificate(tmp_path, "gateway"), tmp_path / "tokens"
    tokens.write_text(line("archive", "analyse"))
    async with serving(Scripted()) as address:
        settings = GatewaySettings(
            port=0,
            metrics_port=0,
            upstreams=dict.fromkeys(MODEL_SERVICE_NAMES, address),
            tls_cert=str(its.path),
            tls_key=str(its.key),
            tls_client_ca=str(ours.path),
            tokens=str(tokens),
        )
        shown = {"upstream_ca": its.path, "upstream_cert": ours.path, "upstream_key": ours.key}
        async with (
            server.running(Gateway(settings), settings) as ports,
            alone(gateway=f"127.0.0.1:{ports.grpc}", **{name: str(path) for name, path in shown.items()}) as served,
        ):
            problem(await served.http.get("/v1/models"), 401)
            known = await served.http.get("/v1/models", headers={"authorization": "Bearer token-of-archive"})
    assert known.status_code == 200


async def test_beyond_loopback_it_needs_tls_or_a_word(tmp_path: Path) -> None:
    own = certificate(tmp_path, "own")
    with pytest.raises(Exposed, match="set --tls-cert and --tls-key, or --insecure"):
        async with alone(host="0.0.0.0"):
            pass
    for options in ({"insecure": True}, {"tls_cert": str(own.path), "tls_key": str(own.key)}):
        async with alone(host="0.0.0.0", **options) as served:
            assert served.port


async def test_tokens_do_not_go_to_another_machine_in_clear_text(tmp_path: Path) -> None:
    own, tokens = certificate(tmp_path, "own"), tmp_path / "tokens"
    tokens.write_text(line("archive", "analyse"))
    away = {"gateway": "gateway.example:50050", "tokens": str(tokens)}
    with pytest.raises(Exposed, match=r"tokens of callers would go to gateway\.example:50050 without TLS"):
        async with alone(**away):
            pass
    for options in ({"insecure": True}, {"upstream_ca": str(own.path)}):
        async with alone(**away, **options) as served:
            assert served.port


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tls_cert": "own.pem"}, "--tls-cert and --tls-key belong together"),
        ({"tls_cert": "own.pem", "tls_key": "other.key"}, "--tls-key .* is not the key of --tls-cert"),
        ({"tls_client_ca": "own.pem"}, "--tls-client-ca needs --tls-cert and --tls-key"),
        (
            {"tls_cert": "own.pem", "tls_key": "own.key", "tls_client_ca": "own.key"},
            "--tls-client-ca .* no certificate",
        ),
        ({"upstream_cert": "own.pem", "upstream_key": "own.key"}, "--upstream-cert needs --upstream-ca"),
        ({"upstream_ca": "none.pem"}, "--upstream-ca .* cannot be read"),
        ({"tokens": "none"}, "--tokens .* cannot be read"),
        ({"tokens": "own.pem"}, "--tokens .*, line 1, has"),
    ],
)
async def test_a_wrong_file_is_a_clear_error_at_the_start(wrong: dict[str, str], message: str, tmp_path: Path) -> None:
    certificate(tmp_path, "own")
    certificate(tmp_path, "other")
    with pytest.raises(InvalidFile, match=message):
        async with alone(**{flag: str(tmp_path / name) for flag, name in wrong.items()}):
            pass
