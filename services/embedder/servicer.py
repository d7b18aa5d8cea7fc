"""Embed over gRPC."""

import grpc.aio
import numpy as np

from services.runtime.errors import AioContext
from services.runtime.model_service import Call, ModelService
from services.runtime.served_model import ModelSpec
from services.runtime.settings import ModelServerSettings
from stamp2vec.imaging import Letterbox
from stamp2vec.manifest import Task
from stamp2vec.serving import find_model, model_input
from stamp2vec.v1 import common_pb2, embedder_pb2, embedder_pb2_grpc

SERVICE = "stamp2vec.v1.EmbedderService"


def app(settings: ModelServerSettings) -> ModelService[Letterbox]:
    """What `services.runtime.server` runs."""

    def describe(reference: str) -> ModelSpec:
        return ModelSpec(*find_model(reference, Task.EMBED, settings.device))

    def register(models: ModelService[Letterbox], server: grpc.aio.Server) -> None:
        embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(EmbedderServicer(models), server)

    return ModelService(SERVICE, register, describe, model_input, settings)


class EmbedderServicer(embedder_pb2_grpc.EmbedderServiceServicer):
    """Messages to values and back; the work is the ModelService's."""

    def __init__(self, models: ModelService[Letterbox]) -> None:
        self._models = models

    async def Embed(  # noqa: N802 - the contract's name
        self, request: embedder_pb2.EmbedRequest, context: AioContext
    ) -> embedder_pb2.EmbedResponse:
        """See the contract."""
        answer = await self._models.answer(
            Call(request.images, request.model, request.priority),
            context,
            _result,
            lambda status: embedder_pb2.EmbedResult(status=status),
        )
        return embedder_pb2.EmbedResponse(results=answer.results, model=answer.model, timing=answer.timing)

    async def ListModels(  # noqa: N802 - the contract's name
        self, request: embedder_pb2.EmbedderServiceListModelsRequest, context: AioContext
    ) -> embedder_pb2.EmbedderServiceListModelsResponse:
        """See the contract."""
        return embedder_pb2.EmbedderServiceListModelsResponse(models=self._models.infos)


def _result(info: common_pb2.ModelInfo, vector: np.ndarray, place: Letterbox) -> embedder_pb2.EmbedResult:
    """float32 (D,) of length 1; its place on the picture means nothing."""
    return embedder_pb2.EmbedResult(vector=common_pb2.Vector(values=vector.tolist(), model=info.model))
