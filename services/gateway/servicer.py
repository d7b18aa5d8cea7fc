"""The methods of StampService: requests checked, admitted and given their time; errors go to the runtime's table."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import TypeVar

from google.protobuf.message import Message

from services.gateway import one_model
from services.gateway.admission.admission import Admission
from services.gateway.admission.budgets import Budgets
from services.gateway.admission.long_documents import LongDocuments
from services.gateway.admission.workers import Threads, Workers
from services.gateway.comparison import compare_stamps, ink_models
from services.gateway.document.analysis import DocumentAnalysis
from services.gateway.document.erasing import DocumentErasing
from services.gateway.document.stream import Document, DocumentStream
from services.gateway.metrics import GatewayMetrics
from services.gateway.tasks import task_group
from services.gateway.upstream.calls import ModelCaller
from services.gateway.upstream.deadline import Deadline
from services.gateway.upstream.upstreams import Upstreams
from services.gateway.validation import (
    DOCUMENT_LIMITS,
    PAGED_LIMITS,
    STREAMED_LIMITS,
    check_comparands,
    check_crops,
    check_document,
    check_erasing,
    check_pages,
)
from services.runtime.batching.refusals import NotServing
from services.runtime.security.limits import check
from services.runtime.serving.errors import AioContext
from stamp2vec.decoding import DecoderPool, SharedFile
from stamp2vec.document import InkModels, Models, Options
from stamp2vec.errors import InvalidInput, ModelNotFound
from stamp2vec.limits import MAX_MESSAGE_BYTES
from stamp2vec.v1 import common_pb2, gateway_pb2
from stamp2vec.v1.gateway_pb2_grpc import StampServiceServicer
from stamp2vec.values import Preset, Task
from stamp2vec.wire.comparisons import comparison_to_message
from stamp2vec.wire.documents import options_from_message
from stamp2vec.wire.erasing import erase_options_from_message, erased_to_message
from stamp2vec.wire.models import info_to_message, preset_from_number

log = logging.getLogger(__name__)

A = TypeVar("A", bound=Message)


class StampServicer(StampServiceServicer):
    """What callers reach."""

    def __init__(
        self,
        upstreams: Upstreams,
        threads: Threads,
        decoders: DecoderPool,
        long_documents: Mapping[bool, LongDocuments],
        admission: Admission,
        budgets: Budgets,
        metrics: GatewayMetrics,
        ending: asyncio.Event,
    ) -> None:
        """`ending` is set when streams are to finish what they have, and end; `long_documents` are by urgency."""
        self._upstreams, self._threads, self._decoders = upstreams, threads, decoders
        self._long_documents = long_documents
        self._admission, self._budgets, self._metrics, self._ending = admission, budgets, metrics, ending

    async def AnalyzeDocument(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.AnalyzeDocumentRequest, context: AioContext
    ) -> gateway_pb2.AnalyzeDocumentResponse:
        """See StampService in gateway.proto, as for all of these."""
        check_document(request, len(request.document), DOCUMENT_LIMITS)
        document = Document.begun(request, self._budgets.messages.hold())  # the request's bytes count already
        del request  # and are to be held once
        try:
            return await self._analyze(document, Deadline.after(context.time_remaining()))
        finally:
            self._decoders.close_file(document.file)

    async def AnalyzeDocuments(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest], context: AioContext
    ) -> AsyncIterator[gateway_pb2.AnalyzeDocumentsResponse]:
        """Admits documents, not streams: an open stream with nothing on it takes no place."""
        stream = DocumentStream(
            self._analyze_admitted,
            self._budgets.messages,
            self._decoders.close_file,
            context.time_remaining,
            self._ending,
        )
        async with aclosing(stream.answers(aiter(request_iterator))) as responses:
            async for response in responses:
                yield response

    async def EraseStamps(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.EraseStampsRequest, context: AioContext
    ) -> gateway_pb2.EraseStampsResponse:
        """The file is found, erased and written by one decoder, which reads nothing else meanwhile."""
        check_erasing(request)
        preset, options = preset_from_number(request.preset, "preset"), erase_options_from_message(request)
        priority, file = request.priority, SharedFile(request.document)
        del request  # its bytes are to be held once
        deadline = Deadline.after(context.time_remaining())

        async def work(caller: ModelCaller) -> gateway_pb2.EraseStampsResponse:
            models = await self._models(preset, options.analysis(), deadline)
            erasing = DocumentErasing(file, options, models, caller, DOCUMENT_LIMITS)
            erased = await erasing.run()
            self._metrics.analyzed(erasing.analysis.pages, erasing.analysis.stages)
            return await caller.workers.run(erased_to_message, erased)

        try:
            return _checked_size(await self._call(work, deadline, priority), "document")
        finally:
            self._decoders.close_file(file)

    async def DetectStamps(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.DetectStampsRequest, context: AioContext
    ) -> gateway_pb2.DetectStampsResponse:
        """Boxes in pixels of each picture."""
        check_pages(request)
        deadline = Deadline.after(context.time_remaining())
        return await self._call(lambda caller: one_model.detect(request, caller), deadline, request.priority)

    async def SegmentStamps(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.SegmentStampsRequest, context: AioContext
    ) -> gateway_pb2.SegmentStampsResponse:
        """Masks of each crop's size."""
        check_crops(request)
        deadline = Deadline.after(context.time_remaining())
        response = await self._call(lambda caller: one_model.segment(request, caller), deadline, request.priority)
        return _checked_size(response, "images")

    async def EmbedStamps(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.EmbedStampsRequest, context: AioContext
    ) -> gateway_pb2.EmbedStampsResponse:
        """Vectors of length 1."""
        check_crops(request)
        deadline = Deadline.after(context.time_remaining())
        return await self._call(lambda caller: one_model.embed(request, caller), deadline, request.priority)

    async def CompareStamps(  # noqa: N802 - the contract's name
        self, request: gateway_pb2.CompareStampsRequest, context: AioContext
    ) -> gateway_pb2.CompareStampsResponse:
        """Two vectors compare without any model service."""
        check_comparands(request)

        async def work(caller: ModelCaller) -> gateway_pb2.CompareStampsResponse:
            return comparison_to_message(await compare_stamps(request, caller))

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
        *,
        patient: bool = False,
    ) -> A:
        """A call that has a place, until the deadline. TimeoutError, or QueueFull where the place is not for bulk."""
        urgent = priority != common_pb2.PRIORITY_BULK
        if not urgent:
            self._admission.check_bulk()
        with self._budgets.pages.hold(urgent=urgent) as hold:
            workers = Workers(self._threads, urgent=urgent)
            line = self._long_documents[urgent]
            caller = ModelCaller(self._upstreams, workers, self._decoders, line, hold, deadline, priority, patient)
            async with asyncio.timeout_at(deadline.at_s):
                return await self._upstreams.with_current_models(lambda: work(caller))

    async def _analyze_admitted(self, document: Document, deadline: Deadline) -> gateway_pb2.AnalyzeDocumentResponse:
        """One of a stream, whose place it takes itself. QueueFull when too many calls are in work, and LimitReached."""
        check()
        with self._admission.enter(urgent=document.request.priority != common_pb2.PRIORITY_BULK):
            return await self._analyze(document, deadline)

    async def _analyze(self, document: Document, deadline: Deadline) -> gateway_pb2.AnalyzeDocumentResponse:
        request = document.request
        limits = PAGED_LIMITS if document.on_page else STREAMED_LIMITS
        check_document(request, document.file.size, limits)
        preset, options = preset_from_number(request.preset, "preset"), options_from_message(request)

        async def work(caller: ModelCaller) -> gateway_pb2.AnalyzeDocumentResponse:
            if document.answered_pages:  # by models that are not served any more: the rest would not go with them
                raise NotServing("the models changed in the middle of the document: send it again")
            models = await self._models(preset, options, deadline)
            analysis = DocumentAnalysis(document.file, options, models, caller, limits, document.on_page)
            response = await analysis.run()
            self._metrics.analyzed(analysis.pages, analysis.stages)
            return response

        call = self._call(work, deadline, request.priority, patient=document.on_page is not None)
        return _checked_size(await call, "document")

    async def _models(self, preset: Preset, options: Options, deadline: Deadline) -> Models:
        needed = {
            Task.DETECT: True,
            Task.EMBED: options.include_vectors,
            Task.SEGMENT: options.needs_masks,
            Task.READ: options.include_text,
        }
        async with task_group() as tasks:
            chosen = {
                task: tasks.create_task(self._upstreams.choose(task, preset, deadline))
                for task, is_needed in needed.items()
                if is_needed
            }
            ink = tasks.create_task(self._ink_models(preset, deadline)) if options.include_vectors else None
        detector = chosen[Task.DETECT].result()
        embedder, segmenter, reader = map(chosen.get, (Task.EMBED, Task.SEGMENT, Task.READ))
        return Models(
            detector,
            embedder.result() if embedder else None,
            segmenter.result() if segmenter else None,
            ink.result() if ink else None,
            reader.result() if reader else None,
            await self._upstreams.refiner_of(detector, deadline),
        )

    async def _ink_models(self, preset: Preset, deadline: Deadline) -> InkModels | None:
        """None where the services have no pair network for it, as during a roll-out: documents then have no dies."""
        try:
            return await ink_models(preset, self._upstreams, deadline)
        except (ModelNotFound, InvalidInput) as error:
            log.warning("pair_network_missing", extra={"fields": {"reason": str(error)}})
            return None


def _checked_size(response: A, field: str) -> A:
    """InvalidInput when the response is too large to be sent."""
    if response.ByteSize() > MAX_MESSAGE_BYTES:
        raise one_model.too_large(field)
    return response
