"""Segment over gRPC."""

import grpc.aio
import numpy as np

from services.runtime.errors import AioContext
from services.runtime.model_service import Call, ModelService
from services.runtime.served_model import ModelSpec
from services.runtime.settings import ModelServerSettings
from stamp2vec.imaging import Letterbox
from stamp2vec.manifest import Task
from stamp2vec.serving import find_model, model_input
from stamp2vec.v1 import common_pb2, segmenter_pb2, segmenter_pb2_grpc

SERVICE = "stamp2vec.v1.SegmenterService"


def app(settings: ModelServerSettings) -> ModelService[Letterbox]:
    """What `services.runtime.server` runs."""

    def describe(reference: str) -> ModelSpec:
        return ModelSpec(*find_model(reference, Task.SEGMENT, settings.device))

    def register(models: ModelService[Letterbox], server: grpc.aio.Server) -> None:
        segmenter_pb2_grpc.add_SegmenterServiceServicer_to_server(SegmenterServicer(models), server)

    return ModelService(SERVICE, register, describe, model_input, settings)


class SegmenterServicer(segmenter_pb2_grpc.SegmenterServiceServicer):
    """Messages to values and back; the work is the ModelService's."""

    def __init__(self, models: ModelService[Letterbox]) -> None:
        self._models = models

    async def Segment(  # noqa: N802 - the contract's name
        self, request: segmenter_pb2.SegmentRequest, context: AioContext
    ) -> segmenter_pb2.SegmentResponse:
        """See the contract."""
        answer = await self._models.answer(
            Call(request.images, request.model, request.priority),
            context,
            _result,
            lambda status: segmenter_pb2.SegmentResult(status=status),
        )
        return segmenter_pb2.SegmentResponse(results=answer.results, model=answer.model, timing=answer.timing)

    async def ListModels(  # noqa: N802 - the contract's name
        self, request: segmenter_pb2.SegmenterServiceListModelsRequest, context: AioContext
    ) -> segmenter_pb2.SegmenterServiceListModelsResponse:
        """See the contract."""
        return segmenter_pb2.SegmenterServiceListModelsResponse(models=self._models.infos)


def _result(info: common_pb2.ModelInfo, mask: np.ndarray, place: Letterbox) -> segmenter_pb2.SegmentResult:
    """uint8 (h, w) in pixels of the model's input."""
    ink = place.mask_to_image(mask)
    height, width = ink.shape
    return segmenter_pb2.SegmentResult(mask=common_pb2.Mask(data=ink.tobytes(), height=height, width=width))
