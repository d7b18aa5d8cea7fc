"""A stream of documents: what both clients send over it, and the results in which it ends."""

from collections import defaultdict, deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

from stamp2vec.client.calls import check_size
from stamp2vec.document.options import Options
from stamp2vec.errors import InvalidInput, Stamp2vecError
from stamp2vec.limits import MAX_FILE_BYTES
from stamp2vec.v1 import gateway_pb2
from stamp2vec.values import DocumentResult, PageResult, Preset
from stamp2vec.wire.documents import document_from_pages, page_from_message, request_to_message
from stamp2vec.wire.errors import status_from_message

_PIECE_BYTES = 16 * 2**20


class DocumentStream:
    """The documents of one stream as requests, and what of them gets no response from the gateway."""

    def __init__(self, preset: Preset, options: Options, *, bulk: bool) -> None:
        """What is asked of every document."""
        self._preset, self._options, self._bulk = preset, options, bulk
        self._refused: deque[tuple[str, Stamp2vecError]] = deque()
        self._error: Exception | None = None
        self._pages: defaultdict[str, list[PageResult]] = defaultdict(list)
        self.file_warnings: tuple[str, ...] = ()
        """Of the last document that `pages` has seen the end of."""

    def requests(self, documents: Iterable[tuple[str, bytes]]) -> Iterator[gateway_pb2.AnalyzeDocumentsRequest]:
        """A document's requests. An error of `documents` ends them, and is raised by `end`."""
        try:
            for name, document in documents:
                yield from self._requests(name, document)
        except Exception as error:
            self._error = error

    async def requests_async(
        self, documents: AsyncIterable[tuple[str, bytes]]
    ) -> AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest]:
        """The same."""
        try:
            async for name, document in documents:
                for request in self._requests(name, document):
                    yield request
        except Exception as error:
            self._error = error

    def results(
        self, response: gateway_pb2.AnalyzeDocumentsResponse
    ) -> Iterator[tuple[str, DocumentResult | Stamp2vecError]]:
        """The documents that were refused meanwhile, and the one that the response completes."""
        yield from self._drain()
        if response.HasField("page"):
            self._pages[response.id].append(page_from_message(response.page))
            return
        pages = self._pages.pop(response.id, [])
        yield response.id, status_from_message(response.status) or document_from_pages(pages, response.result)

    def pages(self, response: gateway_pb2.AnalyzeDocumentsResponse) -> Iterator[PageResult]:
        """The pages of a response. Raises the error of its document."""
        if response.HasField("page"):
            yield page_from_message(response.page)
        elif error := status_from_message(response.status):
            raise error
        else:
            self.file_warnings = tuple(response.result.warnings)

    def raise_refusal(self) -> None:
        """Raises the error of a document that was never sent."""
        for _, error in self._drain():
            raise error

    def end(self) -> Iterator[tuple[str, Stamp2vecError]]:
        """The last that were refused. Raises what `documents` raised."""
        yield from self._drain()
        if self._error is not None:
            raise self._error

    def _requests(self, name: str, document: bytes) -> Iterator[gateway_pb2.AnalyzeDocumentsRequest]:
        """The document in pieces that a gateway has room for while it reads those of others."""
        try:
            check_size(document, MAX_FILE_BYTES)
        except InvalidInput as error:
            self._refused.append((name, error))
            return
        first = request_to_message(document[:_PIECE_BYTES], self._preset, self._options, bulk=self._bulk)
        yield gateway_pb2.AnalyzeDocumentsRequest(
            id=name, document=first, page_by_page=True, continues=len(document) > _PIECE_BYTES
        )
        for start in range(_PIECE_BYTES, len(document), _PIECE_BYTES):
            end = start + _PIECE_BYTES
            piece = gateway_pb2.AnalyzeDocumentRequest(document=document[start:end])
            yield gateway_pb2.AnalyzeDocumentsRequest(id=name, document=piece, continues=len(document) > end)

    def _drain(self) -> Iterator[tuple[str, Stamp2vecError]]:
        while self._refused:
            yield self._refused.popleft()
