"""The component tls: certificates for the names that are called, mounted where the settings say; probes still work."""

import asyncio
from pathlib import Path

import grpc
import grpc.aio
import pytest

from services.runtime.serving import settings
from services.runtime.serving.probe import main as probe
from services.runtime.serving.server import LIVENESS, running
from tests.k8s.code import SETTINGS, UPSTREAMS
from tests.k8s.manifests import SERVICES, Resource, container, environment, named, pod
from tests.library.certificates import Certificate, certificate
from tests.runtime.one_method_app import OneMethod, aio_method
from tests.runtime.test_server import free_port

VARIANT = "base+tls"


def mounts(service: str) -> dict[str, Resource]:
    """The Certificate whose Secret is mounted there, by path."""
    deployment = named(VARIANT, "Deployment", service)
    secrets = {each["name"]: each["secret"]["secretName"] for each in pod(deployment)["volumes"] if "secret" in each}
    return {
        each["mountPath"]: named(VARIANT, "Certificate", secrets[each["name"]].removesuffix("-tls"))
        for each in container(deployment)["volumeMounts"]
        if each["name"] in secrets
    }


def files(service: str) -> dict[str, tuple[Resource, str]]:
    """The Certificate of each file of the settings, and the key in its Secret."""
    found = {}
    for variable, value in environment(VARIANT, service).items():
        if value.startswith("/tls/"):
            folder, _, key = value.rpartition("/")
            found[variable.removeprefix("STAMP2VEC_")] = (mounts(service)[folder], key)
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_the_settings_name_files_of_mounted_certificates(service: str) -> None:
    named_files = files(service)
    own = {"TLS_CERT": "tls.crt", "TLS_KEY": "tls.key"}
    if service == "gateway":
        own |= {"UPSTREAM_CA": "ca.crt", "UPSTREAM_CERT": "tls.crt", "UPSTREAM_KEY": "tls.key"}
    else:
        own |= {"TLS_CLIENT_CA": "ca.crt"}
    assert {name: key for name, (_, key) in named_files.items()} == own
    for name, (made, _) in named_files.items():
        usage = "client auth" if name.startswith("UPSTREAM_") else "server auth"
        assert made["spec"]["usages"] == [usage]
    deployment = named(VARIANT, "Deployment", service)
    assert all(each["readOnly"] for each in container(deployment)["volumeMounts"] if each["name"] != "tmp")
    modes = [each["secret"]["defaultMode"] for each in pod(deployment)["volumes"] if "secret" in each]
    assert set(modes) == {0o440}


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_certificates_have_the_name_that_the_gateway_calls(upstream: str) -> None:
    address = environment(VARIANT, "gateway")[f"STAMP2VEC_{upstream.upper()}"]
    host = address.removeprefix("dns:///").rpartition(":")[0]
    assert host in named(VARIANT, "Certificate", upstream)["spec"]["dnsNames"]


def test_both_sides_of_a_hop_trust_one_authority() -> None:
    issuers = {
        named(VARIANT, "Certificate", name)["spec"]["issuerRef"]["name"] for name in (*UPSTREAMS, "gateway-client")
    }
    assert len(issuers) == 1
    authority = named(VARIANT, "Issuer", *issuers)["spec"]["ca"]["secretName"]
    assert named(VARIANT, "Certificate", authority)["spec"]["isCA"] is True


@pytest.mark.parametrize("service", SERVICES)
def test_clear_text_is_refused(service: str) -> None:
    found = environment(VARIANT, service)
    assert settings.load(SETTINGS[service], service, [], found).insecure is False
    assert named(VARIANT, "Service", service)["spec"]["ports"][0]["appProtocol"] == "https"


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


async def _call(port: int, server: Certificate, shown: Certificate | None) -> grpc.StatusCode:
    """By the name in the certificate, which is not that of this machine."""
    credentials = server.client(shown)
    options = [("grpc.ssl_target_name_override", "detector")]
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options) as opened:
        return await aio_method(opened)(b"", timeout=10).code()
