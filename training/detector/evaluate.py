"""Detection figures by the COCO protocol on rendered pages."""

import contextlib
import io
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def coco(boxes: list[np.ndarray], scores: list[np.ndarray] | None = None) -> COCO:
    """A COCO object with a list of (K, 4) boxes a page, and their scores when they are detections."""
    rows: list[dict[str, Any]] = []
    for page, found in enumerate(boxes):
        for index, (x1, y1, x2, y2) in enumerate(found.tolist()):
            row: dict[str, Any] = {"id": len(rows) + 1, "image_id": page, "category_id": 1, "iscrowd": 0}
            row |= {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
            rows.append(row | ({"score": float(scores[page][index])} if scores else {}))
    result = COCO()
    result.dataset = {"images": [{"id": i} for i in range(len(boxes))], "categories": [{"id": 1}], "annotations": rows}
    with contextlib.redirect_stdout(io.StringIO()):
        result.createIndex()
    return result


def figures(truths: list[np.ndarray], found: list[np.ndarray]) -> dict[str, float]:
    """AP50, AP50-95, and the best F1 with its score threshold; truths (T, 4) and found (K, 5) a page."""
    with contextlib.redirect_stdout(io.StringIO()):
        judge = COCOeval(coco(truths), coco([f[:, :4] for f in found], [f[:, 4] for f in found]), "bbox")
        judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
        judge.evaluate()
        judge.accumulate()
    precision = judge.eval["precision"][:, :, 0, 0, 2]  # (IoU, recall), best 100 a page
    images = [image for image in judge.evalImgs if image]
    scores = np.concatenate([image["dtScores"] for image in images])
    hits = np.concatenate([image["dtMatches"][0] for image in images]) > 0
    order = np.argsort(-scores, kind="stable")
    f1 = 2 * np.cumsum(hits[order]) / (np.arange(1, len(order) + 1) + sum(map(len, truths)))
    best = int(f1.argmax())
    return {
        "ap50": float(precision[0].mean()),
        "ap": float(precision.mean()),
        "f1": float(f1[best]),
        "threshold": float(scores[order][best]),
    }
