"""Arrays to the model services and their answers back, one an array: in calls that fit, failures told by item."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import grpc
import grpc.aio
import numpy as np
from numpy.typing import NDArray

from services.gateway.deadline import Deadline
from services.gateway.siblings import siblings
from services.gateway.upstreams import DETECTOR, EMBEDDER, SEGMENTER, Upstreams
from services.runtime.errors import item_status
from services.runtime.interceptor import calling
from services.runtime.selection import reference
from services.runtime.server import MAX_IMAGES, MAX_MESSAGE_BYTES
from stamp2vec.v1 import common_pb2, detector_pb2, embedder_pb2, segmenter_pb2

Pixels = NDArray[np.uint8]
R = TypeVar("R")

_MAX_PIXEL_BYTES = MAX_MESSAGE_BYTES - 2**20  # of a call; the rest is for what surrounds the pixels

# Failures of the items themselves. Any other code says that the service cannot answer at all.
_ITEMS_FAULT = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL)


@dataclass(frozen=True, slots=True)
class Terms:
    """What all hops of one call share."""

    deadline: Deadline
    priority: "common_pb2.Priority.ValueType"


async def detect(
    upstreams: Upstreams,
    model: common_pb2.ModelInfo,
    pictures: Sequence[Pixels],
    terms: Terms,
    min_score: float | None,
    max_overlap: float | None,
    *,
    tell_ink: bool,
) -> list[detector_pb2.DetectResult]:
    """Boxes in pixels of the pictures, uint8 (h, w, 3) at the model's input size; None leaves an option out."""

    async def call(images: list[common_pb2.Image]) -> Sequence[detector_pb2.DetectResult]:
        request = detector_pb2.DetectRequest(
            images=images,
            model=_exactly(model),
            min_score=min_score,
            max_overlap=max_overlap,
            omit_ink_colour=not tell_ink,
            priority=terms.priority,
        )
        timeout_s = terms.deadline.budget_s()
        with calling(f"{DETECTOR}/Detect") as metadata:
            answer = await upstreams.detector.Detect(request, timeout=timeout_s, metadata=metadata)
        return answer.results

    return await _in_parts(pictures, call, lambda status: detector_pb2.DetectResult(status=status))


async def segment(
    upstreams: Upstreams, model: common_pb2.ModelInfo, pictures: Sequence[Pixels], terms: Terms
) -> list[segmenter_pb2.SegmentResult]:
    """Masks of the pictures' size, uint8 (h, w, 3) at the model's input size."""

    async def call(images: list[common_pb2.Image]) -> Sequence[segmenter_pb2.SegmentResult]:
        request = segmenter_pb2.SegmentRequest(images=images, model=_exactly(model), priority=terms.priority)
        timeout_s = terms.deadline.budget_s()
        with calling(f"{SEGMENTER}/Segment") as metadata:
            answer = await upstreams.segmenter.Segment(request, timeout=timeout_s, metadata=metadata)
        return answer.results

    return await _in_parts(pictures, call, lambda status: segmenter_pb2.SegmentResult(status=status))


async def embed(
    upstreams: Upstreams, model: common_pb2.ModelInfo, pictures: Sequence[Pixels], terms: Terms
) -> list[embedder_pb2.EmbedResult]:
    """Vectors of the pictures, uint8 (h, w, 3) at the model's input size."""

    async def call(images: list[common_pb2.Image]) -> Sequence[embedder_pb2.EmbedResult]:
        request = embedder_pb2.EmbedRequest(images=images, model=_exactly(model), priority=terms.priority)
        timeout_s = terms.deadline.budget_s()
        with calling(f"{EMBEDDER}/Embed") as metadata:
            answer = await upstreams.embedder.Embed(request, timeout=timeout_s, metadata=metadata)
        return answer.results

    return await _in_parts(pictures, call, lambda status: embedder_pb2.EmbedResult(status=status))


async def _in_parts(
    pictures: Sequence[Pixels],
    call: Callable[[list[common_pb2.Image]], Awaitable[Sequence[R]]],
    failed: Callable[[common_pb2.ItemStatus], R],
) -> list[R]:
    async def answer(part: Sequence[Pixels]) -> Sequence[R]:
        try:
            results = await call([_raw(picture) for picture in part])
        except grpc.aio.AioRpcError as error:
            if error.code() not in _ITEMS_FAULT:
                raise
            return [failed(item_status(error))] * len(part)
        if len(results) != len(part):
            raise RuntimeError(f"{len(part)} pictures were sent and {len(results)} results came back. This is a bug.")
        return results

    async with siblings() as group:
        answers = [group.create_task(answer(part)) for part in parts(pictures)]
    return [result for task in answers for result in task.result()]


def parts(pictures: Sequence[Pixels], max_bytes: int = _MAX_PIXEL_BYTES) -> Iterator[Sequence[Pixels]]:
    """Runs of at most 64 pictures, all of one size, whose pixels fit into a message together."""
    if pictures:
        step = max(1, min(MAX_IMAGES, max_bytes // pictures[0].nbytes))
        for first in range(0, len(pictures), step):
            yield pictures[first : first + step]


def _exactly(model: common_pb2.ModelInfo) -> common_pb2.ModelSelector:
    """What a hop is told, so that it answers with this model and no newer one."""
    return common_pb2.ModelSelector(name=reference(model.model))


def _raw(picture: Pixels) -> common_pb2.Image:
    height, width, channels = picture.shape
    return common_pb2.Image(
        raw=common_pb2.RawImage(data=picture.tobytes(), height=height, width=width, channels=channels)
    )
