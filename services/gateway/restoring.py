"""The models' answers from the pixels of their inputs back to the pixels of the pictures."""

import numpy as np

from stamp2vec.imaging import Letterbox
from stamp2vec.v1 import common_pb2, detector_pb2


def boxes_on_image(found: detector_pb2.DetectResult, box: Letterbox) -> detector_pb2.DetectResult:
    """Boxes of the letterboxed picture -> boxes of the picture; those that lie in its white margin are left out."""
    edges = np.array([[d.box.x1, d.box.y1, d.box.x2, d.box.y2] for d in found.detections], np.float32)
    return detector_pb2.DetectResult(
        status=found.status,
        detections=[
            common_pb2.Detection(box=common_pb2.Box(x1=x1, y1=y1, x2=x2, y2=y2), score=detection.score)
            for (x1, y1, x2, y2), detection in zip(box.boxes_to_image(edges).tolist(), found.detections, strict=True)
            if x1 < x2 and y1 < y2
        ],
        height=box.height,
        width=box.width,
    )


def mask_on_image(mask: common_pb2.Mask, box: Letterbox) -> common_pb2.Mask:
    """The mask of the letterboxed picture -> the mask of the picture."""
    ink = box.mask_to_image(np.frombuffer(mask.data, np.uint8).reshape(mask.height, mask.width))
    return common_pb2.Mask(data=ink.tobytes(), height=ink.shape[0], width=ink.shape[1])
