"""The tensors that a model takes and gives."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from services.runtime.process.frames import Array
from stamp2vec.limits import MAX_IMAGES, MAX_MESSAGE_BYTES

Place = TypeVar("Place")

INPUT = "images"
"""The name of the one input of every model."""

_ANY = -1  # as the protocol has it
_ROOM_BYTES = 2**16  # of a request, for what is not pixels


class Datatype(StrEnum):
    """Those of the protocol that are used here, by their names in it."""

    UINT8 = "UINT8"
    INT32 = "INT32"
    FP32 = "FP32"
    BYTES = "BYTES"


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor; `shape` is that of one item, -1 where a size varies."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Signature(Generic[Place]):
    """What one model takes and gives.

    `image_shape` is (height, width, 3) of an item; a size that varies is a range. `tensors` makes of the result of an
    item, and its place, an array for each of `outputs`, with their shapes and types; those of BYTES have objects, which
    are bytes. It runs in a thread.
    """

    image_shape: tuple[int | range, ...]
    outputs: tuple[TensorSpec, ...]
    tensors: Callable[[Array, Place], tuple[NDArray[Any], ...]]

    @property
    def image(self) -> TensorSpec:
        """The input."""
        return TensorSpec(INPUT, Datatype.UINT8, tuple(_ANY if isinstance(s, range) else s for s in self.image_shape))

    @property
    def most_items(self) -> int:
        """That a request may have: as many as in a call of our own contract, as far as a message has room for them."""
        most_bytes = prod(size[-1] if isinstance(size, range) else size for size in self.image_shape)
        return min(MAX_IMAGES, (MAX_MESSAGE_BYTES - _ROOM_BYTES) // most_bytes)


Fit = Callable[[NDArray[np.uint8], tuple[int, int]], tuple[Array, Place]]
"""An image, uint8 (h, w, 3), and the model's (height, width) -> the model's input, and what `tensors` needs to go back.

It runs in a thread, and takes all images of the signature's shape."""
