"""What is refused before it gets to the gateway, and what goes with every call."""

import asyncio
import re
from typing import Any

import grpc
import pytest

from tests.services.gateway import abort_busy, eventually, until_cancelled
from tests.services.scripted import Scripted
from tests.web.serving import alone, base64_of, fields, file, page, problem, web


@pytest.mark.parametrize(
    ("data", "at_fault"),
    [
        ({"min_score": "7"}, ["min_score"]),
        ({"min_score": "much", "max_overlap": "0.95"}, ["max_overlap", "min_score"]),
        ({"prior": "nan"}, ["prior"]),
        ({"preset": "best"}, ["preset"]),
        ({"include_vectors": "perhaps"}, ["include_vectors"]),
        ({"include_everything": "true"}, ["include_everything"]),
        ({"password": "x" * 1001}, ["password"]),
    ],
)
async def test_every_field_at_fault_is_named(data: dict[str, str], at_fault: list[str]) -> None:
    async with alone() as served:
        response = await served.http.post("/v1/analyze", files=[file(page())], data=data)
    assert sorted(fields(problem(response, 422))) == at_fault


async def test_documents_that_are_none() -> None:
    async with alone() as served:
        post = served.http.post
        json = {"content-type": "application/json"}
        cases = [
            (await post("/v1/analyze", json={"documents": [{"content": "no base64!"}]}), ["documents[0].content"]),
            (await post("/v1/analyze", json={"documents": []}), ["documents"]),
            (await post("/v1/analyze", json={}), ["documents"]),
            (await post("/v1/analyze", content=b"{", headers=json), [""]),
            (await post("/v1/analyze", content=b'{"pages":"\\ud800"}', headers=json), [""]),
            (await post("/v1/analyze", data={"min_score": "1"}, files=[file(page(), field="a")]), ["a"]),
            (await post("/v1/analyze", data={"min_score": ["1", "0"]}, files=[file(page())]), ["min_score"]),
        ]
        broken = await post("/v1/analyze", content=b"--x", headers={"content-type": "multipart/form-data; boundary=y"})
        nameless = await post("/v1/analyze", content=b"--x", headers={"content-type": "multipart/form-data"})
        many = await post("/v1/analyze", files=[file(b"1")] * 17)
    for response, at_fault in cases:
        assert fields(problem(response, 422)) == at_fault
    for response in (broken, nameless, many):
        problem(response, 422)


@pytest.mark.parametrize("charset", ["undefined", "punycode", "unicode_escape", "utf-16"])
async def test_a_form_is_utf_8(charset: str) -> None:
    body = b'--x\r\ncontent-disposition: form-data; name="pages"\r\n\r\n\\ud800\r\n--x--\r\n'
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    async with alone() as served:
        problem(await served.http.post("/v1/find", content=body, headers={"content-type": kind}), 415)


async def test_many_faults_are_counted_and_not_named() -> None:
    async with alone() as served:
        response = await served.http.post("/v1/find", json={str(number): 0 for number in range(100_000)})
    found = problem(response, 422)
    assert "100,001" in found["detail"]
    assert found["violations"] == []


async def test_errors_of_http_itself_are_problems() -> None:
    async with alone() as served:
        problem(await served.http.get("/v2/analyze"), 404)
        wrong = await served.http.get("/v1/analyze")
        typed = await served.http.post("/v1/analyze", content=b"x", headers={"content-type": "image/png"})
    problem(wrong, 405)
    assert wrong.headers["allow"] == "POST"
    problem(typed, 415)


async def test_a_request_is_bounded_however_it_is_sent() -> None:
    large = b"\0" * (2 * 2**20)

    async def pieces() -> Any:
        for _ in range(32):
            yield b"\0" * 2**16

    async with alone(max_body_mib=1) as served:
        form = await served.http.post("/v1/analyze", files=[file(large)])
        body = await served.http.post("/v1/analyze", json={"documents": [{"content": base64_of(large)}]})
        in_pieces = await served.http.post(
            "/v1/analyze", content=pieces(), headers={"content-type": "application/json"}
        )
    for response in (form, body, in_pieces):
        problem(response, 413)


async def test_all_requests_together_are_bounded() -> None:
    script = Scripted(on_detect=until_cancelled)
    padded = page() + b"\0" * 700_000
    async with web(script, max_body_mib=1, body_mib=1) as served:
        first = asyncio.create_task(served.http.post("/v1/find", files=[file(padded)]))
        await eventually(lambda: bool(script.requests))
        second = await served.http.post("/v1/find", files=[file(padded)])
        first.cancel()
        script.on_detect = Scripted().on_detect
        await eventually(lambda: bool(script.cancelled))
        third = await served.http.post("/v1/find", files=[file(padded)])
    refused = problem(second, 503)
    assert (refused["code"], second.headers["retry-after"]) == ("UNAVAILABLE", "1")
    assert third.status_code == 200


async def test_calls_at_once_are_bounded_and_health_is_not() -> None:
    script = Scripted(on_detect=until_cancelled)
    async with web(script, capacity=1) as served:
        first = asyncio.create_task(served.http.post("/v1/find", files=[file(page())]))
        await eventually(lambda: bool(script.requests))
        second = await served.http.post("/v1/find", files=[file(page())])
        health = [(await served.http.get(path)).status_code for path in ("/healthz", "/readyz")]
        first.cancel()
    assert problem(second, 429)["retry_after_s"] == 1
    assert health == [200, 200]


async def test_a_busy_gateway_says_when_to_come_back() -> None:
    async with web(Scripted(on_detect=abort_busy)) as served:
        response = await served.http.post("/bounding-boxes", files=[file(page())])
    found = problem(response, 429)
    assert found["code"] == "RESOURCE_EXHAUSTED"
    assert found["retry_after_s"] == pytest.approx(1.5, rel=0.6)
    assert response.headers["retry-after"] in ("2", "3")


async def test_a_part_that_is_not_there_is_the_callers_to_know() -> None:
    async def abort(request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the reader is not deployed: ask without text")

    async with web(Scripted(on_detect=abort)) as served:
        response = await served.http.post("/v1/find", files=[file(page())])
    found = problem(response, 400)
    assert (found["code"], found["detail"]) == ("FAILED_PRECONDITION", "the reader is not deployed: ask without text")


async def test_request_id_and_trace_go_through() -> None:
    script = Scripted()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with web(script) as served:
        given = {"x-request-id": "scan-17", "traceparent": trace}
        responses = [await served.http.post("/v1/find", files=[file(page())], headers=given)]
        given["accept"] = "application/x-ndjson"
        responses.append(await served.http.post("/v1/find", files=[file(page())], headers=given))
        own = await served.http.get("/v1/models", headers={"x-request-id": "not fit\tfor logs"})
    assert [response.headers["x-request-id"] for response in responses] == ["scan-17"] * 2
    assert len(own.headers["x-request-id"]) == 32
    assert [each["x-request-id"] for each in script.metadata[:2]] == ["scan-17"] * 2
    assert all(each["traceparent"].split("-")[1] == trace.split("-")[1] for each in script.metadata[:2])


async def test_pages_of_other_origins_may_call_where_they_are_named() -> None:
    origin = {"origin": "https://scans.example.com"}
    asks = {**origin, "access-control-request-method": "POST"}
    async with alone() as served:
        closed = await served.http.options("/v1/analyze", headers=asks)
    async with alone(cors_origins=("https://scans.example.com",)) as served:
        opened = await served.http.options("/v1/analyze", headers=asks)
        other = await served.http.options("/v1/analyze", headers={**asks, "origin": "https://elsewhere.example.com"})
        error = await served.http.post("/v1/analyze", headers=origin)
    assert closed.status_code == 405
    assert opened.headers["access-control-allow-origin"] == "https://scans.example.com"
    assert "access-control-allow-origin" not in other.headers
    assert "x-request-id" in error.headers["access-control-expose-headers"]


async def test_the_documentation_needs_no_other_host() -> None:
    async with alone() as served:
        shown = await served.http.get("/docs")
        named = re.findall(r'(?:src|href)="([^"]+)"', shown.text)
        files = [await served.http.get(f"/{path}") for path in named if not path.startswith("data:")]
    assert [each.headers["content-type"].partition(";")[0] for each in files] == [
        "text/css",
        "text/javascript",
        "text/javascript",
    ]
    assert "http" not in shown.text
    for each in (shown, *files):
        assert each.status_code == 200
        policy = dict(part.split(" ", 1) for part in each.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["connect-src"] == "'self'"
        assert not [sources for sources in policy.values() if "http" in sources or "*" in sources]


async def test_the_documentation_can_be_hidden() -> None:
    paths = ("/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/openapi.json")
    async with alone(docs="off") as served:
        assert [(await served.http.get(path)).status_code for path in paths] == [404] * 4


async def test_metrics_have_a_bounded_set_of_labels() -> None:
    async with web() as served:
        await served.http.get("/v1/models")
        await served.http.get("/v1/jobs/secret-17")
        await served.http.get("/any/thing/at/all")
        response = await served.http.get(f"http://127.0.0.1:{served.metrics_port}/metrics")
    assert 'stamp2vec_request_seconds_count{code="200",method="GET /v1/models"} 1.0' in response.text
    assert 'method="GET /v1/jobs/{job_id}"' in response.text
    assert 'stamp2vec_request_seconds_count{code="404",method="unknown"} 1.0' in response.text
    assert "secret-17" not in response.text


async def test_a_slow_body_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.web.bodies._START_S", 0.2)
    async with alone() as served:
        stream, out = await asyncio.open_connection("127.0.0.1", served.port)
        out.write(b"POST /v1/find HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{")
        await out.drain()
        head = await asyncio.wait_for(stream.readline(), 10)
        out.close()
    assert b" 408 " in head
