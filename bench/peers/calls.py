"""One request to each server, as bytes that any load generator can send, and its response as numbers."""

import http.client
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import grpc
import numpy as np

from bench.peers.job import INPUT, Answer, numbers
from services.runtime.oip.v2 import open_inference_pb2 as oip
from stamp2vec.hub.manifest import Manifest
from stamp2vec.limits import MAX_MESSAGE_BYTES
from stamp2vec.v1 import detector_pb2, embedder_pb2
from stamp2vec.values import Task
from stamp2vec.wire.images import image_to_message
from stamp2vec.wire.models import selector_to_message
from stamp2vec.wire.stamps import detection_from_message, vector_from_message

_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Call:
    """A POST. Over HTTP/1.1 `message` is the body; of gRPC, which goes over HTTP/2, it is the message."""

    path: str
    message: bytes
    answer: Callable[[bytes], Answer]
    """Of the body of a response, or of its message."""
    is_grpc: bool
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """What is sent: gRPC puts a flag and the length before a message."""
        return b"\0" + len(self.message).to_bytes(4, "big") + self.message if self.is_grpc else self.message

    def send(self, address: str) -> bytes:
        """The body or the message of the response; ConnectionError where there is none, with what came instead."""
        return self._send_grpc(address) if self.is_grpc else self._send_http(address)

    def _send_grpc(self, address: str) -> bytes:
        options = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]
        with grpc.insecure_channel(address, options) as channel:
            try:
                call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(self.path, None, None)
                return call(self.message, timeout=_TIMEOUT_S)
            except grpc.RpcError as error:
                raise ConnectionError(f"{self.path} failed with {error.code()}: {error.details()}") from error

    def _send_http(self, address: str) -> bytes:
        connection = http.client.HTTPConnection(urlsplit(f"//{address}").netloc, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", self.path, self.message, dict(self.headers))
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionError(f"{self.path} failed: {error!r}") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ConnectionError(f"{self.path} failed with {response.status}: {body[:200]!r}")
        return body


def ours(manifest: Manifest, pixels: np.ndarray) -> Call:
    """By our own contract, which tells the ink."""
    model = selector_to_message(manifest.reference)
    if manifest.task is Task.EMBED:
        request = embedder_pb2.EmbedRequest(images=[image_to_message(pixels)], model=model)
        return Call("/stamp2vec.v1.EmbedderService/Embed", request.SerializeToString(), _vector, is_grpc=True)
    found = detector_pb2.DetectRequest(images=[image_to_message(pixels)], model=model)
    return Call("/stamp2vec.v1.DetectorService/Detect", found.SerializeToString(), _stamps, is_grpc=True)


def triton(manifest: Manifest, pixels: np.ndarray) -> Call:
    """By the Open Inference Protocol, its pixels as bytes."""
    request = oip.ModelInferRequest(model_name=manifest.name, raw_input_contents=[pixels.tobytes()])
    request.inputs.add(name=INPUT, datatype="UINT8", shape=(1, *pixels.shape))
    return Call("/inference.GRPCInferenceService/ModelInfer", request.SerializeToString(), _tensor, is_grpc=True)


def mosec(manifest: Manifest, pixels: np.ndarray) -> Call:
    """Its pixels as bytes, over HTTP/1.1."""
    return Call("/inference", pixels.tobytes(), _floats, is_grpc=False)


def litserve(manifest: Manifest, pixels: np.ndarray) -> Call:
    """Likewise."""
    headers = {"content-type": "application/octet-stream"}
    return Call("/predict", pixels.tobytes(), _floats, is_grpc=False, headers=headers)


def _stamps(message: bytes) -> Answer:
    (result,) = detector_pb2.DetectResponse.FromString(message).results
    return numbers([detection_from_message(each) for each in result.detections])


def _vector(message: bytes) -> Answer:
    (result,) = embedder_pb2.EmbedResponse.FromString(message).results
    return vector_from_message(result.vector)


def _tensor(message: bytes) -> Answer:
    return _floats(oip.ModelInferResponse.FromString(message).raw_output_contents[0])


def _floats(body: bytes) -> Answer:
    return np.frombuffer(body, np.float32)
