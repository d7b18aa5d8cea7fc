"""Each service by the Open Inference Protocol: it answers as by its own contract, and describes its models."""

import asyncio
import urllib.request
from collections.abc import Mapping
from typing import Any, cast

import grpc
import grpc.aio
import numpy as np
import pytest
from google.protobuf.json_format import Parse
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc  # type: ignore[import-untyped]
from numpy.typing import NDArray

from services.reader import servicer as reader
from services.runtime.oip.servicer import SERVICE
from services.runtime.oip.v2 import open_inference_pb2 as oip
from services.runtime.serving.settings import ModelServerSettings
from stamp2vec import __version__
from stamp2vec.v1 import (
    detector_pb2,
    detector_pb2_grpc,
    embedder_pb2,
    embedder_pb2_grpc,
    reader_pb2,
    reader_pb2_grpc,
    segmenter_pb2,
    segmenter_pb2_grpc,
)
from stamp2vec.wire.images import image_to_message
from tests.conftest import require
from tests.oip.serving import Served, arrays, request, serving, typed
from tests.services.test_model_services import details, photo
from tests.services.test_reader import INSTALL, strip

pytestmark = pytest.mark.asyncio(loop_scope="module")

Code = grpc.StatusCode
SIZES = {
    "yolo-stamp": (448, 448),
    "stamp-refine": (128, 128),
    "stamp-unet": (256, 256),
    "tvae": (128, 128),
    "stamp-pair": (192, 96),
}
SERVICES = {
    "yolo-stamp": "detector",
    "stamp-refine": "detector",
    "stamp-unet": "segmenter",
    "tvae": "embedder",
    "stamp-pair": "embedder",
}


def pictures(model: str, count: int = 6) -> NDArray[np.uint8]:
    """uint8 (count, h, w, 3), of the size of the model's input."""
    height, width = SIZES[model]
    return np.stack([np.asarray(photo(width, height, seed)) for seed in range(count)])


async def infer(
    services: Mapping[str, Served], model: str, outputs: tuple[str, ...] = (), count: int = 6
) -> dict[str, NDArray[Any]]:
    made = request(model, pictures(model, count), outputs)
    return arrays(await services[SERVICES[model]].stub.ModelInfer(made))


# Answers equal those of the services' own contract


async def test_detections_are_those_of_detect_without_options(services: Mapping[str, Served]) -> None:
    found = await infer(services, "yolo-stamp")
    stub = cast(
        "detector_pb2_grpc.DetectorServiceAsyncStub",
        detector_pb2_grpc.DetectorServiceStub(services["detector"].channel),
    )
    images = map(image_to_message, pictures("yolo-stamp"))
    results = (await stub.Detect(detector_pb2.DetectRequest(images=images))).results
    assert list(found) == ["counts", "boxes", "scores", "angles", "types"]
    assert found["boxes"].shape == (6, 300, 4)
    assert found["counts"].ravel().tolist() == [len(result.detections) for result in results]
    assert found["counts"].min() > 0
    for row, result in enumerate(results):
        count = len(result.detections)
        boxes = [[each.box.x1, each.box.y1, each.box.x2, each.box.y2] for each in result.detections]
        np.testing.assert_allclose(found["boxes"][row, :count], boxes, atol=0.05)
        np.testing.assert_allclose(found["scores"][row, :count], [each.score for each in result.detections], atol=1e-4)
        angles = [each.angle_degrees for each in result.detections]
        np.testing.assert_allclose(found["angles"][row, :count], angles, atol=0.1)
        assert found["types"][row, :count].tolist() == [each.type for each in result.detections]
        for name in ("boxes", "scores", "angles", "types"):
            assert not found[name][row, count:].any()


async def test_refinements_are_those_of_refine(services: Mapping[str, Served]) -> None:
    found = await infer(services, "stamp-refine")
    stub = cast(
        "detector_pb2_grpc.DetectorServiceAsyncStub",
        detector_pb2_grpc.DetectorServiceStub(services["detector"].channel),
    )
    windows = map(image_to_message, pictures("stamp-refine"))
    results = (await stub.Refine(detector_pb2.RefineRequest(windows=windows))).results
    assert list(found) == ["boxes", "logits", "angles", "angle_probabilities", "types"]
    expected: dict[str, Any] = {
        "boxes": [[each.box.x1, each.box.y1, each.box.x2, each.box.y2] for each in results],
        "logits": [[each.logit] for each in results],
        "angles": [[each.angle_degrees] for each in results],
        "angle_probabilities": [[each.angle_probability] for each in results],
        "types": [[each.type] for each in results],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-3, atol=1e-2)


async def test_masks_are_those_of_segment(services: Mapping[str, Served]) -> None:
    found = await infer(services, "stamp-unet")
    stub = cast(
        "segmenter_pb2_grpc.SegmenterServiceAsyncStub",
        segmenter_pb2_grpc.SegmenterServiceStub(services["segmenter"].channel),
    )
    images = map(image_to_message, pictures("stamp-unet"))
    results = (await stub.Segment(segmenter_pb2.SegmentRequest(images=images))).results
    expected = [np.frombuffer(result.mask.data, np.uint8).reshape(256, 256) for result in results]
    assert found["masks"].dtype == np.uint8
    assert np.abs(found["masks"].astype(int) - np.stack(expected)).max() <= 1
    assert len(np.unique(found["masks"])) > 10


async def test_vectors_and_places_are_those_of_embed_and_verify_pairs(services: Mapping[str, Served]) -> None:
    stub = cast(
        "embedder_pb2_grpc.EmbedderServiceAsyncStub",
        embedder_pb2_grpc.EmbedderServiceStub(services["embedder"].channel),
    )
    found = await infer(services, "tvae")
    embedded = await stub.Embed(embedder_pb2.EmbedRequest(images=map(image_to_message, pictures("tvae"))))
    np.testing.assert_allclose(found["vectors"], [each.vector.values for each in embedded.results], atol=1e-5)
    found = await infer(services, "stamp-pair")
    verified = await stub.VerifyPairs(
        embedder_pb2.VerifyPairsRequest(pairs=map(image_to_message, pictures("stamp-pair")))
    )
    for name in ("agrees", "contradicts"):
        masks = [np.frombuffer(getattr(each, name).data, np.uint8).reshape(24, 24) for each in verified.results]
        assert np.abs(found[name].astype(int) - np.stack(masks)).max() <= 1


async def test_texts_are_those_of_read() -> None:
    require("tesseract", INSTALL)
    settings = ModelServerSettings(model=("stamp-reader",), max_batch=4, capacity=128)
    async with serving(reader.app(settings), settings) as served:
        lines = [strip("STAMP WORKS LIMITED"), strip("ОБЩЕСТВО С ОГРАНИЧЕННОЙ")]
        stub = cast("reader_pb2_grpc.ReaderServiceAsyncStub", reader_pb2_grpc.ReaderServiceStub(served.channel))
        for line in lines:
            (expected,) = (await stub.Read(reader_pb2.ReadRequest(images=[image_to_message(line)]))).results
            found = arrays(await served.stub.ModelInfer(request("stamp-reader", line[None])))
            assert Parse(found["readings"][0, 0], reader_pb2.ReadResult()) == expected
            assert found["texts"][0, 0].decode() == " ".join(each.text for each in expected.readings if each.text)
        assert found["texts"][0, 0]
        for width in (8, 2560):
            found = arrays(
                await served.stub.ModelInfer(request("stamp-reader", np.full((2, 64, width, 3), 255, np.uint8)))
            )
            assert found["texts"].tolist() == [[b""], [b""]]
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await served.stub.ModelInfer(request("stamp-reader", np.full((1, 64, 2561, 3), 255, np.uint8)))
        assert "64, 8 to 2560, 3" in details(refused.value)["inputs[0].shape"]


# How they are asked


async def test_a_request_of_many_items_is_answered_as_each_of_them_alone(services: Mapping[str, Served]) -> None:
    together = await infer(services, "tvae", count=64)
    alone = [
        arrays(await services["embedder"].stub.ModelInfer(request("tvae", image[None])))["vectors"]
        for image in pictures("tvae", 64)[::16]
    ]
    np.testing.assert_allclose(together["vectors"][::16], np.concatenate(alone), atol=1e-5)


async def test_elements_one_by_one_give_what_bytes_give(services: Mapping[str, Served]) -> None:
    as_bytes = await infer(services, "yolo-stamp", count=1)
    response = await services["detector"].stub.ModelInfer(typed("yolo-stamp", pictures("yolo-stamp", 1)))
    assert not response.raw_output_contents
    one_by_one = arrays(response)
    for name, values in as_bytes.items():
        np.testing.assert_array_equal(one_by_one[name], values)


async def test_outputs_are_those_that_are_asked_for(services: Mapping[str, Served]) -> None:
    everything = await infer(services, "yolo-stamp", count=1)
    some = await infer(services, "yolo-stamp", ("scores", "counts"), count=1)
    assert list(some) == ["scores", "counts"]
    np.testing.assert_array_equal(some["scores"], everything["scores"])


@pytest.mark.parametrize("version", ["", "0.0.1", "0"])
async def test_a_version_may_be_left_out_or_be_a_first_number(services: Mapping[str, Served], version: str) -> None:
    made = request("tvae", pictures("tvae", 1), model_version=version, id="mine")
    response = await services["embedder"].stub.ModelInfer(made)
    assert (response.model_name, response.model_version, response.id) == ("tvae", "0.0.1", "mine")


@pytest.mark.parametrize(
    ("name", "version"), [("", ""), ("yolo-stamp", ""), ("tvae", "9"), ("tvae", "0.0"), ("x" * 999, "1")]
)
async def test_models_that_are_not_served_are_not_found(
    services: Mapping[str, Served], name: str, version: str
) -> None:
    stub = services["embedder"].stub
    calls: list[grpc.aio.UnaryUnaryCall[Any, Any]] = [
        stub.ModelInfer(oip.ModelInferRequest(model_name=name, model_version=version)),
        stub.ModelReady(oip.ModelReadyRequest(name=name, version=version)),
        stub.ModelMetadata(oip.ModelMetadataRequest(name=name, version=version)),
        stub.ModelConfig(oip.ModelConfigRequest(name=name, version=version)),
        *([stub.ModelStatistics(oip.ModelStatisticsRequest(name=name, version=version))] if name else []),
    ]
    for call in calls:
        assert await call.code() is Code.NOT_FOUND
        assert "ask for tvae@0.0.1" in (await call.details() or "")


async def test_what_is_wrong_is_named_by_field(services: Mapping[str, Served]) -> None:
    made = request("tvae", pictures("tvae", 1)[:, 1:], ["logits"])
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await services["embedder"].stub.ModelInfer(made)
    assert refused.value.code() is Code.INVALID_ARGUMENT
    assert list(details(refused.value)) == ["inputs[0].shape", "outputs[0].name"]


async def test_a_request_may_say_how_long_it_would_wait(services: Mapping[str, Served]) -> None:
    made = request("tvae", pictures("tvae"), parameters={"timeout": oip.InferParameter(int64_param=1)})
    assert await services["embedder"].stub.ModelInfer(made).code() is Code.DEADLINE_EXCEEDED


# What they say of themselves


async def test_the_server_and_its_models_are_described(services: Mapping[str, Served]) -> None:
    for model, service in SERVICES.items():
        stub, (height, width) = services[service].stub, SIZES[model]
        assert (await stub.ServerLive(oip.ServerLiveRequest())).live
        assert (await stub.ServerReady(oip.ServerReadyRequest())).ready
        assert (await stub.ModelReady(oip.ModelReadyRequest(name=model))).ready
        assert (await stub.ServerMetadata(oip.ServerMetadataRequest())).version == __version__
        metadata = await stub.ModelMetadata(oip.ModelMetadataRequest(name=model))
        config = (await stub.ModelConfig(oip.ModelConfigRequest(name=model))).config
        assert (metadata.name, list(metadata.versions)) == (model, ["0.0.1"])
        assert [(each.name, each.datatype, list(each.shape)) for each in metadata.inputs] == [
            ("images", "UINT8", [-1, height, width, 3])
        ]
        assert (config.name, config.max_batch_size, list(config.input[0].dims)) == (model, 64, [height, width, 3])
        assert [each.name for each in config.output] == [each.name for each in metadata.outputs]
        found = await infer(services, model, count=2)
        for told, dims in zip(metadata.outputs, config.output, strict=True):
            assert list(found[told.name].shape) == [2, *dims.dims] == [2, *told.shape[1:]]


async def test_statistics_count_items_and_batches_however_they_were_sent(services: Mapping[str, Served]) -> None:
    stub = services["segmenter"].stub

    async def statistics(**of: str) -> list[oip.ModelStatistics]:
        return list((await stub.ModelStatistics(oip.ModelStatisticsRequest(**of))).model_stats)

    (before,) = await statistics()
    await infer(services, "stamp-unet", count=5)
    own = cast(
        "segmenter_pb2_grpc.SegmenterServiceAsyncStub",
        segmenter_pb2_grpc.SegmenterServiceStub(services["segmenter"].channel),
    )
    await own.Segment(segmenter_pb2.SegmentRequest(images=map(image_to_message, pictures("stamp-unet", 3))))
    (after,) = await statistics(name="stamp-unet")
    items = after.inference_count - before.inference_count
    batches = after.execution_count - before.execution_count
    assert (items, after.name, after.version) == (8, "stamp-unet", "0")
    assert 3 <= batches <= 8  # of at most four
    old, new = before.inference_stats, after.inference_stats
    for name in ("success", "queue", "compute_input", "compute_infer", "compute_output"):
        assert getattr(new, name).count - getattr(old, name).count == items
    assert new.success.ns == pytest.approx(new.queue.ns + new.compute_infer.ns, abs=2)
    assert new.compute_infer.ns > old.compute_infer.ns
    assert new.fail.count == 0
    (by_version,) = await statistics(name="stamp-unet", version="0.0.1")
    assert (by_version.version, by_version.inference_count) == ("0.0.1", after.inference_count)


async def test_calls_are_in_the_metrics_and_the_protocol_in_health_and_reflection(
    services: Mapping[str, Served],
) -> None:
    await infer(services, "stamp-unet", count=1)
    url = services["segmenter"].metrics_url
    text = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read().decode())
    assert f'stamp2vec_request_seconds_count{{code="OK",method="/{SERVICE}/ModelInfer"}}' in text
    channel = services["segmenter"].channel
    health = health_pb2_grpc.HealthStub(channel)
    assert (await health.Check(health_pb2.HealthCheckRequest(service=SERVICE))).status == 1
    listing = reflection_pb2.ServerReflectionRequest(list_services="*")
    call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([listing]))
    async for answer in call:
        names = [each.name for each in answer.list_services_response.service]
    assert {SERVICE, "stamp2vec.v1.SegmenterService"} <= set(names)
