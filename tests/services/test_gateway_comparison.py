"""Comparisons by the gateway: by ink, by vectors, and what cannot be compared."""

import asyncio
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image

from stamp2vec.calibration import Verification
from stamp2vec.comparison import Inked, judge_ink, lay
from stamp2vec.imaging import letterbox
from stamp2vec.v1 import common_pb2, embedder_pb2, gateway_pb2, segmenter_pb2
from stamp2vec.wire.comparisons import overlay_to_message
from stamp2vec.wire.models import verification_to_message
from tests.library.seals import coloured, ink
from tests.services.gateway import TIMEOUT_S, Code, accurate, encoded, fields, gateway, refusal, vector
from tests.services.scripted import PAIR_CALIBRATION, SEGMENTER_SIDE, VERIFIER_SIDE, Scripted, darkness, info, said

# The scripted embedder maps brightness to an angle, 0 to 1 radian.
VERIFICATION = Verification(((0.9, 0.0), (0.95, 0.5), (1.0, 1.0)), 0.5, 0.2, {"0.01": 0.97})
FAST, THOROUGH = gateway_pb2.COMPARE_MODE_FAST, gateway_pb2.COMPARE_MODE_THOROUGH
SAME = gateway_pb2.VERDICT_SAME


def calibrated(**options: Any) -> Scripted:
    model = info("embedder", common_pb2.TASK_EMBED)
    model.verification.CopyFrom(verification_to_message(VERIFICATION))
    return Scripted(embedders=[model], ink=darkness, **options)


def inked(every: int) -> Image.Image:
    """White paper with every `every`-th row black: the larger `every`, the brighter."""
    pixels = np.full((100, 100, 3), 255, np.uint8)
    pixels[::every] = 0
    return Image.fromarray(pixels)


def seal(name: str = "ORION 77", **options: Any) -> gateway_pb2.Comparand:
    return stamp(Image.fromarray(coloured(ink(name, **options))))


def stamp(image: Image.Image) -> gateway_pb2.Comparand:
    return gateway_pb2.Comparand(image=common_pb2.Image(encoded=encoded(image)))


def comparison(
    a: gateway_pb2.Comparand, b: gateway_pb2.Comparand, mode: int = 0, **options: Any
) -> gateway_pb2.CompareStampsRequest:
    return gateway_pb2.CompareStampsRequest(a=a, b=b, mode=mode, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", [gateway_pb2.COMPARE_MODE_UNSPECIFIED, THOROUGH])
@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        (seal(), SAME),
        (seal(turn=90.0), SAME),
        (seal("VESTA 41"), gateway_pb2.VERDICT_DIFFERENT),
        (seal(mirrored=True), gateway_pb2.VERDICT_MIRRORED),
        (seal(side=80), gateway_pb2.VERDICT_CANNOT_TELL),
    ],
    ids=["same", "turned", "different", "mirrored", "coarse"],
)
async def test_two_pictures_are_compared_by_their_ink(mode: int, other: gateway_pb2.Comparand, verdict: int) -> None:
    async with gateway(calibrated()) as stub:
        response = await stub.CompareStamps(comparison(seal(), other, mode), timeout=TIMEOUT_S)
    assert response.verdict == verdict
    assert bool(response.reason) == (verdict not in (SAME, gateway_pb2.VERDICT_DIFFERENT))
    assert response.HasField("probability")
    assert response.HasField("overlay")
    assert response.overlay.mirrored == (verdict == gateway_pb2.VERDICT_MIRRORED)
    assert response.prior == 0.5


async def test_a_comparison_is_that_of_the_library() -> None:
    pictures = [coloured(ink("ORION 77")), coloured(ink("VESTA 41", 37, 0.9))]
    a, b = map(stamp, map(Image.fromarray, pictures))
    request = comparison(a, b, prior=0.25)
    script = calibrated()
    async with gateway(script) as stub:
        response = await stub.CompareStamps(request, timeout=TIMEOUT_S)
        request.mode = FAST
        fast = await stub.CompareStamps(request, timeout=TIMEOUT_S)
    fitted = [letterbox(crop, (SEGMENTER_SIDE, SEGMENTER_SIDE)) for crop in pictures]
    masks = [box.mask_to_image(darkness(pixels)) for pixels, box in fitted]
    laid = lay(*map(Inked.of, pictures, masks))
    expected = judge_ink(laid, said(laid.picture), PAIR_CALIBRATION, 0.25)
    assert expected.overlay is not None
    assert response.overlay == overlay_to_message(expected.overlay)
    assert response.similarity == fast.similarity
    assert response.probability == pytest.approx(expected.probability, abs=1e-6)
    assert response.verdict == gateway_pb2.Verdict.Value(f"VERDICT_{expected.verdict.name}")
    assert (response.model.name, response.prior) == ("embedder", 0.25)
    assert not fast.HasField("overlay")
    (pairs,) = [each for each in script.requests if isinstance(each, embedder_pb2.VerifyPairsRequest)]
    assert pairs.model.name == "verifier@1.0.0"
    assert pairs.priority == common_pb2.PRIORITY_INTERACTIVE
    assert [(pair.raw.height, pair.raw.width) for pair in pairs.pairs] == [(2 * VERIFIER_SIDE, VERIFIER_SIDE)]
    assert pairs.pairs[0].raw.data == laid.picture.tobytes()


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (2, 2, gateway_pb2.VERDICT_SAME_LAYOUT),
        (2, 4, gateway_pb2.VERDICT_SAME_LAYOUT),
        (2, 8, gateway_pb2.VERDICT_CANNOT_TELL),
        (2, 20, gateway_pb2.VERDICT_CANNOT_TELL),
    ],
)
@pytest.mark.parametrize("prior", [None, 0.1])
async def test_by_vectors_there_is_one_layout_at_most(
    first: int, second: int, verdict: int, prior: float | None
) -> None:
    request = comparison(stamp(inked(first)), stamp(inked(second)), FAST, prior=prior)
    script = calibrated()
    async with gateway(script) as stub:
        response = await stub.CompareStamps(request, timeout=TIMEOUT_S)
    assert response.verdict == verdict
    assert response.HasField("probability")
    assert response.probability <= response.prior == np.float32(prior or 0.5)
    assert response.reason.endswith("their ink was not compared: compare the pictures of both")
    assert not response.HasField("overlay")
    asked = {type(each) for each in script.requests}
    assert asked == {embedder_pb2.EmbedRequest}, "neither segmenter nor pair network"


async def test_the_probability_follows_the_prior() -> None:
    found = []
    async with gateway(calibrated()) as stub:
        for prior in (0.01, None, 0.5, 0.99):
            request = comparison(seal(), seal("ORION 78"), prior=prior)
            response = await stub.CompareStamps(request, timeout=TIMEOUT_S)
            assert response.prior == np.float32(0.5 if prior is None else prior)
            found.append(response.probability)
    assert found[0] < found[1] == found[2] < found[3]


@pytest.mark.parametrize("vectors", [["a"], ["b"], ["a", "b"]], ids=lambda names: "-".join(names))
@pytest.mark.parametrize("mode", [gateway_pb2.COMPARE_MODE_UNSPECIFIED, FAST])
async def test_a_vector_without_its_picture_shows_one_layout_at_most(mode: int, vectors: list[str]) -> None:
    near, far = stamp(inked(2)), stamp(inked(20))
    async with gateway(calibrated()) as stub:
        embedding = gateway_pb2.EmbedStampsRequest(images=[near.image, far.image])
        embedded = await stub.EmbedStamps(embedding, timeout=TIMEOUT_S)
        stored = [gateway_pb2.Comparand(vector=each.vector) for each in embedded.results]
        a = stored[0] if "a" in vectors else near
        for number, verdict in enumerate((gateway_pb2.VERDICT_SAME_LAYOUT, gateway_pb2.VERDICT_CANNOT_TELL)):
            b = stored[number] if "b" in vectors else (near, far)[number]
            response = await stub.CompareStamps(comparison(a, b, mode), timeout=TIMEOUT_S)
            assert response.verdict == verdict
            assert "a vector that comes without its picture has no ink to compare" in response.reason
            assert response.reason.endswith("compare the pictures of both")
            assert response.probability <= 0.5
            assert not response.HasField("overlay")


async def test_vectors_have_a_probability_while_their_model_is_served() -> None:
    request = comparison(vector(1, 0, 0, 0), vector(1, 0, 0, 0))
    async with gateway(calibrated()) as stub:
        response = await stub.CompareStamps(request, timeout=TIMEOUT_S)
        assert (response.probability, response.verdict) == (0.5, gateway_pb2.VERDICT_SAME_LAYOUT)
        retired = comparison(vector(1, 0, name="old"), vector(1, 0, name="old"))
        response = await stub.CompareStamps(retired, timeout=TIMEOUT_S)
    assert not response.HasField("probability")
    assert response.verdict == gateway_pb2.VERDICT_CANNOT_TELL
    assert "nobody has measured" in response.reason


@pytest.mark.parametrize("mode", [gateway_pb2.COMPARE_MODE_UNSPECIFIED, FAST, THOROUGH])
@pytest.mark.parametrize(
    ("faint", "reason"),
    [
        (Image.new("RGB", (100, 100), "white"), "too little ink (0.0%"),
        (inked(2).crop((0, 0, 30, 12)), "too few pixels"),
    ],
    ids=["paper", "tiny"],
)
async def test_a_stamp_that_shows_too_little_is_undecided_and_costs_no_look(
    mode: int, faint: Image.Image, reason: str
) -> None:
    script = calibrated()
    async with gateway(script) as stub:
        for sides in ((stamp(faint), seal()), (seal(), stamp(faint))):
            response = await stub.CompareStamps(comparison(*sides, mode), timeout=TIMEOUT_S)
            assert (response.verdict, response.HasField("probability")) == (gateway_pb2.VERDICT_CANNOT_TELL, False)
            assert response.reason.startswith(reason)
            assert not response.HasField("overlay")
    assert {type(each) for each in script.requests} == {embedder_pb2.EmbedRequest}


@pytest.mark.parametrize(
    ("request_", "at_fault"),
    [
        (comparison(vector(1, 0, 0, 0), seal(), THOROUGH), ["a.vector"]),
        (comparison(seal(), vector(1, 0, 0, 0), THOROUGH), ["b.vector"]),
        (comparison(vector(1, 0, 0, 0), vector(1, 0, 0, 0), THOROUGH), ["a.vector", "b.vector"]),
        (comparison(seal(), seal(), 7), ["mode"]),
        *((comparison(seal(), seal(), prior=prior), ["prior"]) for prior in (0.0, 1.0, -1.0, 2.0, float("nan"))),
        (gateway_pb2.CompareStampsRequest(prior=1.0), ["prior", "a", "b"]),
    ],
)
async def test_an_impossible_comparison_is_refused(
    request_: gateway_pb2.CompareStampsRequest, at_fault: list[str]
) -> None:
    script = calibrated()
    async with gateway(script) as stub:
        error = await refusal(stub.CompareStamps(request_, timeout=TIMEOUT_S))
    assert error.code() is Code.INVALID_ARGUMENT
    assert fields(error) == at_fault
    assert not script.requests


def unmeasured() -> Scripted:
    script = calibrated()
    script.verifiers[0].ClearField("pair_calibration")
    return script


@pytest.mark.parametrize(
    ("script", "code", "at_fault"),
    [
        (calibrated(verifiers=[]), Code.NOT_FOUND, []),
        (calibrated(segmenters=[info("another", common_pb2.TASK_SEGMENT)]), Code.NOT_FOUND, []),
        (unmeasured(), Code.INVALID_ARGUMENT, ["mode"]),
    ],
    ids=["no pair network", "no segmenter for it", "nobody has measured it"],
)
async def test_without_a_measured_pair_network_only_vectors_compare(
    script: Scripted, code: grpc.StatusCode, at_fault: list[str]
) -> None:
    async with gateway(script) as stub:
        for mode in (gateway_pb2.COMPARE_MODE_UNSPECIFIED, THOROUGH):
            error = await refusal(stub.CompareStamps(comparison(seal(), seal(), mode), timeout=TIMEOUT_S))
            assert error.code() is code
            assert fields(error) == at_fault
        response = await stub.CompareStamps(comparison(seal(), seal(), FAST), timeout=TIMEOUT_S)
    assert response.verdict == gateway_pb2.VERDICT_SAME_LAYOUT


async def test_the_pair_network_is_that_of_the_preset() -> None:
    script = accurate()
    script.verifiers = [
        info("quick", common_pb2.TASK_VERIFY),
        info("thorough", common_pb2.TASK_VERIFY, "1.0.0", common_pb2.PRESET_ACCURATE),
    ]
    selectors = [
        None,
        common_pb2.ModelSelector(preset=common_pb2.PRESET_ACCURATE),
        common_pb2.ModelSelector(name="embedder"),
    ]
    async with gateway(script) as stub:
        for selector in selectors:
            await stub.CompareStamps(comparison(seal(), seal(), model=selector), timeout=TIMEOUT_S)
    pairs = [each.model.name for each in script.requests if isinstance(each, embedder_pb2.VerifyPairsRequest)]
    assert pairs == ["quick@1.0.0", "thorough@1.0.0", "quick@1.0.0"]


async def test_a_pair_network_that_fails_is_no_fault_of_the_caller() -> None:
    async with gateway(calibrated(cursed=lambda pixels: True)) as stub:
        error = await refusal(stub.CompareStamps(comparison(seal(), seal()), timeout=TIMEOUT_S))
    assert (error.code(), fields(error)) == (Code.INTERNAL, [])


async def test_a_pair_network_that_is_replaced_is_resolved_again() -> None:
    script = calibrated()
    async with gateway(script) as stub:
        await stub.CompareStamps(comparison(seal(), seal()), timeout=TIMEOUT_S)
        script.verifiers = [info("verifier", common_pb2.TASK_VERIFY, "2.0.0")]
        response = await stub.CompareStamps(comparison(seal(), seal()), timeout=TIMEOUT_S)
    assert response.verdict == SAME
    assert script.requests[-1].model.name == "verifier@2.0.0"


@pytest.mark.parametrize("hook", ["on_segment", "on_verify"])
async def test_a_comparison_ends_at_its_deadline(hook: str) -> None:
    async def hang(request: Any, context: Any) -> None:
        await asyncio.sleep(60)

    async with gateway(calibrated(**{hook: hang})) as stub:
        error = await refusal(stub.CompareStamps(comparison(seal(), seal()), timeout=1))
    assert error.code() is Code.DEADLINE_EXCEEDED


async def test_both_crops_are_segmented_in_one_call() -> None:
    script = calibrated()
    async with gateway(script) as stub:
        await stub.CompareStamps(comparison(seal(), seal("VESTA 41")), timeout=TIMEOUT_S)
    (request,) = [each for each in script.requests if isinstance(each, segmenter_pb2.SegmentRequest)]
    assert len(request.images) == 2
    assert request.model.name == "segmenter@1.0.0"
