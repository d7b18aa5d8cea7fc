"""Requests to the gateway: checked, admitted, and their options passed on."""

from typing import TYPE_CHECKING, Any

import pytest
from google.rpc import error_details_pb2  # type: ignore[import-untyped]

from stamp2vec.detection.candidates import SCORE_FLOOR
from stamp2vec.v1 import common_pb2, detector_pb2, gateway_pb2
from tests.services.gateway import (
    TIMEOUT_S,
    Code,
    document,
    encoded,
    eventually,
    fields,
    gateway,
    grey,
    picture,
    refusal,
    rich,
    until_cancelled,
)
from tests.services.scripted import Scripted

if TYPE_CHECKING:
    from stamp2vec.v1.gateway_pb2_grpc import StampServiceAsyncStub


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
        ({"prior": 0.0}, ["prior"]),
        ({"prior": 1.0}, ["prior"]),
        ({"prior": float("nan")}, ["prior"]),
        ({"prior": 1.5, "min_score": 2.0, "document": b"", "preset": 3}, ["preset", "min_score", "prior", "document"]),
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
    assert plain.min_score == chosen.min_score == pytest.approx(SCORE_FLOOR)  # of all views together it is applied here
    assert not plain.HasField("max_overlap")
    assert loose.max_overlap == detected.max_overlap == 0.75
    assert chosen.priority == common_pb2.PRIORITY_BULK
    assert chosen.model.name == "detector@1.0.0"


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
