"""Detectors and refiners by the Open Inference Protocol."""

import numpy as np
from numpy.typing import NDArray

from services.runtime.oip.signature import Datatype, Signature, TensorSpec
from stamp2vec.detection.candidates import detections
from stamp2vec.imaging import View
from stamp2vec.limits import DEFAULT_MAX_OVERLAP, MAX_DETECTIONS
from stamp2vec.values import ModelInfo, StampType, Task
from stamp2vec.wire.enums import STAMP_TYPES


def signature(info: ModelInfo) -> Signature[View]:
    """What Detect gives without options, and without the colour of ink, in rows with zeros after the last; of a refiner
    what Refine gives.
    """
    if info.task is Task.REFINE:
        return _of_refiner(info)

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


def _of_refiner(info: ModelInfo) -> Signature[View]:
    numbers = [STAMP_TYPES.to_number(each) for each in StampType]

    def tensors(answer: NDArray[np.float32], view: View) -> tuple[np.ndarray, ...]:
        kind = np.array([numbers[round(float(answer[7]))]], np.uint8)
        return answer[:4], answer[4:5], answer[5:6], answer[6:7], kind

    return Signature(
        (info.input_height, info.input_width, 3),
        (
            TensorSpec("boxes", Datatype.FP32, (4,)),
            TensorSpec("logits", Datatype.FP32, (1,)),
            TensorSpec("angles", Datatype.FP32, (1,)),
            TensorSpec("angle_probabilities", Datatype.FP32, (1,)),
            TensorSpec("types", Datatype.UINT8, (1,)),
        ),
        tensors,
    )
