"""Embedders and pair networks by the Open Inference Protocol."""

import numpy as np

from services.runtime.oip.signature import Datatype, Signature, TensorSpec
from stamp2vec.imaging import Letterbox
from stamp2vec.values import ModelInfo, Task

_PLACE_HEIGHT, _PLACE_WIDTH = 8, 4  # pixels of the input, which has two stamps one above the other, for a place


def signature(info: ModelInfo) -> Signature[Letterbox]:
    """A vector of each image; of a pair, how surely each place agrees and how surely it contradicts."""
    image = (info.input_height, info.input_width, 3)
    if info.task is Task.VERIFY:
        places = (info.input_height // _PLACE_HEIGHT, info.input_width // _PLACE_WIDTH)
        names = ("agrees", "contradicts")
        outputs = tuple(TensorSpec(name, Datatype.UINT8, places) for name in names)
        return Signature(image, outputs, lambda found, _: tuple(np.moveaxis(found, 2, 0)))
    vectors = TensorSpec("vectors", Datatype.FP32, (info.vector_size,))
    return Signature(image, (vectors,), lambda vector, _: (vector,))
