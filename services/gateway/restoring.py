"""Masks between messages and arrays, and from the pixels of the model's input back to those of the picture."""

import numpy as np

from services.gateway.calls import Pixels
from stamp2vec.imaging import Letterbox
from stamp2vec.v1 import common_pb2


def mask_on_image(mask: common_pb2.Mask, box: Letterbox) -> common_pb2.Mask:
    """The mask of the letterboxed picture -> the mask of the picture."""
    return mask_message(box.mask_to_image(mask_pixels(mask)))


def mask_pixels(mask: common_pb2.Mask) -> Pixels:
    """uint8 (height, width)."""
    return np.frombuffer(mask.data, np.uint8).reshape(mask.height, mask.width)


def mask_message(ink: Pixels) -> common_pb2.Mask:
    """uint8 (height, width) as a message."""
    return common_pb2.Mask(data=ink.tobytes(), height=ink.shape[0], width=ink.shape[1])
