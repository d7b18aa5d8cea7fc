"""The methods of StampService: requests checked, admitted and given their time; errors go to the runtime's table."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

from google.protobuf.message import Message

from services.gateway import calls, images
from services.gateway.analysis import DocumentAnalysis, Models, input_size
from services.gateway.calls import Terms
from services.gateway.comparison import compare
from services.gateway.deadline import Deadline
from services.gateway.finding import Search, Wanted, on_images
from services.gateway.limits import Admission, PixelBudget
from services.gateway.metrics import GatewayMetrics
from services.gateway.siblings import siblings
from services.gateway.stream import answers
from services.gateway.upstreams import Upstreams
from services.gateway.validation import check_comparands, check_crops, check_document, check_pages
from services.gateway.workers import Workers
from services.runtime.errors import AioContext
from services.runtime.selection import choose, for_preset
from services.runtime.server import MAX_MESSAGE_BYTES
from stamp2vec import wire
from stamp2vec.errors import InvalidInput
from stamp2vec.v1 import embedder_pb2, gateway_pb2, segmenter_pb2
from stamp2vec.v1.gateway_pb2_grpc import StampServiceServicer

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
        read = answers(aiter(request_iterator), self._analyze, context.time_remaining, self._ending)
        async with aclosing(read) as results:
            async for result in results:
                yield result

    async def DetectStamps(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.DetectStampsRequest, context: AioContext
    ) -> gateway_pb2.DetectStampsResponse:
        """Boxes in pixels of each picture."""
        check_pages(request)

        async def work() -> gateway_pb2.DetectStampsResponse:
            model = choose(await self._upstreams.detectors.get(deadline), request.model)
            terms, wanted = Terms(deadline, request.priority), Wanted.of(request)
            search = Search(self._upstreams, self._workers, model, terms, wanted)
            return gateway_pb2.DetectStampsResponse(results=await on_images(search, request.images), model=model.model)

        async with self._call(Deadline.after(context.time_remaining())) as deadline:
            return await self._upstreams.with_current_models(work)

    async def SegmentStamps(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.SegmentStampsRequest, context: AioContext
    ) -> gateway_pb2.SegmentStampsResponse:
        """Masks of each crop's size."""
        check_crops(request)

        async def work() -> gateway_pb2.SegmentStampsResponse:
            model = choose(await self._upstreams.segmenters.get(deadline), request.model)
            fitted = await images.fit_all(request.images, input_size(model), self._workers)
            crops = images.readable(fitted)
            if sum(each.box.height * each.box.width for each in crops) > MAX_MESSAGE_BYTES:
                raise _too_large("images")
            pictures = [each.pixels for each in crops]
            results = await calls.segment(self._upstreams, model, pictures, Terms(deadline, request.priority))
            merged = images.in_order(
                fitted,
                results,
                lambda result: result.status,
                lambda status: segmenter_pb2.SegmentResult(status=status),
                lambda result, crop: segmenter_pb2.SegmentResult(
                    status=result.status, mask=wire.mask_message(crop.box.mask_to_image(wire.mask(result.mask)))
                ),
            )
            return await self._workers.run(lambda: gateway_pb2.SegmentStampsResponse(results=merged, model=model.model))

        async with self._call(Deadline.after(context.time_remaining())) as deadline:
            return _fits(await self._upstreams.with_current_models(work), "images")

    async def EmbedStamps(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.EmbedStampsRequest, context: AioContext
    ) -> gateway_pb2.EmbedStampsResponse:
        """Vectors of length 1."""
        check_crops(request)

        async def work() -> gateway_pb2.EmbedStampsResponse:
            model = choose(await self._upstreams.embedders.get(deadline), request.model)
            fitted = await images.fit_all(request.images, input_size(model), self._workers)
            pictures = [each.pixels for each in images.readable(fitted)]
            results = await calls.embed(self._upstreams, model, pictures, Terms(deadline, request.priority))
            merged = images.in_order(
                fitted,
                results,
                lambda result: result.status,
                lambda status: embedder_pb2.EmbedResult(status=status),
                lambda result, _: result,
            )
            return gateway_pb2.EmbedStampsResponse(results=merged, model=model.model)

        async with self._call(Deadline.after(context.time_remaining())) as deadline:
            return await self._upstreams.with_current_models(work)

    async def CompareStamps(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.CompareStampsRequest, context: AioContext
    ) -> gateway_pb2.CompareStampsResponse:
        """Two vectors compare without any model service."""
        check_comparands(request)
        async with self._call(Deadline.after(context.time_remaining())) as deadline:
            return await self._upstreams.with_current_models(
                lambda: compare(request, self._upstreams, self._workers, deadline)
            )

    async def ListModels(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.ListModelsRequest, context: AioContext
    ) -> gateway_pb2.ListModelsResponse:
        """As of at most 30 s ago."""
        deadline = Deadline.after(context.time_remaining())
        return gateway_pb2.ListModelsResponse(models=await self._upstreams.models(deadline))

    @asynccontextmanager
    async def _call(self, deadline: Deadline) -> AsyncIterator[Deadline]:
        """One place among the calls in work, until the deadline. QueueFull or TimeoutError."""
        with self._admission.enter():
            async with asyncio.timeout_at(deadline.at_s):
                yield deadline

    async def _analyze(
        self, request: gateway_pb2.AnalyzeDocumentRequest, deadline: Deadline
    ) -> gateway_pb2.AnalyzeDocumentResponse:
        check_document(request)

        async def work() -> gateway_pb2.AnalyzeDocumentResponse:
            models = await self._models(request, deadline)
            terms = Terms(deadline, request.priority)
            with self._pixels.hold() as hold:
                analysis = DocumentAnalysis(request, models, self._upstreams, self._workers, hold, terms)
                answer = await analysis.run()
            self._metrics.analysed(answer, analysis.stages)
            return answer

        async with self._call(deadline):
            return _fits(await self._upstreams.with_current_models(work), "document")

    async def _models(self, request: gateway_pb2.AnalyzeDocumentRequest, deadline: Deadline) -> Models:
        async with siblings() as tasks:
            detectors = tasks.create_task(self._upstreams.detectors.get(deadline))
            embedders = tasks.create_task(self._upstreams.embedders.get(deadline))
            segmenters = tasks.create_task(self._upstreams.segmenters.get(deadline)) if request.include_masks else None
        return Models(
            for_preset(detectors.result(), request.preset),
            for_preset(embedders.result(), request.preset),
            for_preset(segmenters.result(), request.preset) if segmenters else None,
        )


def _too_large(field: str) -> InvalidInput:
    size = f"the answer would be larger than {MAX_MESSAGE_BYTES // 2**20} MiB"
    return InvalidInput(f"{size}: send fewer or smaller pictures a call", field)


def _fits(answer: A, field: str) -> A:
    """InvalidInput when the answer is too large to be sent."""
    if answer.ByteSize() > MAX_MESSAGE_BYTES:
        raise _too_large(field)
    return answer
