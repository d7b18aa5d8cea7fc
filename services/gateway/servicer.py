"""The methods of StampService: requests checked, admitted and given their time; errors go to the runtime's table."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from google.protobuf.message import Message

from services.gateway import images
from services.gateway.admission.limits import Admission, PixelBudget
from services.gateway.admission.workers import Workers
from services.gateway.comparison import compare
from services.gateway.document.analysis import DocumentAnalysis
from services.gateway.document.finding import Search
from services.gateway.document.pages import GROUP_PAGES
from services.gateway.document.stream import answers
from services.gateway.metrics import GatewayMetrics
from services.gateway.tasks import task_group
from services.gateway.upstream.calls import ModelCaller, Terms
from services.gateway.upstream.deadline import Deadline
from services.gateway.upstream.upstreams import Upstreams
from services.gateway.validation import check_comparands, check_crops, check_document, check_pages
from services.runtime.serving.errors import AioContext
from stamp2vec.document import Models, page_views
from stamp2vec.document.pages import has_tiles
from stamp2vec.errors import InvalidInput, Stamp2vecError
from stamp2vec.imaging import View
from stamp2vec.limits import MAX_DETECTIONS, MAX_IMAGES, MAX_MESSAGE_BYTES
from stamp2vec.v1 import common_pb2, detector_pb2, embedder_pb2, gateway_pb2, segmenter_pb2
from stamp2vec.v1.gateway_pb2_grpc import StampServiceServicer
from stamp2vec.values import Detection, Task
from stamp2vec.wire.comparisons import comparison_to_message
from stamp2vec.wire.documents import options_from_message
from stamp2vec.wire.images import image_from_message, mask_to_message
from stamp2vec.wire.models import info_to_message, preset_from_number, selector_from_message, version_to_message
from stamp2vec.wire.stamps import detection_to_message, vector_to_message

A = TypeVar("A", bound=Message)


class StampServicer(StampServiceServicer):
    """What callers reach."""

    def __init__(
        self,
        upstreams: Upstreams,
        workers: Workers,
        admission: Admission,
        pixels: PixelBudget,
        metrics: GatewayMetrics,
        ending: asyncio.Event,
    ) -> None:
        """`ending` is set when streams are to finish what they have, and end."""
        self._upstreams, self._workers, self._admission = upstreams, workers, admission
        self._pixels, self._metrics, self._ending = pixels, metrics, ending

    async def AnalyzeDocument(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.AnalyzeDocumentRequest, context: AioContext
    ) -> gateway_pb2.AnalyzeDocumentResponse:
        """See StampService in gateway.proto, as for all of these."""
        return await self._analyze(request, Deadline.after(context.time_remaining()))

    async def AnalyzeDocuments(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest], context: AioContext
    ) -> AsyncIterator[gateway_pb2.AnalyzeDocumentsResponse]:
        """Admits documents, not streams: an open stream with nothing on it takes no place."""
        stream = answers(aiter(request_iterator), self._analyze, context.time_remaining, self._ending)
        async with aclosing(stream) as results:
            async for result in results:
                yield result

    async def DetectStamps(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.DetectStampsRequest, context: AioContext
    ) -> gateway_pb2.DetectStampsResponse:
        """Boxes in pixels of each picture."""
        check_pages(request)

        async def work(caller: ModelCaller) -> gateway_pb2.DetectStampsResponse:
            selector = selector_from_message(request.model)
            search = Search(
                caller=caller,
                workers=self._workers,
                detector=await self._upstreams[Task.DETECT].choose(selector, caller.terms.deadline),
                min_score=request.min_score if request.HasField("min_score") else None,
                max_overlap=request.max_overlap if request.HasField("max_overlap") else None,
                max_detections=request.max_detections or MAX_DETECTIONS,
                with_ink=True,
            )
            model = version_to_message(search.detector.name, search.detector.version)
            return gateway_pb2.DetectStampsResponse(results=await self._detect(search, request), model=model)

        return await self._call(work, Deadline.after(context.time_remaining()), request.priority)

    async def SegmentStamps(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.SegmentStampsRequest, context: AioContext
    ) -> gateway_pb2.SegmentStampsResponse:
        """Masks of each crop's size."""
        check_crops(request)

        async def work(caller: ModelCaller) -> gateway_pb2.SegmentStampsResponse:
            selector = selector_from_message(request.model)
            segmenter = await self._upstreams[Task.SEGMENT].choose(selector, caller.terms.deadline)
            fitted = await images.fit_all(request.images, segmenter.input_size, self._workers)
            crops = images.readable(fitted)
            if sum(each.box.height * each.box.width for each in crops) > MAX_MESSAGE_BYTES:
                raise _too_large("images")
            masks = await caller.segment(segmenter, [each.pixels for each in crops])
            results = images.in_order(
                fitted,
                masks,
                lambda status: segmenter_pb2.SegmentResult(status=status),
                lambda crop, mask: segmenter_pb2.SegmentResult(mask=mask_to_message(crop.box.mask_to_image(mask))),
            )
            model = version_to_message(segmenter.name, segmenter.version)
            return await self._workers.run(lambda: gateway_pb2.SegmentStampsResponse(results=results, model=model))

        return _fitting(await self._call(work, Deadline.after(context.time_remaining()), request.priority), "images")

    async def EmbedStamps(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.EmbedStampsRequest, context: AioContext
    ) -> gateway_pb2.EmbedStampsResponse:
        """Vectors of length 1."""
        check_crops(request)

        async def work(caller: ModelCaller) -> gateway_pb2.EmbedStampsResponse:
            selector = selector_from_message(request.model)
            embedder = await self._upstreams[Task.EMBED].choose(selector, caller.terms.deadline)
            fitted = await images.fit_all(request.images, embedder.input_size, self._workers)
            vectors = await caller.embed(embedder, [each.pixels for each in images.readable(fitted)])
            model = version_to_message(embedder.name, embedder.version)
            results = images.in_order(
                fitted,
                vectors,
                lambda status: embedder_pb2.EmbedResult(status=status),
                lambda _, vector: embedder_pb2.EmbedResult(vector=vector_to_message(vector, model)),
            )
            return gateway_pb2.EmbedStampsResponse(results=results, model=model)

        return await self._call(work, Deadline.after(context.time_remaining()), request.priority)

    async def CompareStamps(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.CompareStampsRequest, context: AioContext
    ) -> gateway_pb2.CompareStampsResponse:
        """Two vectors compare without any model service."""
        check_comparands(request)

        async def work(caller: ModelCaller) -> gateway_pb2.CompareStampsResponse:
            return comparison_to_message(await compare(request, self._upstreams, caller, self._workers))

        deadline = Deadline.after(context.time_remaining())
        return await self._call(work, deadline, common_pb2.PRIORITY_INTERACTIVE)

    async def ListModels(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.ListModelsRequest, context: AioContext
    ) -> gateway_pb2.ListModelsResponse:
        """As of at most 30 s ago."""
        models = await self._upstreams.models(Deadline.after(context.time_remaining()))
        return gateway_pb2.ListModelsResponse(models=map(info_to_message, models))

    async def _call(
        self,
        work: Callable[[ModelCaller], Awaitable[A]],
        deadline: Deadline,
        priority: "common_pb2.Priority.ValueType",
    ) -> A:
        """One place among the calls in work, until the deadline. QueueFull or TimeoutError."""
        caller = ModelCaller(self._upstreams, Terms(deadline, priority))
        with self._admission.enter():
            async with asyncio.timeout_at(deadline.at_s):
                return await self._upstreams.with_current_models(lambda: work(caller))

    async def _analyze(
        self, request: gateway_pb2.AnalyzeDocumentRequest, deadline: Deadline
    ) -> gateway_pb2.AnalyzeDocumentResponse:
        check_document(request)

        async def work(caller: ModelCaller) -> gateway_pb2.AnalyzeDocumentResponse:
            models = await self._models(request, deadline)
            options = options_from_message(request)
            with self._pixels.hold() as hold:
                analysis = DocumentAnalysis(request.document, options, models, caller, self._workers, hold)
                response = await analysis.run()
            self._metrics.analyzed(response, analysis.stages)
            return response

        return _fitting(await self._call(work, deadline, request.priority), "document")

    async def _models(self, request: gateway_pb2.AnalyzeDocumentRequest, deadline: Deadline) -> Models:
        preset = preset_from_number(request.preset, "preset")
        options = options_from_message(request)
        wanted = {Task.DETECT: True, Task.EMBED: options.include_vectors, Task.SEGMENT: options.include_masks}
        async with task_group() as tasks:
            chosen = {
                task: tasks.create_task(self._upstreams[task].choose(preset, deadline))
                for task, is_wanted in wanted.items()
                if is_wanted
            }
        embedder, segmenter = chosen.get(Task.EMBED), chosen.get(Task.SEGMENT)
        return Models(
            chosen[Task.DETECT].result(),
            embedder.result() if embedder else None,
            segmenter.result() if segmenter else None,
        )

    async def _detect(
        self, search: Search, request: gateway_pb2.DetectStampsRequest
    ) -> list[detector_pb2.DetectResult]:
        """One result an image, in order; raises InvalidCall when none can be read."""

        def views_of(message: common_pb2.Image, field: str) -> tuple[View, ...]:
            return page_views(image_from_message(message, field), search.detector)

        step = GROUP_PAGES if has_tiles(search.detector) else MAX_IMAGES  # few pages of several views are held at once
        read: list[tuple[View, ...] | InvalidInput] = []
        found: list[list[Detection] | Stamp2vecError] = []
        for first in range(0, len(request.images), step):
            pages = await images.read_all(request.images[first : first + step], views_of, self._workers, first)
            found += await search.find(images.readable(pages))
            read += [each if isinstance(each, InvalidInput) else each[:1] for each in pages]
        images.require_one(read)
        return list(
            images.in_order(
                read,
                found,
                lambda status: detector_pb2.DetectResult(status=status),
                lambda views, stamps: detector_pb2.DetectResult(
                    detections=map(detection_to_message, stamps), height=views[0].height, width=views[0].width
                ),
            )
        )


def _too_large(field: str) -> InvalidInput:
    size = f"the answer would be larger than {MAX_MESSAGE_BYTES // 2**20} MiB"
    return InvalidInput(f"{size}: send fewer or smaller pictures a call", field)


def _fitting(answer: A, field: str) -> A:
    """InvalidInput when the answer is too large to be sent."""
    if answer.ByteSize() > MAX_MESSAGE_BYTES:
        raise _too_large(field)
    return answer
