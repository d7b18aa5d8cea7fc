"""The dies of a document through the gateway: whose ink is compared, and what a missing pair network costs."""

from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image

from stamp2vec.comparison.evidence import CONTRADICTS
from stamp2vec.v1 import common_pb2, embedder_pb2, gateway_pb2, segmenter_pb2
from stamp2vec.wire.models import verification_to_message
from tests.library.seals import SIDE, coloured, ink
from tests.services.gateway import TIMEOUT_S, Code, encoded, eventually, fields, gateway, refusal, until_cancelled
from tests.services.scripted import VERIFIER_SIDE, Scripted, info, said
from tests.services.test_gateway_comparison import VERIFICATION, calibrated, unmeasured

A, B, PAPER = "ORION 77", "VESTA 41", ""


def page(name: str) -> Image.Image:
    """A seal in the middle, a quarter of the page, which is where the scripted detector finds a stamp."""
    pixels = np.full((2 * SIDE, 2 * SIDE, 3), 255, np.uint8)
    if name:
        pixels[SIDE // 2 : SIDE // 2 + SIDE, SIDE // 2 : SIDE // 2 + SIDE] = coloured(ink(name))
    return Image.fromarray(pixels)


def document(*names: str, **options: Any) -> gateway_pb2.AnalyzeDocumentRequest:
    return gateway_pb2.AnalyzeDocumentRequest(document=encoded(*map(page, names)), **options)


def dies(response: gateway_pb2.AnalyzeDocumentResponse) -> list[int]:
    return [stamp.die_group for each in response.pages for stamp in each.stamps]


def matrix(response: gateway_pb2.AnalyzeDocumentResponse) -> np.ndarray:
    size = response.probability.size
    return np.array(response.probability.values, np.float32).reshape(size, size)


def names(response: gateway_pb2.AnalyzeDocumentResponse) -> list[str]:
    return [model.model.name for model in response.models]


def sent(script: Scripted, kind: type) -> list[Any]:
    return [each for each in script.requests if isinstance(each, kind)]


async def test_a_page_that_comes_twice_has_the_same_die_twice() -> None:
    script = calibrated()
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(document(A, B, A, PAPER), timeout=TIMEOUT_S)
    assert dies(response) == [1, 2, 1, 0]
    probability = matrix(response)
    np.testing.assert_array_equal(np.diag(probability), 1)
    np.testing.assert_array_equal(probability, probability.T)
    assert probability[0, 2] >= 0.9
    assert probability[0, 1] <= 0.1
    assert probability[0, 3] <= 0.5, "by the vectors alone"
    assert response.probability.prior == 0.5
    assert names(response) == ["detector", "embedder", "segmenter", "verifier"]
    assert response.timing.total_ms > response.timing.compare_ms > 0
    assert response.timing.segment_ms == 0, "no mask was asked for"


async def test_ink_is_compared_in_rounds_and_each_crop_is_segmented_once() -> None:
    script = calibrated()
    async with gateway(script) as stub:
        request = document(A, B, B, A, priority=common_pb2.PRIORITY_BULK)
        response = await stub.AnalyzeDocument(request, timeout=TIMEOUT_S)
    assert dies(response) == [1, 2, 2, 1]
    assert [len(each.images) for each in sent(script, segmenter_pb2.SegmentRequest)] == [4]
    pairs = sent(script, embedder_pb2.VerifyPairsRequest)
    assert [len(each.pairs) for each in pairs] == [3, 1]
    for each in pairs:
        assert each.model.name == "verifier@1.0.0"
        assert each.priority == common_pb2.PRIORITY_BULK
        assert {(pair.raw.height, pair.raw.width) for pair in each.pairs} == {(2 * VERIFIER_SIDE, VERIFIER_SIDE)}


async def test_the_prior_is_that_of_the_call() -> None:
    async with gateway(calibrated()) as stub:
        response = await stub.AnalyzeDocument(document(A, A, PAPER, prior=0.1), timeout=TIMEOUT_S)
        for prior in (0.0, 1.0, float("nan")):
            error = await refusal(stub.AnalyzeDocument(document(A, prior=prior), timeout=TIMEOUT_S))
            assert (error.code(), fields(error)) == (Code.INVALID_ARGUMENT, ["prior"])
    assert response.probability.prior == np.float32(0.1)
    assert matrix(response)[:2, 2].max() <= np.float32(0.1)


async def test_masks_are_those_of_the_whole_crop_and_models_are_named_once() -> None:
    script = calibrated()
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(document(A, A, include_masks=True), timeout=TIMEOUT_S)
    assert dies(response) == [1, 1]
    assert names(response) == ["detector", "embedder", "segmenter", "verifier"]
    assert all(stamp.mask.data for each in response.pages for stamp in each.stamps)
    assert response.timing.segment_ms > 0


@pytest.mark.parametrize(
    ("script", "options"),
    [(calibrated(), {"include_vectors": False}), (Scripted(), {})],
    ids=["without vectors", "nobody has measured the embedder"],
)
async def test_what_cannot_be_near_is_not_compared(script: Scripted, options: dict[str, Any]) -> None:
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(document(A, A, **options), timeout=TIMEOUT_S)
    assert dies(response) == [0, 0]
    assert not response.HasField("probability")
    assert response.timing.compare_ms == 0
    assert not sent(script, embedder_pb2.VerifyPairsRequest)
    assert not sent(script, segmenter_pb2.SegmentRequest)
    assert "verifier" not in names(response)


async def test_stamps_that_are_not_alike_are_of_dies_of_their_own() -> None:
    dark = page(A)
    dark.paste((0, 0, 0), (SIDE // 2, SIDE // 2, SIDE // 2 + SIDE, SIDE // 2 + SIDE))
    request = gateway_pb2.AnalyzeDocumentRequest(document=encoded(page(A), dark))
    script = calibrated()
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(request, timeout=TIMEOUT_S)
    assert dies(response) == [1, 2]
    assert names(response) == ["detector", "embedder"]
    assert not sent(script, embedder_pb2.VerifyPairsRequest)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (calibrated(verifiers=[]), "no pair network for it is served, so ink cannot be compared"),
        (calibrated(segmenters=[info("another", common_pb2.TASK_SEGMENT)]), "no model is named 'segmenter'"),
        (unmeasured(), "nobody has measured what the evidence of verifier@1.0.0 means"),
    ],
    ids=["no pair network", "no segmenter for it", "nobody has measured it"],
)
async def test_without_a_measured_pair_network_documents_are_answered_without_dies(
    script: Scripted, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As during a roll-out, behind an embedder service of an older release."""
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(document(A, A, PAPER), timeout=TIMEOUT_S)
    assert dies(response) == [0, 0, 0]
    assert all(stamp.vector.values for each in response.pages for stamp in each.stamps)
    assert matrix(response)[~np.eye(3, dtype=bool)].max() == 0.5
    assert names(response) == ["detector", "embedder"]
    assert response.timing.compare_ms == 0
    (event,) = [record for record in caplog.records if record.message == "pair_network_missing"]
    assert event.levelname == "WARNING"
    assert event.__dict__["fields"]["reason"].startswith(reason)


async def test_a_pair_calibration_that_makes_no_sense_is_logged_and_taken_for_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    script = calibrated()
    script.verifiers[0].pair_calibration.segmenter = "https://models.example/x"
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(document(A, A), timeout=TIMEOUT_S)
        (listed,) = [
            model
            for model in (await stub.ListModels(gateway_pb2.ListModelsRequest(), timeout=TIMEOUT_S)).models
            if model.task == common_pb2.TASK_VERIFY
        ]
    assert dies(response) == [0, 0]
    assert not listed.HasField("pair_calibration")
    warned = [each.__dict__["fields"] for each in caplog.records if each.message == "pair_calibration_invalid"]
    assert warned == [{"model": "verifier@1.0.0"}]


async def test_a_pair_that_fails_leaves_its_second_without_a_die_and_costs_no_other_anything() -> None:
    def cursed(pair: np.ndarray) -> bool:
        return bool(said(pair)[..., CONTRADICTS].any())

    async with gateway(calibrated(cursed=cursed)) as stub:
        response = await stub.AnalyzeDocument(document(A, B, A), timeout=TIMEOUT_S)
    assert [each.status.code for each in response.pages] == [0, 0, 0]
    assert dies(response) == [1, 0, 1]
    assert matrix(response)[0, 1] == 0.5, "by the vectors alone"


@pytest.mark.parametrize("hook", ["on_segment", "on_verify"])
async def test_a_service_that_cannot_answer_ends_the_document(hook: str) -> None:
    async def away(request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "the queue is full")

    async with gateway(calibrated(**{hook: away})) as stub:
        error = await refusal(stub.AnalyzeDocument(document(A, A), timeout=TIMEOUT_S))
    assert error.code() is Code.RESOURCE_EXHAUSTED


async def test_when_the_caller_goes_the_pair_network_is_left_alone() -> None:
    script = calibrated(on_verify=until_cancelled)
    async with gateway(script) as stub:
        call = stub.AnalyzeDocument(document(A, A), timeout=TIMEOUT_S)
        await eventually(lambda: bool(sent(script, embedder_pb2.VerifyPairsRequest)))
        call.cancel()
        await eventually(lambda: script.cancelled == ["VerifyPairsRequest"])


async def test_looks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stamp2vec.comparison.dies.MAX_INK_LOOKS", 1)
    async with gateway(calibrated()) as stub:
        response = await stub.AnalyzeDocument(document(A, A, A), timeout=TIMEOUT_S)
        assert dies(response) == [1, 1, 0]
        monkeypatch.setattr("stamp2vec.document.options.MAX_INK_STAMPS", 2)
        response = await stub.AnalyzeDocument(document(A, A, A), timeout=TIMEOUT_S)
        assert sorted(dies(response)) == [0, 1, 1]


async def test_the_embedder_lists_what_its_similarities_mean() -> None:
    async with gateway(calibrated()) as stub:
        response = await stub.AnalyzeDocument(document(A, A), timeout=TIMEOUT_S)
    listed = {model.model.name: model for model in response.models}
    assert listed["embedder"].verification == verification_to_message(VERIFICATION)
    assert listed["verifier"].pair_calibration.segmenter == "segmenter"
    assert (listed["verifier"].task, listed["verifier"].input_height) == (common_pb2.TASK_VERIFY, 2 * VERIFIER_SIDE)
