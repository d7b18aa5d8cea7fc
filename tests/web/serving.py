"""The HTTP service before a gateway with scripted model services: real HTTP and gRPC, in one event loop."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from services.gateway.app import Gateway
from services.gateway.settings import GatewaySettings
from services.runtime.serving import server
from services.table import MODEL_SERVICE_NAMES
from services.web.server import running
from services.web.settings import WebSettings
from tests.services.gateway import encoded, grey
from tests.services.scripted import Scripted, serving

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Web:
    """A client of the service, and where it listens."""

    http: httpx.AsyncClient
    port: int
    metrics_port: int

    async def metrics(self) -> str:
        return (await self.http.get(f"http://127.0.0.1:{self.metrics_port}/metrics")).text


@asynccontextmanager
async def web(
    script: Scripted | None = None, gateway: Mapping[str, Any] | None = None, **options: Any
) -> AsyncIterator[Web]:
    """`options` are settings; `gateway` has those of the gateway."""
    async with serving(script or Scripted()) as address:
        upstreams = dict.fromkeys(MODEL_SERVICE_NAMES, address)
        gateway_settings = GatewaySettings(port=0, metrics_port=0, upstreams=upstreams, **(gateway or {}))
        async with (
            server.running(Gateway(gateway_settings), gateway_settings) as ports,
            alone(**{"gateway": f"127.0.0.1:{ports.grpc}", **options}) as found,
        ):
            yield found


@asynccontextmanager
async def alone(**options: Any) -> AsyncIterator[Web]:
    """The service, with no gateway unless the options name one."""
    settings = WebSettings(**{"port": 0, "metrics_port": 0, "gateway": "127.0.0.1:1", **options})
    async with (
        running(settings) as ports,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports.http}", timeout=TIMEOUT_S) as http,
    ):
        yield Web(http, ports.http, ports.metrics)


def page(*levels: int) -> bytes:
    """A TIFF of grey pages."""
    return encoded(*map(grey, levels or (200,)))


def file(content: bytes, name: str = "scan.tiff", field: str = "file") -> tuple[str, tuple[str, bytes]]:
    """One part of a form."""
    return field, (name, content)


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """The problem that the response must be."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = response.json()
    assert found["status"] == status
    assert found["request_id"] == response.headers["x-request-id"]
    assert found["detail"]
    return found


def fields(found: Mapping[str, Any]) -> list[str]:
    return [violation["field"] for violation in found["violations"]]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def finished(http: httpx.AsyncClient, location: str) -> dict[str, Any]:
    """The status of a job once it is over."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            found: dict[str, Any] = (await http.get(location)).json()
            if found["state"] in ("done", "failed"):
                return found
            await asyncio.sleep(0.01)
