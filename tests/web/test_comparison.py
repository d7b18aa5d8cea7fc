"""Comparisons, models and the original's endpoints over HTTP."""

import base64
import io

import pytest
from PIL import Image

from tests.services.gateway import picture
from tests.services.scripted import Scripted
from tests.web.serving import base64_of, fields, file, page, problem, web


async def test_two_pictures_are_compared_by_their_ink() -> None:
    stamp = picture(120).encoded
    async with web() as served:
        form = await served.http.post("/v1/compare", files=[file(stamp, field="a"), file(stamp, field="b")])
        body = {"a": {"image": base64_of(stamp)}, "b": {"image": base64_of(stamp)}}
        by_json = await served.http.post("/v1/compare", json=body)
        by_vectors = await served.http.post("/v1/compare", json={**body, "by_vectors": True, "prior": 0.2})
    assert form.status_code == 200, form.text
    assert form.json() == by_json.json()
    assert form.json()["similarity"] == pytest.approx(1)
    assert by_vectors.json()["correlation"] is None
    assert by_vectors.json()["model"] == "embedder@1.0.0"


async def test_the_overlay_is_answered_where_it_is_asked_for() -> None:
    stamp = picture(120).encoded
    async with web() as served:
        files = [file(stamp, field="a"), file(stamp, field="b")]
        found = (await served.http.post("/v1/compare", files=files, data={"include_overlay": "true"})).json()
        vectors = {"include_overlay": "true", "by_vectors": "true"}
        by_vectors = (await served.http.post("/v1/compare", files=files, data=vectors)).json()
        plain = (await served.http.post("/v1/compare", files=files)).json()
    planes = {name: Image.open(io.BytesIO(base64.b64decode(png))) for name, png in found["overlay"].items()}
    side = planes["a_ink_png"].width
    sizes = {name: (plane.mode, plane.size) for name, plane in planes.items()}
    assert sizes == {
        "a_ink_png": ("L", (side, side)),
        "b_ink_png": ("L", (side, side)),
        "agrees_png": ("L", (side // 4, side // 4)),
        "contradicts_png": ("L", (side // 4, side // 4)),
    }
    assert by_vectors["overlay"] is None
    assert "overlay" not in plain


async def test_vectors_of_earlier_answers_are_compared() -> None:
    a, b = ({"vector": vector, "model": "embedder@1.0.0"} for vector in ([1, 0, 0, 0], [0.6, 0.8, 0, 0]))
    async with web() as served:
        response = await served.http.post("/v1/compare", json={"a": a, "b": b})
        other = await served.http.post("/v1/compare", json={"a": a, "b": {**b, "model": "other@1.0.0"}})
        neither = await served.http.post("/v1/compare", json={"a": a, "b": {"vector": [1.0]}})
        huge = await served.http.post("/v1/compare", json={"a": a, "b": {**b, "vector": [1e300, 0, 0, 0]}})
    assert response.json()["similarity"] == pytest.approx(0.6)
    assert problem(other, 400)["code"] == "INVALID_ARGUMENT"
    assert fields(problem(neither, 422)) == ["b"]
    problem(huge, 400)


async def test_a_form_names_its_pictures() -> None:
    stamp = picture(120).encoded
    async with web() as served:
        lacking = await served.http.post("/v1/compare", files=[file(stamp, field="a")])
        unknown = await served.http.post("/v1/compare", files=[file(stamp, field="c")])
    assert fields(problem(lacking, 422)) == ["b"]
    assert fields(problem(unknown, 422)) == ["c"]


async def test_models_are_listed() -> None:
    async with web() as served:
        response = await served.http.get("/v1/models")
    models = response.json()["models"]
    assert {(model["name"], model["task"]) for model in models} >= {("detector", "detect"), ("embedder", "embed")}
    assert models[0]["presets"] == ["fast"]


async def test_the_originals_endpoints() -> None:
    async with web(Scripted()) as served:
        upload = [file(page())]
        boxes = await served.http.post("/bounding-boxes", files=upload)
        drawn = await served.http.post("/image-w-boxes", files=upload)
        spellings = ("/embeddings-from-cropped", "/embedding-from-cropped", "/embedding-from-copped")
        vectors = [(await served.http.post(path, files=[file(picture(120).encoded)])).json() for path in spellings]
        all_vectors = await served.http.post("/embeddings", files=upload)
    (box,) = boxes.json()["bboxes"]
    assert {name: box[name] for name in ("xmin", "ymin", "width", "height")} == {
        "xmin": 25,
        "ymin": 25,
        "width": 50,
        "height": 50,
    }
    assert drawn.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(drawn.content)) as shown:
        assert shown.size == (100, 100)
        colours = shown.convert("RGB").getcolors(10_000) or []
        assert any(green > red + 50 for _, (red, green, _) in colours)  # type: ignore[misc]
    assert len({str(each) for each in vectors}) == 1
    assert len(vectors[0]["emb"]) == 4
    assert all_vectors.json()["bboxes"] == boxes.json()["bboxes"]
    assert len(all_vectors.json()["embs"]) == 1


@pytest.mark.parametrize("path", ["/bounding-boxes", "/image-w-boxes", "/embedding-from-cropped", "/embeddings"])
async def test_the_originals_endpoints_refuse_what_is_no_picture(path: str) -> None:
    async with web() as served:
        rubbish = await served.http.post(path, files=[file(b"rubbish")])
        nothing = await served.http.post(path, data={"file": "text"}, files=[file(b"", field="other")])
        as_json = await served.http.post(path, json={})
    problem(rubbish, 400)
    problem(nothing, 422)
    problem(as_json, 415)
