"""A model service whose model fails, kills its process or hangs, as told by each image's first byte."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from grpc_health.v1 import (  # type: ignore[import-untyped]
    health_pb2,
    health_pb2_grpc,
)

from services.embedder.servicer import SERVICE, EmbedderServicer
from services.runtime.model_service import ModelService
from services.runtime.served_model import ModelSpec
from services.runtime.server import running
from services.runtime.settings import ModelServerSettings
from stamp2vec.imaging import Letterbox
from stamp2vec.serving import model_input
from stamp2vec.v1 import common_pb2, embedder_pb2, embedder_pb2_grpc

FAILS, KILLS, HANGS = 13, 9, 99


def describe(reference: str) -> ModelSpec:
    info = common_pb2.ModelInfo(
        model=common_pb2.ModelVersion(name=reference, version="1.0.0"),
        presets=[common_pb2.PRESET_FAST],
        input_height=8,
        input_width=8,
    )
    return ModelSpec(info, "tests.runtime.numpy_models:first_pixel", {})


def register(models: ModelService[Letterbox], server: grpc.aio.Server) -> None:
    embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(EmbedderServicer(models), server)


def app(settings: ModelServerSettings) -> ModelService[Letterbox]:
    return ModelService(SERVICE, register, describe, model_input, settings)


@pytest_asyncio.fixture
async def channel(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[grpc.aio.Channel]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    settings = ModelServerSettings(model=("first", "second"), executors=1, max_batch=8, stuck_after_s=1.0)
    async with (
        running(app(settings), settings) as ports,
        grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel,
    ):
        yield channel


async def embed(channel: grpc.aio.Channel, *firsts: int, model: str = "first") -> list[embedder_pb2.EmbedResult]:
    stub = cast("embedder_pb2_grpc.EmbedderServiceAsyncStub", embedder_pb2_grpc.EmbedderServiceStub(channel))
    images = [
        common_pb2.Image(raw=common_pb2.RawImage(data=bytes([first] * 192), height=8, width=8, channels=3))
        for first in firsts
    ]
    request = embedder_pb2.EmbedRequest(images=images, model=common_pb2.ModelSelector(name=model))
    return list((await stub.Embed(request)).results)


@pytest.mark.parametrize("poison", [FAILS, KILLS, HANGS], ids=["fails", "kills", "hangs"])
async def test_the_items_beside_a_poisonous_one_are_served(channel: grpc.aio.Channel, poison: int) -> None:
    results = await embed(channel, 1, 2, 3, poison, 4, 5, 6, 7)
    failed = results.pop(3)
    assert [list(result.vector.values) for result in results] == [[n] * n for n in (1, 2, 3, 4, 5, 6, 7)]
    assert failed.status.code == grpc.StatusCode.INTERNAL.value[0]
    assert failed.status.field == "images[3]"
    assert "Do not send it again" in failed.status.message
    assert [list(result.vector.values) for result in await embed(channel, 2)] == [[2, 2]]


async def test_another_caller_in_the_same_batch_does_not_notice(channel: grpc.aio.Channel) -> None:
    answers = await asyncio.gather(*(embed(channel, first) for first in (1, FAILS, 2, 3, FAILS, 4)))
    assert [list(result.vector.values) for (result,) in answers] == [[1], [], [2, 2], [3] * 3, [], [4] * 4]


async def test_health_turns_while_a_model_has_no_executor_and_turns_back(channel: grpc.aio.Channel) -> None:
    watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE))
    told = [(await watch.read()).status]
    failing = asyncio.create_task(embed(channel, KILLS))
    told += [(await watch.read()).status for _ in range(2)]
    watch.cancel()
    await failing
    assert told == [
        health_pb2.HealthCheckResponse.ServingStatus.Value(s) for s in ("SERVING", "NOT_SERVING", "SERVING")
    ]


async def test_the_other_model_of_the_process_goes_on(channel: grpc.aio.Channel) -> None:
    failing = asyncio.create_task(embed(channel, KILLS))
    assert [list(result.vector.values) for result in await embed(channel, 1, model="second")] == [[1]]
    assert [result.status.code for result in await failing] == [grpc.StatusCode.INTERNAL.value[0]]
    stub = embedder_pb2_grpc.EmbedderServiceStub(channel)
    served = await stub.ListModels(embedder_pb2.EmbedderServiceListModelsRequest())  # type: ignore[misc]
    assert [info.model.name for info in served.models] == ["first", "second"]
