"""The three model services: real servers, real executors, real images; the weights are random, for speed."""

import asyncio
import io
import struct
import urllib.request
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import cast

import grpc
import grpc.aio
import numpy as np
import pytest
import pytest_asyncio
from google.rpc import (  # type: ignore[import-untyped]
    error_details_pb2,
    status_pb2,
)
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from PIL import Image

from services.detector import servicer as detector
from services.embedder import servicer as embedder
from services.runtime.serving.server import running
from services.runtime.serving.settings import ModelServerSettings
from services.segmenter import servicer as segmenter
from stamp2vec.detection.candidates import iou
from stamp2vec.imaging import decode_image
from stamp2vec.limits import MAX_MESSAGE_BYTES
from stamp2vec.pipelines import DetectionPipeline, EmbeddingPipeline, SegmentationPipeline
from stamp2vec.v1 import (
    common_pb2,
    detector_pb2,
    detector_pb2_grpc,
    embedder_pb2,
    embedder_pb2_grpc,
    segmenter_pb2,
    segmenter_pb2_grpc,
)
from stamp2vec.values import Task
from stamp2vec.wire.stamps import detection_from_message
from tests.services.random_models import save_model

pytestmark = pytest.mark.asyncio(loop_scope="module")

Code = grpc.StatusCode


@dataclass(frozen=True, slots=True)
class Stack:
    """Stubs of the three services, and the pipelines of the same weights."""

    detector: "detector_pb2_grpc.DetectorServiceAsyncStub"
    segmenter: "segmenter_pb2_grpc.SegmenterServiceAsyncStub"
    embedder: "embedder_pb2_grpc.EmbedderServiceAsyncStub"
    detect: DetectionPipeline
    segment: SegmentationPipeline
    embed: EmbeddingPipeline
    metrics: str
    channel: grpc.aio.Channel


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("weights")
    models = {
        detector: save_model(folder, "yolo-stamp", Task.DETECT, 448),
        segmenter: save_model(folder, "stamp-unet", Task.SEGMENT, 256),
        embedder: save_model(folder, "tvae", Task.EMBED, 128, vector_size=128),
    }
    async with AsyncExitStack() as exits:
        ports = {}
        for service, reference in models.items():
            settings = ModelServerSettings(model=(reference,), max_batch=4, capacity=128)
            ports[service] = await exits.enter_async_context(running(service.app(settings), settings))
        channels = {
            service: await exits.enter_async_context(
                grpc.aio.insecure_channel(
                    f"127.0.0.1:{port.grpc}", options=[("grpc.max_send_message_length", 2 * MAX_MESSAGE_BYTES)]
                )
            )
            for service, port in ports.items()
        }
        yield Stack(
            cast(
                "detector_pb2_grpc.DetectorServiceAsyncStub", detector_pb2_grpc.DetectorServiceStub(channels[detector])
            ),
            cast(
                "segmenter_pb2_grpc.SegmenterServiceAsyncStub",
                segmenter_pb2_grpc.SegmenterServiceStub(channels[segmenter]),
            ),
            cast(
                "embedder_pb2_grpc.EmbedderServiceAsyncStub", embedder_pb2_grpc.EmbedderServiceStub(channels[embedder])
            ),
            DetectionPipeline.from_pretrained(models[detector]),
            SegmentationPipeline.from_pretrained(models[segmenter]),
            EmbeddingPipeline.from_pretrained(models[embedder]),
            f"http://127.0.0.1:{ports[detector].metrics}/metrics",
            channels[detector],
        )


def photo(width: int = 300, height: int = 200, seed: int = 0) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (height // 10, width // 10, 3), np.uint8)
    return Image.fromarray(noise).resize((width, height))


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def message(data: bytes) -> common_pb2.Image:
    return common_pb2.Image(encoded=data)


def raw(pixels: np.ndarray, height: int | None = None) -> common_pb2.Image:
    rows, columns, channels = pixels.shape
    return common_pb2.Image(
        raw=common_pb2.RawImage(
            data=pixels.tobytes(), height=rows if height is None else height, width=columns, channels=channels
        )
    )


def bomb() -> bytes:
    """A PNG of 20,000 x 20,000 pixels in about 50 kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes(20_000 * 2501), 9)
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def details(error: grpc.aio.AioRpcError) -> dict[str, str]:
    """The violations of a refused call, by field."""
    trailing = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    bad_request = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad_request) for detail in status.details)
    return {violation.field: violation.description for violation in bad_request.field_violations}


# Results equal those of the library


async def test_detections_are_those_of_the_pipeline(stack: Stack) -> None:
    pictures = [photo(640, 480), photo(400, 700, seed=1)]
    request = detector_pb2.DetectRequest(images=[message(encoded(p)) for p in pictures], min_score=0.02)
    response = await stack.detector.Detect(request)
    assert [(result.height, result.width) for result in response.results] == [(480, 640), (700, 400)]
    for result, expected in zip(response.results, stack.detect(pictures, min_score=0.02)):
        assert len(result.detections) == len(expected) > 0
        for found, wanted in zip(result.detections, expected):
            assert (found.box.x1, found.box.y1, found.box.x2, found.box.y2) == pytest.approx(wanted.box, abs=0.05)
            assert found.score == pytest.approx(wanted.score, abs=1e-4)
            assert detection_from_message(found).type is wanted.type
            assert detection_from_message(found).ink_colour is wanted.ink_colour
            assert found.angle_degrees == pytest.approx(wanted.angle_degrees, abs=0.1)
    assert response.model.name == "yolo-stamp"
    assert response.timing.total_ms >= response.timing.prepare_ms + response.timing.inference_ms > 0


async def test_ink_can_be_left_out(stack: Stack) -> None:
    request = detector_pb2.DetectRequest(images=[message(encoded(photo(640, 480)))], min_score=0.02)
    with_ink = (await stack.detector.Detect(request)).results[0]
    assert any(found.ink_colour for found in with_ink.detections)
    request.omit_ink_colour = True
    (without_ink,) = (await stack.detector.Detect(request)).results
    assert not any(found.ink_colour for found in without_ink.detections)
    for found in with_ink.detections:
        found.ClearField("ink_colour")
    assert without_ink == with_ink


async def test_masks_have_the_size_of_the_crop(stack: Stack) -> None:
    crop = photo(310, 170)
    response = await stack.segmenter.Segment(segmenter_pb2.SegmentRequest(images=[message(encoded(crop))]))
    mask = response.results[0].mask
    assert (mask.height, mask.width) == (170, 310)
    pixels = np.frombuffer(mask.data, np.uint8).reshape(170, 310).astype(int)
    assert np.abs(pixels - stack.segment(crop)).max() <= 1


async def test_vectors_are_those_of_the_pipeline_however_they_are_batched(stack: Stack) -> None:
    crops = [photo(130 + index, 130, seed=index) for index in range(64)]
    response = await stack.embedder.Embed(embedder_pb2.EmbedRequest(images=[message(encoded(c)) for c in crops]))
    vectors = np.array([result.vector.values for result in response.results])
    assert np.allclose(vectors, np.stack(stack.embed(crops)), atol=1e-5)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert response.results[0].vector.model == response.model


async def test_raw_pixels_of_the_model_s_size_and_a_png_of_them_give_the_same(stack: Stack) -> None:
    image = photo(128, 128)
    request = embedder_pb2.EmbedRequest(images=[raw(np.asarray(image)), message(encoded(image))])
    first, second = (await stack.embedder.Embed(request)).results
    assert np.allclose(first.vector.values, second.vector.values, atol=1e-5)


async def test_detections_can_be_filtered(stack: Stack) -> None:
    image = message(encoded(photo(448, 448)))
    everything = await stack.detector.Detect(detector_pb2.DetectRequest(images=[image], min_score=0.0))
    scores = [found.score for found in everything.results[0].detections]
    assert scores == sorted(scores, reverse=True)
    least = scores[len(scores) // 2]
    some = await stack.detector.Detect(detector_pb2.DetectRequest(images=[image], min_score=least))
    assert [f.score for f in some.results[0].detections] == [score for score in scores if score >= least]
    three = await stack.detector.Detect(detector_pb2.DetectRequest(images=[image], min_score=0.0, max_detections=3))
    assert [f.score for f in three.results[0].detections] == scores[:3]


async def test_the_maximum_overlap_is_an_option_of_each_call(stack: Stack) -> None:
    image = message(encoded(photo(448, 448)))
    overlaps = []
    for most in (0.0, None):
        request = detector_pb2.DetectRequest(images=[image], min_score=0.02, max_overlap=most)
        (result,) = (await stack.detector.Detect(request)).results
        expected = stack.detect(photo(448, 448), 0.02, 0.5 if most is None else most)
        found = np.array([detection_from_message(each).box for each in result.detections])
        np.testing.assert_allclose(found, [each.box for each in expected], atol=0.05)
        overlaps.append(max(iou(box, found[index + 1 :]).max(initial=0) for index, box in enumerate(found)))
    assert overlaps[0] == 0
    assert 0 < overlaps[1] <= 0.5


async def test_every_option_at_fault_is_named(stack: Stack) -> None:
    request = detector_pb2.DetectRequest(images=[message(GOOD)], min_score=2, max_overlap=0.95, max_detections=301)
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stack.detector.Detect(request)
    assert refusal.value.code() is Code.INVALID_ARGUMENT
    assert list(details(refusal.value)) == ["min_score", "max_overlap", "max_detections"]


async def test_models_are_listed_with_their_manifests(stack: Stack) -> None:
    (info,) = (await stack.detector.ListModels(detector_pb2.DetectorServiceListModelsRequest())).models
    assert (info.model.name, info.model.version, info.task) == ("yolo-stamp", "0.0.1", common_pb2.TASK_DETECT)
    assert (info.input_height, info.input_width, list(info.presets)) == (448, 448, [common_pb2.PRESET_FAST])
    assert info.sha256 == stack.detect.manifest.sha256


@pytest.mark.parametrize(
    "selector",
    [
        common_pb2.ModelSelector(),
        common_pb2.ModelSelector(name="tvae"),
        common_pb2.ModelSelector(name="tvae@0.0.1"),
        common_pb2.ModelSelector(preset=common_pb2.PRESET_UNSPECIFIED),
        common_pb2.ModelSelector(preset=common_pb2.PRESET_FAST),
    ],
    ids=["unset", "name", "name and version", "unspecified", "preset"],
)
async def test_selecting_a_model(stack: Stack, selector: common_pb2.ModelSelector) -> None:
    request = embedder_pb2.EmbedRequest(images=[raw(np.zeros((128, 128, 3), np.uint8))], model=selector)
    assert (await stack.embedder.Embed(request)).model == common_pb2.ModelVersion(name="tvae", version="0.0.1")


# Bad input


GOOD = encoded(photo(), "JPEG")
BAD = {
    "not an image": (b"no image", "JPEG, PNG, TIFF"),
    "truncated": (GOOD[: len(GOOD) // 2], "send the whole file"),
    "zero bytes": (b"", "the file is empty"),
    "1x1": (encoded(Image.new("RGB", (1, 1))), "at least 8 pixels"),
    "decompression bomb": (bomb(), "scale it"),
}


@pytest.mark.parametrize(("data", "advice"), BAD.values(), ids=BAD.keys())
async def test_a_call_without_a_readable_image_is_refused_with_advice(stack: Stack, data: bytes, advice: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stack.embedder.Embed(embedder_pb2.EmbedRequest(images=[message(data)]))
    assert refusal.value.code() is Code.INVALID_ARGUMENT
    assert advice in (refusal.value.details() or "")
    assert advice in details(refusal.value)["images[0].encoded"]


async def test_every_bad_image_of_a_refused_call_is_named(stack: Stack) -> None:
    images = [message(data) for data, _ in BAD.values()] + [common_pb2.Image(), raw(np.zeros((9, 9, 3), np.uint8), 8)]
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stack.segmenter.Segment(segmenter_pb2.SegmentRequest(images=images))
    named = details(refusal.value)
    assert list(named) == [f"images[{index}].encoded" for index in range(5)] + ["images[5]", "images[6].raw"]
    assert "216 bytes" in named["images[6].raw"]


@pytest.mark.parametrize(("data", "advice"), BAD.values(), ids=BAD.keys())
async def test_a_bad_image_fails_only_its_own_result(stack: Stack, data: bytes, advice: str) -> None:
    request = embedder_pb2.EmbedRequest(images=[message(GOOD), message(data), message(GOOD)])
    first, bad, last = (await stack.embedder.Embed(request)).results
    assert bad.status.code == Code.INVALID_ARGUMENT.value[0]
    assert bad.status.field == "images[1].encoded"
    assert advice in bad.status.message
    assert not bad.HasField("vector")
    expected = stack.embed(GOOD)
    for result in (first, last):
        assert result.status == common_pb2.ItemStatus()
        assert np.allclose(result.vector.values, expected, atol=1e-5)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encoded(photo().convert("CMYK"), "JPEG"), id="CMYK"),
        pytest.param(encoded(Image.fromarray(np.full((50, 60), 40_000, np.uint16))), id="16-bit"),
        pytest.param(encoded(photo().quantize(), transparency=0), id="palette with alpha"),
        pytest.param(
            encoded(photo(), "WEBP", save_all=True, append_images=[photo(seed=1)], lossless=True), id="animated"
        ),
        pytest.param(
            encoded(photo(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"),
            id="EXIF-rotated",
        ),
    ],
)
async def test_unusual_images_are_decoded_as_displayed(stack: Stack, data: bytes) -> None:
    pixels = decode_image(data)
    request = detector_pb2.DetectRequest(images=[message(data), raw(pixels)], min_score=0.02)
    first, second = (await stack.detector.Detect(request)).results
    assert (first.height, first.width) == pixels.shape[:2]
    assert first == second


async def test_an_exif_rotated_image_is_upright(stack: Stack) -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    request = detector_pb2.DetectRequest(images=[message(encoded(photo(300, 200), "JPEG", exif=exif))])
    result = (await stack.detector.Detect(request)).results[0]
    assert (result.height, result.width) == (300, 200)


IMAGE = raw(np.zeros((128, 128, 3), np.uint8))


@pytest.mark.parametrize(
    ("request_", "code", "detail"),
    [
        pytest.param(detector_pb2.DetectRequest(), Code.INVALID_ARGUMENT, "send 1 to 64", id="no image"),
        pytest.param(detector_pb2.DetectRequest(images=[IMAGE] * 65), Code.INVALID_ARGUMENT, "1 to 64", id="65 images"),
        pytest.param(
            detector_pb2.DetectRequest(images=[IMAGE], model=common_pb2.ModelSelector(preset=77)),  # type: ignore[arg-type]
            Code.INVALID_ARGUMENT,
            "there is no preset 77",
            id="unknown preset",
        ),
        pytest.param(
            detector_pb2.DetectRequest(
                images=[IMAGE], model=common_pb2.ModelSelector(preset=common_pb2.PRESET_ACCURATE)
            ),
            Code.NOT_FOUND,
            "yolo-stamp@0.0.1 (PRESET_FAST)",
            id="a preset that nothing serves",
        ),
        pytest.param(
            detector_pb2.DetectRequest(images=[IMAGE], model=common_pb2.ModelSelector(name="yolo-stamp@9.9.9")),
            Code.NOT_FOUND,
            "yolo-stamp@0.0.1",
            id="unknown version",
        ),
        pytest.param(
            detector_pb2.DetectRequest(images=[IMAGE], priority=5),  # type: ignore[arg-type]
            Code.INVALID_ARGUMENT,
            "no priority 5",
            id="unknown priority",
        ),
        pytest.param(
            detector_pb2.DetectRequest(images=[IMAGE], min_score=1.5), Code.INVALID_ARGUMENT, "0 to 1", id="min_score"
        ),
        pytest.param(
            detector_pb2.DetectRequest(images=[IMAGE], min_score=float("nan")),
            Code.INVALID_ARGUMENT,
            "0 to 1",
            id="min_score is no number",
        ),
        pytest.param(
            detector_pb2.DetectRequest(images=[IMAGE], max_detections=0),
            Code.INVALID_ARGUMENT,
            "1 to 300",
            id="max_detections",
        ),
        pytest.param(
            detector_pb2.DetectRequest(images=[message(bytes(MAX_MESSAGE_BYTES))]),
            Code.RESOURCE_EXHAUSTED,
            "larger than max",
            id="a message over the limit",
        ),
    ],
)
async def test_bad_calls(stack: Stack, request_: detector_pb2.DetectRequest, code: Code, detail: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stack.detector.Detect(request_)
    assert refusal.value.code() is code
    assert detail in (refusal.value.details() or "")


async def test_bad_input_affects_no_concurrent_call(stack: Stack) -> None:
    good = embedder_pb2.EmbedRequest(images=[message(GOOD)])
    calls = [
        stack.embedder.Embed(good if index % 2 else embedder_pb2.EmbedRequest(images=[message(data)]))
        for index, (data, _) in enumerate(value for value in BAD.values() for _ in range(8))
    ]
    responses = await asyncio.gather(*calls, return_exceptions=True)
    expected = stack.embed(GOOD)
    for index, response in enumerate(responses):
        if index % 2:
            assert isinstance(response, embedder_pb2.EmbedResponse)
            assert np.allclose(response.results[0].vector.values, expected, atol=1e-5)
        else:
            assert isinstance(response, grpc.aio.AioRpcError)
            assert response.code() is Code.INVALID_ARGUMENT


# Deadlines, cancels, observability


async def test_a_deadline_that_is_too_short(stack: Stack) -> None:
    request = detector_pb2.DetectRequest(images=[message(GOOD)] * 64)
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stack.detector.Detect(request, timeout=0.01)
    assert refusal.value.code() is Code.DEADLINE_EXCEEDED


async def test_a_cancelled_call_affects_no_other(stack: Stack) -> None:
    leaving = stack.detector.Detect(detector_pb2.DetectRequest(images=[message(GOOD)] * 32))
    staying = stack.detector.Detect(detector_pb2.DetectRequest(images=[message(GOOD)]))
    leaving.cancel()
    assert len((await staying).results) == 1


async def test_metrics_for_autoscaling_and_for_people(stack: Stack) -> None:
    await stack.detector.Detect(detector_pb2.DetectRequest(images=[message(GOOD)]))
    text = await asyncio.to_thread(lambda: urllib.request.urlopen(stack.metrics).read().decode())
    model = 'model="yolo-stamp@0.0.1"'
    for line in (
        f"stamp2vec_queue_items{{{model}}} 0.0",
        f"stamp2vec_in_flight_items{{{model}}} 0.0",
        f"stamp2vec_capacity_items{{{model}}} 128.0",
        f"stamp2vec_executors_live{{{model}}} 1.0",
        f"stamp2vec_best_batch_size{{{model}}} ",
        f"stamp2vec_model_load_seconds{{{model}}} ",
        f'stamp2vec_inference_seconds_count{{batch="1",{model}}} ',
        f"stamp2vec_queue_wait_seconds_count{{{model}}} ",
        f"stamp2vec_batch_size_count{{{model}}} ",
        'stamp2vec_request_seconds_count{code="OK",method="/stamp2vec.v1.DetectorService/Detect"} ',
        f'sha256="{stack.detect.manifest.sha256}",version="0.0.1"}} 1.0',
    ):
        assert line in text


async def test_health_covers_the_process_and_the_service(stack: Stack) -> None:
    health = health_pb2_grpc.HealthStub(stack.channel)
    for name in ("", "stamp2vec.v1.DetectorService"):
        response = await health.Check(health_pb2.HealthCheckRequest(service=name))
        assert response.status == health_pb2.HealthCheckResponse.SERVING
