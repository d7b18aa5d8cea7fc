"""Models that fail, kill their process or hang, by the Open Inference Protocol: selected by each image's first byte."""

import asyncio
import os
import re
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import grpc
import grpc.aio
import numpy as np
import pytest
import pytest_asyncio

from services.decoders import PictureDecoding
from services.runtime.batching.batcher import Batcher
from services.runtime.oip import servicer
from services.runtime.oip.signature import Datatype, Signature, TensorSpec
from services.runtime.oip.v2 import open_inference_pb2 as oip
from services.runtime.process.executor import ProcessExecutor
from services.runtime.serving import served_model
from services.runtime.serving.model_service import ModelService
from services.runtime.serving.settings import ModelServerSettings
from stamp2vec.imaging import Letterbox, letterboxed, whole
from stamp2vec.values import ModelInfo
from stamp2vec.wire.images import page_from_image
from tests.oip.serving import Served, arrays, request, serving
from tests.runtime.test_model_service import FAILS, HANGS, KILLS, describe

Code = grpc.StatusCode
CAPACITY = 128
BLOCKS = 7


def signature(info: ModelInfo) -> Signature[Letterbox]:
    """The first of as many numbers as an item's first byte says."""
    first = TensorSpec("first", Datatype.FP32, (1,))
    return Signature(
        (info.input_height, info.input_width, 3), (first,), lambda result, _: (result.ravel()[:1].astype(np.float32),)
    )


@asynccontextmanager
async def service(monkeypatch: pytest.MonkeyPatch, *models: str, stuck_after_s: float = 20.0) -> AsyncIterator[Served]:
    """Of models of tests/runtime/numpy_models.py; executors that die have three seconds to come back."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "runtime"))
    monkeypatch.setattr(served_model, "Batcher", partial(Batcher, restart_grace_s=3.0))
    settings = ModelServerSettings(model=models, max_batch=8, capacity=CAPACITY, stuck_after_s=stuck_after_s)
    app = ModelService(
        "test.Service",
        lambda models, server: servicer.register(
            models, server, signature, lambda pixels, size: letterboxed(whole(pixels), size)
        ),
        describe,
        lambda message, field, size: letterboxed(page_from_image(message, field), size),
        PictureDecoding(settings, letterboxed),
        settings,
        (servicer.SERVICE,),
    )
    async with serving(app, settings) as served:
        yield served


@pytest_asyncio.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    async with service(monkeypatch, "first", "second", stuck_after_s=1.0) as served:
        yield served


async def gauges(served: Served) -> list[str]:
    """Of /metrics, without the name of the project and without labels."""
    text = await asyncio.to_thread(lambda: urllib.request.urlopen(served.metrics_url).read().decode())
    return [re.sub(r"\{.*\}", "", line.removeprefix("stamp2vec_")) for line in text.splitlines()]


def items(*firsts: int, model: str = "first") -> oip.ModelInferRequest:
    return request(model, np.stack([np.full((8, 8, 3), first, np.uint8) for first in firsts]))


async def code(served: Served, made: oip.ModelInferRequest) -> grpc.StatusCode:
    return await served.stub.ModelInfer(made).code()


@pytest.mark.parametrize("poison", [FAILS, KILLS, HANGS], ids=["fails", "kills", "hangs"])
async def test_an_item_that_fails_fails_its_call_and_no_other(served: Served, poison: int) -> None:
    failing = asyncio.create_task(code(served, items(1, poison, 2)))
    others = await asyncio.gather(*(served.stub.ModelInfer(items(first, 5)) for first in (1, 2, 3)))
    assert [arrays(other)["first"].ravel().tolist() for other in others] == [[1, 5], [2, 5], [3, 5]]
    assert await failing is Code.INTERNAL


async def test_a_failure_is_counted_and_told_without_its_trace(served: Served) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await served.stub.ModelInfer(items(FAILS))
    assert "do not send it again" in (failed.value.details() or "")
    assert "13 is invalid" not in (failed.value.details() or "")
    response = await served.stub.ModelStatistics(oip.ModelStatisticsRequest(name="first"))
    (statistics,) = response.model_stats
    assert (statistics.inference_count, statistics.inference_stats.fail.count) == (0, 1)


async def test_a_full_queue_refuses_at_once_and_what_waits_is_answered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / str(BLOCKS))
    (tmp_path / "1").touch()
    async with service(monkeypatch, f"waits_for:{tmp_path}") as served:
        running = asyncio.create_task(code(served, items(BLOCKS, model="waits_for")))
        while "in_flight_items 1.0" not in await gauges(served):
            await asyncio.sleep(0.01)
        waiting = [
            asyncio.create_task(code(served, items(*[1] * 64, model="waits_for"))) for _ in range(CAPACITY // 64)
        ]
        while f"queue_items {CAPACITY}.0" not in await gauges(served):
            await asyncio.sleep(0.01)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await served.stub.ModelInfer(items(1, model="waits_for"))
        assert refused.value.code() is Code.RESOURCE_EXHAUSTED
        assert "grpc-retry-pushback-ms" in dict(refused.value.trailing_metadata() or ())
        await asyncio.to_thread((tmp_path / str(BLOCKS)).write_bytes, b"1")
        assert await asyncio.gather(running, *waiting) == [Code.OK] * (1 + len(waiting))


async def test_calls_that_are_cancelled_leave_nothing_behind(served: Served) -> None:
    for wave in range(8):
        calls = [served.stub.ModelInfer(items(1, 2)) for _ in range(20)]
        await asyncio.sleep(wave / 200)  # some are in transit, some wait, some are in a batch
        for call in calls:
            call.cancel()
    assert await code(served, items(*[1] * 64)) is Code.OK
    held = [
        line for line in await gauges(served) if re.match("(requests_in_flight|queue_items|in_flight_items) ", line)
    ]
    assert len(held) == 5  # two of each model
    assert {line.split()[1] for line in held} == {"0.0"}


async def test_a_model_whose_executors_do_not_come_back_is_not_ready(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_restart, restart = asyncio.Event(), ProcessExecutor.restart

    async def late_restart(self: ProcessExecutor) -> None:
        await may_restart.wait()
        await restart(self)

    async def ready() -> tuple[bool, bool, bool]:
        return (
            (await served.stub.ServerReady(oip.ServerReadyRequest())).ready,
            (await served.stub.ModelReady(oip.ModelReadyRequest(name="first"))).ready,
            (await served.stub.ModelReady(oip.ModelReadyRequest(name="second"))).ready,
        )

    monkeypatch.setattr(ProcessExecutor, "restart", late_restart)
    assert await ready() == (True, True, True)
    assert await code(served, items(KILLS)) is Code.UNAVAILABLE
    assert await ready() == (False, False, True)
    assert (await served.stub.ServerLive(oip.ServerLiveRequest())).live
    may_restart.set()
    while await ready() != (True, True, True):
        await asyncio.sleep(0.01)
