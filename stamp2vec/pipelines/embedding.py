"""Crops to vectors."""

import numpy as np

from stamp2vec.comparison import (
    Inked,
    compared,
    illegibility,
    judge,
    judge_overlay,
    overlay_of,
    second_look,
    similarity_matrix,
)
from stamp2vec.errors import InvalidInput
from stamp2vec.imaging import Letterbox, letterbox
from stamp2vec.pipelines.pipeline import CropPipeline, Picture, to_array
from stamp2vec.pipelines.segmentation import SegmentationPipeline
from stamp2vec.values import Comparison, Task


class EmbeddingPipeline(CropPipeline[np.ndarray]):
    """Turns a cropped stamp into a vector: float32 (D,) of length 1. Compare by dot product."""

    task = Task.EMBED

    def restore(self, item: np.ndarray, box: Letterbox) -> np.ndarray:
        """A vector has no place on the picture."""
        return item

    def compare(self, a: Picture, b: Picture) -> Comparison:
        """Whether two cropped stamps are of one die. InvalidImage when one of them is no picture."""
        crops = [to_array(a), to_array(b)]
        similarity = float(similarity_matrix(self(crops))[0, 1])
        illegible = next(filter(None, map(illegibility, crops)), "")
        embedder = self.manifest.info
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
        similarity = float(similarity_matrix(self(crops))[0, 1])
        fitted = [letterbox(crop, segmenter.input_size)[0] for crop in crops]
        overlay = overlay_of(*map(Inked, fitted, segmenter(fitted)))
        illegible = next(filter(None, map(illegibility, crops)), "")
        judgement = judge_overlay(similarity, overlay, weights, illegible)
        return compared(similarity, embedder.name, embedder.version, judgement, overlay)
