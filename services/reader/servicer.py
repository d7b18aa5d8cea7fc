"""Read over gRPC."""

from dataclasses import replace

import grpc.aio
import numpy as np

from services import model_process
from services.reader.signature import signature
from services.runtime.serving.errors import AioContext
from services.runtime.serving.model_service import Call, ModelService
from services.runtime.serving.settings import ModelServerSettings
from services.table import service_of
from stamp2vec.reading.canvas import StripPlace, strip_canvas
from stamp2vec.reading.encoding import readings_from_array
from stamp2vec.v1 import reader_pb2, reader_pb2_grpc
from stamp2vec.values import ModelInfo, Task
from stamp2vec.wire.texts import readings_to_message

SPEC = service_of(Task.READ)

_LEAST_STUCK_AFTER_S = 15.0


def app(settings: ModelServerSettings) -> ModelService[StripPlace]:
    """What `services.runtime` runs."""

    def register(models: ModelService[StripPlace], server: grpc.aio.Server) -> None:
        reader_pb2_grpc.add_ReaderServiceServicer_to_server(ReaderServicer(models), server)

    # A batch waits for a program that has a time limit of its own, and only then it may have hung.
    patient = replace(settings, stuck_after_s=max(settings.stuck_after_s, _LEAST_STUCK_AFTER_S))
    return model_process.app(SPEC, patient, register, strip_canvas, signature)


class ReaderServicer(reader_pb2_grpc.ReaderServiceServicer):
    """Messages to values and back; the ModelService does the work."""

    def __init__(self, models: ModelService[StripPlace]) -> None:
        self._models = models

    async def Read(  # noqa: N802 - the contract's name
        self, request: reader_pb2.ReadRequest, context: AioContext
    ) -> reader_pb2.ReadResponse:
        """See the contract."""
        answer = await self._models.answer(
            Call(Task.READ, request.images, request.model, request.priority),
            context,
            _result,
            lambda status: reader_pb2.ReadResult(status=status),
        )
        return reader_pb2.ReadResponse(results=answer.results, model=answer.model, timing=answer.timing)

    async def ListModels(  # noqa: N802 - the contract's name
        self, request: reader_pb2.ReaderServiceListModelsRequest, context: AioContext
    ) -> reader_pb2.ReaderServiceListModelsResponse:
        """See the contract."""
        return reader_pb2.ReaderServiceListModelsResponse(models=self._models.infos)


def _result(info: ModelInfo, data: np.ndarray, place: StripPlace) -> reader_pb2.ReadResult:
    """Readings in pixels of the canvas -> in pixels of the picture."""
    return readings_to_message(place.restore(readings_from_array(data)))
