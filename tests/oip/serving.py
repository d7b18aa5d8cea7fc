"""Model services as they are called by the Open Inference Protocol."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import grpc.aio
import numpy as np
from numpy.typing import NDArray

from services.runtime.oip.v2 import open_inference_pb2 as oip
from services.runtime.oip.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from services.runtime.serving.server import App, running
from services.runtime.serving.settings import ServerSettings
from stamp2vec.limits import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from services.runtime.oip.v2.open_inference_pb2_grpc import GRPCInferenceServiceAsyncStub

_TYPES: dict[str, Any] = {"UINT8": np.uint8, "INT32": np.int32, "FP32": np.float32}
_CONTENTS = {"UINT8": "uint_contents", "INT32": "int_contents", "FP32": "fp32_contents", "BYTES": "bytes_contents"}


@dataclass(frozen=True, slots=True)
class Served:
    """One service: by the protocol, by its own contract, and where its metrics are."""

    stub: "GRPCInferenceServiceAsyncStub"
    channel: grpc.aio.Channel
    address: str
    metrics_url: str


@asynccontextmanager
async def serving(app: App, settings: ServerSettings) -> AsyncIterator[Served]:
    options = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]
    async with (
        running(app, settings) as ports,
        grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}", options) as channel,
    ):
        stub = cast("GRPCInferenceServiceAsyncStub", GRPCInferenceServiceStub(channel))
        yield Served(stub, channel, f"127.0.0.1:{ports.grpc}", f"http://127.0.0.1:{ports.metrics}/metrics")


def request(model: str, images: NDArray[np.uint8], outputs: Sequence[str] = (), **fields: Any) -> oip.ModelInferRequest:
    """One with its pixels as bytes."""
    made = oip.ModelInferRequest(model_name=model, raw_input_contents=[images.tobytes()], **fields)
    made.inputs.add(name="images", datatype="UINT8", shape=images.shape)
    for name in outputs:
        made.outputs.add(name=name)
    return made


def typed(model: str, images: NDArray[np.uint8], **fields: Any) -> oip.ModelInferRequest:
    """One with its pixels one by one."""
    made = request(model, images, **fields)
    made.inputs[0].contents.uint_contents.extend(images.ravel().tolist())
    del made.raw_input_contents[:]
    return made


def arrays(response: oip.ModelInferResponse) -> dict[str, NDArray[Any]]:
    """The outputs in their order, however they came; AssertionError where they came both ways, or in a wrong field."""
    assert len(response.raw_output_contents) in (0, len(response.outputs))
    found = {}
    for index, output in enumerate(response.outputs):
        fields = [field.name for field, _ in output.contents.ListFields()]
        if response.raw_output_contents:
            assert not fields
            values = _from_bytes(response.raw_output_contents[index], output.datatype)
        else:
            assert fields == [_CONTENTS[output.datatype]]
            values = np.array(getattr(output.contents, fields[0]), _TYPES.get(output.datatype, object))
        found[output.name] = values.reshape(output.shape)
    return found


def _from_bytes(data: bytes, datatype: str) -> NDArray[Any]:
    if datatype != "BYTES":
        return np.frombuffer(data, _TYPES[datatype])
    texts = []
    while data:
        end = 4 + int.from_bytes(data[:4], "little")
        texts.append(data[4:end])
        data = data[end:]
    return np.array(texts, object)
