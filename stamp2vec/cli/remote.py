"""A gateway as the engine of the command line."""

import dataclasses
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Self

import grpc
import numpy as np

from stamp2vec.client import Client, ServiceError
from stamp2vec.document import EraseOptions
from stamp2vec.document.options import Options
from stamp2vec.errors import ModelNotFound, Stamp2vecError
from stamp2vec.values import Comparison, DocumentResult, Embedding, ErasedDocument, ModelInfo, PageResult, Preset, Task

# A file of a hundred pages is no interactive call.
_DEADLINE_S = 300.0
_STREAM_DEADLINE_S = 24 * 3600.0


class RemoteEngine:
    """Connects when it is first needed."""

    def __init__(
        self,
        address: str,
        preset: Preset,
        model: str | None,
        *,
        credentials: grpc.ChannelCredentials | None,
        token: str | None,
        bulk: bool,
    ) -> None:
        """`address` is host:port; `model`, where it is given, takes the place of the preset's for crops."""
        self._preset, self._bulk = preset, bulk
        self._model: Preset | str = preset if model is None else model
        self._client = Client(address, deadline_s=_DEADLINE_S, credentials=credentials, token=token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @cached_property
    def _ready(self) -> Client:
        """The client, after a first call, so that a wrong address or preset is one error and not one a file."""
        presets = {preset for model in self.models() for preset in model.presets}
        if self._model is self._preset and self._preset not in presets:
            raise ModelNotFound(
                f"{self._client.address} has no models of the preset {self._preset}: "
                f"there is {', '.join(sorted(presets)) or 'none at all'}"
            )
        return self._client

    def analyze(
        self, documents: Iterable[tuple[str, bytes]], options: Options
    ) -> Iterator[tuple[str, DocumentResult | Stamp2vecError]]:
        """All over one stream, as they finish."""
        return self._ready.analyze_many(
            documents, self._preset, **dataclasses.asdict(options), bulk=self._bulk, deadline_s=_STREAM_DEADLINE_S
        )

    def pages(self, document: bytes, options: Options) -> Generator[PageResult, None, tuple[str, ...]]:
        """Over a stream of its own."""
        asked = dataclasses.asdict(options)
        del asked["prior"]  # of dies, which pages do not have
        return self._client.analyze_pages(
            document, self._preset, **asked, bulk=self._bulk, deadline_s=_STREAM_DEADLINE_S
        )

    def prepare(self) -> None:
        """Nothing: the models are elsewhere."""

    def segment(self, crops: Sequence[bytes]) -> list[np.ndarray | Stamp2vecError]:
        """Soft ink masks of the crops' sizes."""
        client = self._ready
        try:
            return client.segment(crops, self._model, bulk=self._bulk)
        except ServiceError as error:
            return [error] * len(crops)

    def embed(self, crops: Sequence[bytes]) -> list[Embedding | Stamp2vecError]:
        """Vectors of the crops."""
        client = self._ready
        try:
            return client.embed(crops, self._model, bulk=self._bulk)
        except ServiceError as error:
            return [error] * len(crops)

    def erase(self, document: bytes, options: EraseOptions) -> ErasedDocument:
        """A document without its stamps."""
        asked = {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}
        return self._ready.erase(document, self._preset, **asked, bulk=self._bulk)

    def compare(self, a: bytes, b: bytes, *, by_vectors: bool, prior: float | None) -> Comparison:
        """Compares two crops."""
        return self._ready.compare(a, b, self._model, by_vectors=by_vectors, prior=prior)

    def models(self) -> list[ModelInfo]:
        """Every model behind the gateway."""
        return self._client.models()

    def document_models(self) -> list[ModelInfo]:
        """Those of the preset."""
        chosen = [info for info in self._ready.models() if self._preset in info.presets]
        return [info for task in (Task.DETECT, Task.REFINE, Task.EMBED) for info in chosen if info.task is task]
