"""The calls of the gateway as coroutines."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from typing import Any, Self, TypeVar, Unpack

import grpc
import grpc.aio
import numpy as np

from stamp2vec.client import calls
from stamp2vec.client.calls import Call
from stamp2vec.client.connection import channel_options, metadata
from stamp2vec.client.errors import call_error
from stamp2vec.client.stream import Document, DocumentStream
from stamp2vec.document import EraseOptions
from stamp2vec.document.options import DocumentOptions, Options, PageOptions
from stamp2vec.errors import Stamp2vecError
from stamp2vec.files import File, contents
from stamp2vec.limits import DEFAULT_DEADLINE_S, MAX_DOCUMENT_BYTES
from stamp2vec.v1.gateway_pb2_grpc import StampServiceStub
from stamp2vec.values import (
    Comparison,
    Detection,
    DocumentResult,
    Embedding,
    ErasedDocument,
    InkColour,
    ModelInfo,
    PageResult,
    Preset,
    StampPlace,
    StampType,
)
from stamp2vec.wire.images import Picture

Result = TypeVar("Result")


class AsyncClient:
    """A connection to a gateway, made and used inside one running event loop: the same calls as those of Client.

    A coroutine that is cancelled cancels its call at the gateway.
    """

    def __init__(
        self,
        address: str,
        *,
        deadline_s: float = DEFAULT_DEADLINE_S,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
    ) -> None:
        """See Client."""
        self.address = address
        self.deadline_s = deadline_s
        self._metadata = metadata(address, token, encrypted=credentials is not None)
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(address, channel_options(address))
        else:
            self._channel = grpc.aio.secure_channel(address, credentials, channel_options(address))
        self._stub: Any = StampServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection and every call on it."""
        await self._channel.close()

    async def analyze(
        self,
        document: File,
        preset: Preset = Preset.FAST,
        *,
        bulk: bool = False,
        **options: Unpack[DocumentOptions],
    ) -> DocumentResult:
        """See Client.analyze. A file is read in a thread."""
        data = await asyncio.to_thread(contents, document, MAX_DOCUMENT_BYTES, "document")
        return await self._run(calls.analyze(data, preset, Options(**options), bulk=bulk))

    async def erase(
        self,
        document: File,
        preset: Preset = Preset.FAST,
        *,
        types: Sequence[StampType] = (),
        inks: Sequence[InkColour] = (),
        dies: Sequence[int] = (),
        keep: Sequence[StampPlace] = (),
        min_score: float | None = None,
        max_overlap: float | None = None,
        pages: str = "",
        password: str | None = None,
        bulk: bool = False,
    ) -> ErasedDocument:
        """See Client."""
        options = EraseOptions(
            types=tuple(types),
            inks=tuple(inks),
            dies=tuple(dies),
            keep=tuple(keep),
            min_score=min_score,
            max_overlap=max_overlap,
            pages=pages,
            password=password,
        )
        data = await asyncio.to_thread(contents, document, MAX_DOCUMENT_BYTES, "document")
        return await self._run(calls.erase(data, preset, options, bulk=bulk))

    async def analyze_many(
        self,
        documents: Iterable[Document] | AsyncIterable[Document],
        preset: Preset = Preset.FAST,
        *,
        bulk: bool = True,
        deadline_s: float = 3600.0,
        **options: Unpack[DocumentOptions],
    ) -> AsyncIterator[tuple[str, DocumentResult | Stamp2vecError]]:
        """See Client.analyze_many. Files are read in a thread, an Iterable itself in the event loop."""
        stream = DocumentStream(preset, Options(**options), bulk=bulk)
        requests = stream.requests_async(documents)
        call = self._stub.AnalyzeDocuments(requests, timeout=deadline_s, metadata=self._metadata)
        try:
            async for response in call:
                for result in stream.results(response):
                    yield result
            for refused in stream.end():
                yield refused
        except grpc.RpcError as error:
            raise call_error(error, self.address) from error
        finally:
            call.cancel()

    async def analyze_pages(
        self,
        document: File,
        preset: Preset = Preset.FAST,
        *,
        bulk: bool = False,
        deadline_s: float = 3600.0,
        **options: Unpack[PageOptions],
    ) -> AsyncIterator[PageResult]:
        """See Client.analyze_pages."""
        stream = DocumentStream(preset, Options(**options), bulk=bulk)
        requests = stream.requests_async([("document", document)])
        call = self._stub.AnalyzeDocuments(requests, timeout=deadline_s, metadata=self._metadata)
        try:
            async for response in call:
                for page in stream.pages(response):
                    yield page
            stream.raise_refusal()
        except grpc.RpcError as error:
            raise call_error(error, self.address) from error
        finally:
            call.cancel()

    async def detect(
        self,
        pages: Sequence[Picture],
        model: Preset | str = Preset.FAST,
        *,
        min_score: float | None = None,
        max_overlap: float | None = None,
        max_detections: int | None = None,
        bulk: bool = False,
    ) -> list[list[Detection] | Stamp2vecError]:
        """See Client.detect."""
        return await self._run(
            calls.detect(
                pages,
                model,
                min_score=min_score,
                max_overlap=max_overlap,
                max_detections=max_detections,
                bulk=bulk,
            )
        )

    async def segment(
        self, crops: Sequence[Picture], model: Preset | str = Preset.FAST, *, bulk: bool = False
    ) -> list[np.ndarray | Stamp2vecError]:
        """See Client.segment."""
        return await self._run(calls.segment(crops, model, bulk=bulk))

    async def embed(
        self, crops: Sequence[Picture], model: Preset | str = Preset.FAST, *, bulk: bool = False
    ) -> list[Embedding | Stamp2vecError]:
        """See Client.embed."""
        return await self._run(calls.embed(crops, model, bulk=bulk))

    async def compare(
        self,
        a: Picture | Embedding,
        b: Picture | Embedding,
        model: Preset | str | None = None,
        *,
        by_vectors: bool = False,
        prior: float | None = None,
    ) -> Comparison:
        """See Client.compare."""
        return await self._run(calls.compare(a, b, model, by_vectors=by_vectors, prior=prior))

    async def models(self) -> list[ModelInfo]:
        """See Client.models."""
        return await self._run(calls.models())

    async def _run(self, call: Call[Result]) -> Result:
        try:
            response = await getattr(self._stub, call.method)(
                call.request, timeout=self.deadline_s, metadata=self._metadata
            )
        except grpc.RpcError as error:
            return call.read_error(error, self.address)
        return call.read(response)
