"""A stream of documents: what both clients send over it, and the results in which it ends."""

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

from stamp2vec.client.calls import check_size
from stamp2vec.document.options import Options
from stamp2vec.errors import InvalidInput, Stamp2vecError
from stamp2vec.v1 import gateway_pb2
from stamp2vec.values import DocumentResult, Preset
from stamp2vec.wire.documents import request_to_message, result_from_message
from stamp2vec.wire.errors import status_from_message


class DocumentStream:
    """The documents of one stream as requests, and what of them gets no response from the gateway."""

    def __init__(self, preset: Preset, options: Options, *, bulk: bool) -> None:
        """What is asked of every document."""
        self._preset, self._options, self._bulk = preset, options, bulk
        self._refused: deque[tuple[str, Stamp2vecError]] = deque()
        self._error: Exception | None = None

    def requests(self, documents: Iterable[tuple[str, bytes]]) -> Iterator[gateway_pb2.AnalyzeDocumentsRequest]:
        """A request a document. An error of `documents` ends them, and is raised by `end`."""
        try:
            for name, document in documents:
                if request := self._request(name, document):
                    yield request
        except Exception as error:
            self._error = error

    async def requests_async(
        self, documents: AsyncIterable[tuple[str, bytes]]
    ) -> AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest]:
        """The same."""
        try:
            async for name, document in documents:
                if request := self._request(name, document):
                    yield request
        except Exception as error:
            self._error = error

    def results(
        self, response: gateway_pb2.AnalyzeDocumentsResponse
    ) -> Iterator[tuple[str, DocumentResult | Stamp2vecError]]:
        """The documents that were refused meanwhile, and the one of the response."""
        yield from self._drain()
        yield response.id, status_from_message(response.status) or result_from_message(response.result)

    def end(self) -> Iterator[tuple[str, Stamp2vecError]]:
        """The last that were refused. Raises what `documents` raised."""
        yield from self._drain()
        if self._error is not None:
            raise self._error

    def _request(self, name: str, document: bytes) -> gateway_pb2.AnalyzeDocumentsRequest | None:
        try:
            check_size(document)
        except InvalidInput as error:
            self._refused.append((name, error))
            return None
        request = request_to_message(document, self._preset, self._options, bulk=self._bulk)
        return gateway_pb2.AnalyzeDocumentsRequest(id=name, document=request)

    def _drain(self) -> Iterator[tuple[str, Stamp2vecError]]:
        while self._refused:
            yield self._refused.popleft()
