"""Two stamps, each a picture or a vector, to a similarity, a probability and a verdict; thoroughly by their ink too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.gateway.admission.workers import Workers
from services.gateway.tasks import task_group
from services.gateway.upstream.calls import ModelCaller, Pixels
from stamp2vec.comparison import (
    Inked,
    compared,
    illegibility,
    judge,
    judge_overlay,
    overlay_of,
    second_look,
    similarity_matrix,
)
from stamp2vec.errors import IncompatibleVectors, InvalidInput, Stamp2vecError
from stamp2vec.imaging import letterbox
from stamp2vec.limits import MAX_VECTOR_SIZE
from stamp2vec.v1 import common_pb2, gateway_pb2
from stamp2vec.values import Comparison, Embedding, ModelInfo, Preset, Task
from stamp2vec.wire.images import image_from_message
from stamp2vec.wire.models import selector_from_message
from stamp2vec.wire.stamps import embedding_from_message


async def compare(request: gateway_pb2.CompareStampsRequest, caller: ModelCaller, workers: Workers) -> Comparison:
    """Both sides of the request are set, and are images where the comparison is thorough.

    Raises InvalidInput for a vector that is none and for a second look that was not measured, IncompatibleVectors for
    vectors of two models, and ModelNotFound when a picture needs a model that is not served.
    """
    sides = {"a": request.a, "b": request.b}
    vectors = {name: embedding_from_message(side.vector) for name, side in sides.items() if side.HasField("vector")}
    images = {name: side.image for name, side in sides.items() if name not in vectors}
    embedders = caller.upstreams[Task.EMBED]
    for name, vector in vectors.items():
        check_vector(vector, embedders.known, f"{name}.vector")
    check_compatible(vectors)
    version = next(iter(vectors.values()), None)
    embedder = None
    if images or request.HasField("model"):
        by_vector = Preset.FAST if version is None else _reference(version)
        selector = selector_from_message(request.model) if request.HasField("model") else by_vector
        embedder = await embedders.choose(selector, caller.deadline)
        if version is not None and _reference(version) != embedder.reference:
            raise IncompatibleVectors(
                f"the vector is of {_shown(version)} and {embedder.reference} was asked for: leave model unset, or "
                "embed both stamps anew",
                "model",
            )
        if request.mode == gateway_pb2.COMPARE_MODE_THOROUGH:
            return await _compare_thoroughly(images, embedder, caller, workers)
    elif version is not None:
        embedder = next((each for each in embedders.known if each.reference == _reference(version)), None)
    units = {name: _unit(vector.vector) for name, vector in vectors.items()}
    illegible = ""
    if embedder is not None and images:
        read = [await workers.run(_read, image, f"{name}.image", embedder) for name, image in images.items()]
        illegible = _illegible(read)
        units |= dict(zip(images, await _embed(caller, embedder, read), strict=True))
    similarity = float(similarity_matrix([units["a"], units["b"]])[0, 1])
    judgement = judge(similarity, embedder.verification if embedder else None, illegible)
    if embedder is not None:
        return compared(similarity, embedder.name, embedder.version, judgement)
    return compared(similarity, vectors["a"].model, vectors["a"].version, judgement)


async def _compare_thoroughly(
    images: Mapping[str, common_pb2.Image],
    embedder: ModelInfo,
    caller: ModelCaller,
    workers: Workers,
) -> Comparison:
    """The ink is compared by a worker: it takes as long as decoding a page, and always the same."""
    weights = second_look(embedder)
    segmenter = await caller.upstreams[Task.SEGMENT].choose(weights.segmenter, caller.deadline)
    read = [await workers.run(_read, image, f"{name}.image", embedder, segmenter) for name, image in images.items()]
    crops = [each.for_segmenter for each in read]
    async with task_group() as tasks:
        embedding = tasks.create_task(_embed(caller, embedder, read))
        segmenting = tasks.create_task(caller.segment(segmenter, crops))
    similarity = float(similarity_matrix(embedding.result())[0, 1])
    overlay = await workers.run(overlay_of, *map(Inked, crops, map(_required, segmenting.result())))
    judgement = judge_overlay(similarity, overlay, weights, _illegible(read))
    return compared(similarity, embedder.name, embedder.version, judgement, overlay)


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """A crop at the embedder's size and at the segmenter's, and what is wrong with it for telling its die."""

    for_embedder: Pixels
    for_segmenter: Pixels
    illegible: str


def _read(image: common_pb2.Image, field: str, embedder: ModelInfo, segmenter: ModelInfo | None = None) -> _Read:
    """Without a segmenter, the embedder's size stands for its size."""
    crop = image_from_message(image, field)
    for_embedder = letterbox(crop, embedder.input_size)[0]
    for_segmenter = letterbox(crop, segmenter.input_size)[0] if segmenter else for_embedder
    return _Read(for_embedder, for_segmenter, illegibility(crop))


def _illegible(read: Sequence[_Read]) -> str:
    return next((each.illegible for each in read if each.illegible), "")


async def _embed(caller: ModelCaller, embedder: ModelInfo, read: Sequence[_Read]) -> list[np.ndarray]:
    results = await caller.embed(embedder, [each.for_embedder for each in read])
    return [_unit(_required(result)) for result in results]


def _required(result: np.ndarray | Stamp2vecError) -> np.ndarray:
    """Raises the error of the item in place of a result."""
    if isinstance(result, Stamp2vecError):
        raise result
    return result


def check_vector(vector: Embedding, served: Sequence[ModelInfo], field: str) -> None:
    """InvalidInput for what no model could have made; the size is checked where the model is known."""
    if not vector.model or not vector.version:
        raise InvalidInput("the vector does not say which model made it: send it as it came", f"{field}.model")
    size = len(vector.vector)
    sizes = {model.vector_size for model in served if model.reference == _reference(vector)}
    if sizes and size not in sizes:
        message = f"the vector has {size} numbers and {_shown(vector)} makes {sizes.pop()}: send it as it came"
        raise InvalidInput(message, f"{field}.values")
    if not 1 <= size <= MAX_VECTOR_SIZE:
        raise InvalidInput(f"the vector has {size} numbers: send 1 to {MAX_VECTOR_SIZE}", f"{field}.values")
    values = vector.vector.astype(np.float64)
    if not np.isfinite(values).all():
        raise InvalidInput("the vector holds a number that is not finite: send it as it came", f"{field}.values")
    if not np.linalg.norm(values) > 0:
        raise InvalidInput("the vector has the length 0, hence no direction: send it as it came", f"{field}.values")


def check_compatible(vectors: Mapping[str, Embedding]) -> None:
    """IncompatibleVectors when there are two, of different models or sizes."""
    if len(vectors) < 2:
        return
    a, b = vectors["a"], vectors["b"]
    if _reference(a) != _reference(b):
        raise IncompatibleVectors(
            f"a vector of {_shown(a)} does not compare with one of {_shown(b)}: embed both stamps with one model",
            "b.vector.model",
        )
    if a.vector.size != b.vector.size:
        raise IncompatibleVectors(
            f"the vectors have {a.vector.size} and {b.vector.size} numbers: send both as they came", "b.vector.values"
        )


def _unit(vector: np.ndarray) -> np.ndarray:
    """float32 (D,) of length 1."""
    values = vector.astype(np.float64)
    return (values / np.linalg.norm(values)).astype(np.float32)


def _reference(vector: Embedding) -> str:
    return f"{vector.model}@{vector.version}"


def _shown(vector: Embedding) -> str:
    """A caller's reference for a message, which has no room for all that a caller may send."""
    return f"{vector.model[:64]}@{vector.version[:64]}"
