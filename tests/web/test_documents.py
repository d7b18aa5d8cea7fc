"""Documents over HTTP: what comes back, together and page by page."""

import asyncio
import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stamp2vec.v1 import common_pb2, reader_pb2
from tests.services.gateway import Code, encoded, eventually, until_cancelled
from tests.services.scripted import Scripted, darkness, rim
from tests.web.serving import alone, base64_of, fields, file, lines, page, problem, web

NDJSON = {"accept": "application/x-ndjson"}


async def test_a_form_and_json_have_one_answer() -> None:
    document = page(100, 200)
    async with web() as served:
        form = await served.http.post("/v1/analyze", files=[file(document)], data={"min_score": "0.1"})
        body = {"documents": [{"file": "scan.tiff", "content": base64_of(document)}], "min_score": 0.1}
        as_json = await served.http.post("/v1/analyze", json=body)
    assert form.status_code == as_json.status_code == 200
    (found,) = form.json()["documents"]
    (same,) = as_json.json()["documents"]
    assert {**found, "milliseconds": None} == {**same, "milliseconds": None}
    assert (found["file"], found["page_count"]) == ("scan.tiff", 2)
    assert [each["page"] for each in found["pages"]] == [0, 1]
    (stamp,) = found["pages"][0]["stamps"]
    assert stamp["box"] == [25, 25, 75, 75]
    assert (stamp["type"], stamp["source"]) == ("oval", "page")
    assert len(stamp["vector"]) == 4
    assert "mask_png" not in stamp
    assert len(found["similarity"]) == 2
    assert found["models"] == ["detector@1.0.0", "embedder@1.0.0"]


async def test_masks_and_crops_come_as_pictures() -> None:
    async with web() as served:
        options = {"include_masks": "true", "include_crops": "true", "include_vectors": "false"}
        response = await served.http.post("/v1/analyze", files=[file(page())], data=options)
    (stamp,) = response.json()["documents"][0]["pages"][0]["stamps"]
    x1, y1, x2, y2 = stamp["crop_box"]
    for name, mode in (("mask_png", "L"), ("crop_png", "RGB")):
        with Image.open(io.BytesIO(base64.b64decode(stamp[name]))) as picture:
            assert (picture.size, picture.mode) == ((x2 - x1, y2 - y1), mode)
    assert "vector" not in stamp


async def test_strips_and_clean_stamps_come_as_pictures() -> None:
    async with web(Scripted(ink=rim)) as served:
        options = {"include_unrolled": "true", "include_clean_stamps": "true", "include_vectors": "false"}
        response = await served.http.post("/v1/analyze", files=[file(page())], data=options)
        found = await served.http.post("/v1/find", files=[file(page())], data={"include_unrolled": "true"})
    (stamp,) = response.json()["documents"][0]["pages"][0]["stamps"]
    x1, y1, x2, y2 = stamp["crop_box"]
    for name, mode in (("transparent_png", "RGBA"), ("ink_png", "RGB")):
        with Image.open(io.BytesIO(base64.b64decode(stamp[name]))) as picture:
            assert (picture.size, picture.mode) == ((x2 - x1, y2 - y1), mode)
    outward, inward = stamp["unrolled"]
    assert [strip["ring"]["reading"] for strip in (outward, inward)] == ["clockwise", "counterclockwise"]
    assert outward["ring"]["centre"] == pytest.approx([(x2 - x1) / 2, (y2 - y1) / 2], rel=0.1)
    with Image.open(io.BytesIO(base64.b64decode(outward["pixels_png"]))) as strip:
        assert strip.width > 4 * strip.height
    assert "mask_png" not in stamp
    assert fields(problem(found, 422)) == ["include_unrolled"]


async def test_finding_computes_no_vectors() -> None:
    script = Scripted()
    async with web(script) as served:
        response = await served.http.post("/v1/find", files=[file(page())])
        refused = await served.http.post("/v1/find", files=[file(page())], data={"include_vectors": "true"})
    (found,) = response.json()["documents"]
    assert "vector" not in found["pages"][0]["stamps"][0]
    assert {type(request).__name__ for request in script.requests} == {"DetectRequest"}
    assert fields(problem(refused, 422)) == ["include_vectors"]


async def test_of_several_documents_each_has_its_own_end() -> None:
    async with web() as served:
        files = [file(page(), "good.tiff"), file(b"rubbish", "bad.pdf"), file(page(90), "other.tiff")]
        response = await served.http.post("/v1/analyze", files=files)
        alone_too = await served.http.post("/v1/analyze", files=[files[1]])
    found = response.json()["documents"]
    assert response.status_code == 200
    assert [each["file"] for each in found] == ["good.tiff", "bad.pdf", "other.tiff"]
    assert [("pages" in each, "problem" in each) for each in found] == [(True, False), (False, True), (True, False)]
    assert found[1]["problem"]["code"] == "INVALID_ARGUMENT"
    assert fields(problem(alone_too, 400)) == ["document"]


async def test_pages_and_prior_are_passed_on() -> None:
    async with web() as served:
        data = {"pages": "2-", "prior": "0.25", "preset": "fast", "max_overlap": "0.4"}
        response = await served.http.post("/v1/analyze", files=[file(page(90, 100, 200))], data=data)
        missing = await served.http.post("/v1/analyze", files=[file(page())], data={"pages": "7"})
    (found,) = response.json()["documents"]
    assert [each["page"] for each in found["pages"]] == [1, 2]
    assert found["page_count"] == 3
    assert fields(problem(missing, 400)) == ["pages"]


async def test_lines_come_in_the_order_of_files_and_pages() -> None:
    async with web() as served:
        files = [file(page(90, 100, 200), "a.tiff"), file(b"rubbish", "b.pdf"), file(page(80), "c.tiff")]
        response = await served.http.post("/v1/analyze", files=files, headers=NDJSON)
    assert response.headers["content-type"] == "application/x-ndjson"
    found = lines(response.text)
    assert [(line["file"], line["type"], line.get("page")) for line in found if line["type"] != "progress"] == [
        ("a.tiff", "page", 0),
        ("a.tiff", "page", 1),
        ("a.tiff", "page", 2),
        ("a.tiff", "document", None),
        ("b.pdf", "problem", None),
        ("c.tiff", "page", 0),
        ("c.tiff", "document", None),
    ]
    assert [line["pages_done"] for line in found if line["type"] == "progress"] == [1, 2, 3, 1]
    whole = next(line for line in found if line["type"] == "document")
    assert (whole["page_count"], len(whole["die_groups"]), len(whole["similarity"])) == (3, 3, 3)


async def test_a_page_is_sent_before_the_next_is_analysed() -> None:
    goes_on = asyncio.Event()

    async def wait_for_the_second(request: Any, context: Any) -> None:
        if len(script.requests) > 1:
            await goes_on.wait()

    script = Scripted(on_detect=wait_for_the_second)
    big = page(*[100] * 40)
    async with (
        web(script) as served,
        served.http.stream("POST", "/v1/find", files=[file(big)], headers=NDJSON) as response,
    ):
        received = response.aiter_lines()
        assert '"page": 0' in await anext(received)
        goes_on.set()
        assert len([line async for line in received]) == 80


async def test_a_document_that_fails_alone_has_a_status_also_as_lines() -> None:
    async with web() as served:
        response = await served.http.post("/v1/analyze", files=[file(b"rubbish")], headers=NDJSON)
    assert fields(problem(response, 400)) == ["document"]


@pytest.mark.parametrize("headers", [{}, NDJSON])
async def test_a_caller_that_goes_ends_the_work(headers: dict[str, str]) -> None:
    script = Scripted(on_detect=until_cancelled)
    async with web(script) as served:
        call = asyncio.create_task(served.http.post("/v1/analyze", files=[file(page())], headers=headers))
        await eventually(lambda: len(script.requests) == 1)
        call.cancel()
        await eventually(lambda: script.cancelled == ["DetectRequest"])


async def test_a_caller_that_goes_between_lines_ends_the_work() -> None:
    async def stop_after_the_first(request: Any, context: Any) -> None:
        if len(script.requests) > 1:
            await asyncio.Event().wait()

    script = Scripted(on_detect=stop_after_the_first)
    async with web(script) as served:
        upload = [file(page(*[100] * 40))]
        async with served.http.stream("POST", "/v1/find", files=upload, headers=NDJSON) as response:
            received = response.aiter_lines()  # which closes the connection once nobody has it any more
            await anext(received)
            await eventually(lambda: len(script.requests) > 1)
        await eventually(lambda: bool(script.cancelled))


async def test_a_call_ends_after_its_timeout() -> None:
    async with web(Scripted(on_detect=until_cancelled)) as served:
        late = await served.http.post("/v1/find", files=[file(page())], headers={"x-timeout-s": "0.3"})
        silly = [
            await served.http.post("/v1/find", files=[file(page())], headers={"x-timeout-s": text})
            for text in ("soon", "0", "-1", "nan", "1e9")
        ]
    assert problem(late, 504)["code"] == Code.DEADLINE_EXCEEDED.name
    assert [fields(problem(each, 422)) for each in silly] == [["x-timeout-s"]] * 5


async def test_a_page_that_fails_has_its_problem_and_loses_no_other() -> None:
    script = Scripted(poisoned=lambda pixels: bool(pixels.mean() < 50))
    async with web(script) as served:
        partly = await served.http.post("/v1/find", files=[file(page(10, 200))])
        wholly = await served.http.post("/v1/find", files=[file(page(10))], headers={"x-request-id": "scan-17"})
    bad, good = partly.json()["documents"][0]["pages"]
    assert (bad["error"]["status"], bad["stamps"]) == (500, [])
    assert (good["error"], len(good["stamps"])) == (None, 1)
    assert "scan-17" in problem(wholly, 500)["detail"]


async def test_without_a_gateway_calls_may_be_sent_again() -> None:
    async with alone() as served:
        response = await served.http.post("/v1/find", files=[file(page())], headers={"x-timeout-s": "5"})
        ready, live = await served.http.get("/readyz"), await served.http.get("/healthz")
    assert problem(response, 503)["code"] == "UNAVAILABLE"
    assert (ready.status_code, live.status_code) == (503, 200)


async def test_what_stamps_say() -> None:
    box = common_pb2.Box(x1=10, y1=8, x2=80, y2=56)
    said = reader_pb2.Reading(
        box=box, text="No. 7701", script=common_pb2.SCRIPT_LATIN, confidence=0.9, score=0.9, engine="pp-ocrv6"
    )
    script = Scripted(ink=darkness, text=lambda pixels: [said])
    drawn = np.full((200, 200, 3), 250, np.uint8)
    drawn[90:110, 70:130] = (40, 60, 200)
    upload = [file(encoded(Image.fromarray(drawn)))]
    async with web(script) as served:
        read = await served.http.post("/v1/read", files=upload)
        plain = await served.http.post("/v1/find", files=upload)
    (stamp,) = read.json()["documents"][0]["pages"][0]["stamps"]
    assert {line["text"] for line in stamp["text"]["lines"]} == {"No. 7701"}
    assert {number["digits"] for number in stamp["text"]["numbers"]} == {"7701"}
    assert "vector" not in stamp
    assert "text" not in plain.json()["documents"][0]["pages"][0]["stamps"][0]
