"""Documents through the gateway: what goes out, what comes back, what fails."""

import io

import numpy as np
import pytest
from PIL import Image

from stamp2vec.v1 import common_pb2, detector_pb2, embedder_pb2, gateway_pb2, segmenter_pb2
from tests.services.gateway import (
    TIMEOUT_S,
    Code,
    accurate,
    document,
    encoded,
    fields,
    gateway,
    grey,
    picture,
    plan,
    refusal,
)
from tests.services.scripted import DETECTOR_SIDE, Scripted, rim


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


async def test_clean_stamps_need_the_segmenter_and_answer_no_mask() -> None:
    page = np.full((100, 100, 3), 250, np.uint8)
    page[40:60, 30:70] = (40, 60, 200)
    script = Scripted()
    request = gateway_pb2.AnalyzeDocumentRequest(
        document=encoded(Image.fromarray(page)), include_vectors=False, include_clean_stamps=True
    )
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(request, timeout=TIMEOUT_S)
    assert [type(each).__name__ for each in script.requests] == ["DetectRequest", "SegmentRequest"]
    (stamp,) = response.pages[0].stamps
    assert not stamp.HasField("mask")
    assert not stamp.crop_png
    assert not stamp.unrolled
    size = (stamp.crop_box.x2 - stamp.crop_box.x1, stamp.crop_box.y2 - stamp.crop_box.y1)
    for png, mode in ((stamp.transparent_png, "RGBA"), (stamp.ink_png, "RGB")):
        with Image.open(io.BytesIO(png)) as picture:
            assert (picture.size, picture.mode) == (size, mode)
    assert [model.model.name for model in response.models] == ["detector", "segmenter"]


async def test_strips_say_where_on_the_crop_they_are() -> None:
    request = gateway_pb2.AnalyzeDocumentRequest(
        document=encoded(grey(200, 400)), include_vectors=False, include_unrolled=True
    )
    async with gateway(Scripted(ink=rim)) as stub:
        response = await stub.AnalyzeDocument(request, timeout=TIMEOUT_S)
    (stamp,) = response.pages[0].stamps
    side = stamp.crop_box.x2 - stamp.crop_box.x1
    outward, inward = stamp.unrolled
    assert outward.ring.reading == gateway_pb2.RING_READING_CLOCKWISE
    assert inward.ring.reading == gateway_pb2.RING_READING_COUNTERCLOCKWISE
    for strip in (outward, inward):
        ring = strip.ring
        assert (ring.centre_x, ring.centre_y) == pytest.approx((side / 2, side / 2), rel=0.03)
        assert ring.semi_minor == pytest.approx(0.4 * side, rel=0.15)
        with Image.open(io.BytesIO(strip.pixels_png)) as pixels, Image.open(io.BytesIO(strip.ink_png)) as ink:
            assert pixels.size == ink.size
            assert (pixels.mode, ink.mode) == ("RGB", "L")
    assert not stamp.transparent_png


@pytest.mark.parametrize("option", ["include_unrolled", "include_clean_stamps"])
async def test_pictures_that_make_the_response_too_large_are_named(
    option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8))
    request = gateway_pb2.AnalyzeDocumentRequest(document=encoded(noise), include_vectors=False)
    setattr(request, option, True)
    monkeypatch.setattr("services.gateway.document.analysis.MAX_MESSAGE_BYTES", 3000)
    async with gateway(Scripted(ink=rim)) as stub:
        error = await refusal(stub.AnalyzeDocument(request, timeout=TIMEOUT_S))
    assert fields(error) == [option]
    assert f"leave out {option}, or send fewer pages a call" in str(error.details())


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


async def test_a_document_of_failed_pages_fails() -> None:
    script = Scripted(poisoned=lambda pixels: True)
    async with gateway(script) as stub:
        error = await refusal(stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S))
    assert error.code() is Code.INTERNAL
    assert "request id" in str(error.details()).lower()


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
