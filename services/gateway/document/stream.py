"""Many documents over one stream: a few in work at a time, answered as they finish, or page by page."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Self

import grpc.aio

from services.gateway.document.analysis import OnPage
from services.gateway.upstream.deadline import Deadline
from services.gateway.validation import check_id
from services.runtime.batching.refusals import HopelessDeadline, NotServing, QueueFull
from services.runtime.observability import tracing
from services.runtime.security.refusals import LimitReached
from services.runtime.serving.byte_budget import ByteBudget, Hold
from services.runtime.serving.errors import item_status, problem
from stamp2vec.decoding import SharedFile
from stamp2vec.errors import InvalidImage, InvalidInput
from stamp2vec.limits import MAX_FILE_BYTES
from stamp2vec.v1 import common_pb2, gateway_pb2

MAX_IN_WORK = 8
BUSY_RETRY_S = 1.0
_PATIENCE_S = 10.0  # that the sender of a half-sent document has for its next piece while others wait for room

Request = gateway_pb2.AnalyzeDocumentRequest
Answer = gateway_pb2.AnalyzeDocumentsResponse


@dataclass(slots=True)
class Document:
    """A file and what is asked of it; `request` has all but the file's bytes, which `hold` has taken.

    `on_page` takes its pages one by one, where it is answered so.
    """

    request: Request
    file: SharedFile
    hold: Hold
    on_page: OnPage | None = None
    answered_pages: int = 0

    @classmethod
    def begun(cls, request: Request, hold: Hold) -> Self:
        """Of its first bytes; the request is not needed any more."""
        options = Request()
        for field, value in request.ListFields():
            if field.name != "document":  # whose bytes would stay as long as the options do
                setattr(options, field.name, value)
        return cls(options, SharedFile(request.document), hold)

    def append(self, data: bytes) -> None:
        """Keeps more bytes. InvalidImage when there are too many, QueueFull when there is no room for them now."""
        if self.file.size + len(data) > MAX_FILE_BYTES:
            size = f"the document has more than {MAX_FILE_BYTES:,} bytes"
            raise InvalidImage(f"{size}: compress it, or split it", "document")
        if not self.hold.try_take(len(data)):  # to wait could be to wait for others who wait
            raise QueueFull(BUSY_RETRY_S)
        self.file.append(data)


Analyze = Callable[[Document, Deadline], Awaitable[gateway_pb2.AnalyzeDocumentResponse]]


class DocumentStream:
    """The documents of one call."""

    def __init__(
        self,
        analyze: Analyze,
        budget: ByteBudget,
        close_file: Callable[[SharedFile], None],
        remaining_s: Callable[[], float | None],
        ending: asyncio.Event,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        """`remaining_s` is what is left of the stream's deadline, None where there is none; `ending` ends it.

        A document of which no piece comes for `patience_s` while others wait for room fails with QueueFull.
        """
        self._analyze, self._budget, self._close_file = analyze, budget, close_file
        self._remaining_s, self._ending, self._patience_s = remaining_s, ending, patience_s
        self._answers: asyncio.Queue[Answer] = asyncio.Queue(maxsize=1)
        self._uploads: dict[str, Document | Exception] = {}  # of which more bytes are to come
        self._work: dict[asyncio.Task[None], str] = {}

    async def answers(self, requests: AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest]) -> AsyncGenerator[Answer]:
        """Reads no further while 8 documents are in work or their responses not taken.

        A failed document gets an error response. Once `ending` is set it reads no more at all, responds to what it
        has, and raises NotServing. Each document has what is left of the stream's deadline, or 30 s where there is
        none. A request that is no message ends the stream with InvalidInput, after all that came before it has been
        answered. Closing this iterator cancels all that is in work.
        """
        reading: asyncio.Task[gateway_pb2.AnalyzeDocumentsRequest] | None = None
        end = asyncio.create_task(self._ending.wait())
        getting = asyncio.create_task(self._answers.get())
        ended, unreadable = False, None
        try:
            while True:
                self._work = {task: name for task, name in self._work.items() if not task.done()}
                if getting.done():
                    answer, getting = getting.result(), asyncio.create_task(self._answers.get())
                    yield answer
                    continue
                if reading is None and not ended and not end.done() and len(self._work) < MAX_IN_WORK:
                    reading = asyncio.ensure_future(anext(requests))
                if reading is not None and reading.done():
                    try:
                        await self._take(reading.result())
                    except StopAsyncIteration:
                        ended = True
                    except InvalidInput as error:
                        ended, unreadable = True, error
                    reading = None
                    continue
                if not self._work and self._answers.empty() and (ended or end.done()):
                    break
                waiting = {getting, *self._work, *([reading] if reading else ()), *(() if end.done() else (end,))}
                patience_s = self._patience_s if self._uploads else None
                done, _ = await asyncio.wait(waiting, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
                if not done and self._budget.is_waited_for:
                    self._drop_uploads()
            if unreadable is not None:
                raise unreadable
            if not ended:
                raise NotServing("this server is shutting down: open the stream again and send what has no answer yet")
        finally:
            left = [*self._work, getting, end, *([reading] if reading else ())]
            for each in left:
                each.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            for upload in self._uploads.values():
                self._close(upload)

    async def _take(self, request: gateway_pb2.AnalyzeDocumentsRequest) -> None:
        """Keeps the bytes of a request; puts its document to work when it has them all."""
        document = self._uploads.pop(request.id, None)
        try:
            if document is None:
                check_id(request.id, self._work.values())
                document = await self._begun(request)
            elif isinstance(document, Document):
                document.append(request.document.document)
        except Exception as error:  # what is wrong with a document is told when all of it has come
            self._close(document)
            document = error
        if request.continues:
            self._uploads[request.id] = document
        else:
            answering = self._answer(request.id, document, Deadline.after(self._remaining_s()))
            self._work[asyncio.create_task(answering)] = request.id

    async def _begun(self, request: gateway_pb2.AnalyzeDocumentsRequest) -> Document:
        """Its first bytes wait for room where no other document of this stream holds any while it does no work."""
        priority = request.document.priority or common_pb2.PRIORITY_BULK
        hold = self._budget.hold(urgent=priority != common_pb2.PRIORITY_BULK)
        count = len(request.document.document)
        if self._uploads:
            if not hold.try_take(count):
                raise QueueFull(BUSY_RETRY_S)
        else:
            await hold.take(count)

        document = Document.begun(request.document, hold)
        document.request.priority = priority
        if request.page_by_page:
            name = request.id

            async def on_page(page: gateway_pb2.Page) -> None:
                document.answered_pages += 1
                await self._answers.put(Answer(id=name, page=page))

            document.on_page = on_page
        return document

    async def _answer(self, name: str, document: Document | Exception, deadline: Deadline) -> None:
        try:
            if isinstance(document, Exception):
                raise document
            with tracing.stage("document"):
                answer = Answer(id=name, result=await self._patiently(document, deadline))
        except Exception as error:
            answer = Answer(id=name, status=item_status(error))
        finally:
            self._close(document)
        await self._answers.put(answer)

    async def _patiently(self, document: Document, deadline: Deadline) -> gateway_pb2.AnalyzeDocumentResponse:
        """A stream yields when all is busy: it retries after the pushback that it got, until its deadline."""
        while True:
            try:
                return await self._analyze(document, deadline)
            except (QueueFull, HopelessDeadline, LimitReached, grpc.aio.AioRpcError) as error:
                retry_after_s = problem(error).retry_after_s
                if retry_after_s is None or retry_after_s >= deadline.remaining_s() or document.answered_pages:
                    raise
            await asyncio.sleep(retry_after_s)

    def _drop_uploads(self) -> None:
        """Gives the bytes of half-sent documents to those who wait; their senders are told once they are sent."""
        for name, upload in self._uploads.items():
            self._close(upload)
            if isinstance(upload, Document):
                self._uploads[name] = QueueFull(BUSY_RETRY_S)

    def _close(self, document: Document | Exception | None) -> None:
        """Gives its bytes back."""
        if isinstance(document, Document):
            self._close_file(document.file)
            document.hold.close()
