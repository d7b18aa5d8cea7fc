"""Pictures, masks and boxes."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stamp2vec.errors import InvalidImage, InvalidInput
from stamp2vec.imaging import Page, decode_picture, raw_image, whole
from stamp2vec.v1 import common_pb2

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

Picture = bytes | np.ndarray
"""The bytes of an image file, or uint8 (H, W, 3) or (H, W)."""


def image_to_message(picture: Picture) -> common_pb2.Image:
    """A picture as it is: bytes are not decoded, pixels are not encoded. InvalidImage for an array that is none."""
    message = common_pb2.Image()
    _fill(message, picture)
    return message


def add_images(images: "RepeatedCompositeFieldContainer[common_pb2.Image]", pictures: Iterable[Picture]) -> None:
    """Adds pictures to those of a request. Each message that is made before what holds it costs a copy more."""
    for picture in pictures:
        _fill(images.add(), picture)


def _fill(message: common_pb2.Image, picture: Picture) -> None:
    if isinstance(picture, bytes):
        message.encoded = picture
        return
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3):
        raise InvalidImage(f"an array of {picture.dtype} {picture.shape} is no picture: send uint8 (H, W) or (H, W, 3)")
    raw = message.raw
    raw.height, raw.width, raw.channels = picture.shape if picture.ndim == 3 else (*picture.shape, 1)
    raw.data = picture.tobytes()


def page_from_image(message: common_pb2.Image, field: str) -> Page:
    """The picture; `field` is the message's path, for example `images[2]`.

    Raises InvalidImage when the picture cannot be read and InvalidInput when the message holds none.
    """
    match message.WhichOneof("content"):
        case "encoded":
            return decode_picture(message.encoded, field=f"{field}.encoded")
        case "raw":
            raw = message.raw
            return whole(raw_image(raw.data, raw.height, raw.width, raw.channels, f"{field}.raw"))
        case None:
            raise InvalidInput("the image has no content: set encoded or raw", field)


def mask_to_message(mask: NDArray[np.uint8]) -> common_pb2.Mask:
    """A soft ink mask, uint8 (H, W)."""
    return common_pb2.Mask(data=mask.tobytes(), height=mask.shape[0], width=mask.shape[1])


def mask_from_message(message: common_pb2.Mask) -> NDArray[np.uint8]:
    """A soft ink mask, uint8 (H, W)."""
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width)


def box_to_message(box: Sequence[float]) -> common_pb2.Box:
    """x1, y1, x2, y2."""
    x1, y1, x2, y2 = box
    return common_pb2.Box(x1=x1, y1=y1, x2=x2, y2=y2)


def box_from_message(message: common_pb2.Box) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2."""
    return message.x1, message.y1, message.x2, message.y2
