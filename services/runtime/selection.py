"""Which of the served models a call means."""

from collections.abc import Sequence

from services.runtime.served_model import ServedModel
from stamp2vec.errors import InvalidInput, ModelNotFound
from stamp2vec.v1 import common_pb2

_PRESETS = {
    common_pb2.PRESET_UNSPECIFIED: common_pb2.PRESET_FAST,
    common_pb2.PRESET_FAST: common_pb2.PRESET_FAST,
    common_pb2.PRESET_ACCURATE: common_pb2.PRESET_ACCURATE,
}


def select(models: Sequence[ServedModel], selector: common_pb2.ModelSelector) -> ServedModel:
    """The first that fits, by name, by name@version or by preset. Raises ModelNotFound or InvalidInput."""
    if selector.WhichOneof("selector") == "name":
        for model in models:
            name, version = model.info.model.name, model.info.model.version
            if selector.name in (name, f"{name}@{version}"):
                return model
        wanted = f"is named {selector.name[:100]!r}"
    else:
        if selector.preset not in _PRESETS:
            raise InvalidInput(f"there is no preset {selector.preset}: send 1 (fast) or 2 (accurate)", "model.preset")
        preset = _PRESETS[selector.preset]
        for model in models:
            if preset in model.info.presets:
                return model
        wanted = f"has {common_pb2.Preset.Name(preset)}"
    raise ModelNotFound(f"no model {wanted}: ask for {'; or '.join(map(_described, models))}")


def _described(model: ServedModel) -> str:
    version = model.info.model
    return f"{version.name}@{version.version} ({', '.join(map(common_pb2.Preset.Name, model.info.presets))})"
