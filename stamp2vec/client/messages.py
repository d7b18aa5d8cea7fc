"""Between the contract's messages and the library's values; no network here."""

from collections.abc import Iterable

import numpy as np

from stamp2vec import wire
from stamp2vec.client.failures import item_error
from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import decode_image
from stamp2vec.manifest import Preset, Task
from stamp2vec.results import (
    Comparison,
    Detection,
    DocumentResult,
    Embedding,
    ModelInfo,
    PageResult,
    Stamp,
    Timing,
)
from stamp2vec.serving import read_verification
from stamp2vec.v1 import common_pb2, detector_pb2, gateway_pb2
from stamp2vec.verification import Verdict

_PRESETS = {Preset.FAST: common_pb2.PRESET_FAST, Preset.ACCURATE: common_pb2.PRESET_ACCURATE}
_PRESETS_BACK = {value: preset for preset, value in _PRESETS.items()}
_TASKS_BACK = {
    common_pb2.TASK_DETECT: Task.DETECT,
    common_pb2.TASK_SEGMENT: Task.SEGMENT,
    common_pb2.TASK_EMBED: Task.EMBED,
}


_VERDICTS_BACK = {
    gateway_pb2.VERDICT_SAME: Verdict.SAME,
    gateway_pb2.VERDICT_DIFFERENT: Verdict.DIFFERENT,
    gateway_pb2.VERDICT_CANNOT_TELL: Verdict.CANNOT_TELL,
}


def image_message(picture: bytes | np.ndarray) -> common_pb2.Image:
    """The bytes of an image file, or uint8 (H, W, 3) or (H, W)."""
    if isinstance(picture, bytes):
        return common_pb2.Image(encoded=picture)
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3):
        raise InvalidImage(f"an array of {picture.dtype} {picture.shape} is no picture: send uint8 (H, W) or (H, W, 3)")
    height, width, channels = picture.shape if picture.ndim == 3 else (*picture.shape, 1)
    raw = common_pb2.RawImage(data=picture.tobytes(), height=height, width=width, channels=channels)
    return common_pb2.Image(raw=raw)


def image_messages(pictures: Iterable[bytes | np.ndarray]) -> list[common_pb2.Image]:
    """One message a picture."""
    return [image_message(picture) for picture in pictures]


def selector_message(model: Preset | str) -> common_pb2.ModelSelector:
    """A preset, or a model's name or `name@version`."""
    if isinstance(model, Preset):
        return common_pb2.ModelSelector(preset=_PRESETS[model])
    return common_pb2.ModelSelector(name=model)


def priority_message(bulk: bool) -> common_pb2.Priority.ValueType:
    """Whether somebody is waiting for the answer."""
    return common_pb2.PRIORITY_BULK if bulk else common_pb2.PRIORITY_INTERACTIVE


def comparand_message(stamp: bytes | np.ndarray | Embedding) -> gateway_pb2.Comparand:
    """One side of a comparison."""
    if not isinstance(stamp, Embedding):
        return gateway_pb2.Comparand(image=image_message(stamp))
    model = common_pb2.ModelVersion(name=stamp.model, version=stamp.version)
    return gateway_pb2.Comparand(vector=common_pb2.Vector(values=stamp.vector.tolist(), model=model))


def analyze_message(
    document: bytes,
    preset: Preset,
    *,
    min_score: float | None,
    max_overlap: float | None,
    include_masks: bool,
    include_crops: bool,
    bulk: bool,
) -> gateway_pb2.AnalyzeDocumentRequest:
    """A document and what is wanted of it."""
    return gateway_pb2.AnalyzeDocumentRequest(
        document=document,
        preset=_PRESETS[preset],
        min_score=min_score,
        max_overlap=max_overlap,
        include_masks=include_masks,
        include_crops=include_crops,
        priority=priority_message(bulk),
    )


def document_result(message: gateway_pb2.AnalyzeDocumentResponse) -> DocumentResult:
    """What is on a document."""
    size, timing = message.similarity.size, message.timing
    known = message.HasField("probability")
    return DocumentResult(
        pages=tuple(_page(page) for page in message.pages),
        similarity=np.array(message.similarity.values, np.float32).reshape(size, size),
        models=tuple(model_info(model) for model in message.models),
        timing=Timing(timing.decode_ms, timing.detect_ms, timing.segment_ms, timing.embed_ms, timing.total_ms),
        request_id=message.request_id,
        probability=np.array(message.probability.values, np.float32).reshape(size, size) if known else None,
    )


def comparison(message: gateway_pb2.CompareStampsResponse) -> Comparison:
    """How alike two stamps are; what a newer server may say besides these verdicts is one that cannot be told."""
    return Comparison(
        similarity=message.similarity,
        model=message.model.name,
        version=message.model.version,
        probability=message.probability if message.HasField("probability") else None,
        verdict=_VERDICTS_BACK.get(message.verdict, Verdict.CANNOT_TELL),
        reason=message.reason,
        overlay=wire.overlay(message.overlay) if message.HasField("overlay") else None,
    )


def detections(message: detector_pb2.DetectResult) -> list[Detection]:
    """The stamps of one picture."""
    return list(map(wire.detection, message.detections))


def embedding(values: Iterable[float], model: common_pb2.ModelVersion) -> Embedding:
    """A vector with its model."""
    return Embedding(np.array(list(values), np.float32), model.name, model.version)


def model_info(message: common_pb2.ModelInfo) -> ModelInfo:
    """A model behind the gateway."""
    return ModelInfo(
        name=message.model.name,
        version=message.model.version,
        task=_TASKS_BACK.get(message.task),
        presets=tuple(_PRESETS_BACK[preset] for preset in message.presets if preset in _PRESETS_BACK),
        architecture=message.architecture,
        input_height=message.input_height,
        input_width=message.input_width,
        vector_size=message.vector_size,
        parameters=message.parameters,
        sha256=message.sha256,
        threshold=round(message.threshold, 6),  # A float32 on the wire: 0.7 and not 0.69999999.
        verification=read_verification(message),
    )


def _page(message: gateway_pb2.Page) -> PageResult:
    stamps = tuple(_stamp(stamp) for stamp in message.stamps)
    return PageResult(message.index, message.height, message.width, stamps, item_error(message.status))


def _stamp(message: gateway_pb2.Stamp) -> Stamp:
    x1, y1, x2, y2 = map(round, wire.box(message.crop_box))
    return Stamp(
        box=wire.box(message.box),
        score=message.score,
        type=wire.stamp_type(message.type),
        angle_degrees=message.angle_degrees,
        ink_colour=wire.ink_colour(message.ink_colour),
        crop_box=(x1, y1, x2, y2),
        vector=np.array(message.vector.values, np.float32) if message.vector.values else None,
        mask=wire.mask(message.mask) if message.HasField("mask") else None,
        crop=decode_image(message.crop_png) if message.crop_png else None,
        die_group=message.die_group,
    )
