"""Two stamps, each a picture or a vector, to a similarity, a probability and a verdict; thoroughly by their ink too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import grpc
import numpy as np

from services.gateway.tasks import task_group
from services.gateway.upstream.calls import ModelCaller, Pixels
from stamp2vec.comparison import Inked, compare, compared, illegibility, judge, judge_overlay, overlay_of, second_look
from stamp2vec.comparison.similarity import check_compatible, check_embedding
from stamp2vec.errors import IncompatibleVectors, InvalidInput, ServiceError, Stamp2vecError
from stamp2vec.imaging import letterbox
from stamp2vec.v1 import common_pb2, gateway_pb2
from stamp2vec.values import Comparison, Embedding, ModelInfo, Preset, Task
from stamp2vec.wire.images import image_from_message
from stamp2vec.wire.models import selector_from_message
from stamp2vec.wire.stamps import embedding_from_message


async def compare_stamps(request: gateway_pb2.CompareStampsRequest, caller: ModelCaller) -> Comparison:
    """Both sides of the request are set, and are images where the comparison is thorough.

    Raises InvalidInput for a vector that is none and for a second look that was not measured, IncompatibleVectors for
    vectors of two models, and ModelNotFound when a picture needs a model that is not served.
    """
    sides = {"a": request.a, "b": request.b}
    vectors = {name: embedding_from_message(side.vector) for name, side in sides.items() if side.HasField("vector")}
    images = {name: side.image for name, side in sides.items() if name not in vectors}
    known = caller.upstreams[Task.EMBED].known
    for name, vector in vectors.items():
        check_embedding(vector, f"{name}.vector", known)
    if not images:
        check_compatible(vectors["a"], vectors["b"], "b.vector")
    given = next(iter(vectors.values()), None)
    embedder = await _embedder(request, given, caller) if images or request.HasField("model") else None
    if embedder is not None and request.mode == gateway_pb2.COMPARE_MODE_THOROUGH:
        return await _compare_thoroughly(images, embedder, caller)
    illegible = ""
    if embedder is not None:
        read = [await caller.workers.run(_read, image, f"{name}.image", embedder) for name, image in images.items()]
        illegible = _illegible(read)
        vectors |= dict(zip(images, await _embed(caller, embedder, read), strict=True))
    similarity = compare(vectors["a"], vectors["b"])
    version = vectors["a"]
    model = embedder or next((each for each in known if each.reference == version.reference), None)
    judgement = judge(similarity, model.verification if model else None, illegible)
    return compared(similarity, version.model, version.version, judgement)


async def _embedder(
    request: gateway_pb2.CompareStampsRequest, given: Embedding | None, caller: ModelCaller
) -> ModelInfo:
    """The model that the call names, else that of the vector that it brings, else the fast one."""
    by_vector = Preset.FAST if given is None else given.reference
    selector = selector_from_message(request.model) if request.HasField("model") else by_vector
    embedder = await caller.upstreams[Task.EMBED].choose(selector, caller.deadline)
    if given is not None and (given.model, given.version) != (embedder.name, embedder.version):
        raise IncompatibleVectors(
            f"the vector is of {given.model[:64]}@{given.version[:64]} and {embedder.reference} was asked for: leave "
            "model unset, or embed both stamps anew",
            "model",
        )
    return embedder


async def _compare_thoroughly(
    images: Mapping[str, common_pb2.Image],
    embedder: ModelInfo,
    caller: ModelCaller,
) -> Comparison:
    """The ink is compared by a worker: it takes as long as decoding a page, and always the same."""
    weights = second_look(embedder)
    segmenter = await caller.upstreams[Task.SEGMENT].choose(weights.segmenter, caller.deadline)
    read = [
        await caller.workers.run(_read, image, f"{name}.image", embedder, segmenter) for name, image in images.items()
    ]
    crops = [each.for_segmenter for each in read if each.for_segmenter is not None]
    async with task_group() as tasks:
        embedding = tasks.create_task(_embed(caller, embedder, read))
        segmenting = tasks.create_task(caller.segment(segmenter, crops))
    similarity = compare(*embedding.result())
    overlay = await caller.workers.run(overlay_of, *map(Inked, crops, map(_required, segmenting.result())))
    judgement = judge_overlay(similarity, overlay, weights, _illegible(read))
    return compared(similarity, embedder.name, embedder.version, judgement, overlay)


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """A crop at the sizes of both models' inputs, and what is wrong with it for determining its die."""

    for_embedder: Pixels
    for_segmenter: Pixels | None
    illegible: str


def _read(image: common_pb2.Image, field: str, embedder: ModelInfo, segmenter: ModelInfo | None = None) -> _Read:
    crop = image_from_message(image, field)
    for_embedder = letterbox(crop, embedder.input_size)[0]
    for_segmenter = letterbox(crop, segmenter.input_size)[0] if segmenter else None
    return _Read(for_embedder, for_segmenter, illegibility(crop))


def _illegible(read: Sequence[_Read]) -> str:
    return next((each.illegible for each in read if each.illegible), "")


async def _embed(caller: ModelCaller, embedder: ModelInfo, read: Sequence[_Read]) -> list[Embedding]:
    """ServiceError when the model made a vector that is none: that is no fault of the caller's."""
    results = await caller.embed(embedder, [each.for_embedder for each in read])
    vectors = [Embedding(_required(result), embedder.name, embedder.version) for result in results]
    for vector in vectors:
        try:
            check_embedding(vector, "", [embedder])
        except InvalidInput as error:
            raise ServiceError(str(error), grpc.StatusCode.INTERNAL) from error
    return vectors


def _required(result: np.ndarray | Stamp2vecError) -> np.ndarray:
    """Raises the error of the item in place of a result."""
    if isinstance(result, Stamp2vecError):
        raise result
    return result
