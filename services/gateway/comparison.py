"""Two stamps, each a picture or a vector, to a similarity, a probability and a verdict."""

from collections.abc import Mapping
from functools import partial

import grpc
import numpy as np

from services.gateway.document.pages import read_picture
from services.gateway.tasks import task_group
from services.gateway.upstream.calls import ModelCaller, Pixels
from services.gateway.upstream.deadline import Deadline
from services.gateway.upstream.upstreams import Upstreams
from stamp2vec.calibration import PairCalibration
from stamp2vec.comparison import (
    Inked,
    LaidPair,
    cannot_tell,
    compare,
    compared,
    illegibility,
    judge_ink,
    judge_vectors,
    lay,
)
from stamp2vec.comparison.similarity import check_compatible, check_embedding
from stamp2vec.document import InkModels, calibration_of
from stamp2vec.errors import IncompatibleVectors, InvalidInput, ModelNotFound, ServiceError, Stamp2vecError
from stamp2vec.imaging import letterbox
from stamp2vec.limits import DEFAULT_PRIOR
from stamp2vec.v1 import gateway_pb2
from stamp2vec.values import Comparison, Embedding, ModelInfo, Preset, Task
from stamp2vec.wire.models import selector_from_message
from stamp2vec.wire.stamps import embedding_from_message

_NO_PICTURE = "a vector that comes without its picture has no ink to compare"


async def compare_stamps(request: gateway_pb2.CompareStampsRequest, caller: ModelCaller) -> Comparison:
    """Both sides of the request are set, and are images where the comparison is thorough.

    Raises InvalidInput for a vector that is none and for a pair network that was not measured, IncompatibleVectors for
    vectors of two models, and ModelNotFound when a model is needed that is not served.
    """
    sides = {"a": request.a, "b": request.b}
    vectors = {name: embedding_from_message(side.vector) for name, side in sides.items() if side.HasField("vector")}
    images = {name: side.image for name, side in sides.items() if name not in vectors}
    known = [model for model in caller.upstreams[Task.EMBED].known if model.task is Task.EMBED]
    for name, vector in vectors.items():
        check_embedding(vector, f"{name}.vector", known)
    if not images:
        check_compatible(vectors["a"], vectors["b"], "b.vector")
    given = next(iter(vectors.values()), None)
    embedder = await _embedder(request, given, caller) if images or request.HasField("model") else None
    crops = {
        name: await read_picture(each, f"{name}.image", caller, lambda page: page.image, keeps=True)
        for name, each in images.items()
    }
    prior = request.prior if request.HasField("prior") else DEFAULT_PRIOR
    illegible = next(filter(None, [await caller.workers.run(illegibility, crop) for crop in crops.values()]), "")
    by_ink = not vectors and request.mode != gateway_pb2.COMPARE_MODE_FAST
    preset = selector_from_message(request.model) if request.HasField("model") else Preset.FAST
    async with task_group() as tasks:
        embedding = tasks.create_task(_embed(caller, embedder, crops))
        looking = tasks.create_task(_look(caller, preset, crops)) if by_ink and not illegible else None
    vectors |= embedding.result()
    similarity = compare(vectors["a"], vectors["b"])
    reference = vectors["a"].reference
    model = embedder or next((each for each in known if each.reference == reference), None)
    missing = "" if len(images) == len(sides) else _NO_PICTURE
    judgement = judge_vectors(similarity, model.verification if model else None, prior, missing)
    if illegible:
        judgement = cannot_tell(illegible)
    elif looking is not None:
        look = partial(judge_ink, prior=prior, by_vectors=judgement.probability)
        judgement = await caller.workers.run(look, *looking.result())
    return compared(similarity, vectors["a"], prior, judgement)


async def ink_models(preset: Preset, upstreams: Upstreams, deadline: Deadline) -> InkModels:
    """What ink is compared by. ModelNotFound when one is not served, InvalidInput when nobody has measured it."""
    try:
        verifier = await upstreams.choose(Task.VERIFY, preset, deadline)
    except ModelNotFound as error:
        advice = "compare by vectors alone (COMPARE_MODE_FAST), or have stamp-pair served by the embedder service"
        raise ModelNotFound(f"no pair network for it is served, so ink cannot be compared: {advice}") from error
    calibration = calibration_of(verifier)
    return InkModels(verifier, calibration, await upstreams.choose(Task.SEGMENT, calibration.segmenter, deadline))


async def _embedder(
    request: gateway_pb2.CompareStampsRequest, given: Embedding | None, caller: ModelCaller
) -> ModelInfo:
    """The model that the call names, else that of the vector that it brings, else the fast one."""
    by_vector = Preset.FAST if given is None else given.reference
    selector = selector_from_message(request.model) if request.HasField("model") else by_vector
    embedder = await caller.upstreams.choose(Task.EMBED, selector, caller.deadline)
    if given is not None and (given.model, given.version) != (embedder.name, embedder.version):
        raise IncompatibleVectors(
            f"the vector is of {given.model[:64]}@{given.version[:64]} and {embedder.reference} was asked for: leave "
            "model unset, or embed both stamps anew",
            "model",
        )
    return embedder


async def _look(
    caller: ModelCaller, selector: Preset | str, crops: Mapping[str, Pixels]
) -> tuple[LaidPair, np.ndarray, PairCalibration]:
    """Both laid over each other, by a worker, as it takes as long as decoding a page; what each place says; and what
    that means.
    """
    preset = selector if isinstance(selector, Preset) else Preset.FAST
    ink = await ink_models(preset, caller.upstreams, caller.deadline)
    size = ink.segmenter.input_size
    fitted = [await caller.workers.run(letterbox, crop, size) for crop in crops.values()]
    found = await caller.segment(ink.segmenter, [pixels for pixels, _ in fitted])
    masks = list(map(_required, found))

    def lay_both() -> LaidPair:
        in_pixels_of_crops = [box.mask_to_image(mask) for mask, (_, box) in zip(masks, fitted, strict=True)]
        return lay(*map(Inked.of, crops.values(), in_pixels_of_crops))

    pair = await caller.workers.run(lay_both)
    (places,) = await caller.verify(ink.verifier, [pair.picture])
    return pair, _required(places), ink.calibration


async def _embed(caller: ModelCaller, embedder: ModelInfo | None, crops: Mapping[str, Pixels]) -> dict[str, Embedding]:
    """ServiceError when the model made a vector that is none: that is no fault of the caller's."""
    if embedder is None:
        return {}
    size = embedder.input_size
    fitted = [(await caller.workers.run(letterbox, crop, size))[0] for crop in crops.values()]
    results = await caller.embed(embedder, fitted)
    vectors = [Embedding(_required(result), embedder.name, embedder.version) for result in results]
    for vector in vectors:
        try:
            check_embedding(vector, "", [embedder])
        except InvalidInput as error:
            raise ServiceError(str(error), grpc.StatusCode.INTERNAL) from error
    return dict(zip(crops, vectors, strict=True))


def _required(result: np.ndarray | Stamp2vecError) -> np.ndarray:
    """Raises the error of the item in place of a result."""
    if isinstance(result, Stamp2vecError):
        raise result
    return result
