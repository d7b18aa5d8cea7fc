"""The calls of the gateway as coroutines."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from typing import Any, Self, TypeVar

import grpc
import grpc.aio
import numpy as np

from stamp2vec.client import calls
from stamp2vec.client.calls import Call
from stamp2vec.client.connection import channel_options, metadata
from stamp2vec.client.errors import call_error
from stamp2vec.client.stream import DocumentStream
from stamp2vec.document.options import Options
from stamp2vec.errors import Stamp2vecError
from stamp2vec.limits import DEFAULT_DEADLINE_S
from stamp2vec.v1.gateway_pb2_grpc import StampServiceStub
from stamp2vec.values import Comparison, Detection, DocumentResult, Embedding, ModelInfo, PageResult, Preset
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
        document: bytes,
        preset: Preset = Preset.FAST,
        *,
        min_score: float | None = None,
        max_overlap: float | None = None,
        include_vectors: bool = True,
        include_masks: bool = False,
        include_crops: bool = False,
        include_text: bool = False,
        prior: float | None = None,
        pages: str = "",
        password: str | None = None,
        bulk: bool = False,
    ) -> DocumentResult:
        """See Client.analyze."""
        options = Options(
            min_score=min_score,
            max_overlap=max_overlap,
            include_vectors=include_vectors,
            include_masks=include_masks,
            include_crops=include_crops,
            include_text=include_text,
            prior=prior,
            pages=pages,
            password=password,
        )
        return await self._run(calls.analyze(document, preset, options, bulk=bulk))

    async def analyze_many(
        self,
        documents: Iterable[tuple[str, bytes]] | AsyncIterable[tuple[str, bytes]],
        preset: Preset = Preset.FAST,
        *,
        min_score: float | None = None,
        max_overlap: float | None = None,
        include_vectors: bool = True,
        include_masks: bool = False,
        include_crops: bool = False,
        include_text: bool = False,
        prior: float | None = None,
        pages: str = "",
        password: str | None = None,
        bulk: bool = True,
        deadline_s: float = 3600.0,
    ) -> AsyncIterator[tuple[str, DocumentResult | Stamp2vecError]]:
        """See Client.analyze_many. An Iterable is read in the event loop: pass an AsyncIterable where reading waits."""
        options = Options(
            min_score=min_score,
            max_overlap=max_overlap,
            include_vectors=include_vectors,
            include_masks=include_masks,
            include_crops=include_crops,
            include_text=include_text,
            prior=prior,
            pages=pages,
            password=password,
        )
        stream = DocumentStream(preset, options, bulk=bulk)
        if isinstance(documents, AsyncIterable):
            requests: object = stream.requests_async(documents)
        else:
            requests = stream.requests(documents)
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
        document: bytes,
        preset: Preset = Preset.FAST,
        *,
        min_score: float | None = None,
        max_overlap: float | None = None,
        include_vectors: bool = True,
        include_masks: bool = False,
        include_crops: bool = False,
        include_text: bool = False,
        pages: str = "",
        password: str | None = None,
        bulk: bool = False,
        deadline_s: float = 3600.0,
    ) -> AsyncIterator[PageResult]:
        """See Client.analyze_pages."""
        options = Options(
            min_score=min_score,
            max_overlap=max_overlap,
            include_vectors=include_vectors,
            include_masks=include_masks,
            include_crops=include_crops,
            include_text=include_text,
            pages=pages,
            password=password,
        )
        stream = DocumentStream(preset, options, bulk=bulk)
        call = self._stub.AnalyzeDocuments(
            stream.requests([("document", document)]), timeout=deadline_s, metadata=self._metadata
        )
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
        """Judges whether one die made two stamps, each a crop or a vector.

        Two crops are compared by their ink too, unless only `by_vectors`; vectors show no letters, so that by them
        alone the verdict is SAME_LAYOUT at most. `model` is by default that of a vector, else the fast one. `prior`, by
        default 0.5, is the share of pairs of one die among those that are asked about, the others being look-alikes.
        """
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
