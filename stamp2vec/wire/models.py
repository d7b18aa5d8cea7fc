"""Models: what is known of one, and which one is meant."""

import dataclasses

from stamp2vec.calibration import PairCalibration, RefinementCalibration, Verification
from stamp2vec.errors import InvalidInput
from stamp2vec.v1 import common_pb2
from stamp2vec.values import ModelInfo, Preset, Views
from stamp2vec.wire.enums import PRESETS, TASKS, VIEWS


def info_to_message(info: ModelInfo) -> common_pb2.ModelInfo:
    """What callers see of a model."""
    return common_pb2.ModelInfo(
        model=version_to_message(info.name, info.version),
        task=common_pb2.TASK_UNSPECIFIED if info.task is None else TASKS.to_number(info.task),
        presets=map(PRESETS.to_number, info.presets),
        architecture=info.architecture,
        input_height=info.input_height,
        input_width=info.input_width,
        vector_size=info.vector_size,
        parameters=info.parameters,
        sha256=info.sha256,
        threshold=info.threshold,
        views=VIEWS.to_number(info.views),
        verification=None if info.verification is None else verification_to_message(info.verification),
        pair_calibration=None
        if info.pair_calibration is None
        else common_pb2.PairCalibration(**dataclasses.asdict(info.pair_calibration)),
        refinement_calibrations=[
            common_pb2.RefinementCalibration(**dataclasses.asdict(each)) for each in info.refinement_calibrations
        ],
    )


def info_from_message(message: common_pb2.ModelInfo) -> ModelInfo:
    """A model of another service. What was measured and makes no sense becomes None: nothing follows from it."""
    presets = map(PRESETS.from_number, message.presets)
    return ModelInfo(
        name=message.model.name,
        version=message.model.version,
        task=TASKS.from_number(message.task),
        presets=tuple(preset for preset in presets if preset is not None),
        architecture=message.architecture,
        input_height=message.input_height,
        input_width=message.input_width,
        vector_size=message.vector_size,
        parameters=message.parameters,
        sha256=message.sha256,
        threshold=decimal(message.threshold),
        views=VIEWS.from_number(message.views) or Views.WHOLE,
        verification=_verification(message),
        pair_calibration=_pair_calibration(message),
        refinement_calibrations=tuple(filter(None, map(_refinement_calibration, message.refinement_calibrations))),
    )


def _verification(message: common_pb2.ModelInfo) -> Verification | None:
    try:
        return verification_from_message(message.verification) if message.HasField("verification") else None
    except ValueError:
        return None


def _pair_calibration(message: common_pb2.ModelInfo) -> PairCalibration | None:
    names = [field.name for field in dataclasses.fields(PairCalibration)]
    try:
        values = {name: getattr(message.pair_calibration, name) for name in names}
        return PairCalibration(**values) if message.HasField("pair_calibration") else None
    except ValueError:
        return None


def _refinement_calibration(message: common_pb2.RefinementCalibration) -> RefinementCalibration | None:
    names = [field.name for field in dataclasses.fields(RefinementCalibration)]
    try:
        return RefinementCalibration(**{name: getattr(message, name) for name in names})
    except ValueError:
        return None


def version_to_message(name: str, version: str) -> common_pb2.ModelVersion:
    """One set of weights."""
    return common_pb2.ModelVersion(name=name, version=version)


def selector_to_message(model: Preset | str) -> common_pb2.ModelSelector:
    """A preset, or a model's name or `name@version`."""
    if isinstance(model, Preset):
        return common_pb2.ModelSelector(preset=PRESETS.to_number(model))
    return common_pb2.ModelSelector(name=model)


def selector_from_message(message: common_pb2.ModelSelector, field: str = "model") -> Preset | str:
    """A preset, or a model's name or `name@version`. InvalidInput for a number that is no preset."""
    if message.WhichOneof("selector") == "name":
        return message.name
    return preset_from_number(message.preset, f"{field}.preset")


def preset_from_number(number: int, field: str) -> Preset:
    """Unspecified means fast. InvalidInput for a number that is no preset."""
    if number == common_pb2.PRESET_UNSPECIFIED:
        return Preset.FAST
    preset = PRESETS.from_number(number)
    if preset is None:
        names = ", ".join(f"PRESET_{each.name}" for each in Preset)
        raise InvalidInput(f"there is no preset {number}: send one of {names}", field)
    return preset


def verification_to_message(verification: Verification) -> common_pb2.Verification:
    """What similarities mean."""
    return common_pb2.Verification(
        curve=[common_pb2.CalibrationPoint(similarity=x, probability=y) for x, y in verification.curve],
        genuine_share=verification.genuine_share,
        sibling_share=verification.sibling_share,
        far_thresholds=[
            common_pb2.FarThreshold(false_accept_rate=float(rate), similarity=similarity)
            for rate, similarity in verification.far_thresholds.items()
        ],
    )


def verification_from_message(message: common_pb2.Verification) -> Verification:
    """What similarities mean. ValueError when the message makes no sense."""
    return Verification(
        curve=tuple((decimal(point.similarity), decimal(point.probability)) for point in message.curve),
        genuine_share=decimal(message.genuine_share),
        sibling_share=decimal(message.sibling_share),
        far_thresholds={f"{each.false_accept_rate:g}": decimal(each.similarity) for each in message.far_thresholds},
    )


def decimal(number: float) -> float:
    """A decimal number as it was written: 0.7, and not the float32 of the wire, which is 0.69999999."""
    return float(f"{number:.7g}")
