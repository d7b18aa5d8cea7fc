"""What goes over the socket between a process executor and its child: frames of a JSON header and raw bytes.

No pickle: a child that goes wrong can send wrong numbers, never code.
"""

import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

PREFIX = struct.Struct("<IQ")
"""Bytes of the header, bytes of the payload."""


def pack(header: dict[str, Any], payload: Sequence[bytes] = ()) -> bytes:
    """One frame."""
    text = json.dumps(header).encode()
    return b"".join((PREFIX.pack(len(text), sum(map(len, payload))), text, *payload))


def pack_arrays(header: dict[str, Any], arrays: Sequence[Array]) -> bytes:
    """One frame with arrays of any shapes."""
    kinds = [[array.dtype.str, array.shape] for array in arrays]
    return pack({**header, "arrays": kinds}, [np.ascontiguousarray(array).tobytes() for array in arrays])


def unpack_arrays(header: dict[str, Any], payload: bytes) -> list[Array]:
    """The arrays of a frame: read-only views of its payload."""
    arrays, offset = [], 0
    for dtype, shape in header["arrays"]:
        array = np.frombuffer(payload, np.dtype(dtype), count=int(np.prod(shape)), offset=offset).reshape(shape)
        arrays.append(array)
        offset += array.nbytes
    return arrays
