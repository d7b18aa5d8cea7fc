"""Readers by the Open Inference Protocol: what they give has no fixed shape, so it is text."""

import numpy as np
from google.protobuf.json_format import MessageToJson

from services.runtime.oip.signature import Datatype, Signature, TensorSpec
from stamp2vec.limits import MIN_SIDE_PX
from stamp2vec.reading.canvas import STRIP_HEIGHT_PX, StripPlace
from stamp2vec.reading.encoding import readings_from_array
from stamp2vec.values import ModelInfo
from stamp2vec.wire.texts import readings_to_message


def signature(info: ModelInfo) -> Signature[StripPlace]:
    """Of each strip its text, and its ReadResult of the contract in the JSON of protobuf, both UTF-8."""

    def tensors(data: np.ndarray, place: StripPlace) -> tuple[np.ndarray, ...]:
        found = place.restore(readings_from_array(data))
        text = " ".join(reading.text for reading in found.readings if reading.text)
        told = MessageToJson(readings_to_message(found), preserving_proto_field_name=True, indent=None)
        return np.array([text.encode()], object), np.array([told.encode()], object)

    outputs = (TensorSpec("texts", Datatype.BYTES, (1,)), TensorSpec("readings", Datatype.BYTES, (1,)))
    return Signature((STRIP_HEIGHT_PX, range(MIN_SIDE_PX, info.input_width + 1), 3), outputs, tensors)
