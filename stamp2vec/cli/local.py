"""The pipelines in this process as the engine of the command line."""

import dataclasses
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np

from stamp2vec import hub
from stamp2vec.comparison import blank
from stamp2vec.document import EraseOptions, measured_with
from stamp2vec.document.options import Options
from stamp2vec.errors import InvalidImage, InvalidInput, Stamp2vecError
from stamp2vec.imaging import decode_image
from stamp2vec.pipelines import ComparisonPipeline, DocumentPipeline, EmbeddingPipeline, SegmentationPipeline
from stamp2vec.values import Comparison, DocumentResult, Embedding, ErasedDocument, ModelInfo, PageResult, Preset, Task

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

    def pages(self, document: bytes, options: Options) -> Generator[PageResult, None, tuple[str, ...]]:
        """One page after the other."""
        return self._documents.pages(document, options)

    def prepare(self) -> None:
        """Loads the models of documents."""
        _ = self._documents

    def segment(self, crops: Sequence[bytes]) -> list[np.ndarray | Stamp2vecError]:
        """Soft ink masks of the crops' sizes."""
        return _each(crops, self._segmenter)

    def embed(self, crops: Sequence[bytes]) -> list[Embedding | Stamp2vecError]:
        """Vectors of the crops."""
        manifest = self._embedder.manifest
        return _each(
            crops,
            lambda images: [Embedding(vector, manifest.name, manifest.version) for vector in self._embedder(images)],
            _inked,
        )

    def erase(self, document: bytes, options: EraseOptions) -> ErasedDocument:
        """A document without its stamps."""
        asked = {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}
        return self._documents.erase(document, **asked)

    def compare(self, a: bytes, b: bytes, *, by_vectors: bool, prior: float | None) -> Comparison:
        """Compares two crops."""
        if by_vectors:
            return self._embedder.compare(a, b, prior=prior)
        return ComparisonPipeline.of(self._embedder, self._preset)(a, b, prior=prior)

    def models(self) -> list[ModelInfo]:
        """Every bundled model, the older versions too."""
        return [manifest.info for manifest in hub.bundled() if manifest.task is not Task.ERASE]  # as a gateway does

    def document_models(self) -> list[ModelInfo]:
        """Those of the preset."""
        detector, embedder = (hub.for_preset(task, self._preset).info for task in (Task.DETECT, Task.EMBED))
        refiner = measured_with(detector, self.models())
        return [detector, *([refiner.model] if refiner else []), embedder]


def _inked(data: bytes) -> np.ndarray:
    crop = decode_image(data)
    if reason := blank(crop):
        raise InvalidImage(reason)
    return crop


def _each(
    crops: Sequence[bytes],
    run: Callable[[list[np.ndarray]], list[Result]],
    read: Callable[[bytes], np.ndarray] = decode_image,
) -> list[Result | Stamp2vecError]:
    """Run those that can be read as one list, and put every result or error in its place."""
    decoded: list[np.ndarray | Stamp2vecError] = []
    for data in crops:
        try:
            decoded.append(read(data))
        except InvalidInput as error:
            decoded.append(error)
    results = iter(run([image for image in decoded if isinstance(image, np.ndarray)]))
    return [image if isinstance(image, Stamp2vecError) else next(results) for image in decoded]
