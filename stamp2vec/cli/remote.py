"""A gateway as the engine of the command line."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import numpy as np

from stamp2vec.client import Client, ServiceError
from stamp2vec.errors import ModelNotFound, Stamp2vecError
from stamp2vec.values import Comparison, DocumentResult, Embedding, ModelInfo, Preset

# A file of a hundred pages is no interactive call.
_DEADLINE_S = 300.0
_STREAM_DEADLINE_S = 24 * 3600.0


class RemoteEngine:
    """Asks the gateway for its models first, so that a wrong address or preset is one error and not one a file."""

    def __init__(self, address: str, preset: Preset) -> None:
        """`address` is host:port."""
        self._preset = preset
        self._client = Client(address, deadline_s=_DEADLINE_S)

    def __enter__(self) -> Self:
        presets = {preset for model in self.models() for preset in model.presets}
        if self._preset not in presets:
            raise ModelNotFound(
                f"{self._client.address} has no models of the preset {self._preset}: "
                f"there is {', '.join(sorted(presets)) or 'none at all'}"
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def analyze(
        self,
        documents: Iterable[tuple[str, bytes]],
        *,
        min_score: float | None,
        max_overlap: float | None,
        include_vectors: bool,
        include_masks: bool,
    ) -> Iterator[tuple[str, DocumentResult | Stamp2vecError]]:
        """All over one stream, as they finish. A gateway always makes vectors."""
        return self._client.analyze_many(
            documents,
            self._preset,
            min_score=min_score,
            max_overlap=max_overlap,
            include_masks=include_masks,
            deadline_s=_STREAM_DEADLINE_S,
        )

    def segment(self, crops: Sequence[bytes]) -> list[np.ndarray | Stamp2vecError]:
        """Soft ink masks of the crops' sizes."""
        try:
            return self._client.segment(crops, self._preset, bulk=True)
        except ServiceError as error:
            return [error] * len(crops)

    def embed(self, crops: Sequence[bytes]) -> list[Embedding | Stamp2vecError]:
        """Vectors of the crops."""
        try:
            return self._client.embed(crops, self._preset, bulk=True)
        except ServiceError as error:
            return [error] * len(crops)

    def compare(self, a: bytes, b: bytes) -> Comparison:
        """Whether two crops are of one die."""
        return self._client.compare(a, b, self._preset)

    def compare_thoroughly(self, a: bytes, b: bytes) -> Comparison:
        """The same, by their ink too."""
        return self._client.compare_thoroughly(a, b, self._preset)

    def models(self) -> list[ModelInfo]:
        """Every model behind the gateway."""
        return self._client.models()
