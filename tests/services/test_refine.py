"""The detector service with a refiner beside its detector: a real server, real executors, random weights."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

import grpc
import grpc.aio
import numpy as np
import pytest
import pytest_asyncio

from services.detector import servicer as detector
from services.runtime.serving.server import running
from services.runtime.serving.settings import ModelServerSettings
from stamp2vec.pipelines import RefinementPipeline
from stamp2vec.v1 import common_pb2, detector_pb2, detector_pb2_grpc
from stamp2vec.values import Task
from stamp2vec.wire.stamps import refinement_from_message
from tests.services.random_models import save_model
from tests.services.test_model_services import details, photo, raw

pytestmark = pytest.mark.asyncio(loop_scope="module")

Code = grpc.StatusCode
SIDE = 128


@dataclass(frozen=True, slots=True)
class Service:
    """A stub of it, and the pipeline of its refiner."""

    stub: "detector_pb2_grpc.DetectorServiceAsyncStub"
    pipeline: RefinementPipeline


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("weights")
    refiner = save_model(folder, "stamp-refine", Task.REFINE, SIDE)
    settings = ModelServerSettings(
        model=(save_model(folder, "yolo-stamp", Task.DETECT, 448), refiner), max_batch=4, capacity=128
    )
    async with (
        running(detector.app(settings), settings) as ports,
        grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel,
    ):
        stub = cast("detector_pb2_grpc.DetectorServiceAsyncStub", detector_pb2_grpc.DetectorServiceStub(channel))
        yield Service(stub, RefinementPipeline.from_pretrained(refiner))


def window(seed: int = 0, side: int = SIDE) -> np.ndarray:
    return np.asarray(photo(side, side, seed))


async def test_what_is_in_windows_is_what_the_pipeline_says(service: Service) -> None:
    seen = [window(seed) for seed in range(6)]
    response = await service.stub.Refine(detector_pb2.RefineRequest(windows=map(raw, seen)))
    assert response.model == common_pb2.ModelVersion(name="stamp-refine", version="0.0.1")
    assert response.timing.total_ms >= response.timing.inference_ms > 0
    for result, expected in zip(response.results, service.pipeline.engine.infer(np.stack(seen)), strict=True):
        np.testing.assert_allclose(refinement_from_message(result), expected, rtol=1e-3, atol=1e-3)


async def test_a_window_of_another_size_is_refused(service: Service) -> None:
    """Letterboxed it would mean something else."""
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await service.stub.Refine(detector_pb2.RefineRequest(windows=[raw(window(side=SIDE - 1))]))
    assert refusal.value.code() is Code.INVALID_ARGUMENT
    assert "is not 128 x 128 raw pixels" in details(refusal.value)["windows[0]"]
    request = detector_pb2.RefineRequest(windows=[raw(window(1)), raw(window(side=SIDE - 1)), raw(window(1))])
    first, bad, last = (await service.stub.Refine(request)).results
    assert bad.status.code == Code.INVALID_ARGUMENT.value[0]
    assert first == last
    assert first.status == common_pb2.ItemStatus()


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (detector_pb2.RefineRequest(), Code.INVALID_ARGUMENT, "the call has 0 windows: send 1 to 64"),
        (
            detector_pb2.RefineRequest(windows=[raw(window())], model=common_pb2.ModelSelector(name="yolo-stamp")),
            Code.NOT_FOUND,
            "no model is named 'yolo-stamp': ask for stamp-refine@0.0.1",
        ),
    ],
    ids=["no window", "a detector"],
)
async def test_refiners_alone_look_again(
    service: Service, request_: detector_pb2.RefineRequest, code: Code, text: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await service.stub.Refine(request_)
    assert refusal.value.code() is code
    assert text in (refusal.value.details() or "")


async def test_detectors_and_refiners_are_listed_together(service: Service) -> None:
    models = (await service.stub.ListModels(detector_pb2.DetectorServiceListModelsRequest())).models
    assert [(model.model.name, model.task) for model in models] == [
        ("yolo-stamp", common_pb2.TASK_DETECT),
        ("stamp-refine", common_pb2.TASK_REFINE),
    ]
