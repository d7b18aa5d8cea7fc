"""Arrays to the model services and values back, one an array: in calls that fit into a message, errors by item."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import grpc.aio
import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from services.gateway.tasks import task_group
from services.gateway.upstream.deadline import Deadline
from services.gateway.upstream.upstreams import Upstreams
from services.runtime.serving.errors import item_status
from stamp2vec.errors import Stamp2vecError
from stamp2vec.limits import MAX_IMAGES, MAX_MESSAGE_BYTES
from stamp2vec.v1 import common_pb2, detector_pb2, embedder_pb2, segmenter_pb2
from stamp2vec.values import Detection, ModelInfo, Task
from stamp2vec.wire.errors import status_from_message
from stamp2vec.wire.images import images_to_messages, mask_from_message
from stamp2vec.wire.models import selector_to_message
from stamp2vec.wire.stamps import detection_from_message, vector_from_message

Pixels = NDArray[np.uint8]
R = TypeVar("R")

_MAX_PIXEL_BYTES = MAX_MESSAGE_BYTES - 2**20  # of a call; the rest is for what surrounds the pixels

# Failures of the items themselves. Any other code means that the service cannot answer at all.
_ITEM_ERRORS = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL)


@dataclass(frozen=True, slots=True)
class Terms:
    """What all hops of one call share."""

    deadline: Deadline
    priority: "common_pb2.Priority.ValueType"


@dataclass(frozen=True, slots=True)
class ModelCaller:
    """Calls of one request to the models. `pictures` are uint8 (h, w, 3), all of one size, that of the model's input.

    Each answer holds a result or an error for each picture. AioRpcError when a service cannot answer at all.
    """

    upstreams: Upstreams
    terms: Terms

    async def detect(
        self,
        model: ModelInfo,
        pictures: Sequence[Pixels],
        *,
        min_score: float | None,
        max_overlap: float | None,
        with_ink: bool,
    ) -> list[list[Detection] | Stamp2vecError]:
        """Boxes in pixels of the pictures; None leaves an option out."""

        def request(part: Sequence[Pixels]) -> Message:
            return detector_pb2.DetectRequest(
                images=images_to_messages(part),
                model=selector_to_message(model.reference),  # this model, and no newer one
                min_score=min_score,
                max_overlap=max_overlap,
                omit_ink_colour=not with_ink,
                priority=self.terms.priority,
            )

        def read(result: detector_pb2.DetectResult) -> list[Detection]:
            return list(map(detection_from_message, result.detections))

        return await self._call(Task.DETECT, "Detect", pictures, request, read)

    async def segment(self, model: ModelInfo, pictures: Sequence[Pixels]) -> list[np.ndarray | Stamp2vecError]:
        """Masks of the pictures' size, uint8 (h, w)."""

        def request(part: Sequence[Pixels]) -> Message:
            selector, priority = selector_to_message(model.reference), self.terms.priority
            return segmenter_pb2.SegmentRequest(images=images_to_messages(part), model=selector, priority=priority)

        def read(result: segmenter_pb2.SegmentResult) -> np.ndarray:
            return mask_from_message(result.mask)

        return await self._call(Task.SEGMENT, "Segment", pictures, request, read)

    async def embed(self, model: ModelInfo, pictures: Sequence[Pixels]) -> list[np.ndarray | Stamp2vecError]:
        """Vectors, float32 (D,) of length 1."""

        def request(part: Sequence[Pixels]) -> Message:
            selector, priority = selector_to_message(model.reference), self.terms.priority
            return embedder_pb2.EmbedRequest(images=images_to_messages(part), model=selector, priority=priority)

        def read(result: embedder_pb2.EmbedResult) -> np.ndarray:
            return vector_from_message(result.vector)

        return await self._call(Task.EMBED, "Embed", pictures, request, read)

    async def _call(
        self,
        task: Task,
        method: str,
        pictures: Sequence[Pixels],
        request: Callable[[Sequence[Pixels]], Message],
        read: Callable[[Any], R],
    ) -> list[R | Stamp2vecError]:
        async def answer(part: Sequence[Pixels]) -> list[R | Stamp2vecError]:
            message = request(part)
            try:
                response = await self.upstreams[task].call(method, message, timeout=self.terms.deadline.budget_s())
            except grpc.aio.AioRpcError as error:
                if error.code() not in _ITEM_ERRORS or (failed := _item_error(item_status(error))) is None:
                    raise
                return [failed] * len(part)
            count = len(response.results)
            if count != len(part):
                raise RuntimeError(f"{len(part)} pictures were sent and {count} results came back. This is a bug.")
            return [_item_error(result.status) or read(result) for result in response.results]

        async with task_group() as tasks:
            answers = [tasks.create_task(answer(part)) for part in parts(pictures)]
        return [result for task_ in answers for result in task_.result()]


def _item_error(status: common_pb2.ItemStatus) -> Stamp2vecError | None:
    """Without its field: that of a hop's own call means nothing to our caller."""
    return status_from_message(common_pb2.ItemStatus(code=status.code, message=status.message))


def parts(pictures: Sequence[Pixels], max_bytes: int = _MAX_PIXEL_BYTES) -> Iterator[Sequence[Pixels]]:
    """Runs of at most 64 pictures, all of one size, whose pixels fit into a message together."""
    if pictures:
        step = max(1, min(MAX_IMAGES, max_bytes // pictures[0].nbytes))
        for first in range(0, len(pictures), step):
            yield pictures[first : first + step]
