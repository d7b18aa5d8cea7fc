"""The real stack over HTTP: the same values as over gRPC."""

import httpx
import pytest

from stamp2vec.client import Client
from tests.e2e.live import TIMEOUT_S, Running


@pytest.fixture(scope="module")
def url(services: Running) -> str:
    services.stack.start_web(lambda starting, elapsed_s: None)
    return f"http://{services.stack.address('web').target}"


def test_http_answers_what_grpc_answers(services: Running, url: str, page: bytes) -> None:
    with Client(services.stack.address("gateway").target) as client:
        result = client.analyze(page, include_masks=True)
    files = {"file": ("page.jpg", page)}
    response = httpx.post(f"{url}/v1/analyze", files=files, data={"include_masks": "true"}, timeout=TIMEOUT_S)
    (found,) = response.json()["documents"]
    (expected,) = result.pages
    stamps = found["pages"][0]["stamps"]
    assert [stamp["box"] for stamp in stamps] == [pytest.approx(stamp.box, abs=1e-3) for stamp in expected.stamps]
    for stamp, of_grpc in zip(stamps, expected.stamps, strict=True):
        assert stamp["vector"] == pytest.approx(of_grpc.vector, abs=1e-6)
        assert stamp["die_group"] == of_grpc.die_group
        assert stamp["type"] == of_grpc.type
        assert stamp["mask_png"]
    assert found["models"] == [model.reference for model in result.models]
    assert found["prior"] == result.prior


def test_a_job_over_the_real_stack(url: str, page: bytes) -> None:
    location = httpx.post(f"{url}/v1/jobs", files={"file": page}, timeout=TIMEOUT_S).headers["location"]
    events = httpx.get(f"{url}{location}/events", timeout=TIMEOUT_S).text
    assert events.rstrip().rpartition("event: ")[2].startswith("done")
    result = httpx.get(f"{url}{location}/result", timeout=TIMEOUT_S).json()
    assert len(result["pages"][0]["stamps"]) == len(result["die_groups"])


def test_the_drawn_picture_and_the_vectors_of_the_original(url: str, page: bytes) -> None:
    files = {"file": ("page.jpg", page)}
    boxes = httpx.post(f"{url}/bounding-boxes", files=files, timeout=TIMEOUT_S).json()["bboxes"]
    drawn = httpx.post(f"{url}/image-w-boxes", files=files, timeout=TIMEOUT_S)
    vectors = httpx.post(f"{url}/embeddings", files=files, timeout=TIMEOUT_S).json()
    assert drawn.headers["content-type"] == "image/jpeg"
    assert [box["xmin"] for box in boxes] == [box["xmin"] for box in vectors["bboxes"]]
    assert len(vectors["embs"]) == len(boxes)
