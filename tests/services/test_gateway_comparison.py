"""Probabilities, verdicts and dies that the gateway computes from similarities and the embedder's calibration."""

import asyncio
import dataclasses
from typing import Any

import grpc
import grpc.aio
import numpy as np
import pytest
from PIL import Image

from stamp2vec.comparison import Inked, judge_overlay, overlay_of
from stamp2vec.imaging import letterbox
from stamp2vec.v1 import common_pb2, gateway_pb2
from stamp2vec.values import SecondLook, Verification
from stamp2vec.wire.comparisons import overlay_to_message
from stamp2vec.wire.models import verification_to_message
from tests.services.gateway import TIMEOUT_S, encoded, fields, gateway, vector
from tests.services.scripted import SEGMENTER_SIDE, Scripted, info

# The scripted embedder maps brightness to an angle, 0 to 1 radian.
VERIFICATION = Verification(((0.9, 0.0), (0.95, 0.5), (1.0, 1.0)), 0.5, 0.2, {"0.01": 0.97})
SECOND_LOOK = SecondLook("segmenter", -3.0, 2.0, 4.0, -9.0, 2.0)


def calibrated() -> Scripted:
    model = info("embedder", common_pb2.TASK_EMBED)
    model.verification.CopyFrom(verification_to_message(VERIFICATION))
    return Scripted(embedders=[model])


def inked(every: int) -> Image.Image:
    """White paper with every `every`-th row black: the larger `every`, the brighter."""
    pixels = np.full((100, 100, 3), 255, np.uint8)
    pixels[::every] = 0
    return Image.fromarray(pixels)


def stamp(image: Image.Image) -> gateway_pb2.Comparand:
    return gateway_pb2.Comparand(image=common_pb2.Image(encoded=encoded(image)))


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (2, 2, gateway_pb2.VERDICT_SAME),
        (2, 8, gateway_pb2.VERDICT_CANNOT_TELL),
        (2, 20, gateway_pb2.VERDICT_DIFFERENT),
    ],
)
async def test_a_verdict_follows_from_the_probability(first: int, second: int, verdict: int) -> None:
    request = gateway_pb2.CompareStampsRequest(a=stamp(inked(first)), b=stamp(inked(second)))
    async with gateway(calibrated()) as stub:
        response = await stub.CompareStamps(request, timeout=TIMEOUT_S)
    assert response.HasField("probability")
    assert response.probability == pytest.approx(
        float(VERIFICATION.probability(np.array(response.similarity))), abs=1e-5
    )
    assert response.verdict == verdict
    assert bool(response.reason) == (verdict == gateway_pb2.VERDICT_CANNOT_TELL)


async def test_a_stamp_without_ink_is_undecided() -> None:
    paper = Image.new("RGB", (100, 100), "white")
    request = gateway_pb2.CompareStampsRequest(a=stamp(paper), b=stamp(paper))
    async with gateway(calibrated()) as stub:
        response = await stub.CompareStamps(request, timeout=TIMEOUT_S)
    assert (response.probability, response.verdict) == (1, gateway_pb2.VERDICT_CANNOT_TELL)
    assert "too little ink" in response.reason


async def test_vectors_have_a_probability_too_while_their_model_is_served() -> None:
    request = gateway_pb2.CompareStampsRequest(a=vector(1, 0, 0, 0), b=vector(1, 0, 0, 0))
    async with gateway(calibrated()) as stub:
        response = await stub.CompareStamps(request, timeout=TIMEOUT_S)
        assert (response.probability, response.verdict) == (1, gateway_pb2.VERDICT_SAME)
        retired = gateway_pb2.CompareStampsRequest(a=vector(1, 0, name="old"), b=vector(1, 0, name="old"))
        response = await stub.CompareStamps(retired, timeout=TIMEOUT_S)
    assert not response.HasField("probability")
    assert response.verdict == gateway_pb2.VERDICT_CANNOT_TELL
    assert "nobody has measured" in response.reason


async def test_stamps_of_one_die_share_a_number_across_pages() -> None:
    script = dataclasses.replace(calibrated(), boxes=[(16.0, 16.0, 48.0, 48.0)])
    pages = [inked(2), inked(10), inked(2), Image.new("RGB", (100, 100), "white")]
    request = gateway_pb2.AnalyzeDocumentRequest(document=encoded(*pages))
    async with gateway(script) as stub:
        response = await stub.AnalyzeDocument(request, timeout=TIMEOUT_S)
    assert [found.die_group for page in response.pages for found in page.stamps] == [1, 2, 1, 0]
    assert response.probability.size == 4
    probability = np.array(response.probability.values).reshape(4, 4)
    np.testing.assert_array_equal(np.diag(probability), 1)
    similarity = np.array(response.similarity.values, np.float32).reshape(4, 4)
    apart = ~np.eye(4, dtype=bool)
    np.testing.assert_allclose(probability[apart], VERIFICATION.probability(similarity)[apart], atol=1e-5)
    (embedder,) = [model for model in response.models if model.task == common_pb2.TASK_EMBED]
    assert embedder.verification.genuine_share == 0.5


async def test_without_a_verification_there_is_no_probability_and_no_die() -> None:
    request = gateway_pb2.AnalyzeDocumentRequest(document=encoded(inked(2), inked(2)))
    async with gateway(Scripted()) as stub:
        response = await stub.AnalyzeDocument(request, timeout=TIMEOUT_S)
    assert not response.HasField("probability")
    assert [found.die_group for page in response.pages for found in page.stamps] == [0, 0]


def thorough(a: gateway_pb2.Comparand, b: gateway_pb2.Comparand) -> gateway_pb2.CompareStampsRequest:
    return gateway_pb2.CompareStampsRequest(a=a, b=b, mode=gateway_pb2.COMPARE_MODE_THOROUGH)


def with_second_look() -> Scripted:
    model = info("embedder", common_pb2.TASK_EMBED)
    model.verification.CopyFrom(verification_to_message(dataclasses.replace(VERIFICATION, second_look=SECOND_LOOK)))
    return Scripted(embedders=[model])


async def test_a_thorough_comparison_is_that_of_the_library() -> None:
    first, second = inked(4), inked(9)
    async with gateway(with_second_look()) as stub:
        response = await stub.CompareStamps(thorough(stamp(first), stamp(second)), timeout=TIMEOUT_S)
        fast = await stub.CompareStamps(
            gateway_pb2.CompareStampsRequest(a=stamp(first), b=stamp(second)), timeout=TIMEOUT_S
        )
    everywhere = np.full((SEGMENTER_SIDE, SEGMENTER_SIDE), 255, np.uint8)  # the scripted segmenter's mask
    sides = [letterbox(np.asarray(image), everywhere.shape)[0] for image in (first, second)]
    overlay = overlay_of(*(Inked(crop, everywhere) for crop in sides))
    expected = judge_overlay(response.similarity, overlay, SECOND_LOOK)
    assert response.overlay == overlay_to_message(overlay)
    assert response.similarity == fast.similarity
    assert response.probability == pytest.approx(expected.probability, abs=1e-6)
    assert response.verdict == gateway_pb2.Verdict.Value(f"VERDICT_{expected.verdict.name}")
    assert not fast.HasField("overlay")


async def test_faint_stamps_are_undecided_in_thorough_mode_too() -> None:
    paper = stamp(Image.new("RGB", (8, 100), "white"))
    async with gateway(with_second_look()) as stub:
        response = await stub.CompareStamps(thorough(paper, stamp(inked(4))), timeout=TIMEOUT_S)
    assert response.verdict == gateway_pb2.VERDICT_CANNOT_TELL
    assert "too little ink" in response.reason


@pytest.mark.parametrize(
    ("script", "request_", "field"),
    [
        (with_second_look(), thorough(vector(1, 0, 0, 0), stamp(inked(4))), "a.vector"),
        (with_second_look(), thorough(stamp(inked(4)), vector(1, 0, 0, 0)), "b.vector"),
        (calibrated(), thorough(stamp(inked(4)), stamp(inked(4))), "mode"),
        (Scripted(), thorough(stamp(inked(4)), stamp(inked(4))), "mode"),
        (with_second_look(), gateway_pb2.CompareStampsRequest(a=stamp(inked(4)), b=stamp(inked(4)), mode=7), "mode"),  # type: ignore[arg-type]
    ],
)
async def test_an_impossible_thorough_comparison_is_refused(
    script: Scripted, request_: gateway_pb2.CompareStampsRequest, field: str
) -> None:
    async with gateway(script) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.CompareStamps(request_, timeout=TIMEOUT_S)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert fields(caught.value) == [field]


async def test_a_thorough_comparison_without_its_segmenter_is_refused() -> None:
    script = with_second_look()
    script.segmenters = [info("another", common_pb2.TASK_SEGMENT)]
    async with gateway(script) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.CompareStamps(thorough(stamp(inked(4)), stamp(inked(4))), timeout=TIMEOUT_S)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_thorough_comparison_ends_at_its_deadline() -> None:
    async def hang(request: Any, context: Any) -> None:
        await asyncio.sleep(60)

    async with gateway(dataclasses.replace(with_second_look(), on_segment=hang)) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.CompareStamps(thorough(stamp(inked(4)), stamp(inked(4))), timeout=1)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
