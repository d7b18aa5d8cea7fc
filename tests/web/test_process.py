"""The service as a process: its ports, its end, and what it leaves behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.app import Gateway
from services.gateway.settings import GatewaySettings
from services.runtime.security.exposure import Exposed
from services.runtime.serving import server
from services.stack.processes import Service
from services.table import MODEL_SERVICE_NAMES
from services.web.server import running
from services.web.settings import WebSettings
from tests.services.gateway import eventually
from tests.services.scripted import Scripted, serving
from tests.web.serving import TIMEOUT_S, file, page


@asynccontextmanager
async def process(script: Scripted, logs: Path, *arguments: str) -> AsyncIterator[tuple[Service, httpx.AsyncClient]]:
    async with serving(script) as address:
        settings = GatewaySettings(port=0, metrics_port=0, upstreams=dict.fromkeys(MODEL_SERVICE_NAMES, address))
        async with server.running(Gateway(settings), settings) as ports:
            flags = ("--port", "0", "--metrics-port", "0", "--gateway", f"127.0.0.1:{ports.grpc}", *arguments)
            service = Service("web", flags, logs / "web.log")
            try:
                await asyncio.to_thread(service.read_line)
                assert service.address is not None
                url = f"http://127.0.0.1:{service.address.port}"
                async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S) as http:
                    yield service, http
            finally:
                service.terminate()
                assert await asyncio.to_thread(service.wait) == 0


async def test_calls_are_answered_before_the_end_and_jobs_end(tmp_path: Path) -> None:
    goes_on = asyncio.Event()

    async def wait(request: Any, context: Any) -> None:
        await (asyncio.Event() if request is script.requests[0] else goes_on).wait()

    script = Scripted(on_detect=wait)
    async with process(script, tmp_path, "--drain-delay-s", "1") as (service, http):
        assert (await http.get("/readyz")).json() == {"ready": True}
        location = (await http.post("/v1/jobs", files=[file(page())])).headers["location"]
        await eventually(lambda: len(script.requests) == 1)
        calls = [asyncio.create_task(http.post("/v1/find", files=[file(page())]))]
        await eventually(lambda: len(script.requests) == 2)
        async with http.stream("GET", f"{location}/events") as following:
            os.kill(service.pid, signal.SIGTERM)
            async with asyncio.timeout(TIMEOUT_S):
                while (await http.get("/readyz")).status_code == 200:
                    await asyncio.sleep(0.01)
            assert (await http.get("/healthz")).status_code == 200
            calls.append(asyncio.create_task(http.post("/v1/find", files=[file(page())])))
            events = (await following.aread()).decode()
            assert "event: failed" in events
            assert "shutting down" in events
        await _refused(http)
        goes_on.set()
        assert [(await call).status_code for call in calls] == [200, 200]


async def test_nothing_of_a_document_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    goes_on = asyncio.Event()

    async def wait(request: Any, context: Any) -> None:
        await goes_on.wait()

    script = Scripted(on_detect=wait)
    padded = page() + b"\0" * (5 * 2**20)
    async with process(script, tmp_path) as (service, http):
        call = asyncio.create_task(http.post("/image-w-boxes", files=[file(padded)]))
        await eventually(lambda: bool(script.requests))
        assert not [target for target in _files(service.pid) if target.startswith(str(scratch))]
        goes_on.set()
        assert (await call).status_code == 200
        job = (await http.post("/v1/jobs", files=[file(padded)])).headers["location"]
        await http.get(f"{job}/events")
        assert not list(scratch.iterdir())
        assert not [target for target in _files(service.pid) if target.startswith(str(scratch))]
    log = (tmp_path / "web.log").read_text()
    assert '"method": "POST /image-w-boxes"' in log
    assert "scan.tiff" not in log


async def _refused(http: httpx.AsyncClient) -> None:
    """Returns when there is nobody to connect to."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            try:
                await http.get("/healthz")
            except httpx.TransportError:
                return


def _files(pid: int) -> list[str]:
    """What the process has open, unlinked files too."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(os.readlink(entry))
        except FileNotFoundError:
            continue
    return found


def test_a_port_that_is_taken_is_named() -> None:
    command = [sys.executable, "-m", "services.web", "--metrics-port", "0"]
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        port = str(json.loads(first.stdout.readline())["port"])
        second = subprocess.run([*command, "--port", port], capture_output=True, text=True, timeout=TIMEOUT_S)
        first.terminate()
    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in second.stderr
    assert first.returncode == 0


def test_every_setting_is_explained() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "services.web", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for flag in ("--gateway", "--timeout-s", "--max-body-mib", "--jobs", "--cors-origins", "--docs"):
        assert flag in shown


async def test_it_does_not_listen_beyond_loopback_unless_it_is_told_to() -> None:
    with pytest.raises(Exposed, match="--insecure"):
        async with running(WebSettings(host="0.0.0.0", port=0, metrics_port=0)):
            pass
    async with running(WebSettings(host="0.0.0.0", port=0, metrics_port=0, insecure=True)) as ports:
        assert ports.http
