"""Segmenters by the Open Inference Protocol."""

from services.runtime.oip.signature import Datatype, Signature, TensorSpec
from stamp2vec.imaging import Letterbox
from stamp2vec.values import ModelInfo


def signature(info: ModelInfo) -> Signature[Letterbox]:
    """A soft ink mask of each image."""
    size = (info.input_height, info.input_width)
    masks = TensorSpec("masks", Datatype.UINT8, size)
    return Signature((*size, 3), (masks,), lambda mask, place: (place.mask_to_image(mask),))
