"""Tokens over HTTP: whose call, whose job, and what goes on to the gateway."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.runtime.observability.logs import JsonFormatter
from tests.services.gateway import eventually, until_cancelled
from tests.services.scripted import Scripted
from tests.web.serving import TIMEOUT_S, alone, file, finished, page, problem, web

NAMES = {"archive": "analyse", "other": "analyse", "registrar": "registry-write", "chief": "admin"}


def line(name: str, scope: str, token: str = "") -> str:
    return f"{name} {hashlib.sha256((token or f'token-of-{name}').encode()).hexdigest()} {scope}\n"


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text("".join(line(name, scope) for name, scope in NAMES.items()))
    return path


def of(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer token-of-{name}"}


def refused(response: httpx.Response, status: int) -> dict[str, Any]:
    """The problem of a caller that is refused."""
    found = problem(response, status)
    assert response.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)
    return found


async def test_everything_but_health_and_documentation_needs_a_token(tokens: Path) -> None:
    async with alone(tokens=str(tokens)) as served:
        document = (await served.http.get("/openapi.json")).json()
        opened = []
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                url = path.replace("{job_id}", "any")
                if "security" not in operation:
                    opened.append(path)
                    continue
                assert operation["security"] == [{"token": []}]
                assert {"401", "403"} <= operation["responses"].keys()
                refused(await served.http.request(method, url), 401)
                refused(await served.http.request(method, url, headers=of("nobody")), 401)
                assert path in refused(await served.http.request(method, url, headers=of("registrar")), 403)["detail"]
        metrics = await served.metrics()
    assert opened == ["/healthz", "/readyz"]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for reason in ("no_token", "wrong_token", "no_scope"):
        assert f'stamp2vec_refused_calls_total{{reason="{reason}"}} 0.0' not in metrics


@pytest.mark.parametrize(("name", "status"), [("nobody", 401), ("registrar", 403)])
async def test_a_caller_is_refused_before_its_document_is_read(name: str, status: int, tokens: Path) -> None:
    async with alone(tokens=str(tokens)) as served:
        stream, out = await asyncio.open_connection("127.0.0.1", served.port)
        head = [
            "POST /v1/analyze HTTP/1.1",
            "host: x",
            "content-type: multipart/form-data; boundary=x",
            "content-length: 1000000",
            f"authorization: Bearer token-of-{name}",
        ]
        out.write("\r\n".join([*head, "", "--x"]).encode())
        await out.drain()
        assert f" {status} ".encode() in await asyncio.wait_for(stream.readline(), 10)
        out.close()


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "token-of-archive", "Basic token-of-archive", "Bearer token of archive", "Bearer token-of-archivé"],
)
async def test_what_is_no_token_is_none(authorization: str, tokens: Path) -> None:
    headers = [(b"authorization", authorization.encode("latin-1"))]
    async with web(gateway={"tokens": str(tokens)}, tokens=str(tokens)) as served:
        refused(await served.http.get("/v1/models", headers=headers), 401)
    async with web(gateway={"tokens": str(tokens)}) as served:
        refused(await served.http.get("/v1/models", headers=headers), 401)
    async with web() as served:
        assert (await served.http.get("/v1/models", headers=headers)).status_code == 200


@pytest.mark.parametrize("is_checked_here", [True, False])
async def test_the_gateway_gets_the_token_of_the_caller(is_checked_here: bool, tokens: Path) -> None:
    script = Scripted()
    own = {"tokens": str(tokens)} if is_checked_here else {}
    lines = {"accept": "application/x-ndjson"}
    async with web(script, {"tokens": str(tokens)}, **own) as served:
        for more in ({}, lines):
            refused(await served.http.post("/v1/find", files=[file(page())], headers=more), 401)
            refused(await served.http.post("/v1/find", files=[file(page())], headers=more | of("nobody")), 401)
            refused(await served.http.post("/v1/find", files=[file(page())], headers=more | of("registrar")), 403)
            assert not script.requests
        for more in ({}, lines):
            response = await served.http.post("/v1/find", files=[file(page())], headers=more | of("archive"))
            assert response.status_code == 200, response.text
        ready = await served.http.get("/readyz")
    assert ready.status_code == 200


async def test_a_token_that_only_the_gateway_refuses_is_refused(tokens: Path, tmp_path: Path) -> None:
    """As where the file of one of them is older."""
    few = tmp_path / "few"
    few.write_text(line("chief", "admin"))
    async with web(gateway={"tokens": str(few)}, tokens=str(tokens)) as served:
        refused(await served.http.get("/v1/models", headers=of("archive")), 401)
        assert (await served.http.get("/v1/models", headers=of("chief"))).status_code == 200


@pytest.mark.parametrize("is_checked_here", [True, False])
async def test_what_is_drawn_here_alone_is_asked_of_the_gateway(is_checked_here: bool, tokens: Path) -> None:
    own = {"tokens": str(tokens)} if is_checked_here else {}
    limits = {"tokens": str(tokens), "caller_rate": 0.01, "caller_burst": 1}
    async with web(None, limits, **own) as served:
        refused(await served.http.post("/v1/pages", files=[file(page())]), 401)
        refused(await served.http.post("/v1/pages", files=[file(page())], headers=of("registrar")), 403)
        assert (await served.http.post("/v1/pages", files=[file(page())], headers=of("archive"))).status_code == 200
        problem(await served.http.post("/v1/pages", files=[file(page())], headers=of("archive")), 429)


async def test_the_rate_of_the_gateway_holds_for_each_caller(tokens: Path) -> None:
    limits = {"tokens": str(tokens), "caller_rate": 0.01, "caller_burst": 1}
    async with web(gateway=limits, tokens=str(tokens)) as served:
        assert (await served.http.get("/v1/models", headers=of("archive"))).status_code == 200
        busy = await served.http.get("/v1/models", headers=of("archive"))
        assert (await served.http.get("/v1/models", headers=of("other"))).status_code == 200
    found = problem(busy, 429)
    assert found["code"] == "RESOURCE_EXHAUSTED"
    assert found["retry_after_s"] > 90
    assert int(busy.headers["retry-after"]) >= found["retry_after_s"]


async def test_the_calls_in_work_of_the_gateway_hold_for_each_caller(tokens: Path) -> None:
    script = Scripted(on_detect=until_cancelled)
    async with web(script, {"tokens": str(tokens), "caller_calls": 1}) as served:
        first = asyncio.create_task(served.http.post("/v1/find", files=[file(page())], headers=of("archive")))
        await eventually(lambda: len(script.requests) == 1)
        problem(await served.http.post("/v1/find", files=[file(page())], headers=of("archive")), 429)
        script.on_detect = Scripted().on_detect
        other = await served.http.post("/v1/find", files=[file(page())], headers=of("other"))
        first.cancel()
    assert other.status_code == 200


@pytest.mark.parametrize("is_checked_here", [True, False])
async def test_a_job_is_of_the_caller_that_made_it(is_checked_here: bool, tokens: Path) -> None:
    own = {"tokens": str(tokens)} if is_checked_here else {}
    async with web(Scripted(), {"tokens": str(tokens)}, **own) as served:
        http, mine = served.http, of("archive")
        location = (await http.post("/v1/jobs", files=[file(page())], headers=mine)).headers["location"]
        async with http.stream("GET", f"{location}/events", headers=mine) as events:
            assert "event: done" in (await events.aread()).decode()
        for path in (location, f"{location}/result", f"{location}/events"):
            missing = problem(await http.get(path, headers=of("other")), 404)
            assert missing["detail"] == problem(await http.get("/v1/jobs/none", headers=mine), 404)["detail"]
            assert (await http.get(path, headers=mine)).status_code == 200
        problem(await http.delete(location, headers=of("other")), 404)
        assert (await http.delete(location, headers=mine)).status_code == 204


async def test_a_token_may_be_replaced_while_a_job_is_kept_and_a_removed_one_gets_nothing(tokens: Path) -> None:
    async with web(Scripted(), {"tokens": str(tokens)}, tokens=str(tokens)) as served:
        location = (await served.http.post("/v1/jobs", files=[file(page())], headers=of("archive"))).headers["location"]
        served.http.headers.update(of("archive"))
        assert (await finished(served.http, location))["state"] == "done"
        renewed = tokens.with_name("renewed")
        renewed.write_text(line("archive", "analyse", "its-next"))
        renewed.rename(tokens)
        refused(await served.http.get(f"{location}/result"), 401)
        served.http.headers["authorization"] = "Bearer its-next"
        assert (await served.http.get(f"{location}/result")).status_code == 200


async def test_jobs_of_one_caller_are_bounded(tokens: Path) -> None:
    async with web(Scripted(on_detect=until_cancelled), tokens=str(tokens), caller_jobs=1) as served:
        statuses = [
            (await served.http.post("/v1/jobs", files=[file(page())], headers=of(name))).status_code
            for name in ("archive", "archive", "other")
        ]
    assert statuses == [202, 429, 202]


async def test_jobs_of_one_caller_wait_for_one_another(tokens: Path) -> None:
    """They would fail, as calls beyond its limit do, and nobody would be there to send them again."""
    goes_on = asyncio.Event()

    async def wait(request: Any, context: Any) -> None:
        await goes_on.wait()

    script = Scripted(on_detect=wait)
    async with web(script, {"tokens": str(tokens), "caller_calls": 1}, tokens=str(tokens)) as served:
        served.http.headers.update(of("archive"))
        first = (await served.http.post("/v1/jobs", files=[file(page())])).headers["location"]
        await eventually(lambda: len(script.requests) == 1)
        second = (await served.http.post("/v1/jobs", files=[file(page())])).headers["location"]
        async with asyncio.timeout(TIMEOUT_S):
            while (await served.http.get(second)).json()["state"] == "queued":
                await asyncio.sleep(0.01)
        goes_on.set()
        assert [(await finished(served.http, each))["state"] for each in (first, second)] == ["done", "done"]


async def test_the_log_has_the_name_of_a_caller_and_never_its_token(
    tokens: Path, caplog: pytest.LogCaptureFixture
) -> None:
    formatted: list[str] = []

    class Keep(JsonFormatter):
        def format(self, record: Any) -> str:
            formatted.append(super().format(record))
            return formatted[-1]

    caplog.handler.setFormatter(Keep())
    caplog.set_level("DEBUG")
    async with web(gateway={"tokens": str(tokens)}, tokens=str(tokens)) as served:
        await served.http.get("/v1/models", headers=of("archive"))
    calls = [each for each in formatted if '"event": "call"' in each]
    assert calls
    assert all('"caller": "archive"' in each for each in calls if "models" in each.lower())
    assert not [each for each in formatted if "token-of-archive" in each]
