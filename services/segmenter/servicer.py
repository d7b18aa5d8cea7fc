"""Segment over gRPC."""

import grpc.aio
import numpy as np

from services import model_process
from services.runtime.serving.errors import AioContext
from services.runtime.serving.model_service import Call, ModelService
from services.runtime.serving.settings import ModelServerSettings
from services.segmenter.signature import signature
from services.table import service_of
from stamp2vec.imaging import Letterbox, letterboxed
from stamp2vec.v1 import segmenter_pb2, segmenter_pb2_grpc
from stamp2vec.values import ModelInfo, Task
from stamp2vec.wire.images import mask_to_message

SPEC = service_of(Task.SEGMENT)


def app(settings: ModelServerSettings) -> ModelService[Letterbox]:
    """What `services.runtime` runs."""

    def register(models: ModelService[Letterbox], server: grpc.aio.Server) -> None:
        segmenter_pb2_grpc.add_SegmenterServiceServicer_to_server(SegmenterServicer(models), server)

    return model_process.app(SPEC, settings, register, letterboxed, signature)


class SegmenterServicer(segmenter_pb2_grpc.SegmenterServiceServicer):
    """Messages to values and back; the ModelService does the work."""

    def __init__(self, models: ModelService[Letterbox]) -> None:
        self._models = models

    async def Segment(  # noqa: N802 - the contract's name
        self, request: segmenter_pb2.SegmentRequest, context: AioContext
    ) -> segmenter_pb2.SegmentResponse:
        """See the contract."""
        answer = await self._models.answer(
            Call(Task.SEGMENT, request.images, request.model, request.priority),
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


def _result(info: ModelInfo, mask: np.ndarray, place: Letterbox) -> segmenter_pb2.SegmentResult:
    """uint8 (h, w) in pixels of the model's input -> in pixels of the picture."""
    return segmenter_pb2.SegmentResult(mask=mask_to_message(place.mask_to_image(mask)))
