"""The component tls: certificates for the names that are called, mounted where the settings say; probes still work."""

import asyncio
import ssl
from pathlib import Path

import grpc
import grpc.aio
import httpx
import pytest

from services.runtime.serving import settings
from services.runtime.serving.probe import main as probe
from services.runtime.serving.server import LIVENESS, running
from services.web.server import running as running_web
from tests.k8s.code import SETTINGS, UPSTREAMS
from tests.k8s.manifests import SERVICES, Resource, container, environment, named, pod
from tests.library.certificates import Certificate, certificate
from tests.runtime.one_method_app import OneMethod, aio_method
from tests.runtime.test_server import free_port

VARIANT, WITH_READER = "base+web-tls", "base+reader-tls"
ENCRYPTED = [*((name, VARIANT) for name in (*SERVICES, "web")), ("reader", WITH_READER)]


def mounts(service: str, variant: str) -> dict[str, Resource]:
    """The Certificate whose Secret is mounted there, by path."""
    deployment = named(variant, "Deployment", service)
    secrets = {each["name"]: each["secret"]["secretName"] for each in pod(deployment)["volumes"] if "secret" in each}
    return {
        each["mountPath"]: named(variant, "Certificate", secrets[each["name"]].removesuffix("-tls"))
        for each in container(deployment)["volumeMounts"]
        if each["name"] in secrets
    }


def files(service: str, variant: str) -> dict[str, tuple[Resource, str]]:
    """The Certificate of each file of the settings, and the key in its Secret."""
    found = {}
    for variable, value in environment(variant, service).items():
        if value.startswith("/tls/"):
            folder, _, key = value.rpartition("/")
            found[variable.removeprefix("STAMP2VEC_")] = (mounts(service, variant)[folder], key)
    return found


@pytest.mark.parametrize(("service", "variant"), ENCRYPTED)
def test_the_settings_name_files_of_mounted_certificates(service: str, variant: str) -> None:
    named_files = files(service, variant)
    own = {"TLS_CERT": "tls.crt", "TLS_KEY": "tls.key"}
    if service in ("gateway", "web"):
        own |= {"UPSTREAM_CA": "ca.crt", "UPSTREAM_CERT": "tls.crt", "UPSTREAM_KEY": "tls.key"}
    else:
        own |= {"TLS_CLIENT_CA": "ca.crt"}
    assert {name: key for name, (_, key) in named_files.items()} == own
    for name, (made, _) in named_files.items():
        usage = "client auth" if name.startswith("UPSTREAM_") else "server auth"
        assert made["spec"]["usages"] == [usage]
    deployment = named(variant, "Deployment", service)
    assert all(each["readOnly"] for each in container(deployment)["volumeMounts"] if each["name"] != "tmp")
    modes = [each["secret"]["defaultMode"] for each in pod(deployment)["volumes"] if "secret" in each]
    assert set(modes) == {0o440}


@pytest.mark.parametrize(("upstream", "variant"), [*((name, VARIANT) for name in UPSTREAMS), ("reader", WITH_READER)])
def test_certificates_have_the_name_that_the_gateway_calls(upstream: str, variant: str) -> None:
    address = environment(variant, "gateway")[f"STAMP2VEC_{upstream.upper()}"]
    assert _host(address) in named(variant, "Certificate", upstream)["spec"]["dnsNames"]


def test_the_gateways_certificate_has_the_name_that_http_calls() -> None:
    address = environment(VARIANT, "web")["STAMP2VEC_GATEWAY"]
    assert _host(address) in named(VARIANT, "Certificate", "gateway")["spec"]["dnsNames"]


def _host(address: str) -> str:
    return address.removeprefix("dns:///").rpartition(":")[0]


def test_both_sides_of_a_hop_trust_one_authority() -> None:
    shown = [(name, VARIANT) for name in (*UPSTREAMS, "gateway", "gateway-client", "web-client")]
    issuers = {
        named(variant, "Certificate", name)["spec"]["issuerRef"]["name"]
        for name, variant in (*shown, ("reader", WITH_READER))
    }
    assert len(issuers) == 1
    authority = named(VARIANT, "Issuer", *issuers)["spec"]["ca"]["secretName"]
    assert named(VARIANT, "Certificate", authority)["spec"]["isCA"] is True


@pytest.mark.parametrize(("service", "variant"), ENCRYPTED)
def test_clear_text_is_refused(service: str, variant: str) -> None:
    found = environment(variant, service)
    assert settings.load(SETTINGS[service], service, [], found).insecure is False
    assert named(variant, "Service", service)["spec"]["ports"][0]["appProtocol"] == "https"


async def test_a_server_with_these_settings_is_probed_in_clear_text_and_called_by_tls(tmp_path: Path) -> None:
    names = named(VARIANT, "Certificate", "detector")["spec"]["dnsNames"]
    server = certificate(tmp_path, "server", ",".join(f"DNS:{name}" for name in names))
    client = certificate(tmp_path, "client")
    moved = {
        "/tls/server/tls.crt": str(server.path),
        "/tls/server/tls.key": str(server.key),
        "/tls/server/ca.crt": str(client.path),
        "50060": str(free_port()),
    }
    found = {name: moved.get(value, value) for name, value in environment(VARIANT, "detector").items()}
    found |= {"STAMP2VEC_HOST": "0.0.0.0", "STAMP2VEC_DRAIN_DELAY_S": "0", "STAMP2VEC_PORT": "0"}
    chosen = settings.load(SETTINGS["detector"], "detector", [], found | {"STAMP2VEC_METRICS_PORT": "0"})
    async with running(OneMethod(), chosen) as ports:
        assert await asyncio.to_thread(probe, f"127.0.0.1:{chosen.health_port}", LIVENESS) == 0
        assert await _call(ports.grpc, server, client) is grpc.StatusCode.OK
        assert await _call(ports.grpc, server, None) is grpc.StatusCode.UNAVAILABLE


async def test_http_with_these_settings_is_probed_in_clear_text_and_called_by_tls(tmp_path: Path) -> None:
    names = named(VARIANT, "Certificate", "web")["spec"]["dnsNames"]
    own = certificate(tmp_path, "own", ",".join(f"DNS:{name}" for name in names))
    moved = {
        "/tls/server/tls.crt": str(own.path),
        "/tls/server/tls.key": str(own.key),
        "/tls/client/ca.crt": str(own.path),
        "/tls/client/tls.crt": str(own.path),
        "/tls/client/tls.key": str(own.key),
        "50060": str(free_port()),
        "dns:///gateway-headless:50050": "127.0.0.1:1",
    }
    found = {name: moved.get(value, value) for name, value in environment(VARIANT, "web").items()}
    found |= {"STAMP2VEC_HOST": "0.0.0.0", "STAMP2VEC_DRAIN_DELAY_S": "0"}
    chosen = settings.load(SETTINGS["web"], "web", [], found | {"STAMP2VEC_PORT": "0", "STAMP2VEC_METRICS_PORT": "0"})
    probes = container(named(VARIANT, "Deployment", "web"))
    trusted = ssl.create_default_context(cafile=str(own.path))
    async with running_web(chosen) as ports, httpx.AsyncClient(verify=trusted) as http:
        for kind, status in (("startup", 200), ("readiness", 503), ("liveness", 200)):
            path = probes[f"{kind}Probe"]["httpGet"]["path"]
            assert (await http.get(f"http://127.0.0.1:{chosen.health_port}{path}")).status_code == status
        called = await http.get(f"https://127.0.0.1:{ports.http}/healthz", extensions={"sni_hostname": "web"})
        assert called.status_code == 200
        with pytest.raises(httpx.TransportError):
            await http.get(f"http://127.0.0.1:{ports.http}/healthz")


async def _call(port: int, server: Certificate, shown: Certificate | None) -> grpc.StatusCode:
    """By the name in the certificate, which is not that of this machine."""
    credentials = server.client(shown)
    options = [("grpc.ssl_target_name_override", "detector")]
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options) as opened:
        return await aio_method(opened)(b"", timeout=10).code()
