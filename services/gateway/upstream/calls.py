"""Arrays to the model services and values back, one an array: in calls that fit into a message, errors by item."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from services.gateway.admission.workers import Workers
from services.gateway.tasks import task_group
from services.gateway.upstream.deadline import Deadline
from services.gateway.upstream.upstreams import Upstreams
from services.runtime.serving.byte_budget import Hold
from services.runtime.serving.errors import item_status, problem
from stamp2vec.decoding import DecoderPool
from stamp2vec.errors import ServiceError, Stamp2vecError
from stamp2vec.limits import MAX_IMAGES, MAX_MESSAGE_BYTES
from stamp2vec.texts import StripReadings
from stamp2vec.v1 import common_pb2, detector_pb2, embedder_pb2, reader_pb2, segmenter_pb2
from stamp2vec.values import ModelInfo, Task
from stamp2vec.wire.images import add_images, mask_from_message
from stamp2vec.wire.models import selector_to_message
from stamp2vec.wire.stamps import refinement_from_message, vector_from_message
from stamp2vec.wire.texts import readings_from_message

Pixels = NDArray[np.uint8]

_MAX_PIXEL_BYTES = MAX_MESSAGE_BYTES - 2**20  # of a call; the rest is for what surrounds the pixels

# Failures of the items themselves. Any other code means that the service cannot answer at all.
_ITEM_ERRORS = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL)


@dataclass(frozen=True, slots=True)
class _Method:
    """What the service of a task is called by, what is read of one result, and where a request has its pictures."""

    name: str
    request: Callable[..., Message]
    read: Callable[[Any], Any]
    field: str = "images"


def _places(result: Any) -> np.ndarray:
    return np.dstack([mask_from_message(result.agrees), mask_from_message(result.contradicts)])


_METHODS: Mapping[Task, _Method] = {
    Task.DETECT: _Method("Detect", detector_pb2.DetectRequest, lambda result: result.detections),
    Task.SEGMENT: _Method("Segment", segmenter_pb2.SegmentRequest, lambda result: mask_from_message(result.mask)),
    Task.EMBED: _Method("Embed", embedder_pb2.EmbedRequest, lambda result: vector_from_message(result.vector)),
    Task.VERIFY: _Method("VerifyPairs", embedder_pb2.VerifyPairsRequest, _places, "pairs"),
    Task.REFINE: _Method("Refine", detector_pb2.RefineRequest, refinement_from_message, "windows"),
    Task.READ: _Method("Read", reader_pb2.ReadRequest, readings_from_message),
}


@dataclass(frozen=True, slots=True)
class ModelCaller:
    """Calls of one request to the models, within its deadline and with its priority.

    `workers` do what blocks, `decoders` read files into bytes that `hold` has taken. A `patient` one waits and asks
    again where a service is busy.

    `pictures` are uint8 (h, w, 3), all of the size of the model's input, but for strips to read. Each answer holds a
    result or an error for each picture. AioRpcError when a service cannot answer at all.
    """

    upstreams: Upstreams
    workers: Workers
    decoders: DecoderPool
    hold: Hold
    deadline: Deadline
    priority: "common_pb2.Priority.ValueType"
    patient: bool = False

    @property
    def is_urgent(self) -> bool:
        """Whether somebody waits for the answer."""
        return self.priority != common_pb2.PRIORITY_BULK

    async def detect(
        self,
        model: ModelInfo,
        pictures: Sequence[Pixels],
        *,
        min_score: float | None,
        max_overlap: float | None,
        with_ink: bool,
    ) -> list[Sequence[common_pb2.Detection] | Stamp2vecError]:
        """Boxes in pixels of the pictures, as messages: there may be thousands, and this is the event loop.

        None leaves an option out.
        """
        options = {"min_score": min_score, "max_overlap": max_overlap, "omit_ink_colour": not with_ink}
        return await self._call(Task.DETECT, model, pictures, options)

    async def refine(self, model: ModelInfo, windows: Sequence[Pixels]) -> list[np.ndarray | Stamp2vecError]:
        """What is in the windows of candidates, float32 (8,) as in `detection.refinement`."""
        return await self._call(Task.REFINE, model, windows, {})

    async def segment(self, model: ModelInfo, pictures: Sequence[Pixels]) -> list[np.ndarray | Stamp2vecError]:
        """Masks of the pictures' size, uint8 (h, w)."""
        return await self._call(Task.SEGMENT, model, pictures, {})

    async def embed(self, model: ModelInfo, pictures: Sequence[Pixels]) -> list[np.ndarray | Stamp2vecError]:
        """Vectors, float32 (D,) of length 1."""
        return await self._call(Task.EMBED, model, pictures, {})

    async def verify(self, model: ModelInfo, pairs: Sequence[Pixels]) -> list[np.ndarray | Stamp2vecError]:
        """What each place of a pair says, uint8 (h, w, 2); pairs are pictures of `comparison.LaidPair`."""
        return await self._call(Task.VERIFY, model, pairs, {})

    async def read(self, model: ModelInfo, strips: Sequence[Pixels]) -> list[StripReadings | Stamp2vecError]:
        """What strips say, uint8 (h, w) or (h, w, 3) of any sizes."""
        return await self._call(Task.READ, model, strips, {})

    async def _call(
        self, task: Task, model: ModelInfo, pictures: Sequence[Pixels], options: Mapping[str, Any]
    ) -> list[Any]:
        method = _METHODS[task]
        selector = selector_to_message(model.reference)  # this model, and no newer one

        async def answer(part: Sequence[Pixels]) -> list[Any]:
            request = method.request(model=selector, priority=self.priority, **options)
            add_images(getattr(request, method.field), part)
            try:
                response = await self._answer(task, method.name, request)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _ITEM_ERRORS:
                    raise
                return [_item_error(item_status(error))] * len(part)
            count = len(response.results)
            if count != len(part):
                raise RuntimeError(f"{len(part)} pictures were sent and {count} results came back. This is a bug.")
            return [_item_error(result.status) or method.read(result) for result in response.results]

        async with task_group() as tasks:
            answers = [tasks.create_task(answer(part)) for part in parts(pictures)]
        return [result for each in answers for result in each.result()]

    async def _answer(self, task: Task, method: str, request: Message) -> Any:
        while True:
            try:
                return await self.upstreams[task].call(method, request, timeout=self.deadline.budget_s())
            except grpc.aio.AioRpcError as error:
                retry_after_s = problem(error).retry_after_s if self.patient else None
                if retry_after_s is None or retry_after_s >= self.deadline.remaining_s():
                    raise
            await asyncio.sleep(retry_after_s)


def _item_error(status: common_pb2.ItemStatus) -> ServiceError | None:
    """INTERNAL: what a hop refuses was made here, so that its code and its field mean nothing to our caller."""
    return ServiceError(status.message, grpc.StatusCode.INTERNAL) if status.code else None


def parts(pictures: Sequence[Pixels], max_bytes: int = _MAX_PIXEL_BYTES) -> Iterator[Sequence[Pixels]]:
    """Runs of at most 64 pictures whose pixels fit into a message together."""
    if pictures:
        step = max(1, min(MAX_IMAGES, max_bytes // max(picture.nbytes for picture in pictures)))
        for first in range(0, len(pictures), step):
            yield pictures[first : first + step]
