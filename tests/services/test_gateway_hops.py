"""Calls to the services behind the gateway: failures, retries, deadlines, models that change."""

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2  # type: ignore[import-untyped]

from stamp2vec.v1 import common_pb2, gateway_pb2, segmenter_pb2
from tests.services.gateway import (
    TIMEOUT_S,
    Code,
    abort_busy,
    document,
    eventually,
    fields,
    gateway,
    picture,
    refusal,
    rich,
    until_cancelled,
)
from tests.services.scripted import Scripted, info, serving


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


async def test_a_proxy_of_the_environment_is_not_between_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("grpc_proxy", "http_proxy", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")  # where nobody is
    async with asyncio.timeout(TIMEOUT_S), gateway(Scripted()) as stub:
        response = await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)
    assert len(response.pages[0].stamps) == 1


@pytest.mark.parametrize(
    ("code", "times", "expected"),
    [
        (Code.UNAVAILABLE, 3, Code.OK),
        (Code.UNAVAILABLE, 4, Code.UNAVAILABLE),
        (Code.UNIMPLEMENTED, 1, Code.INTERNAL),
        (Code.RESOURCE_EXHAUSTED, 1, Code.RESOURCE_EXHAUSTED),
        (Code.FAILED_PRECONDITION, 1, Code.FAILED_PRECONDITION),
        # Of the gateway's own certificate or token, and not of its caller's.
        (Code.UNAUTHENTICATED, 1, Code.INTERNAL),
        (Code.PERMISSION_DENIED, 1, Code.INTERNAL),
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
        error = await refusal(stub.AnalyzeDocument(document(200), timeout=3.0))
        await eventually(lambda: script.cancelled == ["DetectRequest"])
    assert error.code() is Code.DEADLINE_EXCEEDED


async def test_when_the_caller_cancels_the_hop_is_cancelled() -> None:
    script = Scripted(on_detect=until_cancelled)
    async with gateway(script) as stub:
        call = stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)
        await eventually(lambda: bool(script.requests))
        call.cancel()
        await eventually(lambda: script.cancelled == ["DetectRequest"])


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


async def test_the_request_id_of_the_caller_reaches_every_hop() -> None:
    script = Scripted()
    async with gateway(script) as stub:
        metadata = (("x-request-id", "caller-7"),)
        response = await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S, metadata=metadata)
    assert response.request_id == "caller-7"
    assert {each["x-request-id"] for each in script.metadata} == {"caller-7"}


async def test_a_model_whose_verification_makes_no_sense_costs_no_other_anything(
    caplog: pytest.LogCaptureFixture,
) -> None:
    good, bad = info("embedder", common_pb2.TASK_EMBED), info("experimental", common_pb2.TASK_EMBED, "0.1.0", 0)
    bad.verification.genuine_share = 1.5
    async with gateway(Scripted(embedders=[good, bad])) as stub:
        listed = await stub.ListModels(gateway_pb2.ListModelsRequest(), timeout=TIMEOUT_S)
        answer = await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)
    assert [model.model.name for model in listed.models] == [
        "detector",
        "segmenter",
        "embedder",
        "experimental",
        "verifier",
        "reader",
    ]
    assert not any(model.HasField("verification") for model in listed.models)
    assert answer.pages[0].stamps
    assert "verification_invalid" in caplog.messages


@pytest.mark.parametrize("views", [common_pb2.VIEWS_UNSPECIFIED, common_pb2.VIEWS_WHOLE])
async def test_a_detector_that_states_no_views_is_logged(
    views: "common_pb2.Views.ValueType", caplog: pytest.LogCaptureFixture
) -> None:
    """It may be of a release that counted on tiles. Other models have nothing to state."""
    script = Scripted()
    for model in (*script.detectors, *script.segmenters, *script.embedders):
        model.views = views if model.task == common_pb2.TASK_DETECT else common_pb2.VIEWS_UNSPECIFIED
    async with gateway(script) as stub:
        assert (await stub.AnalyzeDocument(document(200), timeout=TIMEOUT_S)).pages[0].stamps
    warned = [record.__dict__["fields"]["model"] for record in caplog.records if record.message == "views_unspecified"]
    assert set(warned) == (set() if views else {"detector@1.0.0"})


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
