"""A stream of documents: what both clients send over it, and the results in which it ends."""

import asyncio
import itertools
from collections import defaultdict, deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from pathlib import Path

from stamp2vec.client.calls import check_size
from stamp2vec.document.options import Options
from stamp2vec.errors import InvalidInput, Stamp2vecError
from stamp2vec.files import File, contents
from stamp2vec.limits import MAX_FILE_BYTES
from stamp2vec.v1 import gateway_pb2
from stamp2vec.values import DocumentResult, PageResult, Preset
from stamp2vec.wire.documents import document_from_pages, page_from_message, request_to_message
from stamp2vec.wire.errors import status_from_message

Document = str | Path | tuple[str, File]
"""A path, or a file and a name for it."""

_PIECE_BYTES = 16 * 2**20


class DocumentStream:
    """The documents of one stream as requests, and what of them gets no response from the gateway."""

    def __init__(self, preset: Preset, options: Options, *, bulk: bool) -> None:
        """What is asked of every document."""
        self._preset, self._options, self._bulk = preset, options, bulk
        self._numbers = itertools.count()
        self._names: dict[str, str] = {}  # by the id in the stream, which is short, and of one document alone
        self._refused: deque[tuple[str, Stamp2vecError]] = deque()
        self._error: Exception | None = None
        self._pages: defaultdict[str, list[PageResult]] = defaultdict(list)
        self.file_warnings: tuple[str, ...] = ()
        """Of the last document that `pages` has seen the end of."""

    def requests(self, documents: Iterable[Document]) -> Iterator[gateway_pb2.AnalyzeDocumentsRequest]:
        """A document's requests. An error of `documents` ends them, and is raised by `end`."""
        try:
            for document in _checked(documents):
                yield from self._requests(*_read(document))
        except Exception as error:
            self._error = error

    async def requests_async(
        self, documents: Iterable[Document] | AsyncIterable[Document]
    ) -> AsyncIterator[gateway_pb2.AnalyzeDocumentsRequest]:
        """The same; files are read in a thread."""
        try:
            async for document in _each(documents):
                for request in self._requests(*await asyncio.to_thread(_read, document)):
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
        name = self._names.pop(response.id, response.id)
        yield name, status_from_message(response.status) or document_from_pages(pages, response.result)

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

    def _requests(self, name: str, document: bytes | InvalidInput) -> Iterator[gateway_pb2.AnalyzeDocumentsRequest]:
        """The document in pieces that a gateway has room for while it reads those of others."""
        if isinstance(document, InvalidInput):
            self._refused.append((name, document))
            return
        number = str(next(self._numbers))
        self._names[number] = name
        first = request_to_message(document[:_PIECE_BYTES], self._preset, self._options, bulk=self._bulk)
        yield gateway_pb2.AnalyzeDocumentsRequest(
            id=number, document=first, page_by_page=True, continues=len(document) > _PIECE_BYTES
        )
        for start in range(_PIECE_BYTES, len(document), _PIECE_BYTES):
            end = start + _PIECE_BYTES
            piece = gateway_pb2.AnalyzeDocumentRequest(document=document[start:end])
            yield gateway_pb2.AnalyzeDocumentsRequest(id=number, document=piece, continues=len(document) > end)

    def _drain(self) -> Iterator[tuple[str, Stamp2vecError]]:
        while self._refused:
            yield self._refused.popleft()


def _read(document: Document) -> tuple[str, bytes | InvalidInput]:
    """Its name, and its bytes or why there are none to send."""
    name, file = document if isinstance(document, tuple) else (str(document), document)
    try:
        data = contents(file, MAX_FILE_BYTES, "document")
        check_size(data, MAX_FILE_BYTES)
    except InvalidInput as error:
        return name, error
    return name, data


def _checked(documents: Iterable[Document]) -> Iterable[Document]:
    """InvalidInput for a single path: the letters of a text are texts too."""
    if isinstance(documents, str):
        raise InvalidInput(f"{documents!r} is one document: pass a list of documents, or call analyze", "documents")
    return documents


async def _each(documents: Iterable[Document] | AsyncIterable[Document]) -> AsyncIterator[Document]:
    if isinstance(documents, AsyncIterable):
        async for document in documents:
            yield document
    else:
        for document in _checked(documents):
            yield document
