"""Detect over gRPC."""

import grpc.aio
import numpy as np
from numpy.typing import NDArray

from services.runtime.errors import AioContext, InvalidCall
from services.runtime.model_service import Call, ModelService
from services.runtime.served_model import ModelSpec
from services.runtime.settings import ModelServerSettings
from stamp2vec.candidates import MAX_DETECTIONS, MAX_OVERLAP, detections, faults
from stamp2vec.errors import InvalidInput
from stamp2vec.imaging import View, views
from stamp2vec.manifest import Task
from stamp2vec.serving import find_model, picture
from stamp2vec.v1 import common_pb2, detector_pb2, detector_pb2_grpc
from stamp2vec.wire import detection_message

SERVICE = "stamp2vec.v1.DetectorService"


def app(settings: ModelServerSettings) -> ModelService[View]:
    """What `services.runtime.server` runs."""

    def describe(reference: str) -> ModelSpec:
        return ModelSpec(*find_model(reference, Task.DETECT, settings.device))

    def register(models: ModelService[View], server: grpc.aio.Server) -> None:
        detector_pb2_grpc.add_DetectorServiceServicer_to_server(DetectorServicer(models), server)

    return ModelService(SERVICE, register, describe, _prepare, settings)


class DetectorServicer(detector_pb2_grpc.DetectorServiceServicer):
    """Messages to values and back; the work is the ModelService's."""

    def __init__(self, models: ModelService[View]) -> None:
        self._models = models

    async def Detect(  # noqa: N802 - the contract's name
        self, request: detector_pb2.DetectRequest, context: AioContext
    ) -> detector_pb2.DetectResponse:
        """See the contract."""
        min_score = request.min_score if request.HasField("min_score") else None
        max_overlap = request.max_overlap if request.HasField("max_overlap") else MAX_OVERLAP
        most = request.max_detections if request.HasField("max_detections") else MAX_DETECTIONS
        wrong = faults(min_score, max_overlap)
        if not 1 <= most <= MAX_DETECTIONS:
            message = f"max_detections is {most}: send 1 to {MAX_DETECTIONS}, or leave it unset"
            wrong.append(InvalidInput(message, "max_detections"))
        if wrong:
            raise InvalidCall(wrong)

        def restore(info: common_pb2.ModelInfo, found: np.ndarray, view: View) -> detector_pb2.DetectResult:
            least = info.threshold if min_score is None else min_score
            stamps = detections(found, view, least, max_overlap, tell_ink=not request.omit_ink_colour)[:most]
            return detector_pb2.DetectResult(
                detections=map(detection_message, stamps), height=view.height, width=view.width
            )

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


def _prepare(message: common_pb2.Image, field: str, size: tuple[int, int]) -> tuple[NDArray[np.uint8], View]:
    """The picture of a message as a whole, letterboxed to `size` (height, width); raises what `picture` raises."""
    (view,) = views(picture(message, field), size, tiled=False)
    return view.pixels, view
