"""Crops to ink masks."""

import numpy as np
from torch import Tensor

from stamp2vec.imaging import Letterbox
from stamp2vec.manifest import Task
from stamp2vec.pipelines.pipeline import Pipeline


class StampUnetPipeline(Pipeline[np.ndarray]):
    """Lifts the ink of a cropped stamp: uint8 (H, W) of the crop's size, 255 where the pixel surely carries ink."""

    task = Task.SEGMENT

    def finish(self, output: Tensor) -> list[np.ndarray]:
        """(N, h, w) logits -> uint8 (h, w) an item."""
        return list((output.sigmoid() * 255.0).round().byte().cpu().numpy())

    def restore(self, item: np.ndarray, box: Letterbox) -> np.ndarray:
        """The mask of the letterboxed input -> the mask of the crop."""
        return box.mask_to_image(item)
