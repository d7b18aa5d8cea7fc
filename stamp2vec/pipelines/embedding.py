"""Crops to vectors."""

import numpy as np
from torch import Tensor

from stamp2vec.imaging import Letterbox
from stamp2vec.manifest import Task
from stamp2vec.pipelines.pipeline import Pipeline


class TvaePipeline(Pipeline[np.ndarray]):
    """Turns a cropped stamp into a vector: float32 (D,) of length 1. Compare by dot product."""

    task = Task.EMBED

    def finish(self, output: Tensor) -> list[np.ndarray]:
        """(N, D) unit vectors -> float32 (D,) an item."""
        return list(output.float().cpu().numpy())

    def restore(self, item: np.ndarray, box: Letterbox) -> np.ndarray:
        """A vector has no place on the picture."""
        return item
