"""Jobs: their life, their bounds, and what follows them."""

import asyncio
import json
import re
from typing import Any

from tests.services.gateway import eventually, until_cancelled
from tests.services.scripted import Scripted
from tests.web.serving import TIMEOUT_S, base64_of, fields, file, finished, page, problem, web


async def test_a_job_from_its_document_to_its_end() -> None:
    async with web() as served:
        submitted = await served.http.post("/v1/jobs", files=[file(page(90, 100, 200))], data={"pages": "2-3"})
        assert submitted.status_code == 202
        location = submitted.headers["location"]
        assert re.fullmatch(r"/v1/jobs/[A-Za-z0-9_-]{32}", location)
        done = await finished(served.http, location)
        assert (done["state"], done["pages_done"], done["page_count"], done["problem"]) == ("done", 2, 2, None)
        assert 0 < done["expires_s"] <= 3600
        result = await served.http.get(f"{location}/result")
        whole = await served.http.post("/v1/analyze", files=[file(page(90, 100, 200))], data={"pages": "2-3"})
        assert (await served.http.delete(location)).status_code == 204
        for path in (location, f"{location}/result", f"{location}/events"):
            problem(await served.http.get(path), 404)
        problem(await served.http.delete(location), 404)
    found, expected = result.json(), whole.json()["documents"][0]
    groups = iter(found["die_groups"])
    for each in found["pages"]:
        for stamp in each["stamps"]:
            stamp["die_group"] = next(groups)
    assert found["pages"] == expected["pages"]
    assert found["similarity"] == expected["similarity"]


async def test_a_job_that_fails_says_why() -> None:
    async with web() as served:
        body = {"document": {"file": "x.pdf", "content": base64_of(b"rubbish")}}
        location = (await served.http.post("/v1/jobs", json=body)).headers["location"]
        failed = await finished(served.http, location)
        result = await served.http.get(f"{location}/result")
    assert failed["state"] == "failed"
    assert failed["problem"]["code"] == "INVALID_ARGUMENT"
    assert result.status_code == 400
    assert fields(result.json()) == ["document"]


async def test_a_damaged_first_page_is_no_end_of_a_job() -> None:
    """The first page is asked for to learn how many there are."""
    async with web(Scripted(poisoned=lambda pixels: pixels.mean() < 50)) as served:
        location = (await served.http.post("/v1/jobs", files=[file(page(10, 90, 100))])).headers["location"]
        done = await finished(served.http, location)
    assert (done["state"], done["pages_done"]) == ("done", 3)


async def test_events_follow_a_job_page_by_page() -> None:
    goes_on = asyncio.Event()

    async def wait(request: Any, context: Any) -> None:
        await goes_on.wait()

    async with web(Scripted(on_detect=wait)) as served:
        location = (await served.http.post("/v1/jobs", files=[file(page(90, 100, 200))])).headers["location"]
        unready = await served.http.get(f"{location}/result")
        async with served.http.stream("GET", f"{location}/events") as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            received = response.aiter_lines()
            names, rows = [], []
            async for line in received:
                goes_on.set()
                name, _, text = line.partition(": ")
                if name == "event":
                    names.append(text)
                elif name == "data":
                    rows.append(json.loads(text))
    problem(unready, 409)
    assert names[-1] == "done"
    assert set(names[:-1]) == {"progress"}
    done = [row["pages_done"] for row in rows]
    assert done == sorted(done)
    assert done[-1] == 3
    assert rows[-1]["page_count"] == 3


async def test_a_deleted_job_ends_its_work_and_tells_who_follows() -> None:
    script = Scripted(on_detect=until_cancelled)
    async with web(script) as served:
        location = (await served.http.post("/v1/jobs", files=[file(page())])).headers["location"]
        await eventually(lambda: bool(script.requests))
        follower = asyncio.create_task(served.http.get(f"{location}/events"))
        await asyncio.sleep(0.2)
        await served.http.delete(location)
        assert "event: failed" in (await follower).text
        await eventually(lambda: script.cancelled == ["DetectRequest"])


async def test_jobs_are_bounded_in_number_and_bytes() -> None:
    async with web(Scripted(on_detect=until_cancelled), jobs=2, job_mib=1) as served:
        small, large = page(), b"\0" * 900_000
        kept = await served.http.post("/v1/jobs", files=[file(large)])
        too_many_bytes = await served.http.post("/v1/jobs", files=[file(large)])
        await served.http.post("/v1/jobs", files=[file(small)])
        too_many = await served.http.post("/v1/jobs", files=[file(small)])
        await served.http.delete(kept.headers["location"])
        room_again = await served.http.post("/v1/jobs", files=[file(small)])
    for refused in (too_many_bytes, too_many):
        assert problem(refused, 429)["code"] == "RESOURCE_EXHAUSTED"
        assert int(refused.headers["retry-after"]) > 0
    assert room_again.status_code == 202


async def test_a_job_is_forgotten_after_its_lifetime() -> None:
    async with web(job_lifetime_s=1.0) as served:
        location = (await served.http.post("/v1/jobs", files=[file(page())])).headers["location"]
        await finished(served.http, location)
        async with asyncio.timeout(TIMEOUT_S):
            while (await served.http.get(location)).status_code == 200:
                await asyncio.sleep(0.05)
        problem(await served.http.get(f"{location}/result"), 404)
        metrics = await served.http.get(f"http://127.0.0.1:{served.metrics_port}/metrics")
    assert "stamp2vec_jobs 0.0" in metrics.text
    assert "stamp2vec_job_bytes 0.0" in metrics.text


async def test_a_job_takes_one_file() -> None:
    async with web() as served:
        two = await served.http.post("/v1/jobs", files=[file(page()), file(page())])
        bad = await served.http.post("/v1/jobs", files=[file(page())], data={"prior": "2"})
    problem(two, 422)
    assert fields(problem(bad, 422)) == ["prior"]


async def test_a_document_too_large_for_one_answer_comes_page_by_page() -> None:
    large = page(90, 200) + b"\0" * (33 * 2**20)
    async with web() as served:
        whole = await served.http.post("/v1/find", files=[file(large)])
        in_lines = await served.http.post("/v1/find", files=[file(large)], headers={"accept": "application/x-ndjson"})
        location = (await served.http.post("/v1/jobs", files=[file(large)])).headers["location"]
        done = await finished(served.http, location)
    assert fields(problem(whole, 400)) == ["document"]
    assert in_lines.text.count('"type": "page"') == 2
    assert (done["state"], done["pages_done"]) == ("done", 2)
