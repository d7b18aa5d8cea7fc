"""Detectors by the Open Inference Protocol: the stamps of each image, in rows, with zeros after the last."""

import numpy as np
from numpy.typing import NDArray

from services.runtime.oip.signature import Datatype, Signature, TensorSpec
from stamp2vec.detection.candidates import detections
from stamp2vec.imaging import View
from stamp2vec.limits import DEFAULT_MAX_OVERLAP, MAX_DETECTIONS
from stamp2vec.values import ModelInfo
from stamp2vec.wire.enums import STAMP_TYPES


def signature(info: ModelInfo) -> Signature[View]:
    """What Detect gives without options, and without the colour of ink."""

    def tensors(found: NDArray[np.float32], view: View) -> tuple[np.ndarray, ...]:
        stamps = detections(found, view, info.threshold, DEFAULT_MAX_OVERLAP, with_ink=False)[:MAX_DETECTIONS]
        count = len(stamps)
        boxes, scores = np.zeros((MAX_DETECTIONS, 4), np.float32), np.zeros(MAX_DETECTIONS, np.float32)
        angles, types = np.zeros(MAX_DETECTIONS, np.float32), np.zeros(MAX_DETECTIONS, np.uint8)
        for row, stamp in enumerate(stamps):
            boxes[row], scores[row], angles[row] = stamp.box, stamp.score, stamp.angle_degrees
            types[row] = STAMP_TYPES.to_number(stamp.type)
        return np.array([count], np.int32), boxes, scores, angles, types

    return Signature(
        (info.input_height, info.input_width, 3),
        (
            TensorSpec("counts", Datatype.INT32, (1,)),
            TensorSpec("boxes", Datatype.FP32, (MAX_DETECTIONS, 4)),
            TensorSpec("scores", Datatype.FP32, (MAX_DETECTIONS,)),
            TensorSpec("angles", Datatype.FP32, (MAX_DETECTIONS,)),
            TensorSpec("types", Datatype.UINT8, (MAX_DETECTIONS,)),
        ),
        tensors,
    )
