"""The embedder service with a pair network beside its embedder: a real server, real executors, random weights."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

import grpc
import grpc.aio
import numpy as np
import pytest
import pytest_asyncio

from services.embedder import servicer as embedder
from services.runtime.serving.server import running
from services.runtime.serving.settings import ModelServerSettings
from stamp2vec.pipelines import VerificationPipeline
from stamp2vec.v1 import common_pb2, embedder_pb2, embedder_pb2_grpc
from stamp2vec.values import Task
from tests.services.random_models import save_model
from tests.services.test_model_services import details, encoded, message, photo, raw

pytestmark = pytest.mark.asyncio(loop_scope="module")

Code = grpc.StatusCode
PAIR_SIDE = 96  # of the frame of both stamps; that of a real pair network is larger


@dataclass(frozen=True, slots=True)
class Service:
    """A stub of it, and the pipeline of its pair network."""

    stub: "embedder_pb2_grpc.EmbedderServiceAsyncStub"
    pipeline: VerificationPipeline


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("weights")
    pair_network = save_model(folder, "stamp-pair", Task.VERIFY, PAIR_SIDE)
    models = (save_model(folder, "tvae", Task.EMBED, 128, vector_size=128), pair_network)
    settings = ModelServerSettings(model=models, max_batch=4, capacity=128)
    async with (
        running(embedder.app(settings), settings) as ports,
        grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel,
    ):
        stub = cast("embedder_pb2_grpc.EmbedderServiceAsyncStub", embedder_pb2_grpc.EmbedderServiceStub(channel))
        yield Service(stub, VerificationPipeline.from_pretrained(pair_network))


def pair(seed: int = 0, height: int = 2 * PAIR_SIDE, width: int = PAIR_SIDE) -> np.ndarray:
    """Two stamps in one frame, the first above the second."""
    return np.asarray(photo(width, height, seed))


async def test_what_places_say_is_what_the_pipeline_says(service: Service) -> None:
    pairs = [pair(seed) for seed in range(6)]
    response = await service.stub.VerifyPairs(embedder_pb2.VerifyPairsRequest(pairs=map(raw, pairs)))
    assert response.model == common_pb2.ModelVersion(name="stamp-pair", version="0.0.1")
    assert response.timing.total_ms >= response.timing.inference_ms > 0
    for result, expected in zip(response.results, service.pipeline.engine.infer(np.stack(pairs)), strict=True):
        for mask, places in ((result.agrees, expected[..., 0]), (result.contradicts, expected[..., 1])):
            assert (mask.height, mask.width) == places.shape == (PAIR_SIDE // 4, PAIR_SIDE // 4)
            found = np.frombuffer(mask.data, np.uint8).reshape(places.shape).astype(int)
            assert np.abs(found - places).max() <= 1


WRONG_PAIRS = {
    "another size": (
        raw(pair(0, PAIR_SIDE, PAIR_SIDE)),
        "pairs[0]",
        "is not 96 x 192 raw pixels: send it as it was laid",
    ),
    "on its side": (raw(pair(0, PAIR_SIDE, 2 * PAIR_SIDE)), "pairs[0]", "is not 96 x 192 raw pixels"),
    "a file": (message(encoded(photo(PAIR_SIDE, 2 * PAIR_SIDE))), "pairs[0]", "is not 96 x 192 raw pixels"),
    "nothing": (common_pb2.Image(), "pairs[0]", "is not 96 x 192 raw pixels"),
    "too few bytes": (
        common_pb2.Image(
            raw=common_pb2.RawImage(data=b"0", height=2 * PAIR_SIDE, width=PAIR_SIDE, channels=3),
        ),
        "pairs[0].raw",
        "1 bytes",
    ),
}


@pytest.mark.parametrize(("wrong", "field", "text"), WRONG_PAIRS.values(), ids=WRONG_PAIRS.keys())
async def test_a_pair_that_is_not_the_input_of_the_model_is_refused(
    service: Service, wrong: common_pb2.Image, field: str, text: str
) -> None:
    """Letterboxed it would mean something else."""
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await service.stub.VerifyPairs(embedder_pb2.VerifyPairsRequest(pairs=[wrong]))
    assert refusal.value.code() is Code.INVALID_ARGUMENT
    assert text in details(refusal.value)[field]
    request = embedder_pb2.VerifyPairsRequest(pairs=[raw(pair(1)), wrong, raw(pair(1))])
    first, bad, last = (await service.stub.VerifyPairs(request)).results
    assert bad.status.code == Code.INVALID_ARGUMENT.value[0]
    assert bad.status.field == field.replace("0", "1")
    assert text in bad.status.message
    assert not bad.HasField("agrees")
    assert first == last
    assert first.status == common_pb2.ItemStatus()
    assert first.HasField("contradicts")


async def answer(service: Service, request: embedder_pb2.VerifyPairsRequest | embedder_pb2.EmbedRequest) -> object:
    if isinstance(request, embedder_pb2.EmbedRequest):
        return await service.stub.Embed(request)
    return await service.stub.VerifyPairs(request)


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (embedder_pb2.VerifyPairsRequest(), Code.INVALID_ARGUMENT, "the call has 0 pairs: send 1 to 64"),
        (embedder_pb2.VerifyPairsRequest(pairs=[common_pb2.Image()] * 65), Code.INVALID_ARGUMENT, "65 pairs"),
        (
            embedder_pb2.VerifyPairsRequest(pairs=[raw(pair())], model=common_pb2.ModelSelector(name="tvae")),
            Code.NOT_FOUND,
            "no model is named 'tvae': ask for stamp-pair@0.0.1",
        ),
        (
            embedder_pb2.EmbedRequest(
                images=[raw(np.zeros((128, 128, 3), np.uint8))], model=common_pb2.ModelSelector(name="stamp-pair")
            ),
            Code.NOT_FOUND,
            "no model is named 'stamp-pair': ask for tvae@0.0.1",
        ),
    ],
    ids=["no pair", "65 pairs", "an embedder", "a pair network"],
)
async def test_each_method_asks_the_models_of_its_task(
    service: Service, request_: embedder_pb2.VerifyPairsRequest | embedder_pb2.EmbedRequest, code: Code, text: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await answer(service, request_)
    assert refusal.value.code() is code
    assert text in (refusal.value.details() or "")
    if code is Code.INVALID_ARGUMENT:
        assert list(details(refusal.value)) == ["pairs"]


async def test_embedders_and_pair_networks_are_listed_together(service: Service) -> None:
    models = (await service.stub.ListModels(embedder_pb2.EmbedderServiceListModelsRequest())).models
    assert [(model.model.name, model.task) for model in models] == [
        ("tvae", common_pb2.TASK_EMBED),
        ("stamp-pair", common_pb2.TASK_VERIFY),
    ]
    assert (models[1].input_height, models[1].input_width) == (2 * PAIR_SIDE, PAIR_SIDE)
