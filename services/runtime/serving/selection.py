"""Which of the served models is meant: one rule for the model services and for the gateway before them."""

from collections.abc import Sequence

from stamp2vec.errors import ModelNotFound
from stamp2vec.values import ModelInfo, Preset


def choose(models: Sequence[ModelInfo], selector: Preset | str) -> ModelInfo:
    """The one of a service's models that a preset, a name (its latest version) or `name@version` selects.

    ModelNotFound, naming what is served, when it selects none.
    """
    if isinstance(selector, Preset):
        for model in models:
            if selector in model.presets:
                return model
        raise ModelNotFound(f"no model has PRESET_{selector.name}: {_served(models)}")
    fitting = [model for model in models if selector in (model.name, model.reference)]
    if not fitting:
        raise ModelNotFound(f"no model is named {selector[:100]!r}: {_served(models)}")
    return max(fitting, key=_version_order)


def _version_order(model: ModelInfo) -> list[int]:
    """1.10.0 is later than 1.9.0."""
    return [int(part) for part in model.version.split(".")]


def _served(models: Sequence[ModelInfo]) -> str:
    each = [f"{model.reference} ({', '.join(_names(model.presets)) or 'by name only'})" for model in models]
    return f"ask for {'; or '.join(each)}" if each else "none is served here at all, ask its operator"


def _names(presets: Sequence[Preset]) -> list[str]:
    return [f"PRESET_{preset.name}" for preset in presets]
