"""What is known of a set of weights: the manifest.json that lies beside every model.safetensors."""

import dataclasses
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from stamp2vec.calibration import PairCalibration, RefinementCalibration, Verification
from stamp2vec.errors import WeightsError
from stamp2vec.values import ModelInfo, Preset, Task, Views

INT8 = "int8"

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
_VERSION = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One set of weights. A value that cannot be right raises WeightsError with the name of its key.

    `config` is what the architecture is built with; `input_height` and `input_width` are pixels; `threshold` is the
    score below which a detector's boxes are left out (0 for other tasks); `sha256` is that of model.safetensors, in
    lower-case hexadecimal; `vector_size` is 0 for models that make no vector; `training` is how the weights were
    made (commit, recipe, seconds), `metrics` how good they are. `views` is what of a page a detector gets; a file
    without the key means the whole page. `verification` is what an embedder's similarities mean, `pair_calibration`
    what the evidence of a pair network means, `refinement_calibrations` what the logit of a refiner means
    beside each of some detectors; None or empty, and no key in the file, where that was not measured. `graph_sha256`
    is that of model.onnx, empty and no key in the file where there is none: PyTorch alone runs the model then.
    `graph_precision` is `int8` where that graph computes in integers, and has such weights of its own; empty and no key
    where it is float32 and its weights are those of model.safetensors.
    """

    name: str
    version: str
    task: Task
    architecture: str
    config: Mapping[str, int]
    presets: tuple[Preset, ...]
    input_height: int
    input_width: int
    threshold: float
    parameters: int
    sha256: str
    vector_size: int
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    licence: str
    views: Views = Views.WHOLE
    verification: Verification | None = None
    pair_calibration: PairCalibration | None = None
    refinement_calibrations: tuple[RefinementCalibration, ...] = ()
    graph_sha256: str = ""
    graph_precision: str = ""

    def __post_init__(self) -> None:
        """Names become paths and addresses, so they are held to a narrow alphabet."""
        _require(_NAME.fullmatch(self.name), "name", "lower-case letters, digits and hyphens, at most 64")
        _require(_VERSION.fullmatch(self.version), "version", "three numbers, such as 1.0.0")
        _require(_NAME.fullmatch(self.architecture), "architecture", "lower-case letters, digits and hyphens")
        _require(_SHA256.fullmatch(self.sha256), "sha256", "64 lower-case hexadecimal digits")
        graph = self.graph_sha256
        _require(not graph or _SHA256.fullmatch(graph), "graph_sha256", "64 lower-case hexadecimal digits")
        _require(self.graph_precision in (("", INT8) if graph else ("",)), "graph_precision", "int8, or left out")
        _require(8 <= self.input_height <= 4096, "input_height", "8 to 4096 pixels")
        _require(8 <= self.input_width <= 4096, "input_width", "8 to 4096 pixels")
        _require(0 <= self.threshold <= 1, "threshold", "0 to 1")
        _require(self.parameters >= 0, "parameters", "0 or more")
        makes_vectors = self.task == Task.EMBED
        _require((self.vector_size > 0) == makes_vectors, "vector_size", "above 0 for embedders and 0 for other tasks")
        _require(makes_vectors or self.verification is None, "verification", "left out for what is no embedder")
        verifies = self.task == Task.VERIFY
        _require(verifies or self.pair_calibration is None, "pair_calibration", "left out for what is no pair network")
        refines = self.task == Task.REFINE
        unrefined = refines or not self.refinement_calibrations
        _require(unrefined, "refinement_calibrations", "left out for what is no refiner")
        detects = self.task == Task.DETECT
        _require(detects or self.views is Views.WHOLE, "views", "left out for what is no detector")

    @property
    def reference(self) -> str:
        """The name that hub.load takes, for example `yolo-stamp@1.0.0`."""
        return f"{self.name}@{self.version}"

    @property
    def version_order(self) -> tuple[int, ...]:
        """What versions are compared by: 1.10.0 is later than 1.9.0."""
        return tuple(map(int, self.version.split(".")))

    @property
    def info(self) -> ModelInfo:
        """The part of it that callers see."""
        shared = {field.name: getattr(self, field.name) for field in dataclasses.fields(ModelInfo)}
        return ModelInfo(**shared)

    def to_json(self) -> str:
        """The text of manifest.json."""
        values = dataclasses.asdict(self)
        if self.task != Task.DETECT:
            del values["views"]
        for key in _LEFT_OUT:
            if not values[key]:
                del values[key]
        return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "Manifest":
        """Read manifest.json. WeightsError names the key that is missing, unknown or of the wrong type."""
        try:
            values = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise WeightsError(f"manifest.json is not JSON: {error}") from error
        if not isinstance(values, dict):
            raise WeightsError("manifest.json must hold an object")
        if missing := [key for key in _READERS if key not in values and key not in _OPTIONAL]:
            raise WeightsError(f"manifest.json lacks {', '.join(missing)}: save the model with stamp2vec.hub.save")
        if unknown := [key for key in values if key not in _READERS]:
            names = ", ".join(map(repr, unknown[:5]))
            raise WeightsError(f"manifest.json has unknown keys ({names}): remove them, or update stamp2vec")
        return cls(**{key: read(key, values[key]) for key, read in _READERS.items() if key in values})


def _require(holds: object, key: str, expected: str) -> None:
    if not holds:
        raise WeightsError(f"manifest.json: {key} must be {expected}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _string(key: str, value: object) -> str:
    _require(isinstance(value, str), key, "a string")
    return str(value)


def _integer(key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise WeightsError(f"manifest.json: {key} must be an integer")
    return value


def _number(key: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise WeightsError(f"manifest.json: {key} must be a number")
    try:
        number = float(value)
    except OverflowError:  # JSON has whole numbers of any length
        number = math.inf
    _require(math.isfinite(number), key, "a number that fits into 64 bits")
    return number


def _object(key: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise WeightsError(f"manifest.json: {key} must be an object")
    return value


def _integers(key: str, value: object) -> Mapping[str, int]:
    return {name: _integer(f"{key}.{name}", number) for name, number in _object(key, value).items()}


def _task(key: str, value: object) -> Task:
    _require(value in list(Task), key, f"one of {', '.join(Task)}")
    return Task(str(value))


def _views(key: str, value: object) -> Views:
    _require(value in list(Views), key, f"one of {', '.join(Views)}")
    return Views(str(value))


def _presets(key: str, value: object) -> tuple[Preset, ...]:
    known = isinstance(value, list) and all(name in list(Preset) for name in value)
    _require(known, key, f"a list of {', '.join(Preset)}")
    return tuple(map(Preset, value if isinstance(value, list) else ()))


def _verification(key: str, value: object) -> Verification:
    values = _object(key, value)
    expected = [field.name for field in dataclasses.fields(Verification)]
    _require(sorted(values) == sorted(expected), key, f"an object with {', '.join(expected)}")
    curve, rates = values["curve"], _object(f"{key}.far_thresholds", values["far_thresholds"])
    pairs = isinstance(curve, list) and all(isinstance(point, list) and len(point) == 2 for point in curve)
    _require(pairs, f"{key}.curve", "a list of pairs")
    try:
        return Verification(
            curve=tuple((_number(f"{key}.curve", x), _number(f"{key}.curve", y)) for x, y in curve),
            genuine_share=_number(f"{key}.genuine_share", values["genuine_share"]),
            sibling_share=_number(f"{key}.sibling_share", values["sibling_share"]),
            far_thresholds={rate: _number(f"{key}.far_thresholds", cosine) for rate, cosine in rates.items()},
        )
    except ValueError as error:
        raise WeightsError(f"manifest.json: {key}.{error}") from error


def _calibration(
    kind: type[PairCalibration] | type[RefinementCalibration], model: str
) -> Callable[[str, object], PairCalibration | RefinementCalibration]:
    """What reads one; its field `model` names another model, and all others are numbers."""

    def calibration(key: str, value: object) -> PairCalibration | RefinementCalibration:
        values = _object(key, value)
        expected = [field.name for field in dataclasses.fields(kind)]
        _require(sorted(values) == sorted(expected), key, f"an object with {', '.join(expected)}")
        read: dict[str, Any] = {model: _string(f"{key}.{model}", values[model])}
        read |= {name: _number(f"{key}.{name}", number) for name, number in values.items() if name != model}
        try:
            return kind(**read)
        except ValueError as error:
            raise WeightsError(f"manifest.json: {key}.{error}") from error

    return calibration


def _refinement_calibrations(key: str, value: object) -> tuple[Any, ...]:
    if not isinstance(value, list) or not value:
        raise WeightsError(f"manifest.json: {key} must be a list of at least one, or left out")
    return tuple(_calibration(RefinementCalibration, "detector")(f"{key}[{at}]", each) for at, each in enumerate(value))


_LEFT_OUT = ("verification", "pair_calibration", "refinement_calibrations", "graph_sha256", "graph_precision")
"""Keys that a file has only where they have a value."""

_OPTIONAL = ("views", *_LEFT_OUT)
_READERS: Mapping[str, Callable[[str, object], Any]] = {
    "name": _string,
    "version": _string,
    "task": _task,
    "architecture": _string,
    "config": _integers,
    "presets": _presets,
    "input_height": _integer,
    "input_width": _integer,
    "threshold": _number,
    "parameters": _integer,
    "sha256": _string,
    "vector_size": _integer,
    "training": _object,
    "metrics": _object,
    "licence": _string,
    "views": _views,
    "verification": _verification,
    "pair_calibration": _calibration(PairCalibration, "segmenter"),
    "refinement_calibrations": _refinement_calibrations,
    "graph_sha256": _string,
    "graph_precision": _string,
}
