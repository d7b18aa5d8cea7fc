"""GRPCInferenceService: the models of a process by the Open Inference Protocol."""

from collections.abc import Callable, Sequence
from typing import Generic

import grpc.aio

from services.runtime.oip import descriptions
from services.runtime.oip.requests import asked, images
from services.runtime.oip.responses import response
from services.runtime.oip.signature import Fit, Place, Signature
from services.runtime.oip.v2 import open_inference_pb2 as oip
from services.runtime.oip.v2 import open_inference_pb2_grpc as oip_grpc
from services.runtime.process.frames import Array
from services.runtime.serving.errors import AioContext
from services.runtime.serving.model_service import ModelService
from services.runtime.serving.selection import choose
from services.runtime.serving.served_model import ServedModel
from stamp2vec.values import ModelInfo

SERVICE = str(oip.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name)


def register(
    models: ModelService[Place],
    server: grpc.aio.Server,
    signature: Callable[[ModelInfo], Signature[Place]],
    fit: Fit[Place],
) -> None:
    """Adds the protocol to a server; `signature` says what each of the models takes and gives."""
    oip_grpc.add_GRPCInferenceServiceServicer_to_server(InferenceServicer(models, signature, fit), server)


class InferenceServicer(oip_grpc.GRPCInferenceServiceServicer, Generic[Place]):
    """Messages to arrays and back; the ModelService does the work."""

    def __init__(
        self, models: ModelService[Place], signature: Callable[[ModelInfo], Signature[Place]], fit: Fit[Place]
    ) -> None:
        self._models, self._signature, self._fit = models, signature, fit

    async def ModelInfer(  # noqa: N802 - the protocol's name
        self, request: oip.ModelInferRequest, context: AioContext
    ) -> oip.ModelInferResponse:
        """Each image is an item of its own in the queue; where one fails, the call fails."""
        model = self._find(request.model_name, request.model_version)
        info, signature = model.info, self._signature(model.info)
        wanted = asked(request, signature)

        def prepare() -> list[tuple[Array, Place]]:
            return [self._fit(image, info.input_size) for image in images(request, wanted)]

        def restore(results: Sequence[tuple[Array, Place]]) -> oip.ModelInferResponse:
            items = [signature.tensors(result, place) for result, place in results]
            return response(request.id, info, wanted, signature.outputs, items)

        return await self._models.infer(
            model, wanted.shape[0], prepare, restore, context, priority=wanted.priority, wait_s=wanted.wait_s
        )

    async def ServerLive(  # noqa: N802
        self, request: oip.ServerLiveRequest, context: AioContext
    ) -> oip.ServerLiveResponse:
        """A process that hangs gives no answer."""
        return oip.ServerLiveResponse(live=True)

    async def ServerReady(  # noqa: N802
        self, request: oip.ServerReadyRequest, context: AioContext
    ) -> oip.ServerReadyResponse:
        """Whether all of the models can answer; calls are refused until they have started."""
        return oip.ServerReadyResponse(ready=all(model.is_serving for model in self._models.served))

    async def ModelReady(  # noqa: N802
        self, request: oip.ModelReadyRequest, context: AioContext
    ) -> oip.ModelReadyResponse:
        """Whether one model can answer."""
        return oip.ModelReadyResponse(ready=self._find(request.name, request.version).is_serving)

    async def ServerMetadata(  # noqa: N802
        self, request: oip.ServerMetadataRequest, context: AioContext
    ) -> oip.ServerMetadataResponse:
        """This software."""
        return descriptions.server()

    async def ModelMetadata(  # noqa: N802
        self, request: oip.ModelMetadataRequest, context: AioContext
    ) -> oip.ModelMetadataResponse:
        """The tensors of a model."""
        info = self._find(request.name, request.version).info
        versions = [model.info.version for model in self._models.served if model.info.name == info.name]
        return descriptions.metadata(info, versions, self._signature(info))

    async def ModelConfig(  # noqa: N802
        self, request: oip.ModelConfigRequest, context: AioContext
    ) -> oip.ModelConfigResponse:
        """The tensors of a model, and how it is batched."""
        model = self._find(request.name, request.version)
        config = descriptions.config(model.info, self._signature(model.info), model.settings)
        return oip.ModelConfigResponse(config=config)

    async def ModelStatistics(  # noqa: N802
        self, request: oip.ModelStatisticsRequest, context: AioContext
    ) -> oip.ModelStatisticsResponse:
        """Of all models, of those with a name, or of one."""
        models = self._models.served
        if request.name:
            asked_for = self._find(request.name, request.version)
            models = [asked_for] if request.version else [each for each in models if _same_name(each, asked_for)]
        stats = [
            descriptions.statistics(each.info, request.version or self._short_version(each.info), each.totals)
            for each in models
        ]
        return oip.ModelStatisticsResponse(model_stats=stats)

    def _find(self, name: str, version: str) -> ServedModel:
        """The latest with a name and a version, or the first number of one. ModelNotFound where there is none."""
        served = self._models.served
        infos = [model.info for model in served]
        fitting = [info for info in infos if info.name == name and version in ("", info.version, _first_number(info))]
        chosen = choose(fitting or infos, name if fitting or not version else f"{name}@{version}")
        return next(model for model in served if model.info is chosen)

    def _short_version(self, info: ModelInfo) -> str:
        """The first number, where that means this one: perf_analyzer reads no other version of its statistics."""
        first = _first_number(info)
        return first if self._find(info.name, first).info is info else info.version


def _first_number(info: ModelInfo) -> str:
    return info.version.partition(".")[0]


def _same_name(one: ServedModel, other: ServedModel) -> bool:
    return one.info.name == other.info.name
