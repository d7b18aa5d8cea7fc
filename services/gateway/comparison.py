"""Two stamps, each a picture or a vector, to one similarity, a probability and a verdict; and to a second look."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.gateway import calls
from services.gateway.analysis import input_size
from services.gateway.calls import Terms
from services.gateway.deadline import Deadline
from services.gateway.siblings import siblings
from services.gateway.upstreams import Upstreams
from services.gateway.workers import Workers
from services.runtime.refusals import PoisonItem
from services.runtime.selection import choose, reference
from stamp2vec import wire
from stamp2vec.comparison import Inked, illegibility, judge_look, look, similarity_matrix
from stamp2vec.errors import IncompatibleVectors, InvalidInput
from stamp2vec.imaging import letterbox
from stamp2vec.serving import picture, read_verification
from stamp2vec.v1 import common_pb2, embedder_pb2, gateway_pb2
from stamp2vec.verification import Verdict, judge, second_look

MAX_VECTOR = 4096

_VERDICTS = {
    Verdict.SAME: gateway_pb2.VERDICT_SAME,
    Verdict.DIFFERENT: gateway_pb2.VERDICT_DIFFERENT,
    Verdict.CANNOT_TELL: gateway_pb2.VERDICT_CANNOT_TELL,
}


async def compare(
    request: gateway_pb2.CompareStampsRequest, upstreams: Upstreams, workers: Workers, deadline: Deadline
) -> gateway_pb2.CompareStampsResponse:
    """Both sides of the request are set, and are images where the comparison is thorough.

    Raises InvalidInput for a vector that is none and for a second look that was not measured, IncompatibleVectors for
    vectors of two models, and ModelNotFound when a picture is to be worked on by a model that is not served.
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
    terms = Terms(deadline, common_pb2.PRIORITY_INTERACTIVE)
    if request.mode == gateway_pb2.COMPARE_MODE_THOROUGH:
        return await _compare_thoroughly(request, model, upstreams, workers, terms)
    found = {name: unit(vector) for name, vector in vectors.items()}
    illegible = ""
    if pictures:
        read = [
            await workers.run(_readied, image, f"{name}.image", input_size(model)) for name, image in pictures.items()
        ]
        illegible = _illegible(read)
        results = await calls.embed(upstreams, model, [each.pixels for each in read], terms)
        found |= dict(zip(pictures, _units(results), strict=True))
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


async def _compare_thoroughly(
    request: gateway_pb2.CompareStampsRequest,
    model: common_pb2.ModelInfo,
    upstreams: Upstreams,
    workers: Workers,
    terms: Terms,
) -> gateway_pb2.CompareStampsResponse:
    """Ink is looked at in a worker: it takes as long as decoding a page, and always the same."""
    weighed = second_look(reference(model.model), read_verification(model))
    selector = common_pb2.ModelSelector(name=weighed.segmenter)
    segmenter = choose(await upstreams.segmenters.get(terms.deadline), selector)
    sizes = (input_size(model), input_size(segmenter))
    read = [
        await workers.run(_readied, side.image, f"{name}.image", *sizes)
        for name, side in (("a", request.a), ("b", request.b))
    ]
    async with siblings() as tasks:
        embedding = tasks.create_task(calls.embed(upstreams, model, [each.pixels for each in read], terms))
        crops = [each.for_segmenter for each in read]
        segmenting = tasks.create_task(calls.segment(upstreams, segmenter, crops, terms))
    similarity = float(similarity_matrix(_units(embedding.result()))[0, 1])
    for result in segmenting.result():
        _require(result.status)
    masks = [wire.mask(result.mask) for result in segmenting.result()]
    overlay = await workers.run(look, *map(Inked, crops, masks))
    judgement = judge_look(similarity, overlay, weighed, _illegible(read))
    return gateway_pb2.CompareStampsResponse(
        similarity=similarity,
        model=model.model,
        probability=judgement.probability,
        verdict=_VERDICTS[judgement.verdict],
        reason=judgement.reason,
        overlay=wire.overlay_message(overlay),
    )


@dataclass(frozen=True, slots=True)
class _Readied:
    """A crop at the embedder's size and at the segmenter's, and what is wrong with it for telling its die."""

    pixels: np.ndarray
    for_segmenter: np.ndarray
    illegible: str


def _readied(
    image: common_pb2.Image, field: str, size: tuple[int, int], for_segmenter: tuple[int, int] | None = None
) -> _Readied:
    """Without a segmenter, the embedder's size is as good."""
    crop = picture(image, field)
    pixels = letterbox(crop, size)[0]
    return _Readied(pixels, letterbox(crop, for_segmenter)[0] if for_segmenter else pixels, illegibility(crop))


def _illegible(read: Sequence[_Readied]) -> str:
    return next((each.illegible for each in read if each.illegible), "")


def _units(results: Sequence[embedder_pb2.EmbedResult]) -> list[np.ndarray]:
    """PoisonItem when the model failed on one."""
    for result in results:
        _require(result.status)
    return [unit(result.vector) for result in results]


def _require(status: common_pb2.ItemStatus) -> None:
    if status.code:
        raise PoisonItem(status.message)


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
