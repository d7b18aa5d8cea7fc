"""The engines of the command line: the pipelines in this process, or a gateway."""

import os
from argparse import Namespace
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import numpy as np

from stamp2vec.document import EraseOptions
from stamp2vec.document.options import Options
from stamp2vec.errors import Stamp2vecError
from stamp2vec.values import Comparison, DocumentResult, Embedding, ErasedDocument, ModelInfo, PageResult, Preset


class Engine(Protocol):
    """What the commands need. A method for several files returns an error in the place of a result that failed."""

    def analyze(
        self, documents: Iterable[tuple[str, bytes]], options: Options
    ) -> Iterator[tuple[str, DocumentResult | Stamp2vecError]]:
        """Documents with an id each; the results come as they are ready, in any order."""

    def pages(self, document: bytes, options: Options) -> Generator[PageResult, None, tuple[str, ...]]:
        """The pages of one document as they are ready, in order, without dies; it returns the warnings on the file.

        Raises the error of the document, also after pages.
        """

    def prepare(self) -> None:
        """Loads what `pages` needs, so that the first document takes no longer than others."""

    def segment(self, crops: Sequence[bytes]) -> list[np.ndarray | Stamp2vecError]:
        """A soft ink mask, uint8 (H, W), for each cropped stamp."""

    def embed(self, crops: Sequence[bytes]) -> list[Embedding | Stamp2vecError]:
        """A vector for each cropped stamp."""

    def erase(self, document: bytes, options: EraseOptions) -> ErasedDocument:
        """A document without its stamps."""

    def compare(self, a: bytes, b: bytes, *, by_vectors: bool, prior: float | None) -> Comparison:
        """Compares two cropped stamps, by their vectors alone or also by their ink."""

    def models(self) -> list[ModelInfo]:
        """Every model of the engine."""

    def document_models(self) -> list[ModelInfo]:
        """The detector and the embedder that documents get."""


def connect(arguments: Namespace) -> AbstractContextManager[Engine]:
    """The engine that the options choose. Its module is imported here: torch takes longer to import than a call takes.

    InvalidInput for a token or a certificate that cannot be used.
    """
    preset: Preset = getattr(arguments, "preset", None) or Preset.FAST
    model: str | None = getattr(arguments, "model", None)
    if arguments.gateway is not None:
        # Read when grpc is imported: its log would stand beside the one line of an error.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        from stamp2vec.cli.gateway import credentials, token
        from stamp2vec.cli.remote import RemoteEngine

        return RemoteEngine(
            arguments.gateway,
            preset,
            model,
            credentials=credentials(arguments),
            token=token(arguments),
            bulk=not getattr(arguments, "interactive", False),
        )
    from stamp2vec.cli.local import LocalEngine

    return nullcontext(LocalEngine(preset, model))
