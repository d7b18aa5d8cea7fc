"""The gateway with scripted model services over real gRPC, for cases that real models rarely produce."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import grpc
import grpc.aio
import numpy as np
import pytest
import pytest_asyncio
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from PIL import Image

from services.gateway.app import Gateway
from services.gateway.settings import GatewaySettings
from services.runtime.serving.server import running
from services.table import MODEL_SERVICE_NAMES
from stamp2vec.limits import MAX_MESSAGE_BYTES
from stamp2vec.v1 import common_pb2, detector_pb2, embedder_pb2, gateway_pb2, segmenter_pb2
from stamp2vec.v1.gateway_pb2_grpc import StampServiceStub
from tests.services.scripted import DETECTOR_SIDE, Scripted, info, serving

if TYPE_CHECKING:
    from stamp2vec.v1.gateway_pb2_grpc import StampServiceAsyncStub

Code = grpc.StatusCode
TIMEOUT_S = 30.0


@asynccontextmanager
async def gateway(
    script: Scripted, upstreams: Mapping[str, str] | None = None, **options: Any
) -> "AsyncIterator[StampServiceAsyncStub]":
    """A gateway; `upstreams` replace the addresses of scripted services."""
    async with serving(script) as address:
        addresses = {**dict.fromkeys(MODEL_SERVICE_NAMES, address), **(upstreams or {})}
        settings = GatewaySettings(port=0, metrics_port=0, upstreams=addresses, **options)
        sizes = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES), ("grpc.enable_retries", 0)]
        async with (
            running(Gateway(settings), settings) as ports,
            grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}", options=sizes) as channel,
        ):
            yield cast("StampServiceAsyncStub", StampServiceStub(channel))


@pytest.fixture(scope="module")
def script() -> Scripted:
    return Scripted(embedders=[info("embedder", common_pb2.TASK_EMBED), info("big", common_pb2.TASK_EMBED, "1.0.0", 2)])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stub(script: Scripted) -> "AsyncIterator[StampServiceAsyncStub]":
    """One gateway for all tests of failing calls."""
    async with gateway(script) as stub:
        yield stub


def grey(level: int, side: int = 100) -> Image.Image:
    return Image.new("RGB", (side, side), (level, level, level))


def encoded(*pages: Image.Image) -> bytes:
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=list(pages[1:]))
    return file.getvalue()


def document(*levels: int, **options: Any) -> gateway_pb2.AnalyzeDocumentRequest:
    return gateway_pb2.AnalyzeDocumentRequest(document=encoded(*map(grey, levels or (200,))), **options)


def rich(error: grpc.aio.AioRpcError) -> list[Any]:
    """The details of the error's google.rpc.Status."""
    found: list[Any] = []
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for packed in status_pb2.Status.FromString(value).details:
                for kind in (error_details_pb2.BadRequest, error_details_pb2.RetryInfo):
                    detail = kind()
                    if packed.Unpack(detail):
                        found.append(detail)
    return found


def fields(error: grpc.aio.AioRpcError) -> list[str]:
    return [
        violation.field
        for detail in rich(error)
        if isinstance(detail, error_details_pb2.BadRequest)
        for violation in detail.field_violations
    ]


async def refusal(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def abort_busy(request: Any, context: Any) -> None:
    """RESOURCE_EXHAUSTED as the runtime sends it, with a retry delay of 1.5 s."""
    packed = any_pb2.Any()
    packed.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=1, nanos=500_000_000)))
    status = status_pb2.Status(code=8, message="the queue is full", details=[packed])
    metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(Code.RESOURCE_EXHAUSTED, "the queue is full", metadata)


async def until_cancelled(request: Any, context: Any) -> None:
    await asyncio.Event().wait()


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not holds():
            await asyncio.sleep(0.01)


async def test_pages_and_crops_go_out_at_the_models_own_sizes() -> None:
    script = Scripted()
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(document(100, 200, include_masks=True), timeout=TIMEOUT_S)
    sizes = {
        type(request).__name__: {(image.raw.height, image.raw.width) for image in request.images}
        for request in script.requests
    }
    assert sizes == {"DetectRequest": {(64, 64)}, "SegmentRequest": {(32, 32)}, "EmbedRequest": {(16, 16)}}
    # 100 pixels in 64: a quarter of the model's input is a quarter of the page.
    box = response.pages[0].stamps[0].box
    assert (box.x1, box.y1, box.x2, box.y2) == (25, 25, 75, 75)
    stamp = response.pages[0].stamps[0]
    assert (stamp.mask.height, stamp.mask.width) == (stamp.crop_box.y2 - stamp.crop_box.y1,) * 2
    assert set(stamp.mask.data) == {255}
    assert [model.model.name for model in response.models] == ["detector", "embedder", "segmenter"]
    assert response.similarity.size == 2
    angle = (200 - 100) / 255
    assert response.similarity.values == pytest.approx([1, np.cos(angle), np.cos(angle), 1], abs=1e-5)


async def test_masks_and_crops_are_made_only_when_asked_for() -> None:
    script = Scripted()
    async with gateway(script) as stub:
        plain = await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)
        assert not any(isinstance(request, segmenter_pb2.SegmentRequest) for request in script.requests)
        full = await stub.AnalyzeDocument(document(200, include_crops=True), timeout=TIMEOUT_S)
    assert not plain.pages[0].stamps[0].HasField("mask")
    assert not plain.pages[0].stamps[0].crop_png
    assert plain.timing.segment_ms == 0
    stamp = full.pages[0].stamps[0]
    with Image.open(io.BytesIO(stamp.crop_png)) as picture:
        assert picture.size == (stamp.crop_box.x2 - stamp.crop_box.x1, stamp.crop_box.y2 - stamp.crop_box.y1)


async def test_the_type_comes_from_the_detector_and_the_ink_from_the_page() -> None:
    page = np.full((100, 100, 3), 250, np.uint8)
    page[40:60, 30:70] = (40, 60, 200)
    request = gateway_pb2.AnalyzeDocumentRequest(document=encoded(Image.fromarray(page)))
    script = Scripted()
    async with gateway(script) as stub:
        responses = [await stub.AnalyzeDocument(request, timeout=TIMEOUT_S)]
        request.include_masks = True
        responses.append(await stub.AnalyzeDocument(request, timeout=TIMEOUT_S))
        images = [common_pb2.Image(encoded=request.document)]
        detected = await stub.DetectStamps(gateway_pb2.DetectStampsRequest(images=images), timeout=TIMEOUT_S)
    for response in responses:
        (stamp,) = response.pages[0].stamps
        assert (stamp.type, stamp.angle_degrees) == (common_pb2.STAMP_TYPE_OVAL, 30.0)
        assert stamp.ink_colour == common_pb2.INK_COLOUR_BLUE
    (found,) = detected.results[0].detections
    assert (found.type, found.angle_degrees) == (common_pb2.STAMP_TYPE_OVAL, 30.0)
    assert found.ink_colour == common_pb2.INK_COLOUR_GREEN  # the detector computed it from its input
    asked = [each for each in script.requests if isinstance(each, detector_pb2.DetectRequest)]
    assert [each.omit_ink_colour for each in asked] == [True, True, False]


def accurate(**options: Any) -> Scripted:
    presets = (common_pb2.PRESET_FAST, common_pb2.PRESET_ACCURATE)
    kinds = {"detectors": "TASK_DETECT", "segmenters": "TASK_SEGMENT", "embedders": "TASK_EMBED"}
    models = {field: [info(field, common_pb2.Task.Value(task), "1.0.0", *presets)] for field, task in kinds.items()}
    return Scripted(**{**models, **options})


def plan(black: tuple[int, int] | None = None) -> bytes:
    """A white A4 page at 300 dpi, 35 MB of pixels in a small PNG; pixels from `black` on (row, column) are black."""
    pixels = np.full((3508, 2480), 255, np.uint8)
    if black:
        pixels[black[0] :, black[1] :] = 0
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


async def test_an_accurate_model_gets_the_whole_page_and_its_tiles_in_one_call() -> None:
    """The detector returns its whole input as a box: on tiles, pieces of the stamp of the whole page."""
    script = accurate(boxes=[(0.0, 0.0, 64.0, 64.0)])
    request = gateway_pb2.AnalyzeDocumentRequest(document=plan(), preset=common_pb2.PRESET_ACCURATE)
    images = [common_pb2.Image(encoded=plan()), picture(200)]
    selector = common_pb2.ModelSelector(preset=common_pb2.PRESET_ACCURATE)
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(request, timeout=TIMEOUT_S)
        detected = await stub.DetectStamps(
            gateway_pb2.DetectStampsRequest(images=images, model=selector), timeout=TIMEOUT_S
        )
    whole = common_pb2.Box(x1=0, y1=0, x2=2480, y2=3508)
    assert [stamp.box for stamp in response.pages[0].stamps] == [whole]
    assert [[found.box.x2 for found in result.detections] for result in detected.results] == [[2480], [100]]
    calls = [each for each in script.requests if isinstance(each, detector_pb2.DetectRequest)]
    assert [len(call.images) for call in calls] == [3, 4]
    assert {call.min_score for call in calls} == {np.float32(0.01)}  # the threshold applies to merged views


async def test_small_stamps_are_found_once_on_tiles_that_share_them() -> None:
    """The detector returns the middle of its input; the caller's maximum applies to the page."""
    script = accurate(boxes=[(30.0, 30.0, 34.0, 34.0)])
    selector = common_pb2.ModelSelector(preset=common_pb2.PRESET_ACCURATE)
    request = gateway_pb2.DetectStampsRequest(images=[common_pb2.Image(encoded=plan())], model=selector)
    async with gateway(script) as stub:
        every = await stub.DetectStamps(request, timeout=TIMEOUT_S)
        request.max_detections = 2
        two = await stub.DetectStamps(request, timeout=TIMEOUT_S)
    boxes = [found.box for found in every.results[0].detections]
    centres = sorted(((box.y1 + box.y2) / 2, (box.x1 + box.x2) / 2) for box in boxes)
    np.testing.assert_allclose(
        centres, [(1240, 1240), (1754, 1240), (2268, 1240)], atol=30
    )  # a pixel of the input is 55 of the page
    assert len(two.results[0].detections) == 2


async def test_a_page_of_which_a_part_fails_fails_with_it() -> None:
    script = accurate(poisoned=lambda pixels: pixels.mean() < 128)
    request = gateway_pb2.AnalyzeDocumentRequest(document=plan((1700, 700)), preset=common_pb2.PRESET_ACCURATE)
    async with gateway(script) as stub:
        error = await refusal(stub.AnalyzeDocument(request, timeout=TIMEOUT_S))
    assert error.code() is Code.INTERNAL


async def test_images_that_go_out_in_groups_keep_their_order_and_their_names() -> None:
    images = [picture(200)] * 8 + [common_pb2.Image(encoded=b"no image")] + [picture(200)]
    selector = common_pb2.ModelSelector(preset=common_pb2.PRESET_ACCURATE)
    async with gateway(accurate()) as stub:
        response = await stub.DetectStamps(
            gateway_pb2.DetectStampsRequest(images=images, model=selector), timeout=TIMEOUT_S
        )
        error = await refusal(
            stub.DetectStamps(
                gateway_pb2.DetectStampsRequest(images=images[8:9] * 9, model=selector), timeout=TIMEOUT_S
            )
        )
    assert [result.status.code for result in response.results] == [0] * 8 + [3, 0]
    assert response.results[8].status.field == "images[8].encoded"
    assert fields(error) == [f"images[{index}].encoded" for index in range(9)]


async def test_a_document_of_too_many_stamps_is_refused_before_they_are_described() -> None:
    boxes = [(x, y, x + 2.5, y + 2.5) for y in np.arange(0, 60, 3.5) for x in np.arange(0, 60, 3.5)][:300]
    script = Scripted(boxes=boxes)
    async with gateway(script) as stub:
        error = await refusal(stub.AnalyzeDocument(document(*range(100, 108)), timeout=TIMEOUT_S))
        assert len((await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)).pages[0].stamps) == len(boxes)
    assert error.code() is Code.INVALID_ARGUMENT
    assert fields(error) == ["min_score"]
    assert "more than 2,000 stamps" in str(error.details())


async def test_a_failed_page_affects_no_other() -> None:
    script = Scripted(poisoned=lambda pixels: pixels.mean() < 50)
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(document(200, 10, 220), timeout=TIMEOUT_S)
    assert [page.status.code for page in response.pages] == [0, 13, 0]
    assert [len(page.stamps) for page in response.pages] == [1, 0, 1]
    assert response.pages[1].status.field == "document"
    assert response.similarity.size == 2


async def test_a_call_that_fails_inside_the_service_fails_only_its_own_pages() -> None:
    async def fail_a_full_group(request: Any, context: Any) -> None:
        if len(request.images) == 8:
            await context.abort(Code.INTERNAL, "a bug")

    script = Scripted(on_detect=fail_a_full_group)
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(document(*range(100, 110)), timeout=TIMEOUT_S)
    assert [page.status.code for page in response.pages] == [13] * 8 + [0] * 2
    assert [page.index for page in response.pages] == list(range(10))
    assert "a bug" not in response.pages[0].status.message


async def test_a_document_of_failed_pages_fails() -> None:
    script = Scripted(poisoned=lambda pixels: True)
    async with gateway(script) as stub:
        error = await refusal(stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S))
    assert error.code() is Code.INTERNAL
    assert "request id" in str(error.details()).lower()


async def test_an_overloaded_service_fails_the_call_with_its_retry_delay_and_cancels_the_siblings() -> None:
    script = Scripted(on_segment=until_cancelled)

    async def abort_beside_a_segmenter_at_work(request: Any, context: Any) -> None:
        await eventually(lambda: any(isinstance(each, segmenter_pb2.SegmentRequest) for each in script.requests))
        await abort_busy(request, context)

    script.on_embed = abort_beside_a_segmenter_at_work
    async with gateway(script) as stub:
        error = await refusal(stub.AnalyzeDocument(document(200, include_masks=True), timeout=TIMEOUT_S))
        await eventually(lambda: script.cancelled == ["SegmentRequest"])
    assert error.code() is Code.RESOURCE_EXHAUSTED
    retries = [detail for detail in rich(error) if isinstance(detail, error_details_pb2.RetryInfo)]
    assert [retry.retry_delay.ToMilliseconds() for retry in retries] == [1500]
    assert ("grpc-retry-pushback-ms", "1500") in list(error.trailing_metadata() or ())


@pytest.mark.parametrize(
    ("code", "times", "expected"),
    [
        (Code.UNAVAILABLE, 3, Code.OK),
        (Code.UNAVAILABLE, 4, Code.UNAVAILABLE),
        (Code.UNIMPLEMENTED, 1, Code.INTERNAL),
        (Code.RESOURCE_EXHAUSTED, 1, Code.RESOURCE_EXHAUSTED),
    ],
)
async def test_only_unavailable_is_retried(code: grpc.StatusCode, times: int, expected: grpc.StatusCode) -> None:
    tries = 0

    async def fail(request: Any, context: Any) -> None:
        nonlocal tries
        tries += 1
        if tries <= times:
            await context.abort(code, "not now")

    async with gateway(Scripted(on_detect=fail)) as stub:
        try:
            await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)
            found = Code.OK
        except grpc.aio.AioRpcError as error:
            found = error.code()
    assert found is expected
    assert tries == times + (expected is Code.OK)


async def test_calls_are_spread_over_all_replicas() -> None:
    replicas = (Scripted(), Scripted())
    async with serving(replicas[0]) as first, serving(replicas[1]) as second:
        both = f"ipv4:{first},{second}"
        async with gateway(Scripted(), upstreams={"detector": both}) as stub:

            async def both_were_called() -> None:
                while not all(replica.requests for replica in replicas):
                    await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)

            await asyncio.wait_for(both_were_called(), TIMEOUT_S)


async def test_the_rest_of_the_time_is_passed_on() -> None:
    left: list[float] = []

    async def note(request: Any, context: Any) -> None:
        left.append(context.time_remaining())
        await asyncio.sleep(0.2)

    script = Scripted(on_detect=note, on_embed=note)
    async with gateway(script) as stub:
        await stub.AnalyzeDocument(document(200), timeout=5.0)
        await stub.AnalyzeDocument(document(200))
    detect_s, embed_s, *without_deadline_s = left
    assert 5.0 > detect_s > embed_s + 0.1
    assert all(5.0 < each_s <= 30.0 for each_s in without_deadline_s)


async def test_at_the_deadline_the_hop_is_cancelled() -> None:
    script = Scripted(on_detect=until_cancelled)
    async with gateway(script) as stub:
        error = await refusal(stub.AnalyzeDocument(document(200), timeout=1.0))
        await eventually(lambda: script.cancelled == ["DetectRequest"])
    assert error.code() is Code.DEADLINE_EXCEEDED


async def test_when_the_caller_cancels_the_hop_is_cancelled() -> None:
    script = Scripted(on_detect=until_cancelled)
    async with gateway(script) as stub:
        call = stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)
        await eventually(lambda: bool(script.requests))
        call.cancel()
        await eventually(lambda: script.cancelled == ["DetectRequest"])


async def test_many_stamps_travel_in_calls_of_64_and_come_back_in_order() -> None:
    boxes = [(float(x), float(y), x + 4.0, y + 4.0) for y in range(0, 60, 5) for x in range(0, 60, 5)]
    script = Scripted(boxes=boxes)
    picture = np.full((DETECTOR_SIDE, DETECTOR_SIDE, 3), 255, np.uint8)
    for index, (x, y, _, _) in enumerate(boxes):
        picture[int(y) : int(y) + 5, int(x) : int(x) + 5] = index
    request = gateway_pb2.AnalyzeDocumentRequest(document=encoded(Image.fromarray(picture)))
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(request, timeout=TIMEOUT_S)
    counts = [len(each.images) for each in script.requests if isinstance(each, embedder_pb2.EmbedRequest)]
    assert counts == [64, 64, 16]
    stamps = response.pages[0].stamps
    assert [(stamp.box.x1, stamp.box.y1) for stamp in stamps] == [(x, y) for x, y, _, _ in boxes]
    brightness = [np.arctan2(stamp.vector.values[1], stamp.vector.values[0]) for stamp in stamps]
    assert np.corrcoef(brightness, range(len(boxes)))[0, 1] > 0.9


async def test_boxes_in_the_white_margin_of_the_letterbox_are_no_stamps() -> None:
    script = Scripted(boxes=[(0.0, 0.0, 64.0, 10.0), (0.0, 20.0, 32.0, 40.0)])
    wide = gateway_pb2.AnalyzeDocumentRequest(document=encoded(Image.new("RGB", (200, 100))))
    images = [common_pb2.Image(encoded=wide.document)]
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(wide, timeout=TIMEOUT_S)
        detected = await stub.DetectStamps(gateway_pb2.DetectStampsRequest(images=images), timeout=TIMEOUT_S)
    assert [stamp.box.x2 for stamp in response.pages[0].stamps] == [100.0]
    assert [found.box.x2 for found in detected.results[0].detections] == [100.0]


async def test_a_model_replaced_between_two_calls_is_resolved_again() -> None:
    script = Scripted()
    async with gateway(script) as stub:
        await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)
        script.embedders = [info("embedder", common_pb2.TASK_EMBED, "2.0.0")]
        response = await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)
        assert response.pages[0].stamps[0].vector.model.version == "2.0.0"


async def test_while_models_are_replaced_calls_fail_as_retryable() -> None:
    async def gone(request: Any, context: Any) -> None:
        await context.abort(Code.NOT_FOUND, "another version is here")

    async with gateway(Scripted(on_detect=gone)) as stub:
        error = await refusal(stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S))
    assert error.code() is Code.UNAVAILABLE


async def test_a_preset_without_models_is_not_found_and_the_error_lists_served_models() -> None:
    async with gateway(Scripted()) as stub:
        request = document(200, preset=common_pb2.PRESET_ACCURATE)
        error = await refusal(stub.AnalyzeDocument(request, timeout=TIMEOUT_S))
    assert error.code() is Code.NOT_FOUND
    assert "detector@1.0.0 (PRESET_FAST)" in str(error.details())


async def test_a_preset_works_the_day_its_models_are_served() -> None:
    script = Scripted()
    accurate = (common_pb2.PRESET_ACCURATE,)
    script.detectors.append(info("big-detector", common_pb2.TASK_DETECT, "1.0.0", *accurate))
    script.embedders.append(info("big-embedder", common_pb2.TASK_EMBED, "1.0.0", *accurate))
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(document(200, preset=common_pb2.PRESET_ACCURATE), timeout=TIMEOUT_S)
    assert [model.model.name for model in response.models] == ["big-detector", "big-embedder"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("changes", "at_fault"),
    [
        ({"document": b""}, ["document"]),
        ({"document": b"no image"}, ["document"]),
        ({"preset": 9}, ["preset"]),
        ({"priority": 9}, ["priority"]),
        ({"min_score": 1.5}, ["min_score"]),
        ({"min_score": -0.1}, ["min_score"]),
        ({"min_score": float("nan")}, ["min_score"]),
        ({"max_overlap": 0.95}, ["max_overlap"]),
        ({"max_overlap": float("nan")}, ["max_overlap"]),
        ({"min_score": 2.0, "document": b"", "preset": 3}, ["preset", "min_score", "document"]),
    ],
)
async def test_every_field_at_fault_is_named(
    script: Scripted, stub: "StampServiceAsyncStub", changes: dict[str, Any], at_fault: list[str]
) -> None:
    before = len(script.requests)
    request = gateway_pb2.AnalyzeDocumentRequest(**{"document": encoded(grey(200)), **changes})
    error = await refusal(stub.AnalyzeDocument(request, timeout=TIMEOUT_S))
    assert error.code() is Code.INVALID_ARGUMENT
    assert fields(error) == at_fault
    assert len(script.requests) == before


async def test_the_error_of_a_too_large_response_names_what_to_leave_out() -> None:
    script = Scripted(boxes=[(0, 0, 64, 40), (0, 24, 64, 64), (0, 0, 40, 64), (24, 0, 64, 64)])
    file = io.BytesIO()
    grey(200, 5300).save(file, "PNG")
    request = gateway_pb2.AnalyzeDocumentRequest(document=file.getvalue(), include_masks=True)
    async with gateway(script) as stub:
        error = await refusal(stub.AnalyzeDocument(request, timeout=TIMEOUT_S))
    assert error.code() is Code.INVALID_ARGUMENT
    assert fields(error) == ["include_masks"]
    assert "leave out include_masks" in str(error.details())
    assert not any(isinstance(each, segmenter_pb2.SegmentRequest) for each in script.requests)


async def test_beyond_its_capacity_calls_are_refused_with_a_retry_delay() -> None:
    script = Scripted(on_detect=until_cancelled)
    async with gateway(script, capacity=1) as stub:
        first = stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)
        await eventually(lambda: bool(script.requests))
        error = await refusal(stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S))
        assert error.code() is Code.RESOURCE_EXHAUSTED
        assert any(isinstance(detail, error_details_pb2.RetryInfo) for detail in rich(error))
        first.cancel()
        await eventually(lambda: bool(script.cancelled))
        script.on_detect = Scripted().on_detect
        await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)


async def test_options_reach_the_detector() -> None:
    script = Scripted()
    async with gateway(script) as stub:
        await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)
        await stub.AnalyzeDocument(document(200, min_score=0.0, priority=common_pb2.PRIORITY_BULK), timeout=TIMEOUT_S)
        await stub.AnalyzeDocument(document(200, max_overlap=0.75), timeout=TIMEOUT_S)
        images = [picture(200)]
        await stub.DetectStamps(gateway_pb2.DetectStampsRequest(images=images, max_overlap=0.75), timeout=TIMEOUT_S)
    plain, chosen, loose, detected = [each for each in script.requests if isinstance(each, detector_pb2.DetectRequest)]
    assert not plain.HasField("min_score")
    assert not plain.HasField("max_overlap")
    assert loose.max_overlap == detected.max_overlap == 0.75
    assert chosen.HasField("min_score")
    assert chosen.priority == common_pb2.PRIORITY_BULK
    assert chosen.model.name == "detector@1.0.0"


async def test_the_request_id_of_the_caller_reaches_every_hop() -> None:
    script = Scripted()
    async with gateway(script) as stub:
        metadata = (("x-request-id", "caller-7"),)
        response = await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S, metadata=metadata)
    assert response.request_id == "caller-7"
    assert {each["x-request-id"] for each in script.metadata} == {"caller-7"}


def picture(level: int) -> common_pb2.Image:
    return common_pb2.Image(encoded=encoded(grey(level)))


async def test_a_broken_image_fails_only_its_own_result() -> None:
    images = [picture(100), common_pb2.Image(encoded=b"no image"), common_pb2.Image(), picture(200)]
    async with gateway(Scripted()) as stub:
        detected = await stub.DetectStamps(gateway_pb2.DetectStampsRequest(images=images), timeout=TIMEOUT_S)
        segmented = await stub.SegmentStamps(gateway_pb2.SegmentStampsRequest(images=images), timeout=TIMEOUT_S)
        embedded = await stub.EmbedStamps(gateway_pb2.EmbedStampsRequest(images=images), timeout=TIMEOUT_S)
    for results in (detected.results, segmented.results, embedded.results):
        assert [result.status.code for result in results] == [0, 3, 3, 0]
        assert [result.status.field for result in results] == ["", "images[1].encoded", "images[2]", ""]
    assert [len(result.mask.data) for result in segmented.results] == [10_000, 0, 0, 10_000]
    assert embedded.results[3].vector.values[:2] == pytest.approx([np.cos(200 / 255), np.sin(200 / 255)])
    assert embedded.model.name == "embedder"


async def test_a_call_without_a_readable_image_fails_and_names_them_all() -> None:
    images = [common_pb2.Image(encoded=b"no image"), common_pb2.Image()]
    async with gateway(Scripted()) as stub:
        error = await refusal(stub.EmbedStamps(gateway_pb2.EmbedStampsRequest(images=images), timeout=TIMEOUT_S))
    assert error.code() is Code.INVALID_ARGUMENT
    assert fields(error) == ["images[0].encoded", "images[1]"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("changes", "at_fault"),
    [
        ({"images": []}, "images"),
        ({"images": [common_pb2.Image()] * 65}, "images"),
        ({"max_detections": 0}, "max_detections"),
        ({"max_detections": 301}, "max_detections"),
        ({"min_score": float("inf")}, "min_score"),
        ({"max_overlap": -0.1}, "max_overlap"),
        ({"priority": 7}, "priority"),
        ({"model": common_pb2.ModelSelector(preset=7)}, "model.preset"),  # type: ignore[arg-type]
    ],
)
async def test_options_of_a_detection_are_checked(
    stub: "StampServiceAsyncStub", changes: dict[str, Any], at_fault: str
) -> None:
    request = gateway_pb2.DetectStampsRequest(**{"images": [picture(200)], **changes})
    error = await refusal(stub.DetectStamps(request, timeout=TIMEOUT_S))
    assert error.code() is Code.INVALID_ARGUMENT
    assert fields(error) == [at_fault]


async def test_a_model_is_chosen_by_name_and_a_bare_name_means_the_latest() -> None:
    script = Scripted()
    script.embedders.append(info("embedder", common_pb2.TASK_EMBED, "1.10.0"))
    script.embedders.append(info("embedder", common_pb2.TASK_EMBED, "1.9.0"))
    async with gateway(script) as stub:
        for name, version in (("embedder", "1.10.0"), ("embedder@1.9.0", "1.9.0")):
            request = gateway_pb2.EmbedStampsRequest(images=[picture(200)], model=common_pb2.ModelSelector(name=name))
            assert (await stub.EmbedStamps(request, timeout=TIMEOUT_S)).model.version == version
        request.model.name = "unknown"
        error = await refusal(stub.EmbedStamps(request, timeout=TIMEOUT_S))
    assert error.code() is Code.NOT_FOUND
    assert "embedder@1.9.0" in str(error.details())


def vector(*values: float, name: str = "embedder", version: str = "1.0.0") -> gateway_pb2.Comparand:
    model = common_pb2.ModelVersion(name=name, version=version)
    return gateway_pb2.Comparand(vector=common_pb2.Vector(values=values, model=model))


def stamp(level: int) -> gateway_pb2.Comparand:
    return gateway_pb2.Comparand(image=picture(level))


async def test_images_and_vectors_compare_with_each_other() -> None:
    x, y = np.cos(200 / 255), np.sin(200 / 255)
    async with gateway(Scripted()) as stub:

        async def compare(a: gateway_pb2.Comparand, b: gateway_pb2.Comparand) -> float:
            response = await stub.CompareStamps(gateway_pb2.CompareStampsRequest(a=a, b=b), timeout=TIMEOUT_S)
            assert response.model == common_pb2.ModelVersion(name="embedder", version="1.0.0")
            return response.similarity

        assert await compare(stamp(200), stamp(200)) == pytest.approx(1, abs=1e-6)
        assert await compare(stamp(200), stamp(50)) == pytest.approx(np.cos(150 / 255), abs=1e-6)
        assert await compare(stamp(200), vector(x, y, 0, 0)) == pytest.approx(1, abs=1e-6)
        assert await compare(vector(3 * x, 3 * y, 0, 0), vector(-y, x, 0, 0)) == pytest.approx(0, abs=1e-6)


async def test_two_vectors_compare_while_their_model_is_not_served() -> None:
    retired = {"name": "old", "version": "0.1.0"}
    request = gateway_pb2.CompareStampsRequest(a=vector(1, 0, **retired), b=vector(1, 0, **retired))
    async with gateway(Scripted()) as stub:
        response = await stub.CompareStamps(request, timeout=TIMEOUT_S)
    assert response.similarity == 1


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("a", "b", "model", "code", "at_fault"),
    [
        (None, stamp(200), None, Code.INVALID_ARGUMENT, "a"),
        (stamp(200), gateway_pb2.Comparand(), None, Code.INVALID_ARGUMENT, "b"),
        (stamp(200), vector(1, 0, 0), None, Code.INVALID_ARGUMENT, "b.vector.values"),
        (vector(), stamp(200), None, Code.INVALID_ARGUMENT, "a.vector.values"),
        (vector(1, 0, 0, float("nan")), stamp(200), None, Code.INVALID_ARGUMENT, "a.vector.values"),
        (vector(0, 0, 0, 0), stamp(200), None, Code.INVALID_ARGUMENT, "a.vector.values"),
        (vector(1, 0, 0, 0, name=""), stamp(200), None, Code.INVALID_ARGUMENT, "a.vector.model"),
        (vector(1, 0, 0, 0), vector(1, 0, 0, 0, version="2.0.0"), None, Code.INVALID_ARGUMENT, "b.vector.model"),
        (vector(1, 0, name="x"), vector(1, 0, 0, name="x"), None, Code.INVALID_ARGUMENT, "b.vector.values"),
        (vector(1, 0, 0, 0, name="old"), stamp(200), None, Code.NOT_FOUND, None),
        (vector(1, 0, 0, 0), stamp(200), "big", Code.INVALID_ARGUMENT, "model"),
        (stamp(200), stamp(100), "unknown", Code.NOT_FOUND, None),
        (
            stamp(200),
            gateway_pb2.Comparand(image=common_pb2.Image(encoded=b"x")),
            None,
            Code.INVALID_ARGUMENT,
            "b.image.encoded",
        ),
    ],
)
async def test_invalid_comparisons_are_refused(
    stub: "StampServiceAsyncStub",
    a: gateway_pb2.Comparand | None,
    b: gateway_pb2.Comparand,
    model: str | None,
    code: grpc.StatusCode,
    at_fault: str | None,
) -> None:
    selector = common_pb2.ModelSelector(name=model) if model else None
    request = gateway_pb2.CompareStampsRequest(a=a, b=b, model=selector)
    error = await refusal(stub.CompareStamps(request, timeout=TIMEOUT_S))
    assert error.code() is code
    assert fields(error) == ([at_fault] if at_fault else [])
    assert len(str(error.details())) > 20


def numbered(name: str, level: int = 200, **options: Any) -> gateway_pb2.AnalyzeDocumentsRequest:
    return gateway_pb2.AnalyzeDocumentsRequest(id=name, document=document(level, **options))


async def test_a_stream_responds_to_each_document_by_its_id_and_continues_after_a_bad_one() -> None:
    script = Scripted()

    async def requests() -> AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest]:
        yield numbered("first")
        yield gateway_pb2.AnalyzeDocumentsRequest(id="bad", document={"document": b"no image"})  # type: ignore[arg-type]
        yield numbered("")
        yield numbered("last", priority=common_pb2.PRIORITY_INTERACTIVE)

    async with gateway(script) as stub:
        responses = {response.id: response async for response in stub.AnalyzeDocuments(requests(), timeout=TIMEOUT_S)}
    assert {name: response.status.code for name, response in responses.items()} == {
        "first": 0,
        "bad": 3,
        "": 3,
        "last": 0,
    }
    assert responses["bad"].status.field == "document"
    assert responses[""].status.field == "id"
    assert len(responses["last"].result.pages[0].stamps) == 1
    priorities = [each.priority for each in script.requests if isinstance(each, detector_pb2.DetectRequest)]
    assert sorted(priorities) == [common_pb2.PRIORITY_INTERACTIVE, common_pb2.PRIORITY_BULK]


async def test_an_id_may_not_run_twice_at_once() -> None:
    script = Scripted(on_detect=until_cancelled)

    async def requests() -> AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest]:
        yield numbered("same")
        yield numbered("same")
        await asyncio.Event().wait()

    async with gateway(script) as stub:
        call = stub.AnalyzeDocuments(requests(), timeout=TIMEOUT_S)
        response = await anext(aiter(call))
        assert (response.id, response.status.code, response.status.field) == ("same", 3, "id")
        await eventually(lambda: bool(script.requests))
        call.cancel()
        await eventually(lambda: script.cancelled == ["DetectRequest"])


async def test_a_stream_runs_eight_documents_and_reads_no_further() -> None:
    arrived, open_gate = 0, asyncio.Event()

    async def hold(request: Any, context: Any) -> None:
        nonlocal arrived
        arrived += 1
        await open_gate.wait()

    script = Scripted(on_detect=hold)

    async def requests() -> AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest]:
        for index in range(20):
            yield numbered(str(index))

    async with gateway(script) as stub:
        call = stub.AnalyzeDocuments(requests(), timeout=TIMEOUT_S)
        reading = asyncio.ensure_future(_all(call))
        await eventually(lambda: arrived == 8)
        # A document that is not on a stream still gets through: so the ninth would have, had it been read.
        plain = asyncio.ensure_future(stub.AnalyzeDocument(document(100), timeout=TIMEOUT_S))
        await eventually(lambda: arrived == 9)
        await asyncio.sleep(0.1)
        assert arrived == 9
        open_gate.set()
        responses = await reading
        await plain
    assert sorted(int(response.id) for response in responses) == list(range(20))


async def _all(call: Any) -> list[gateway_pb2.AnalyzeDocumentsResponse]:
    return [response async for response in call]


async def test_a_stream_waits_where_a_call_is_refused() -> None:
    """The gateway admits one call at a time; the eight documents of a stream queue for it."""
    async with gateway(Scripted(), capacity=1) as stub:

        async def requests() -> AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest]:
            for index in range(8):
                yield numbered(str(index))

        responses = await _all(stub.AnalyzeDocuments(requests(), timeout=TIMEOUT_S))
    assert [response.status.code for response in responses] == [0] * 8


async def test_a_model_whose_verification_makes_no_sense_costs_no_other_anything() -> None:
    good, bad = info("embedder", common_pb2.TASK_EMBED), info("experimental", common_pb2.TASK_EMBED, "0.1.0", 0)
    bad.verification.genuine_share = 1.5
    async with gateway(Scripted(embedders=[good, bad])) as stub:
        listed = await stub.ListModels(gateway_pb2.ListModelsRequest(), timeout=TIMEOUT_S)
        answer = await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)
    assert [model.model.name for model in listed.models] == ["detector", "segmenter", "embedder", "experimental"]
    assert not any(model.HasField("verification") for model in listed.models)
    assert answer.pages[0].stamps


@pytest.mark.parametrize("hook", ["on_detect", "on_embed"])
async def test_what_a_service_refuses_is_no_fault_of_the_caller(hook: str) -> None:
    """The gateway made the pictures that it sends: INTERNAL, with the id under which the logs have it."""

    async def refuse(request: Any, context: Any) -> None:
        await context.abort(Code.INVALID_ARGUMENT, "images[0] is no picture")

    script = Scripted()
    setattr(script, hook, refuse)
    async with gateway(script) as stub:
        error = await refusal(stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S))
        assert (error.code(), fields(error)) == (Code.INTERNAL, [])
        assert "request id" in (error.details() or "")
        crops = [picture(100), picture(200)]
        if hook == "on_embed":
            request = gateway_pb2.CompareStampsRequest(
                a=gateway_pb2.Comparand(image=crops[0]), b=gateway_pb2.Comparand(image=crops[1])
            )
            error = await refusal(stub.CompareStamps(request, timeout=TIMEOUT_S))
            assert (error.code(), fields(error)) == (Code.INTERNAL, [])
            embedded = await stub.EmbedStamps(gateway_pb2.EmbedStampsRequest(images=crops), timeout=TIMEOUT_S)
            assert [(each.status.code, each.status.field) for each in embedded.results] == [
                (13, "images[0]"),
                (13, "images[1]"),
            ]


async def test_a_vector_that_is_none_is_the_model_s_fault() -> None:
    script = Scripted(vectors=[0.0, float("nan"), 0.0, 0.0])
    request = gateway_pb2.CompareStampsRequest(
        a=gateway_pb2.Comparand(image=picture(100)), b=gateway_pb2.Comparand(image=picture(200))
    )
    async with gateway(script) as stub:
        error = await refusal(stub.CompareStamps(request, timeout=TIMEOUT_S))
    assert (error.code(), fields(error)) == (Code.INTERNAL, [])
