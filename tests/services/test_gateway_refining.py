"""The second look of a gateway: what a refiner is sent, what its answers change, and what a missing one costs."""

import dataclasses
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image

from stamp2vec.calibration import RefinementCalibration
from stamp2vec.v1 import common_pb2, detector_pb2, gateway_pb2
from tests.services.gateway import TIMEOUT_S, Code, encoded, gateway, refusal
from tests.services.scripted import DETECTOR_SIDE, REFINER_SIDE, Scripted, info, pixels

CALIBRATION = RefinementCalibration("detector@1.0.0", 0.0, 0.0, 1.0, box_share=1.0, threshold=0.5)
SIDE = (
    2 * DETECTOR_SIDE
)  # of a page: the scripted detector finds (16, 16, 48, 48) of its input, and this twice as large
WINDOW = detector_pb2.RefineResult(
    box=common_pb2.Box(x1=0, y1=12, x2=24, y2=36), logit=2.0, angle_degrees=-45.0, type=common_pb2.STAMP_TYPE_ROUND
)


def refiner(**change: Any) -> common_pb2.ModelInfo:
    model = info("refiner", common_pb2.TASK_REFINE)
    calibration = dataclasses.replace(CALIBRATION, **change)
    model.refinement_calibrations.append(common_pb2.RefinementCalibration(**dataclasses.asdict(calibration)))
    return model


def script(**more: Any) -> Scripted:
    return Scripted(**{"refiners": [refiner()], "refined": lambda window: WINDOW, **more})


def page(colour: tuple[int, int, int] = (200, 30, 30)) -> Image.Image:
    """White paper with a square where the detector finds a stamp."""
    paper = Image.new("RGB", (SIDE, SIDE), "white")
    paper.paste(colour, (32, 32, 96, 96))
    return paper


def picture(image: Image.Image | None = None) -> common_pb2.Image:
    return common_pb2.Image(encoded=encoded(page() if image is None else image))


def windows(script: Scripted) -> list[np.ndarray]:
    requests = [each for each in script.requests if isinstance(each, detector_pb2.RefineRequest)]
    return [pixels(window) for request in requests for window in request.windows]


def expected(detection: common_pb2.Detection | gateway_pb2.Stamp) -> None:
    # The candidate is (32, 32, 96, 96), its window (16, 16, 112, 112): two of the page's pixels for each of it.
    box = detection.box
    assert (box.x1, box.y1, box.x2, box.y2) == (16, 40, 64, 88)
    assert detection.score == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert (detection.angle_degrees, detection.type) == (-45.0, common_pb2.STAMP_TYPE_ROUND)


async def test_stamps_of_a_document_are_those_of_the_second_look() -> None:
    served = script()
    async with gateway(served) as stub:
        request = gateway_pb2.AnalyzeDocumentRequest(document=encoded(page(), page()))
        response = await stub.AnalyzeDocument(request, timeout=TIMEOUT_S)
    for each in response.pages:
        (stamp,) = each.stamps
        expected(stamp)
    assert "refiner" in [model.model.name for model in response.models]
    first, _ = windows(served)
    assert first.shape == (REFINER_SIDE, REFINER_SIDE, 3)
    assert (first[0, 0] == 255).all()
    np.testing.assert_allclose(first[24, 24], (200, 30, 30), atol=3)
    detect = next(each for each in served.requests if isinstance(each, detector_pb2.DetectRequest))
    assert detect.min_score == pytest.approx(0.01), "the refiner is to see what scores little too"


@pytest.mark.parametrize("kind", ["encoded", "raw"])
async def test_stamps_of_pictures_are_those_of_the_second_look(kind: str) -> None:
    raw = common_pb2.RawImage(data=page().tobytes(), height=SIDE, width=SIDE, channels=3)
    image = picture() if kind == "encoded" else common_pb2.Image(raw=raw)
    served = script()
    async with gateway(served) as stub:
        request = gateway_pb2.DetectStampsRequest(images=[image, common_pb2.Image(encoded=b"broken"), image])
        first, broken, last = (await stub.DetectStamps(request, timeout=TIMEOUT_S)).results
    for result in (first, last):
        (detection,) = result.detections
        expected(detection)
    assert broken.status.field == "images[1].encoded"
    assert len(windows(served)) == 2


@pytest.mark.parametrize(
    ("options", "logit", "count"),
    [({}, 0.1, 1), ({}, -0.1, 0), ({"min_score": 0.2}, -1.0, 1), ({"min_score": 0.9}, 2.0, 0)],
)
async def test_the_least_score_is_of_what_was_seen_twice(options: dict[str, Any], logit: float, count: int) -> None:
    def refined(window: np.ndarray) -> detector_pb2.RefineResult:
        return detector_pb2.RefineResult(box=WINDOW.box, logit=logit)

    async with gateway(script(refined=refined)) as stub:
        request = gateway_pb2.DetectStampsRequest(images=[picture()], **options)
        (result,) = (await stub.DetectStamps(request, timeout=TIMEOUT_S)).results
    assert len(result.detections) == count


async def test_paper_without_candidates_is_not_read_again() -> None:
    served = script(boxes=[])
    async with gateway(served) as stub:
        (result,) = (
            await stub.DetectStamps(gateway_pb2.DetectStampsRequest(images=[picture()]), timeout=TIMEOUT_S)
        ).results
    assert (len(result.detections), result.status.code) == (0, 0)
    assert not windows(served)


@pytest.mark.parametrize(
    "refiners",
    [[], [refiner(detector="detector@1.0.1")], [info("refiner", common_pb2.TASK_REFINE)]],
    ids=["none", "another detector's", "not measured"],
)
async def test_without_a_refiner_of_its_own_the_detector_answers_alone(
    refiners: list[common_pb2.ModelInfo], caplog: pytest.LogCaptureFixture
) -> None:
    """As during a roll-out, behind a detector service of an older release."""
    served = script(refiners=refiners)
    async with gateway(served) as stub:
        request = gateway_pb2.AnalyzeDocumentRequest(document=encoded(page()))
        response = await stub.AnalyzeDocument(request, timeout=TIMEOUT_S)
    (stamp,) = response.pages[0].stamps
    assert stamp.score == pytest.approx(0.9)
    assert "refiner" not in [model.model.name for model in response.models]
    assert not windows(served)
    (event,) = [each for each in caplog.records if each.message == "refiner_missing"]
    assert (event.levelname, event.__dict__["fields"]) == ("WARNING", {"detector": "detector@1.0.0"})


async def test_a_refinement_calibration_that_makes_no_sense_is_logged_and_taken_for_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = refiner()
    model.refinement_calibrations[0].threshold = 7
    async with gateway(script(refiners=[model])) as stub:
        request = gateway_pb2.AnalyzeDocumentRequest(document=encoded(page()))
        response = await stub.AnalyzeDocument(request, timeout=TIMEOUT_S)
    assert response.pages[0].stamps[0].score == pytest.approx(0.9)
    warned = [each.__dict__["fields"] for each in caplog.records if each.message == "refinement_calibration_invalid"]
    assert warned == [{"model": "refiner@1.0.0"}]


async def test_a_window_that_fails_costs_its_page_alone() -> None:
    """No stamp is answered whose page was not seen as the others were."""

    def refined(window: np.ndarray) -> detector_pb2.RefineResult:
        bad = common_pb2.ItemStatus(code=13, message="the model failed on this item", field="windows[0]")
        return detector_pb2.RefineResult(status=bad) if window[24, 24, 1] > 100 else WINDOW

    async with gateway(script(refined=refined)) as stub:
        document = gateway_pb2.AnalyzeDocumentRequest(document=encoded(page(), page((30, 200, 30)), page()))
        response = await stub.AnalyzeDocument(document, timeout=TIMEOUT_S)
        images = gateway_pb2.DetectStampsRequest(images=[picture(), picture(page((30, 200, 30)))])
        good, bad = (await stub.DetectStamps(images, timeout=TIMEOUT_S)).results
    assert [each.status.code for each in response.pages] == [0, Code.INTERNAL.value[0], 0]
    assert [len(each.stamps) for each in response.pages] == [1, 0, 1]
    expected(good.detections[0])
    assert bad.status.code == Code.INTERNAL.value[0]


async def test_a_refiner_that_cannot_answer_ends_the_call() -> None:
    async def gone(request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "going")

    async with gateway(script(on_refine=gone)) as stub:
        request = gateway_pb2.AnalyzeDocumentRequest(document=encoded(page()))
        error = await refusal(stub.AnalyzeDocument(request, timeout=TIMEOUT_S))
    assert error.code() is Code.UNAVAILABLE
