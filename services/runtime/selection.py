"""Which of the served models is meant: one rule for the model services and for the gateway before them."""

from collections.abc import Sequence

from stamp2vec.errors import InvalidInput, ModelNotFound
from stamp2vec.v1 import common_pb2

_PRESETS = (common_pb2.PRESET_FAST, common_pb2.PRESET_ACCURATE)


def reference(model: common_pb2.ModelVersion) -> str:
    """The name that selects exactly this model."""
    return f"{model.name}@{model.version}"


def for_preset(
    models: Sequence[common_pb2.ModelInfo], preset: "common_pb2.Preset.ValueType", field: str = "preset"
) -> common_pb2.ModelInfo:
    """The first of one service's models that a preset chooses; unspecified means fast.

    ModelNotFound, naming what is served, when it chooses none; InvalidInput for a number that is no preset.
    """
    wanted = preset or common_pb2.PRESET_FAST
    if wanted not in _PRESETS:
        raise InvalidInput(f"there is no preset {wanted}: send one of {', '.join(_names(_PRESETS))}", field)
    for model in models:
        if wanted in model.presets:
            return model
    raise ModelNotFound(f"no model has {common_pb2.Preset.Name(wanted)}: {_served(models)}")


def choose(models: Sequence[common_pb2.ModelInfo], selector: common_pb2.ModelSelector) -> common_pb2.ModelInfo:
    """The one of a service's models that a caller means; of a bare name the latest version. Raises as `for_preset`."""
    if selector.WhichOneof("selector") != "name":
        return for_preset(models, selector.preset, "model.preset")
    fitting = [model for model in models if selector.name in (model.model.name, reference(model.model))]
    if not fitting:
        raise ModelNotFound(f"no model is named {selector.name[:100]!r}: {_served(models)}")
    return max(fitting, key=_version_order)


def _version_order(model: common_pb2.ModelInfo) -> list[int]:
    """1.10.0 is later than 1.9.0."""
    return [int(part) for part in model.model.version.split(".")]


def _served(models: Sequence[common_pb2.ModelInfo]) -> str:
    each = [f"{reference(model.model)} ({', '.join(_names(model.presets)) or 'by name only'})" for model in models]
    return f"ask for {'; or '.join(each)}" if each else "none is served here at all, ask its operator"


def _names(presets: "Sequence[common_pb2.Preset.ValueType]") -> list[str]:
    return [common_pb2.Preset.Name(preset) for preset in presets]
