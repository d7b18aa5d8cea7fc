"""What is told of models: their tensors, how they are batched, and what they have done."""

from collections.abc import Sequence
from typing import Any

from services.runtime.observability.metrics import Totals
from services.runtime.oip.requests import PRIORITIES
from services.runtime.oip.signature import Datatype, Signature, TensorSpec
from services.runtime.oip.v2 import open_inference_pb2 as oip
from services.runtime.serving.settings import ModelServerSettings
from stamp2vec import __version__
from stamp2vec.values import ModelInfo

PLATFORM = "stamp2vec"
_EXTENSIONS = ("model_configuration", "schedule_policy", "statistics")
_TYPES = {
    Datatype.UINT8: oip.TYPE_UINT8,
    Datatype.INT32: oip.TYPE_INT32,
    Datatype.FP32: oip.TYPE_FP32,
    Datatype.BYTES: oip.TYPE_STRING,
}


def server() -> oip.ServerMetadataResponse:
    """This software, and the extensions of the protocol that it serves."""
    return oip.ServerMetadataResponse(name=PLATFORM, version=__version__, extensions=_EXTENSIONS)


def metadata(info: ModelInfo, versions: Sequence[str], signature: Signature[Any]) -> oip.ModelMetadataResponse:
    """The tensors of a model, with the items as their first dimension."""
    return oip.ModelMetadataResponse(
        name=info.name,
        versions=versions,
        platform=PLATFORM,
        inputs=[_tensor(signature.image)],
        outputs=map(_tensor, signature.outputs),
    )


def config(info: ModelInfo, signature: Signature[Any], settings: ModelServerSettings) -> oip.ModelConfig:
    """The same for Triton's clients, whose dimensions are those of one item."""
    image = signature.image
    return oip.ModelConfig(
        name=info.name,
        platform=PLATFORM,
        max_batch_size=signature.most_items,
        input=[oip.ModelInput(name=image.name, data_type=_TYPES[image.datatype], dims=image.shape)],
        output=[
            oip.ModelOutput(name=each.name, data_type=_TYPES[each.datatype], dims=each.shape)
            for each in signature.outputs
        ],
        dynamic_batching=oip.ModelDynamicBatching(
            max_queue_delay_microseconds=round(1000 * settings.max_delay_ms),
            priority_levels=len(PRIORITIES),
            default_priority_level=1,
        ),
    )


def statistics(info: ModelInfo, version: str, totals: Totals) -> oip.ModelStatistics:
    """What a model has done; an item counts as a request, as each waits, runs and fails by itself."""
    return oip.ModelStatistics(
        name=info.name,
        version=version,
        inference_count=totals.items,
        execution_count=totals.batches,
        inference_stats=oip.InferStatistics(
            success=_duration(totals.items, totals.queue_s + totals.inference_s),
            fail=oip.StatisticDuration(count=totals.dropped),
            queue=_duration(totals.items, totals.queue_s),
            compute_input=oip.StatisticDuration(count=totals.items),
            compute_infer=_duration(totals.items, totals.inference_s),
            compute_output=oip.StatisticDuration(count=totals.items),
        ),
    )


def _tensor(spec: TensorSpec) -> oip.ModelMetadataResponse.TensorMetadata:
    return oip.ModelMetadataResponse.TensorMetadata(name=spec.name, datatype=spec.datatype, shape=(-1, *spec.shape))


def _duration(count: int, seconds: float) -> oip.StatisticDuration:
    return oip.StatisticDuration(count=count, ns=round(1e9 * seconds))
