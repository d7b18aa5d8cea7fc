"""POST /v1/erase: files without stamps, as JSON or as they are."""

import base64

import numpy as np
import pytest

from stamp2vec.imaging import decode_image
from tests.services.gateway import encoded
from tests.services.test_gateway_erasing import BLUE, RED, chroma_of, sheet, two_rings
from tests.web.serving import base64_of, fields, file, problem, web


async def test_a_form_and_json_give_the_same() -> None:
    data = encoded(sheet(BLUE, RED))
    async with web(two_rings()) as served:
        form = await served.http.post(
            "/v1/erase", files=[file(data)], data={"inks": "red,black", "keep": "page=1&stamp=7,page=1&stamp=8"}
        )
        assert fields(problem(form, 400)) == ["keep"]
        form = await served.http.post("/v1/erase", files=[file(data)], data={"inks": "red,black"})
        body = {"document": {"file": "scan.tiff", "content": base64_of(data)}, "inks": ["red", "black"]}
        by_json = await served.http.post("/v1/erase", json=body)
        alone = await served.http.post(
            "/v1/erase", files=[file(data)], data={"inks": "red,black"}, headers={"accept": "application/octet-stream"}
        )
    assert form.status_code == 200, form.text
    found = form.json()
    assert found == by_json.json()
    assert (found["file"], found["media_type"], found["page_count"]) == ("scan.tiff", "image/tiff", 1)
    assert sorted(stamp["outcome"] for stamp in found["pages"][0]["stamps"]) == ["erased", "not selected"]
    content = base64.b64decode(found["content"])
    assert chroma_of(content) < 0.6 * chroma_of(data)
    assert (alone.headers["content-type"], alone.content) == ("image/tiff", content)


async def test_a_page_without_stamps_comes_with_an_analysis() -> None:
    data = encoded(sheet(BLUE, RED))
    async with web(two_rings()) as served:
        answer = await served.http.post(
            "/v1/analyze", files=[file(data)], data={"include_erased_page": "true", "include_vectors": "false"}
        )
        erased = await served.http.post("/v1/erase", files=[file(data)], headers={"accept": "application/octet-stream"})
    (page,) = answer.json()["documents"][0]["pages"]
    png = base64.b64decode(page["erased_png"])
    np.testing.assert_array_equal(decode_image(png), decode_image(erased.content))
    assert answer.json()["documents"][0]["milliseconds"]["erase"] > 0


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"types": "rund"}, "types.0"),
        ({"inks": "pink"}, "inks.0"),
        ({"dies": "0"}, "dies.0"),
        ({"dies": "x"}, "dies.0"),
        ({"keep": "page=1"}, "keep.0"),
        ({"only": "red"}, "only"),
        ({"min_score": "2"}, "min_score"),
    ],
)
async def test_what_cannot_be_asked_is_named(data: dict[str, str], field: str) -> None:
    async with web(two_rings()) as served:
        answer = await served.http.post("/v1/erase", files=[file(encoded(sheet(BLUE)))], data=data)
    found = fields(problem(answer, 422))
    assert [name.replace("[", ".").replace("]", "") for name in found] == [field]


async def test_a_file_is_needed_and_must_be_one() -> None:
    async with web(two_rings()) as served:
        none = await served.http.post("/v1/erase", files=[file(b"x", field="other")])
        problem(none, 422)
        damaged = await served.http.post("/v1/erase", files=[file(b"no picture")])
        assert fields(problem(damaged, 400)) == ["document"]
