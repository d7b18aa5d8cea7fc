"""Two stamps, each a picture or a vector, to one similarity, a probability and a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.gateway import calls
from services.gateway.analysis import input_size
from services.gateway.calls import Terms
from services.gateway.deadline import Deadline
from services.gateway.upstreams import Upstreams
from services.gateway.workers import Workers
from services.runtime.refusals import PoisonItem
from services.runtime.selection import choose, reference
from stamp2vec.comparison import illegibility, similarity_matrix
from stamp2vec.errors import IncompatibleVectors, InvalidInput
from stamp2vec.imaging import letterbox
from stamp2vec.serving import picture, read_verification
from stamp2vec.v1 import common_pb2, gateway_pb2
from stamp2vec.verification import Verdict, judge

MAX_VECTOR = 4096

_VERDICTS = {
    Verdict.SAME: gateway_pb2.VERDICT_SAME,
    Verdict.DIFFERENT: gateway_pb2.VERDICT_DIFFERENT,
    Verdict.CANNOT_TELL: gateway_pb2.VERDICT_CANNOT_TELL,
}


async def compare(
    request: gateway_pb2.CompareStampsRequest, upstreams: Upstreams, workers: Workers, deadline: Deadline
) -> gateway_pb2.CompareStampsResponse:
    """Both sides of the request are set.

    Raises InvalidInput for a vector that is none, IncompatibleVectors for vectors of two models, and ModelNotFound
    when a picture is to be embedded by a model that is not served.
    """
    sides = {"a": request.a, "b": request.b}
    vectors = {name: side.vector for name, side in sides.items() if side.WhichOneof("stamp") == "vector"}
    pictures = {name: side.image for name, side in sides.items() if name not in vectors}
    for name, vector in vectors.items():
        check_vector(vector, upstreams.embedders.known, f"{name}.vector")
    check_compatible(vectors)
    version = next((vector.model for vector in vectors.values()), None)
    if pictures or request.HasField("model"):
        by_vector = common_pb2.ModelSelector(name=reference(version)) if version else common_pb2.ModelSelector()
        selector = request.model if request.HasField("model") else by_vector
        model = choose(await upstreams.embedders.get(deadline), selector)
        if version and version != model.model:
            raise IncompatibleVectors(
                f"the vector is of {_shown(version)} and {_shown(model.model)} was asked for: leave model unset, or "
                "embed both stamps anew",
                "model",
            )
        version = model.model
    found = {name: unit(vector) for name, vector in vectors.items()}
    illegible = ""
    if pictures:
        read = [
            await workers.run(_readied, image, f"{name}.image", input_size(model)) for name, image in pictures.items()
        ]
        illegible = next((each.illegible for each in read if each.illegible), "")
        terms = Terms(deadline, common_pb2.PRIORITY_INTERACTIVE)
        results = await calls.embed(upstreams, model, [each.pixels for each in read], terms)
        for name, result in zip(pictures, results, strict=True):
            if result.status.code:
                raise PoisonItem(result.status.message)
            found[name] = unit(result.vector)
    similarity = float(similarity_matrix([found["a"], found["b"]])[0, 1])
    info = next((model for model in upstreams.embedders.known if model.model == version), common_pb2.ModelInfo())
    judgement = judge(similarity, read_verification(info), illegible)
    return gateway_pb2.CompareStampsResponse(
        similarity=similarity,
        model=version,
        probability=judgement.probability,
        verdict=_VERDICTS[judgement.verdict],
        reason=judgement.reason,
    )


@dataclass(frozen=True, slots=True)
class _Readied:
    """A crop at the embedder's size, and what is wrong with it for telling its die."""

    pixels: np.ndarray
    illegible: str


def _readied(image: common_pb2.Image, field: str, size: tuple[int, int]) -> _Readied:
    crop = picture(image, field)
    return _Readied(letterbox(crop, size)[0], illegibility(crop))


def check_vector(vector: common_pb2.Vector, served: Sequence[common_pb2.ModelInfo], field: str) -> None:
    """InvalidInput for what no model could have made; the size is checked where the model is known."""
    if not vector.model.name or not vector.model.version:
        raise InvalidInput("the vector does not say which model made it: send it as it came", f"{field}.model")
    size = len(vector.values)
    sizes = {model.vector_size for model in served if model.model == vector.model}
    if sizes and size not in sizes:
        message = f"the vector has {size} numbers and {_shown(vector.model)} makes {sizes.pop()}: send it as it came"
        raise InvalidInput(message, f"{field}.values")
    if not 1 <= size <= MAX_VECTOR:
        raise InvalidInput(f"the vector has {size} numbers: send 1 to {MAX_VECTOR}", f"{field}.values")
    values = np.array(vector.values, np.float64)
    if not np.isfinite(values).all():
        raise InvalidInput("the vector holds a number that is not finite: send it as it came", f"{field}.values")
    if not np.linalg.norm(values) > 0:
        raise InvalidInput("the vector has the length 0, hence no direction: send it as it came", f"{field}.values")


def check_compatible(vectors: dict[str, common_pb2.Vector]) -> None:
    """IncompatibleVectors when there are two, of different models or sizes."""
    if len(vectors) < 2:
        return
    a, b = vectors["a"], vectors["b"]
    if a.model != b.model:
        raise IncompatibleVectors(
            f"a vector of {_shown(a.model)} does not compare with one of {_shown(b.model)}: embed both stamps with one "
            "model",
            "b.vector.model",
        )
    if len(a.values) != len(b.values):
        raise IncompatibleVectors(
            f"the vectors have {len(a.values)} and {len(b.values)} numbers: send both as they came", "b.vector.values"
        )


def unit(vector: common_pb2.Vector) -> np.ndarray:
    """float32 (D,) of length 1."""
    values = np.array(vector.values, np.float64)
    return (values / np.linalg.norm(values)).astype(np.float32)


def _shown(model: common_pb2.ModelVersion) -> str:
    """A caller's reference for a message, which has no room for all that a caller may send."""
    return f"{model.name[:64]}@{model.version[:64]}"
