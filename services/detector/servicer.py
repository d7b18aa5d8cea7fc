"""Detect over gRPC."""

import grpc.aio
import numpy as np

from services.runtime.errors import AioContext
from services.runtime.model_service import Call, ModelService
from services.runtime.served_model import ModelSpec
from services.runtime.settings import ModelServerSettings
from stamp2vec.errors import InvalidInput
from stamp2vec.imaging import Letterbox
from stamp2vec.manifest import Task
from stamp2vec.serving import find_model, model_input
from stamp2vec.v1 import common_pb2, detector_pb2, detector_pb2_grpc

SERVICE = "stamp2vec.v1.DetectorService"
MAX_DETECTIONS = 300


def app(settings: ModelServerSettings) -> ModelService[Letterbox]:
    """What `services.runtime.server` runs."""

    def describe(reference: str) -> ModelSpec:
        return ModelSpec(*find_model(reference, Task.DETECT, settings.device))

    def register(models: ModelService[Letterbox], server: grpc.aio.Server) -> None:
        detector_pb2_grpc.add_DetectorServiceServicer_to_server(DetectorServicer(models), server)

    return ModelService(SERVICE, register, describe, model_input, settings)


class DetectorServicer(detector_pb2_grpc.DetectorServiceServicer):
    """Messages to values and back; the work is the ModelService's."""

    def __init__(self, models: ModelService[Letterbox]) -> None:
        self._models = models

    async def Detect(  # noqa: N802 - the contract's name
        self, request: detector_pb2.DetectRequest, context: AioContext
    ) -> detector_pb2.DetectResponse:
        """See the contract."""
        min_score = request.min_score if request.HasField("min_score") else None
        if min_score is not None and not 0 <= min_score <= 1:
            raise InvalidInput(f"min_score is {min_score}: send 0 to 1, or leave it unset", "min_score")
        most = request.max_detections if request.HasField("max_detections") else MAX_DETECTIONS
        if not 1 <= most <= MAX_DETECTIONS:
            raise InvalidInput(
                f"max_detections is {most}: send 1 to {MAX_DETECTIONS}, or leave it unset", "max_detections"
            )

        def restore(info: common_pb2.ModelInfo, found: np.ndarray, place: Letterbox) -> detector_pb2.DetectResult:
            return _result(found, place, info.threshold if min_score is None else min_score, most)

        answer = await self._models.answer(
            Call(request.images, request.model, request.priority),
            context,
            restore,
            lambda status: detector_pb2.DetectResult(status=status),
        )
        return detector_pb2.DetectResponse(results=answer.results, model=answer.model, timing=answer.timing)

    async def ListModels(  # noqa: N802 - the contract's name
        self, request: detector_pb2.DetectorServiceListModelsRequest, context: AioContext
    ) -> detector_pb2.DetectorServiceListModelsResponse:
        """See the contract."""
        return detector_pb2.DetectorServiceListModelsResponse(models=self._models.infos)


def _result(found: np.ndarray, place: Letterbox, min_score: float, most: int) -> detector_pb2.DetectResult:
    """float32 (K, 5) x1, y1, x2, y2, score, best first, in pixels of the model's input."""
    found = found[found[:, 4] >= min_score]
    boxes = place.boxes_to_image(found[:, :4])
    on_picture = (boxes[:, :2] < boxes[:, 2:]).all(1)  # not those that lie in the letterbox's margin
    detections = [
        common_pb2.Detection(box=common_pb2.Box(x1=x1, y1=y1, x2=x2, y2=y2), score=score)
        for (x1, y1, x2, y2), score in zip(boxes[on_picture].tolist(), found[on_picture, 4].tolist(), strict=True)
    ]
    return detector_pb2.DetectResult(detections=detections[:most], height=place.height, width=place.width)
