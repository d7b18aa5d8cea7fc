"""Embed and VerifyPairs over gRPC."""

import grpc.aio
import numpy as np

from services import model_process
from services.embedder.signature import signature
from services.runtime.serving.errors import AioContext
from services.runtime.serving.model_service import Call, ModelService
from services.runtime.serving.settings import ModelServerSettings
from services.table import service_of
from stamp2vec.imaging import Letterbox, letterboxed
from stamp2vec.v1 import embedder_pb2, embedder_pb2_grpc
from stamp2vec.values import ModelInfo, Task
from stamp2vec.wire.images import mask_to_message
from stamp2vec.wire.models import version_to_message
from stamp2vec.wire.stamps import vector_to_message

SPEC = service_of(Task.EMBED)


def app(settings: ModelServerSettings) -> ModelService[Letterbox]:
    """What `services.runtime` runs."""

    def register(models: ModelService[Letterbox], server: grpc.aio.Server) -> None:
        embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(EmbedderServicer(models), server)

    return model_process.app(SPEC, settings, register, letterboxed, signature)


class EmbedderServicer(embedder_pb2_grpc.EmbedderServiceServicer):
    """Messages to values and back; the ModelService does the work."""

    def __init__(self, models: ModelService[Letterbox]) -> None:
        self._models = models

    async def Embed(  # noqa: N802 - the contract's name
        self, request: embedder_pb2.EmbedRequest, context: AioContext
    ) -> embedder_pb2.EmbedResponse:
        """See the contract."""
        answer = await self._models.answer(
            Call(Task.EMBED, request.images, request.model, request.priority),
            context,
            _result,
            lambda status: embedder_pb2.EmbedResult(status=status),
        )
        return embedder_pb2.EmbedResponse(results=answer.results, model=answer.model, timing=answer.timing)

    async def VerifyPairs(  # noqa: N802 - the contract's name
        self, request: embedder_pb2.VerifyPairsRequest, context: AioContext
    ) -> embedder_pb2.VerifyPairsResponse:
        """See the contract."""
        answer = await self._models.answer(
            Call(Task.VERIFY, request.pairs, request.model, request.priority, "pairs", are_inputs=True),
            context,
            _places,
            lambda status: embedder_pb2.VerifyPairsResult(status=status),
        )
        return embedder_pb2.VerifyPairsResponse(results=answer.results, model=answer.model, timing=answer.timing)

    async def ListModels(  # noqa: N802 - the contract's name
        self, request: embedder_pb2.EmbedderServiceListModelsRequest, context: AioContext
    ) -> embedder_pb2.EmbedderServiceListModelsResponse:
        """See the contract."""
        return embedder_pb2.EmbedderServiceListModelsResponse(models=self._models.infos)


def _places(info: ModelInfo, places: np.ndarray, place: Letterbox) -> embedder_pb2.VerifyPairsResult:
    """uint8 (h, w, 2): how surely each place agrees, and how surely it contradicts."""
    agrees, contradicts = np.moveaxis(places, 2, 0)
    return embedder_pb2.VerifyPairsResult(agrees=mask_to_message(agrees), contradicts=mask_to_message(contradicts))


def _result(info: ModelInfo, vector: np.ndarray, place: Letterbox) -> embedder_pb2.EmbedResult:
    """float32 (D,) of length 1; its place on the picture means nothing."""
    return embedder_pb2.EmbedResult(vector=vector_to_message(vector, version_to_message(info.name, info.version)))
