"""Which of the served models is meant."""

from collections.abc import Sequence

from stamp2vec.errors import InvalidInput, ModelNotFound
from stamp2vec.v1 import common_pb2

PRESETS = (common_pb2.PRESET_FAST, common_pb2.PRESET_ACCURATE)


def reference(model: common_pb2.ModelVersion) -> str:
    """The name that selects exactly this model."""
    return f"{model.name}@{model.version}"


def shown(model: common_pb2.ModelVersion) -> str:
    """A caller's reference for a message, which has no room for all that a caller may send."""
    return f"{model.name[:64]}@{model.version[:64]}"


def selector_of(model: common_pb2.ModelInfo) -> common_pb2.ModelSelector:
    """What a hop is told, so that it answers with this model and no newer one."""
    return common_pb2.ModelSelector(name=reference(model.model))


def for_preset(
    models: Sequence[common_pb2.ModelInfo], preset: "common_pb2.Preset.ValueType", field: str = "preset"
) -> common_pb2.ModelInfo:
    """The first of one service's models that a preset chooses; unspecified means fast.

    ModelNotFound, naming what is served, when it chooses none; InvalidInput for a number that is no preset.
    """
    wanted = preset or common_pb2.PRESET_FAST
    if wanted not in PRESETS:
        names = ", ".join(map(common_pb2.Preset.Name, PRESETS))
        raise InvalidInput(f"There is no preset {wanted}. Choose one of {names}.", field)
    for model in models:
        if wanted in model.presets:
            return model
    raise ModelNotFound(f"No served model has {common_pb2.Preset.Name(wanted)}. {_served(models)}")


def choose(
    models: Sequence[common_pb2.ModelInfo], selector: common_pb2.ModelSelector, field: str = "model"
) -> common_pb2.ModelInfo:
    """The one of a service's models that a caller means; of a bare name the latest version.

    Raises as `for_preset` does.
    """
    if selector.WhichOneof("selector") != "name":
        return for_preset(models, selector.preset, f"{field}.preset")
    fitting = [model for model in models if selector.name in (model.model.name, reference(model.model))]
    if not fitting:
        raise ModelNotFound(f"No served model is named {selector.name[:100]!r}. {_served(models)}")
    return max(fitting, key=_version_order)


def _version_order(model: common_pb2.ModelInfo) -> list[tuple[int, str]]:
    """1.10.0 is later than 1.9.0."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in model.model.version.split(".")]


def _served(models: Sequence[common_pb2.ModelInfo]) -> str:
    shown = [
        f"{reference(model.model)} ({', '.join(map(common_pb2.Preset.Name, model.presets)) or 'by name only'})"
        for model in models
    ]
    return f"Served here: {'; '.join(shown)}." if shown else "None is served here at all: ask its operator."
