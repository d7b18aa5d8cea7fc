"""Pages to stamps."""

from typing import overload

import numpy as np
from torch import Tensor

from stamp2vec.imaging import Letterbox
from stamp2vec.manifest import Task
from stamp2vec.pipelines.pipeline import AnyPicture, Picture, Pipeline
from stamp2vec.results import Detection

SCORE_FLOOR = 0.01
MAX_DETECTIONS = 300
NMS_IOU = 0.5


class YoloStampPipeline(Pipeline[list[Detection]]):
    """Finds the stamps of a page, best first; an empty list when there is none."""

    task = Task.DETECT

    def finish(self, output: Tensor) -> list[np.ndarray]:
        """(N, A, 5) boxes and logits -> float32 (K, 5) an item: x1, y1, x2, y2, score, best first, K <= 300."""
        scores = output[..., 4].sigmoid().cpu().numpy()
        boxes = output[..., :4].cpu().numpy()
        return [select(b, s) for b, s in zip(boxes, scores)]

    def restore(self, item: np.ndarray, box: Letterbox) -> list[Detection]:
        """Boxes of the letterboxed input -> detections in pixels of the picture."""
        return [
            Detection((x1, y1, x2, y2), score)
            for (x1, y1, x2, y2), score in zip(box.boxes_to_image(item[:, :4]).tolist(), item[:, 4].tolist())
            if x1 < x2 and y1 < y2  # A box that lies in the letterbox's margin has nothing on the picture.
        ]

    @overload
    def __call__(self, pictures: Picture, min_score: float | None = None) -> list[Detection]: ...
    @overload
    def __call__(self, pictures: list[AnyPicture], min_score: float | None = None) -> list[list[Detection]]: ...
    def __call__(
        self, pictures: Picture | list[AnyPicture], min_score: float | None = None
    ) -> list[Detection] | list[list[Detection]]:
        """Detections that score at least `min_score`, by default the manifest's threshold."""
        least = self.manifest.threshold if min_score is None else min_score
        if isinstance(pictures, list):
            return [keep(found, least) for found in self.run(pictures)]
        return keep(next(self.run([pictures])), least)


def keep(detections: list[Detection], min_score: float) -> list[Detection]:
    """Those that score at least `min_score`."""
    return [d for d in detections if d.score >= min_score]


def select(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """float (A, 4) and (A,) -> float32 (K, 5), best first, above the floor and free of overlaps."""
    candidates = np.flatnonzero(scores >= SCORE_FLOOR)
    candidates = candidates[np.argsort(-scores[candidates], kind="stable")]
    kept = candidates[non_maximum_suppression(boxes[candidates], NMS_IOU)][:MAX_DETECTIONS]
    return np.concatenate([boxes[kept], scores[kept, None]], 1).astype(np.float32)


def non_maximum_suppression(boxes: np.ndarray, max_iou: float) -> np.ndarray:
    """Indices of the boxes, float (N, 4) best first, that overlap no better kept one by more than `max_iou`."""
    kept: list[int] = []
    left = np.arange(len(boxes))
    while len(left):
        kept.append(int(left[0]))
        left = left[1:][iou(boxes[left[0]], boxes[left[1:]]) <= max_iou]
    return np.array(kept, int)


def iou(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of one box (4,) with many (N, 4)."""
    size = np.clip(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0.0, None)
    both = size.prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    return both / np.maximum(areas - both, 1e-9)  # type: ignore[no-any-return]
