"""Crops to ink masks."""

import numpy as np

from stamp2vec.imaging import Letterbox
from stamp2vec.pipelines.pipeline import CropPipeline
from stamp2vec.values import Task


class SegmentationPipeline(CropPipeline[np.ndarray]):
    """Lifts the ink of a cropped stamp: uint8 (H, W) of the crop's size, 255 where the pixel surely carries ink."""

    task = Task.SEGMENT

    def restore(self, item: np.ndarray, box: Letterbox) -> np.ndarray:
        """The mask of the letterboxed input -> the mask of the crop."""
        return box.mask_to_image(item)
