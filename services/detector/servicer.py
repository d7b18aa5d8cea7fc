"""Detect and Refine over gRPC."""

import grpc.aio
import numpy as np
from numpy.typing import NDArray

from services import model_process
from services.detector.signature import signature
from services.runtime.serving.errors import AioContext
from services.runtime.serving.model_service import Call, ModelService
from services.runtime.serving.settings import ModelServerSettings
from services.table import service_of
from stamp2vec.detection.candidates import detections
from stamp2vec.detection.options import faults
from stamp2vec.errors import InvalidCall
from stamp2vec.imaging import Page, View, letterboxed
from stamp2vec.limits import DEFAULT_MAX_OVERLAP, MAX_DETECTIONS
from stamp2vec.v1 import detector_pb2, detector_pb2_grpc
from stamp2vec.values import ModelInfo, Task
from stamp2vec.wire.stamps import detection_to_message, refinement_to_message

SPEC = service_of(Task.DETECT)


def app(settings: ModelServerSettings) -> ModelService[View]:
    """What `services.runtime` runs."""

    def register(models: ModelService[View], server: grpc.aio.Server) -> None:
        detector_pb2_grpc.add_DetectorServiceServicer_to_server(DetectorServicer(models), server)

    return model_process.app(SPEC, settings, register, _fit, signature)


class DetectorServicer(detector_pb2_grpc.DetectorServiceServicer):
    """Messages to values and back; the ModelService does the work."""

    def __init__(self, models: ModelService[View]) -> None:
        self._models = models

    async def Detect(  # noqa: N802 - the contract's name
        self, request: detector_pb2.DetectRequest, context: AioContext
    ) -> detector_pb2.DetectResponse:
        """See the contract."""
        min_score = request.min_score if request.HasField("min_score") else None
        max_overlap = request.max_overlap if request.HasField("max_overlap") else DEFAULT_MAX_OVERLAP
        most = request.max_detections if request.HasField("max_detections") else MAX_DETECTIONS
        if wrong := faults(min_score, max_overlap, most):
            raise InvalidCall(wrong)

        def restore(info: ModelInfo, found: np.ndarray, view: View) -> detector_pb2.DetectResult:
            least = info.threshold if min_score is None else min_score
            stamps = detections(found, view, least, max_overlap, with_ink=not request.omit_ink_colour)[:most]
            return detector_pb2.DetectResult(
                detections=map(detection_to_message, stamps), height=view.height, width=view.width
            )

        answer = await self._models.answer(
            Call(Task.DETECT, request.images, request.model, request.priority),
            context,
            restore,
            lambda status: detector_pb2.DetectResult(status=status),
        )
        return detector_pb2.DetectResponse(results=answer.results, model=answer.model, timing=answer.timing)

    async def Refine(  # noqa: N802 - the contract's name
        self, request: detector_pb2.RefineRequest, context: AioContext
    ) -> detector_pb2.RefineResponse:
        """See the contract."""
        answer = await self._models.answer(
            Call(Task.REFINE, request.windows, request.model, request.priority, "windows", are_inputs=True),
            context,
            lambda info, refinement, view: refinement_to_message(refinement),
            lambda status: detector_pb2.RefineResult(status=status),
        )
        return detector_pb2.RefineResponse(results=answer.results, model=answer.model, timing=answer.timing)

    async def ListModels(  # noqa: N802 - the contract's name
        self, request: detector_pb2.DetectorServiceListModelsRequest, context: AioContext
    ) -> detector_pb2.DetectorServiceListModelsResponse:
        """See the contract."""
        return detector_pb2.DetectorServiceListModelsResponse(models=self._models.infos)


def _fit(page: Page, size: tuple[int, int]) -> tuple[NDArray[np.uint8], View]:
    """A picture as a whole, letterboxed to `size` (height, width)."""
    pixels, place = letterboxed(page, size)
    return pixels, View(pixels, place, 0, 0, page.info.width, page.info.height)
