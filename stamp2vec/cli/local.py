"""The pipelines in this process as the engine of the command line."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np

from stamp2vec import hub
from stamp2vec.comparison.verdicts import second_look
from stamp2vec.document.options import Options
from stamp2vec.errors import InvalidInput, Stamp2vecError
from stamp2vec.imaging import decode_image
from stamp2vec.pipelines import DocumentPipeline, EmbeddingPipeline, SegmentationPipeline
from stamp2vec.values import Comparison, DocumentResult, Embedding, ModelInfo, Preset, Task

Result = TypeVar("Result")


class LocalEngine:
    """Loads a model when it is first needed."""

    def __init__(self, preset: Preset, model: str | None) -> None:
        """The bundled models of this preset; `model`, where it is given, takes the place of the one for crops."""
        self._preset, self._model = preset, model

    @cached_property
    def _documents(self) -> DocumentPipeline:
        return DocumentPipeline.from_preset(self._preset)

    @cached_property
    def _segmenter(self) -> SegmentationPipeline:
        return SegmentationPipeline.from_pretrained(self._reference(Task.SEGMENT))

    @cached_property
    def _embedder(self) -> EmbeddingPipeline:
        return EmbeddingPipeline.from_pretrained(self._reference(Task.EMBED))

    def _reference(self, task: Task) -> str:
        return hub.for_preset(task, self._preset).reference if self._model is None else self._model

    def analyze(
        self, documents: Iterable[tuple[str, bytes]], options: Options
    ) -> Iterator[tuple[str, DocumentResult | Stamp2vecError]]:
        """One document after the other, in order."""
        pipeline = self._documents
        for name, document in documents:
            try:
                result = pipeline(document, **dataclasses.asdict(options))
            except InvalidInput as error:
                yield name, error
            else:
                yield name, result

    def segment(self, crops: Sequence[bytes]) -> list[np.ndarray | Stamp2vecError]:
        """Soft ink masks of the crops' sizes."""
        return _each(crops, self._segmenter)

    def embed(self, crops: Sequence[bytes]) -> list[Embedding | Stamp2vecError]:
        """Vectors of the crops."""
        manifest = self._embedder.manifest
        return _each(
            crops,
            lambda images: [Embedding(vector, manifest.name, manifest.version) for vector in self._embedder(images)],
        )

    def compare(self, a: bytes, b: bytes) -> Comparison:
        """Compares two crops by their vectors."""
        return self._embedder.compare(a, b)

    def compare_thoroughly(self, a: bytes, b: bytes) -> Comparison:
        """Compares two crops by their vectors and their ink, with the segmenter of the embedder's second look."""
        manifest = self._embedder.manifest
        segmenter = SegmentationPipeline.from_pretrained(second_look(manifest.info).segmenter)
        return self._embedder.compare_thoroughly(a, b, segmenter)

    def models(self) -> list[ModelInfo]:
        """Every bundled model, the older versions too."""
        return [manifest.info for manifest in hub.bundled()]


def _each(crops: Sequence[bytes], run: Callable[[list[np.ndarray]], list[Result]]) -> list[Result | Stamp2vecError]:
    """Run those that can be decoded as one list, and put every result or error in its place."""
    decoded: list[np.ndarray | Stamp2vecError] = []
    for data in crops:
        try:
            decoded.append(decode_image(data))
        except InvalidInput as error:
            decoded.append(error)
    results = iter(run([image for image in decoded if isinstance(image, np.ndarray)]))
    return [image if isinstance(image, Stamp2vecError) else next(results) for image in decoded]
