"""What a model service needs of the library: models found and told of, messages to model inputs. Imports no torch."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from stamp2vec import hub
from stamp2vec.errors import InvalidInput, WeightsError
from stamp2vec.imaging import Letterbox, decode_image, letterbox, raw_image
from stamp2vec.manifest import Manifest, Preset, Task
from stamp2vec.v1 import common_pb2
from stamp2vec.verification import SecondLook, Verification

_PRESETS = {Preset.FAST: common_pb2.PRESET_FAST, Preset.ACCURATE: common_pb2.PRESET_ACCURATE}
_TASKS = {
    Task.DETECT: common_pb2.TASK_DETECT,
    Task.SEGMENT: common_pb2.TASK_SEGMENT,
    Task.EMBED: common_pb2.TASK_EMBED,
}


def picture(message: common_pb2.Image, field: str) -> NDArray[np.uint8]:
    """The picture of a message as uint8 (H, W, 3); `field` is the message's path, for example `images[2]`.

    Raises InvalidImage when the picture cannot be read and InvalidInput when the message holds none.
    """
    match message.WhichOneof("content"):
        case "encoded":
            return decode_image(message.encoded, field=f"{field}.encoded")
        case "raw":
            raw = message.raw
            return raw_image(raw.data, raw.height, raw.width, raw.channels, f"{field}.raw")
        case None:
            raise InvalidInput("the image has no content: set encoded or raw", field)


def model_input(message: common_pb2.Image, field: str, size: tuple[int, int]) -> tuple[NDArray[np.uint8], Letterbox]:
    """The picture of a message letterboxed to `size` (height, width); raises what `picture` raises."""
    return letterbox(picture(message, field), size)


def bundled_models(task: Task) -> tuple[str, ...]:
    """The names of all models that come with the library and do a task: what a service serves unless told otherwise."""
    return tuple(dict.fromkeys(manifest.name for manifest in hub.bundled() if manifest.task == task))


def find_model(reference: str, task: Task, device: str) -> tuple[common_pb2.ModelInfo, str, dict[str, str]]:
    """A model by its reference: what callers are told of it, and the function and arguments that load it in a child.

    Raises what `hub.find` raises, and WeightsError when the model does another task.
    """
    folder = hub.find(reference)
    manifest = hub.read_manifest(folder)
    if manifest.task != task:
        raise WeightsError(f"{manifest.reference} is made to {manifest.task}: give a model that is made to {task}")
    arguments = {"task": task.value, "folder": str(folder), "device": device, "sha256": manifest.sha256}
    return model_info(manifest), "stamp2vec.pipelines.served:load", arguments


def model_info(manifest: Manifest) -> common_pb2.ModelInfo:
    """What callers are told of a model."""
    return common_pb2.ModelInfo(
        model=common_pb2.ModelVersion(name=manifest.name, version=manifest.version),
        task=_TASKS[manifest.task],
        presets=[_PRESETS[preset] for preset in manifest.presets],
        architecture=manifest.architecture,
        input_height=manifest.input_height,
        input_width=manifest.input_width,
        vector_size=manifest.vector_size,
        parameters=manifest.parameters,
        sha256=manifest.sha256,
        threshold=manifest.threshold,
        verification=None if manifest.verification is None else verification_message(manifest.verification),
    )


def verification_message(verification: Verification) -> common_pb2.Verification:
    """What similarities mean, for the wire."""
    return common_pb2.Verification(
        curve=[common_pb2.CalibrationPoint(similarity=x, probability=y) for x, y in verification.curve],
        genuine_share=verification.genuine_share,
        sibling_share=verification.sibling_share,
        far_thresholds=[
            common_pb2.FarThreshold(false_accept_rate=float(rate), similarity=similarity)
            for rate, similarity in verification.far_thresholds.items()
        ],
        second_look=None
        if verification.second_look is None
        else common_pb2.SecondLook(**dataclasses.asdict(verification.second_look)),
    )


def read_verification(info: common_pb2.ModelInfo) -> Verification | None:
    """What a model's similarities mean, None where that is not known. ValueError when the message makes no sense.

    Rounded, because 0.7 is 0.69999999 as a float32 of the wire.
    """
    if not info.HasField("verification"):
        return None
    message = info.verification
    return Verification(
        curve=tuple((round(point.similarity, 6), round(point.probability, 6)) for point in message.curve),
        genuine_share=round(message.genuine_share, 6),
        sibling_share=round(message.sibling_share, 6),
        far_thresholds={f"{each.false_accept_rate:g}": round(each.similarity, 6) for each in message.far_thresholds},
        second_look=_second_look(message.second_look) if message.HasField("second_look") else None,
    )


def _second_look(message: common_pb2.SecondLook) -> SecondLook:
    return SecondLook(
        segmenter=message.segmenter,
        intercept=message.intercept,
        similarity=message.similarity,
        correlation=message.correlation,
        least_change=message.least_change,
        local_correlation=message.local_correlation,
    )
