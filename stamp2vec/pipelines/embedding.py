"""Crops to vectors."""

import numpy as np
from torch import Tensor

from stamp2vec.comparison import Inked, illegibility, judge_look, look, similarity_matrix
from stamp2vec.errors import InvalidInput
from stamp2vec.imaging import Letterbox, letterbox
from stamp2vec.manifest import Task
from stamp2vec.pipelines.pipeline import Picture, Pipeline, to_array
from stamp2vec.pipelines.segmentation import StampUnetPipeline
from stamp2vec.results import Comparison
from stamp2vec.verification import judge, second_look


class TvaePipeline(Pipeline[np.ndarray]):
    """Turns a cropped stamp into a vector: float32 (D,) of length 1. Compare by dot product."""

    task = Task.EMBED

    def finish(self, output: Tensor) -> list[np.ndarray]:
        """(N, D) unit vectors -> float32 (D,) an item."""
        return list(output.float().cpu().numpy())

    def restore(self, item: np.ndarray, box: Letterbox) -> np.ndarray:
        """A vector has no place on the picture."""
        return item

    def compare(self, a: Picture, b: Picture) -> Comparison:
        """Whether two cropped stamps are of one die. InvalidImage when one of them is no picture."""
        crops = [to_array(a), to_array(b)]
        similarity = float(similarity_matrix(self(crops))[0, 1])
        illegible = next(filter(None, map(illegibility, crops)), "")
        found = judge(similarity, self.manifest.verification, illegible)
        return Comparison(
            similarity, self.manifest.name, self.manifest.version, found.probability, found.verdict, found.reason
        )

    def compare_thoroughly(self, a: Picture, b: Picture, segmenter: StampUnetPipeline) -> Comparison:
        """Whether two cropped stamps are of one die, by their vectors and by their ink laid over each other.

        InvalidImage when one of them is no picture; InvalidInput when no second look was measured for this model, or
        when it was measured with the masks of another segmenter.
        """
        weighed = second_look(self.manifest.reference, self.manifest.verification)
        if segmenter.manifest.name != weighed.segmenter:
            raise InvalidInput(
                f"the second look of {self.manifest.reference} was measured with masks of {weighed.segmenter}, not of "
                f"{segmenter.manifest.name}: pass {weighed.segmenter}"
            )
        crops = [to_array(a), to_array(b)]
        similarity = float(similarity_matrix(self(crops))[0, 1])
        fitted = [letterbox(crop, segmenter.input_size)[0] for crop in crops]
        overlay = look(*map(Inked, fitted, segmenter(fitted)))
        illegible = next(filter(None, map(illegibility, crops)), "")
        found = judge_look(similarity, overlay, weighed, illegible)
        name, version = self.manifest.name, self.manifest.version
        return Comparison(similarity, name, version, found.probability, found.verdict, found.reason, overlay)
