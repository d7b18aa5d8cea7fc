"""From arrays to a ModelInferResponse: as bytes where the input came as bytes, else element by element."""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.runtime.batching.refusals import PoisonItem
from services.runtime.oip.requests import Asked
from services.runtime.oip.signature import Datatype, TensorSpec
from services.runtime.oip.v2 import open_inference_pb2 as oip
from stamp2vec.values import ModelInfo

_CONTENTS = {
    Datatype.UINT8: "uint_contents",
    Datatype.INT32: "int_contents",
    Datatype.FP32: "fp32_contents",
    Datatype.BYTES: "bytes_contents",
}
_LITTLE_ENDIAN = {Datatype.UINT8: "u1", Datatype.INT32: "<i4", Datatype.FP32: "<f4"}


def response(
    request_id: str,
    info: ModelInfo,
    asked: Asked,
    outputs: Sequence[TensorSpec],
    items: Sequence[Sequence[NDArray[Any]]],
) -> oip.ModelInferResponse:
    """`items` has an array for each of `outputs`, item by item. Raises PoisonItem where one is not finite."""
    message = oip.ModelInferResponse(model_name=info.name, model_version=info.version, id=request_id)
    for index in asked.outputs:
        spec, values = outputs[index], np.stack([item[index] for item in items])
        if spec.datatype is Datatype.FP32 and not np.isfinite(values).all():
            raise PoisonItem(f"{spec.name} of {info.reference} is not finite")
        tensor = message.outputs.add(name=spec.name, datatype=spec.datatype, shape=values.shape)
        if asked.is_raw:
            message.raw_output_contents.append(_raw(spec.datatype, values))
        else:  # as a list, which protobuf copies several times faster than an array
            getattr(tensor.contents, _CONTENTS[spec.datatype]).extend(values.ravel().tolist())
    return message


def _raw(datatype: Datatype, values: NDArray[Any]) -> bytes:
    if datatype is Datatype.BYTES:  # each with its length before it
        return b"".join(struct.pack("<I", len(each)) + each for each in values.flat)
    return values.astype(_LITTLE_ENDIAN[datatype], copy=False).tobytes()
