"""A model service whose model fails, kills its process or hangs, selected by each image's first byte."""

import asyncio
import gc
import json
import os
import select
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from functools import partial
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

from services.decoders import PictureDecoding
from services.embedder.servicer import SPEC, EmbedderServicer
from services.runtime.batching.batcher import Batcher
from services.runtime.batching.items import Item
from services.runtime.process.executor import ProcessExecutor
from services.runtime.process.frames import Array
from services.runtime.serving import served_model
from services.runtime.serving.model_service import ModelService
from services.runtime.serving.served_model import ModelSpec
from services.runtime.serving.server import Ports, running
from services.runtime.serving.settings import ModelServerSettings
from stamp2vec.imaging import Letterbox, letterboxed
from stamp2vec.v1 import common_pb2, embedder_pb2, embedder_pb2_grpc
from stamp2vec.values import ModelInfo, Preset, Task
from stamp2vec.wire.images import page_from_image

FAILS, KILLS, HANGS = 13, 9, 99
SERVING = health_pb2.HealthCheckResponse.SERVING


def describe(reference: str) -> ModelSpec:
    """The spec of a model by name, or by "function:folder" if it needs a folder."""
    function, _, folder = reference.partition(":")
    info = ModelInfo(
        name=function,
        version="1.0.0",
        task=Task.EMBED,
        presets=(Preset.FAST,),
        architecture=function,
        input_height=8,
        input_width=8,
        vector_size=1,
        parameters=0,
        sha256="",
        threshold=0.0,
    )
    if folder:
        return ModelSpec(info, f"tests.runtime.numpy_models:{function}", {"folder": folder})
    return ModelSpec(info, "tests.runtime.numpy_models:first_pixel", {})


def register(models: ModelService[Letterbox], server: grpc.aio.Server) -> None:
    embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(EmbedderServicer(models), server)


def app(settings: ModelServerSettings) -> ModelService[Letterbox]:

    def prepare(message: common_pb2.Image, field: str, size: tuple[int, int]) -> tuple[Array, Letterbox]:
        return letterboxed(page_from_image(message, field), size)

    decoding = PictureDecoding(settings, letterboxed, of_pages=False)
    return ModelService(SPEC.full_name, register, describe, prepare, decoding, settings)


@pytest_asyncio.fixture
async def ports(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ports]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setattr(served_model, "Batcher", partial(Batcher, restart_grace_s=3.0))
    settings = ModelServerSettings(model=("first", "second"), executors=1, max_batch=8, stuck_after_s=1.0)
    async with running(app(settings), settings) as ports:
        yield ports


@pytest_asyncio.fixture
async def channel(ports: Ports) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel:
        yield channel


async def metrics_of(ports: Ports) -> str:
    url = f"http://127.0.0.1:{ports.metrics}/metrics"
    return await asyncio.to_thread(lambda: urllib.request.urlopen(url).read().decode())


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
    assert "do not send it again" in failed.status.message
    assert [list(result.vector.values) for result in await embed(channel, 2)] == [[2, 2]]


async def test_another_caller_in_the_same_batch_is_unaffected(channel: grpc.aio.Channel) -> None:
    responses = await asyncio.gather(*(embed(channel, first) for first in (1, FAILS, 2, 3, FAILS, 4)))
    assert [list(result.vector.values) for (result,) in responses] == [[1], [], [2, 2], [3] * 3, [], [4] * 4]


async def test_bytes_that_are_no_message_are_the_callers_fault(ports: Ports, channel: grpc.aio.Channel) -> None:
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{SPEC.full_name}/Embed")
    call = method(b"\xff")
    assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "no message of this method" in await call.details()
    assert 'code="INVALID_ARGUMENT"' in await metrics_of(ports)


async def test_executors_that_come_back_at_once_cost_no_health(channel: grpc.aio.Channel) -> None:
    watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SPEC.full_name))
    await watch.read()
    changed = asyncio.create_task(watch.read())
    await embed(channel, KILLS)
    assert [list(result.vector.values) for result in await embed(channel, 2)] == [[2, 2]]
    assert not changed.done()
    watch.cancel()


async def test_health_follows_models_whose_executors_do_not_come_back(
    channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_restart, restart = asyncio.Event(), ProcessExecutor.restart

    async def late_restart(self: ProcessExecutor) -> None:
        await may_restart.wait()
        await restart(self)

    monkeypatch.setattr(ProcessExecutor, "restart", late_restart)
    watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SPEC.full_name))
    statuses = [(await watch.read()).status]
    changed = asyncio.create_task(watch.read())
    for model in ("first", "second"):
        assert not changed.done()  # until then the service has another model
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await embed(channel, KILLS, model=model)
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
    statuses.append((await changed).status)
    may_restart.set()
    statuses.append((await watch.read()).status)
    watch.cancel()
    assert statuses == [SERVING, health_pb2.HealthCheckResponse.NOT_SERVING, SERVING]


async def test_the_other_model_of_the_process_keeps_serving(channel: grpc.aio.Channel) -> None:
    failing = asyncio.create_task(embed(channel, KILLS))
    assert [list(result.vector.values) for result in await embed(channel, 1, model="second")] == [[1]]
    assert [result.status.code for result in await failing] == [grpc.StatusCode.INTERNAL.value[0]]
    stub = embedder_pb2_grpc.EmbedderServiceStub(channel)
    served = await stub.ListModels(embedder_pb2.EmbedderServiceListModelsRequest())  # type: ignore[misc]
    assert [info.model.name for info in served.models] == ["first", "second"]


async def test_two_thousand_cancelled_calls_leave_nothing_behind(ports: Ports, channel: grpc.aio.Channel) -> None:
    for wave in range(40):
        calls = [asyncio.create_task(embed(channel, 1, 2)) for _ in range(50)]
        await asyncio.sleep(wave % 8 / 200)  # some are in transit, some wait, some are in a batch
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
    await embed(channel, 1)  # the server processes the last cancel before this call
    capacity = ModelServerSettings().capacity
    responses = await asyncio.gather(*(embed(channel, *[1] * 64) for _ in range(capacity // 64)))
    assert sum(len(response) for response in responses) == capacity  # the whole capacity is free
    text = await metrics_of(ports)
    for line in (
        "stamp2vec_requests_in_flight 0.0",
        'stamp2vec_queue_items{model="first@1.0.0"} 0.0',
        'stamp2vec_in_flight_items{model="first@1.0.0"} 0.0',
    ):
        assert line in text
    gc.collect()
    assert [item for item in gc.get_objects() if type(item) is Item] == []


# As a process


PROGRAM = """
import sys
from services.runtime.serving import server
from services.runtime.serving.settings import ModelServerSettings
from tests.runtime.test_model_service import app
settings = ModelServerSettings(model=(sys.argv[1],), executors=2)
sys.exit(server.main(app(settings), settings))
"""


def start_process(model: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, model]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_an_executor_that_dies_while_it_loads_ends_the_process_with_one_clear_line(tmp_path: Path) -> None:
    with start_process(f"dies_on_loading:{tmp_path}") as process:
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    (line,) = (json.loads(line) for line in errors.splitlines())
    assert (line["level"], line["event"]) == ("error", "start_failed")
    assert "the executor ended while it loaded, exit code 7" in line["trace"]


def test_a_signal_while_executors_load_ends_them_and_the_process(tmp_path: Path) -> None:
    with start_process(f"loads_for_ever:{tmp_path}") as process:
        while len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.01)
        executors = [os.pidfd_open(int(file.name)) for file in tmp_path.iterdir()]
        process.terminate()
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (0, "")
    assert [json.loads(line)["event"] for line in errors.splitlines()] == ["start_cancelled"]
    for executor in executors:
        assert select.select([executor], [], [], 0)[0]
        os.close(executor)
