"""The gateway with tokens, with limits, and with model services that ask for certificates."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from services.gateway.app import Gateway
from services.gateway.settings import GatewaySettings
from services.gateway.upstream.deadline import Deadline
from services.gateway.upstream.upstreams import Upstreams
from services.runtime.security.reloading import InvalidFile
from services.runtime.security.tls import TlsFiles, channel_credentials, server_credentials
from services.runtime.serving.server import running
from services.scopes import SCOPES, scope_of
from services.table import MODEL_SERVICE_NAMES
from stamp2vec.client import AsyncClient
from stamp2vec.errors import Overloaded, PermissionDenied, Unauthenticated
from stamp2vec.v1 import gateway_pb2
from stamp2vec.values import Task
from tests.library.certificates import certificate
from tests.services.gateway import document, eventually, gateway, numbered, picture, refusal, rich
from tests.services.scripted import Scripted, serving

Code = grpc.StatusCode


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    lines = [
        f"{name} {hashlib.sha256(f'token-of-{name}'.encode()).hexdigest()} {scope}"
        for name, scope in [("archive", "analyse"), ("registrar", "registry-write"), ("chief", "admin")]
    ]
    path.write_text("\n".join(lines))
    return path


def bearer(name: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer token-of-{name}"),)


async def test_scopes_of_tokens(tokens: Path) -> None:
    async with gateway(Scripted(), tokens=str(tokens)) as stub:
        for name in ("archive", "chief"):
            await stub.AnalyzeDocument(document(), metadata=bearer(name))
        assert (await refusal(stub.AnalyzeDocument(document()))).code() is Code.UNAUTHENTICATED
        error = await refusal(stub.AnalyzeDocument(document(), metadata=bearer("registrar")))
        assert error.code() is Code.PERMISSION_DENIED
        assert "lacks the scope analyse" in (error.details() or "")


def test_every_method_of_the_contract_has_a_scope_and_others_are_for_admins() -> None:
    (service,) = gateway_pb2.DESCRIPTOR.services_by_name.values()
    assert {scope_of(f"/{service.full_name}/{method.name}") for method in service.methods} == {"analyse"}
    assert scope_of("/stamp2vec.registry.v2.Unknown/Method") == "admin"
    assert {scope_of(f"/{service.full_name}/X"), "admin"} <= set(SCOPES)


async def test_pages_and_bytes_of_a_caller_are_limited_by_the_minute() -> None:
    async with gateway(Scripted(), caller_pages=2) as stub:
        await stub.AnalyzeDocument(document(100, 150, 200))
        error = await refusal(stub.DetectStamps(gateway_pb2.DetectStampsRequest(images=[picture(200)])))
        assert error.code() is Code.RESOURCE_EXHAUSTED
        assert "you may send 2 pages a minute" in (error.details() or "")
        (retry,) = rich(error)
        assert 30 < retry.retry_delay.seconds <= 90
    async with gateway(Scripted(), caller_mib=1) as stub:
        await stub.AnalyzeDocument(document(), timeout=20)
        large = gateway_pb2.AnalyzeDocumentRequest(document=bytes(2**21))
        assert (await refusal(stub.AnalyzeDocument(large))).code() is Code.INVALID_ARGUMENT
        error = await refusal(stub.AnalyzeDocument(document()))
        assert error.code() is Code.RESOURCE_EXHAUSTED
        assert "1,048,576 bytes a minute" in (error.details() or "")


@pytest.mark.parametrize(("pages", "code"), [(61, 0), (90, Code.RESOURCE_EXHAUSTED.value[0])])
async def test_a_stream_waits_for_the_pages_of_its_caller_and_says_so_at_its_deadline(pages: int, code: int) -> None:
    is_first_done = asyncio.Event()

    async def requests() -> AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest]:
        first = document(*[200] * pages)
        yield gateway_pb2.AnalyzeDocumentsRequest(id="first", document=first)
        await is_first_done.wait()
        yield numbered("second")

    answers = {}
    async with gateway(Scripted(), caller_pages=60) as stub:
        async for answer in stub.AnalyzeDocuments(requests(), timeout=20):
            answers[answer.id] = answer.status
            is_first_done.set()
    assert answers["first"].code == 0
    assert answers["second"].code == code, "2 s later there is a page again, and not before 31 s"
    assert ("60 pages a minute" in answers["second"].message) == (code != 0)


async def test_clients_raise_typed_errors_over_tls(tokens: Path, tmp_path: Path) -> None:
    own = certificate(tmp_path, "own")
    async with serving(Scripted()) as address:
        settings = GatewaySettings(
            port=0,
            metrics_port=0,
            upstreams=dict.fromkeys(MODEL_SERVICE_NAMES, address),
            tls_cert=str(own.path),
            tls_key=str(own.key),
            tokens=str(tokens),
            caller_rate=0.01,
            caller_burst=1,
        )
        async with running(Gateway(settings), settings) as ports:
            target, credentials = f"127.0.0.1:{ports.grpc}", own.client()
            async with AsyncClient(target, credentials=credentials, token="token-of-archive") as client:
                assert await client.models()
                with pytest.raises(Overloaded) as busy:
                    await client.models()
                assert (busy.value.retry_after_s or 0) > 90
            async with AsyncClient(target, credentials=credentials, token="token-of-chief") as client:
                assert await client.models()
            async with AsyncClient(target, credentials=credentials, token="token-of-registrar") as client:
                with pytest.raises(PermissionDenied):
                    await client.models()
            async with AsyncClient(target, credentials=credentials) as client:
                with pytest.raises(Unauthenticated):
                    await client.models()


async def test_the_gateway_shows_its_certificate_to_model_services_and_renews_it(tmp_path: Path) -> None:
    model, own = certificate(tmp_path, "model"), certificate(tmp_path, "gateway")
    shown: list[bytes] = []

    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def note(request: Any, context: Any) -> None:
        shown.extend(context.auth_context()["x509_pem_cert"])
        has_begun.set()
        await may_end.wait()

    script = Scripted(on_detect=note)
    asks = server_credentials(TlsFiles("tls", str(model.path), str(model.key), str(own.path)))
    options: dict[str, Any] = {"upstream_ca": model.path, "upstream_cert": own.path, "upstream_key": own.key}
    async with (
        serving(script, asks) as address,
        gateway(script, dict.fromkeys(MODEL_SERVICE_NAMES, address), **{n: str(p) for n, p in options.items()}) as stub,
    ):
        first = own.pem
        before = stub.AnalyzeDocument(document())
        await has_begun.wait()
        # Both sides at once: the connections that there were could not be made any more.
        certificate(tmp_path, "model")
        certificate(tmp_path, "gateway")
        after = stub.AnalyzeDocument(document())
        await eventually(lambda: len(shown) == 2)
        may_end.set()
        for call in (before, after):
            assert [page.status.code for page in (await call).pages] == [0]
    assert shown == [first, own.pem]
    assert first != own.pem


async def test_model_services_refuse_a_gateway_that_they_do_not_know(tmp_path: Path) -> None:
    model, own, stranger = (certificate(tmp_path, name) for name in ("model", "gateway", "stranger"))
    asks = server_credentials(TlsFiles("tls", str(model.path), str(model.key), str(own.path)))
    assert asks is not None
    async with serving(Scripted(), asks) as address:
        for shown, is_known in ((own, True), (stranger, False), (None, False)):
            tls = TlsFiles("upstream", *((str(shown.path), str(shown.key)) if shown else ("", "")), str(model.path))
            upstreams = Upstreams(dict.fromkeys(MODEL_SERVICE_NAMES, address), channel_credentials(tls))
            deadline = Deadline.after(10.0)
            if is_known:
                assert len(await upstreams.models(deadline)) == 5
            else:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await upstreams[Task.DETECT].models(deadline)
                assert refused.value.code() is Code.UNAVAILABLE
            await upstreams.close()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"upstream_cert": "own.pem", "upstream_key": "own.key"}, "--upstream-cert needs --upstream-ca"),
        ({"upstream_ca": "own.pem", "upstream_cert": "own.pem"}, "--upstream-cert and --upstream-key belong together"),
        ({"upstream_ca": "own.key"}, "--upstream-ca .* has no certificate"),
        ({"upstream_ca": "none.pem"}, "--upstream-ca .* cannot be read"),
        ({"tokens": "none"}, "--tokens .* cannot be read"),
        ({"tokens": "own.pem"}, "--tokens .*, line 1, has"),
    ],
)
async def test_a_wrong_file_is_a_clear_error_at_the_start(wrong: dict[str, str], message: str, tmp_path: Path) -> None:
    certificate(tmp_path, "own")
    options: dict[str, Any] = {flag: str(tmp_path / name) for flag, name in wrong.items()}
    with pytest.raises(InvalidFile, match=message):
        async with gateway(Scripted(), **options):
            pass
