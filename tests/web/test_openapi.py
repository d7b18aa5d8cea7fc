"""The OpenAPI document: its examples are true, and what it says holds for requests that nobody thought of."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.services.scripted import Scripted
from tests.web.serving import file, page, web


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Of a service in a thread of its own: schemathesis calls from this one."""
    started = threading.Event()
    ends: list[Any] = []

    async def serve() -> None:
        ending = asyncio.Event()
        async with web(Scripted(), job_lifetime_s=60.0) as served:
            ends.extend([f"http://127.0.0.1:{served.port}", asyncio.get_running_loop(), ending])
            started.set()
            await ending.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    started.wait()
    address, loop, ending = ends
    yield address
    loop.call_soon_threadsafe(ending.set)
    thread.join()


def test_no_request_breaks_the_document(url: str) -> None:
    """What is left out complains of 4xx that are documented, and of HTTP's own 405."""
    document = schemathesis.openapi.from_url(f"{url}/openapi.json")
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    operations: list[Any] = list(document.get_all_operations())
    for operation in operations:
        _call(operation.ok(), checks)


def _call(operation: Any, checks: list[Any]) -> None:
    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def call(case: Any) -> None:
        case.call_and_validate(checks=checks, headers={"x-timeout-s": "30"})  # a shorter one may end in a 504

    call()


def test_examples_are_what_they_are_examples_of(url: str) -> None:
    document = httpx.get(f"{url}/openapi.json").json()
    schemas = document["components"]
    seen = 0
    for path in document["paths"].values():
        for operation in path.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for content in [each for body in bodies for each in body.get("content", {}).values()]:
                if "example" in content:
                    jsonschema.validate(content["example"], {**content["schema"], "components": schemas})
                    seen += 1
    assert seen > 20


def test_requests_of_the_document_are_answered(url: str) -> None:
    document = httpx.get(f"{url}/openapi.json").json()
    for path, operations in document["paths"].items():
        body = operations.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json")
        if body and path != "/v1/compare":  # whose vectors are of another model
            example = body["example"]
            for each in example.get("documents", [example.get("document")]):
                assert each["content"]
            assert httpx.post(url + path, json=example, timeout=30).status_code in (200, 202, 400)


def test_answers_are_as_the_document_says(url: str) -> None:
    document = httpx.get(f"{url}/openapi.json").json()
    options = {"include_masks": "true", "include_crops": "true", "include_erased_page": "true"}
    response = httpx.post(f"{url}/v1/analyze", files=[file(page(90, 200))], data=options, timeout=30)
    schema = document["paths"]["/v1/analyze"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(response.json(), {**schema, "components": document["components"]})
    named = {
        name for path in document["paths"].values() for operation in path.values() for name in operation["responses"]
    }
    assert {"200", "202", "204", "400", "404", "409", "413", "415", "422", "429", "503", "504"} <= named
