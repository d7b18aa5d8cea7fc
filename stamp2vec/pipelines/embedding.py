"""Crops to vectors."""

import numpy as np
from torch import Tensor

from stamp2vec.comparison import illegibility, similarity_matrix
from stamp2vec.imaging import Letterbox
from stamp2vec.manifest import Task
from stamp2vec.pipelines.pipeline import Picture, Pipeline, to_array
from stamp2vec.results import Comparison
from stamp2vec.verification import judge


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
