"""Crops to vectors."""

import numpy as np

from stamp2vec.comparison import Inked, compare, compared, illegibility, judge, judge_overlay, overlay_of, second_look
from stamp2vec.errors import IncompatibleVectors, InvalidInput
from stamp2vec.imaging import Letterbox, letterbox
from stamp2vec.pipelines.pipeline import CropPipeline, Picture, to_array
from stamp2vec.pipelines.segmentation import SegmentationPipeline
from stamp2vec.values import Comparison, Embedding, Task


class EmbeddingPipeline(CropPipeline[np.ndarray]):
    """Turns a cropped stamp into a vector: float32 (D,) of length 1. Compare by dot product."""

    task = Task.EMBED

    def restore(self, item: np.ndarray, box: Letterbox) -> np.ndarray:
        """A vector has no place on the picture."""
        return item

    def compare(self, a: Picture | Embedding, b: Picture | Embedding) -> Comparison:
        """Whether two stamps are of one die; each is a crop or a vector of this model.

        InvalidImage when a picture is none, InvalidInput when a vector is none, IncompatibleVectors when it is of
        another model.
        """
        embedder = self.manifest.info
        crops = [to_array(side) for side in (a, b) if not isinstance(side, Embedding)]
        made = iter(self._embeddings(crops))
        first, second = (side if isinstance(side, Embedding) else next(made) for side in (a, b))
        similarity = compare(first, second)
        if first.reference != embedder.reference:
            raise IncompatibleVectors(
                f"the vectors are of {first.reference} and this model is {embedder.reference}: embed both stamps anew",
                "a",
            )
        illegible = next(filter(None, map(illegibility, crops)), "")
        judgement = judge(similarity, embedder.verification, illegible)
        return compared(similarity, embedder.name, embedder.version, judgement)

    def compare_thoroughly(self, a: Picture, b: Picture, segmenter: SegmentationPipeline) -> Comparison:
        """Whether two cropped stamps are of one die, by their vectors and by their ink laid over each other.

        InvalidImage when one of them is no picture; InvalidInput when no second look was measured for this model, or
        when it was measured with the masks of another segmenter.
        """
        embedder = self.manifest.info
        weights = second_look(embedder)
        if segmenter.manifest.name != weights.segmenter:
            raise InvalidInput(
                f"the second look of {embedder.reference} was measured with masks of {weights.segmenter}, not of "
                f"{segmenter.manifest.name}: pass {weights.segmenter}"
            )
        crops = [to_array(a), to_array(b)]
        similarity = compare(*self._embeddings(crops))
        fitted = [letterbox(crop, segmenter.input_size)[0] for crop in crops]
        overlay = overlay_of(*map(Inked, fitted, segmenter(fitted)))
        illegible = next(filter(None, map(illegibility, crops)), "")
        judgement = judge_overlay(similarity, overlay, weights, illegible)
        return compared(similarity, embedder.name, embedder.version, judgement, overlay)

    def _embeddings(self, crops: list[np.ndarray]) -> list[Embedding]:
        return [Embedding(vector, self.manifest.name, self.manifest.version) for vector in self(crops)]
