"""Who does the work: the pipelines in this process, or a gateway."""

from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import numpy as np

from stamp2vec.errors import Stamp2vecError
from stamp2vec.values import Comparison, DocumentResult, Embedding, ModelInfo


class Engine(Protocol):
    """What the commands need. Where several files are worked on, the error of one takes the place of its result."""

    def analyze(
        self,
        documents: Iterable[tuple[str, bytes]],
        *,
        min_score: float | None,
        max_overlap: float | None,
        include_vectors: bool,
        include_masks: bool,
    ) -> Iterator[tuple[str, DocumentResult | Stamp2vecError]]:
        """Documents with an id each; the results come as they are ready, in any order."""

    def segment(self, crops: Sequence[bytes]) -> list[np.ndarray | Stamp2vecError]:
        """A soft ink mask, uint8 (H, W), for each cropped stamp."""

    def embed(self, crops: Sequence[bytes]) -> list[Embedding | Stamp2vecError]:
        """A vector for each cropped stamp."""

    def compare(self, a: bytes, b: bytes) -> Comparison:
        """Whether two cropped stamps are of one die."""

    def compare_thoroughly(self, a: bytes, b: bytes) -> Comparison:
        """The same, by their ink too."""

    def models(self) -> list[ModelInfo]:
        """All there are."""


def connect(arguments: Namespace) -> AbstractContextManager[Engine]:
    """The engine that the options ask for; it is loaded here because torch takes longer to load than a call takes."""
    if arguments.gateway is not None:
        from stamp2vec.cli.remote import RemoteEngine

        return RemoteEngine(arguments.gateway, arguments.preset)
    from stamp2vec.cli.local import LocalEngine

    return nullcontext(LocalEngine(arguments.preset))
