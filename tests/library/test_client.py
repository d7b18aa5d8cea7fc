"""The client against a real gRPC server: values, errors and retries."""

import socket
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from PIL import Image

from stamp2vec.client import Client, ServiceError
from stamp2vec.errors import InvalidImage, InvalidInput, ModelNotFound, Stamp2vecError
from stamp2vec.imaging import decode_image
from stamp2vec.pipelines import ComparisonPipeline, DocumentPipeline
from stamp2vec.v1 import common_pb2, gateway_pb2
from stamp2vec.values import DocumentResult, Embedding, Preset, StampType, Task, Verdict
from stamp2vec.wire.documents import result_from_message
from stamp2vec.wire.stamps import detection_from_message
from tests.library.conftest import page_image
from tests.library.seals import coloured, ink
from tests.library.standin import StandIn
from tests.library.test_document import png, tiff
from tests.parity import hold_equal

CROP = np.asarray(page_image(5, 100, 90))


@pytest.fixture
def server(bundle: Path) -> Iterator[StandIn]:
    running = StandIn(DocumentPipeline.from_preset())
    yield running
    running.close()


@pytest.fixture
def client(server: StandIn) -> Iterator[Client]:
    with Client(server.address) as connected:
        yield connected


def same(a: DocumentResult, b: DocumentResult) -> None:
    np.testing.assert_allclose(a.similarity, b.similarity, atol=1e-5)
    for page, other in zip(a.pages, b.pages, strict=True):
        assert (page.index, page.height, page.width) == (other.index, other.height, other.width)
        for stamp, twin in zip(page.stamps, other.stamps, strict=True):
            assert stamp.box == pytest.approx(twin.box, abs=1e-3)
            assert stamp.score == pytest.approx(twin.score, abs=1e-5)
            assert stamp.crop_box == twin.crop_box
            assert (stamp.type, stamp.ink_colour) == (twin.type, twin.ink_colour)
            assert stamp.angle_degrees == pytest.approx(twin.angle_degrees, abs=1e-3)
            assert stamp.vector is not None
            assert twin.vector is not None
            np.testing.assert_allclose(stamp.vector, twin.vector, atol=1e-5)
            assert (stamp.mask is None) == (twin.mask is None)
            if stamp.mask is not None and twin.mask is not None:
                np.testing.assert_array_equal(stamp.mask, twin.mask)


def test_a_document_is_the_same_over_the_wire(client: Client, server: StandIn) -> None:
    data = tiff([page_image(0), Image.new("RGB", (5, 5)), page_image(2)])
    result = client.analyze(data, include_masks=True, prior=0.25, bulk=True)
    same(result, server.pipeline(data, include_masks=True))
    assert result.pages[0].stamps
    assert isinstance(result.pages[1].error, InvalidImage)
    assert result.request_id == "r1"
    (request,) = server.requests
    assert request.priority == common_pb2.PRIORITY_BULK
    assert request.prior == 0.25
    assert not request.HasField("min_score")


def test_many_documents_over_one_stream(client: Client, server: StandIn) -> None:
    documents = {"one": png(page_image(0)), "none": b"no image", "two": png(page_image(2))}
    answers = dict(client.analyze_many(documents.items(), min_score=0.6))
    assert list(answers) == ["one", "none", "two"]
    assert isinstance(answers["none"], InvalidImage)
    for name in ("one", "two"):
        result = answers[name]
        assert isinstance(result, DocumentResult)
        same(result, server.pipeline(documents[name], min_score=0.6))


def test_pictures_go_encoded_and_raw(client: Client, server: StandIn) -> None:
    encoded, raw, broken = client.embed([png(Image.fromarray(CROP)), CROP, b"broken"])
    assert isinstance(encoded, Embedding)
    assert isinstance(raw, Embedding)
    np.testing.assert_allclose(encoded.vector, server.pipeline.embedder(CROP), atol=1e-6)
    np.testing.assert_array_equal(encoded.vector, raw.vector)
    assert (raw.model, raw.version) == ("tvae", "0.0.1")
    assert isinstance(broken, InvalidImage)
    assert broken.field == "images[2].encoded"

    first, grey, broken_crop = client.segment([CROP, np.ascontiguousarray(CROP[..., 0]), b""])
    assert isinstance(first, np.ndarray)
    np.testing.assert_array_equal(first, server.pipeline.segmenter(CROP))
    assert isinstance(grey, np.ndarray)
    assert grey.shape == CROP.shape[:2]
    assert isinstance(broken_crop, InvalidImage)

    page = np.asarray(page_image(0))
    found, broken_page = client.detect([page, b"x"], min_score=0.5, max_overlap=0.8, max_detections=3)
    assert found == server.pipeline.detector(page, 0.5, float(np.float32(0.8)))[:3]
    assert isinstance(broken_page, InvalidImage)


def test_when_every_picture_is_broken_each_has_its_error(client: Client) -> None:
    errors = client.embed([b"", b"broken"])
    assert [error.field for error in errors if isinstance(error, InvalidImage)] == [
        "images[0].encoded",
        "images[1].encoded",
    ]
    assert "empty" in str(errors[0])


def test_an_array_that_is_no_picture_is_refused_before_it_is_sent(client: Client, server: StandIn) -> None:
    with pytest.raises(InvalidImage, match="array of float64"):
        client.embed([np.zeros((9, 9, 3))])
    assert not server.requests


def test_paper_has_an_error_in_the_place_of_its_vector(client: Client) -> None:
    paper = np.full((80, 90, 3), 255, np.uint8)
    vector, error, another = client.embed([CROP, paper, CROP])
    assert isinstance(vector, Embedding)
    assert isinstance(another, Embedding)
    assert isinstance(error, InvalidInput)
    assert error.field == "images[1]"
    assert "too little ink" in str(error)


def test_compare_takes_crops_and_vectors(client: Client) -> None:
    (vector,) = client.embed([CROP])
    assert isinstance(vector, Embedding)
    for a, b in ((CROP, CROP), (CROP, vector), (vector, png(Image.fromarray(CROP)))):
        result = client.compare(a, b)
        assert result.similarity == pytest.approx(1, abs=1e-5)
        assert (result.model, result.version) == ("tvae", "0.0.1")
        assert (result.overlay is None) == (b is vector or a is vector)


@pytest.mark.parametrize("name", ["ORION 77", "VESTA 41"])
def test_a_comparison_is_the_same_over_the_wire(client: Client, server: StandIn, name: str) -> None:
    a, b = coloured(ink("ORION 77")), coloured(ink(name))
    pipeline = server.pipeline
    assert pipeline.verifier is not None
    compare = ComparisonPipeline(pipeline.embedder, pipeline.segmenter, pipeline.verifier)
    expected = compare(a, b, prior=0.25)
    assert expected.verdict is (Verdict.SAME if name == "ORION 77" else Verdict.DIFFERENT)
    hold_equal(client.compare(a, b, prior=0.25), expected)
    hold_equal(client.compare(a, b, "tvae", by_vectors=True, prior=0.1), pipeline.embedder.compare(a, b, prior=0.1))
    by_ink, by_vectors = server.requests
    assert (by_ink.mode, by_ink.prior, by_ink.HasField("model")) == (0, 0.25, False)
    assert (by_vectors.mode, by_vectors.model.name) == (gateway_pb2.COMPARE_MODE_FAST, "tvae")
    client.compare(a, b)
    assert not server.requests[-1].HasField("prior")


def test_models_are_named_by_preset_and_by_name(client: Client, server: StandIn) -> None:
    assert [model.task for model in client.models()] == [Task.DETECT, Task.SEGMENT, Task.EMBED, Task.VERIFY]
    assert client.models()[0] == server.pipeline.detector.manifest.info
    client.embed([CROP], Preset.ACCURATE)
    client.embed([CROP], "tvae@0.0.1")
    assert server.requests[-2].model.preset == common_pb2.PRESET_ACCURATE
    assert server.requests[-1].model.name == "tvae@0.0.1"


def test_invalid_calls_name_the_field(client: Client) -> None:
    with pytest.raises(InvalidInput, match="the file is empty") as caught:
        client.analyze(b"")
    assert caught.value.field == "document"


def test_unavailable_is_tried_again_and_nothing_else(client: Client, server: StandIn) -> None:
    server.failures = [(grpc.StatusCode.UNAVAILABLE, None)] * 2
    assert len(client.models()) == 4
    assert len(server.requests) == 3
    server.failures = [(grpc.StatusCode.INTERNAL, None)]
    with pytest.raises(ServiceError, match="a failure of the stand-in") as caught:
        client.models()
    assert caught.value.code is grpc.StatusCode.INTERNAL
    assert caught.value.request_id == "request-7"
    assert len(server.requests) == 4


def test_a_large_document_is_tried_again_as_well(client: Client, server: StandIn) -> None:
    server.failures = [(grpc.StatusCode.UNAVAILABLE, None)] * 2
    document = png(page_image(0))
    client.analyze(document + bytes(2**20))  # decoders do not read what follows a PNG's last chunk
    assert len(server.requests) == 3


def test_overload_has_the_seconds_to_wait(client: Client, server: StandIn) -> None:
    server.failures = [(grpc.StatusCode.RESOURCE_EXHAUSTED, 3.0)]
    with pytest.raises(ServiceError) as caught:
        client.embed([CROP])
    assert caught.value.retry_after_s == 3
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_not_found_is_model_not_found(client: Client, server: StandIn) -> None:
    server.failures = [(grpc.StatusCode.NOT_FOUND, None)]
    with pytest.raises(ModelNotFound):
        client.analyze(png(page_image(0)))


def test_a_stream_that_fails_raises(client: Client, server: StandIn) -> None:
    server.failures = [(grpc.StatusCode.INTERNAL, None)]
    with pytest.raises(ServiceError):
        list(client.analyze_many([("a", b"")]))


def test_nobody_at_the_address() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with Client(address) as client, pytest.raises(Stamp2vecError, match=f"no gateway answers at {address}"):
            client.models()


def test_a_passed_deadline(server: StandIn) -> None:
    server.open.clear()
    with Client(server.address, deadline_s=0.2) as client, pytest.raises(ServiceError, match="took too long") as caught:
        client.models()
    server.open.set()
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_unknown_values_of_a_newer_gateway_have_defaults() -> None:
    stamp = gateway_pb2.Stamp(type=99, ink_colour=99)  # type: ignore[arg-type]
    infos = [common_pb2.ModelInfo(task=99, presets=[common_pb2.PRESET_FAST, 99])]  # type: ignore[arg-type, list-item]
    message = gateway_pb2.AnalyzeDocumentResponse(pages=[gateway_pb2.Page(stamps=[stamp])], models=infos)
    result = result_from_message(gateway_pb2.AnalyzeDocumentResponse.FromString(message.SerializeToString()))
    assert result.pages[0].stamps[0].type is StampType.OTHER
    assert result.pages[0].stamps[0].ink_colour is None
    assert result.models[0].task is None
    assert result.models[0].presets == (Preset.FAST,)
    found = detection_from_message(common_pb2.Detection(type=99, ink_colour=99))  # type: ignore[arg-type]
    assert (found.type, found.ink_colour) == (StampType.OTHER, None)


def test_crops_come_back_as_pixels() -> None:
    crop_box = common_pb2.Box(x1=0, y1=0, x2=100, y2=90)
    stamp = gateway_pb2.Stamp(box=crop_box, crop_box=crop_box, crop_png=png(Image.fromarray(CROP)))
    message = gateway_pb2.AnalyzeDocumentResponse(pages=[gateway_pb2.Page(stamps=[stamp])])
    (page,) = result_from_message(message).pages
    assert page.stamps[0].crop is not None
    np.testing.assert_array_equal(page.stamps[0].crop, decode_image(stamp.crop_png))
    assert page.stamps[0].vector is None
    assert page.stamps[0].mask is None
