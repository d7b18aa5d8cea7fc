"""The calls of the gateway as methods."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self, TypeVar

import grpc
import numpy as np

from stamp2vec import wire
from stamp2vec.client import messages
from stamp2vec.client.failures import call_error, errors_by_image, item_error
from stamp2vec.errors import Stamp2vecError
from stamp2vec.manifest import Preset
from stamp2vec.results import Comparison, Detection, DocumentResult, Embedding, ModelInfo
from stamp2vec.v1 import gateway_pb2, gateway_pb2_grpc

Picture = bytes | np.ndarray
Result = TypeVar("Result")
Response = TypeVar("Response")

MAX_MESSAGE_BYTES = 64 * 2**20

_SERVICE = "stamp2vec.v1.StampService"

# https://grpc.io/docs/guides/service-config/ : spread the calls over the gateways that say SERVING, and send again what
# no server has begun.
_SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": _SERVICE},
    "methodConfig": [
        {
            "name": [{"service": _SERVICE}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}


class Client:
    """A connection to a gateway, safe to share between threads.

    Pictures are the bytes of an image file or uint8 arrays (H, W, 3) or (H, W). Every method raises InvalidInput for
    a call that cannot be answered as it is, ModelNotFound, and ServiceError for all else that goes wrong. Methods
    for several pictures return a list with an error in the place of each picture that could not be read.
    """

    def __init__(
        self, address: str, *, deadline_s: float = 30.0, credentials: grpc.ChannelCredentials | None = None
    ) -> None:
        """`address` is host:port or any gRPC target; `deadline_s` holds for each call; no credentials: no TLS."""
        self.address = address
        self.deadline_s = deadline_s
        options = [
            ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            # gRPC never sends again what is larger than this buffer, which holds 256 KiB unless it is told otherwise.
            ("grpc.per_rpc_retry_buffer_size", MAX_MESSAGE_BYTES),
        ]
        if credentials is None:
            self._channel = grpc.insecure_channel(address, options)
        else:
            self._channel = grpc.secure_channel(address, credentials, options)
        self._stub = gateway_pb2_grpc.StampServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection and every call on it."""
        self._channel.close()

    def analyze(
        self,
        document: bytes,
        preset: Preset = Preset.FAST,
        *,
        min_score: float | None = None,
        max_overlap: float | None = None,
        include_masks: bool = False,
        include_crops: bool = False,
        bulk: bool = False,
    ) -> DocumentResult:
        """Finds every stamp of a document, lifts its ink, embeds it and compares it with every other.

        `min_score`, 0 to 1, is by default the detector's own threshold; `max_overlap`, 0 to 0.9 and by default 0.5, is
        how far two stamps may overlap, as intersection over union. A `bulk` call yields to interactive ones.
        """
        request = messages.analyze_message(
            document,
            preset,
            min_score=min_score,
            max_overlap=max_overlap,
            include_masks=include_masks,
            include_crops=include_crops,
            bulk=bulk,
        )
        return messages.document_result(self._call(self._stub.AnalyzeDocument, request))

    def analyze_many(
        self,
        documents: Iterable[tuple[str, bytes]],
        preset: Preset = Preset.FAST,
        *,
        min_score: float | None = None,
        max_overlap: float | None = None,
        include_masks: bool = False,
        include_crops: bool = False,
        deadline_s: float = 3600.0,
    ) -> Iterator[tuple[str, DocumentResult | Stamp2vecError]]:
        """The same for any number of documents, each with an id of the caller's own, over one stream.

        Yields the id with the result or the error, as they finish, in any order. The documents are read as the
        gateway takes them. `deadline_s` holds for the whole stream.
        """
        requests = (
            gateway_pb2.AnalyzeDocumentsRequest(
                id=name,
                document=messages.analyze_message(
                    data,
                    preset,
                    min_score=min_score,
                    max_overlap=max_overlap,
                    include_masks=include_masks,
                    include_crops=include_crops,
                    bulk=True,
                ),
            )
            for name, data in documents
        )
        try:
            for answer in self._stub.AnalyzeDocuments(requests, timeout=deadline_s):
                yield answer.id, item_error(answer.status) or messages.document_result(answer.result)
        except grpc.RpcError as error:
            raise call_error(error, self.address) from error

    def detect(
        self,
        pages: Sequence[Picture],
        model: Preset | str = Preset.FAST,
        *,
        min_score: float | None = None,
        max_overlap: float | None = None,
        max_detections: int | None = None,
        bulk: bool = False,
    ) -> list[list[Detection] | Stamp2vecError]:
        """Finds the stamps of 1 to 64 pages, best first. `model` is a preset, a name or `name@version`."""
        request = gateway_pb2.DetectStampsRequest(
            images=messages.image_messages(pages),
            model=messages.selector_message(model),
            min_score=min_score,
            max_overlap=max_overlap,
            max_detections=max_detections,
            priority=messages.priority_message(bulk),
        )
        return self._items(len(pages), self._stub.DetectStamps, request, lambda _, result: messages.detections(result))

    def segment(
        self, crops: Sequence[Picture], model: Preset | str = Preset.FAST, *, bulk: bool = False
    ) -> list[np.ndarray | Stamp2vecError]:
        """Lifts the ink of 1 to 64 cropped stamps: uint8 (H, W) of each crop's size, 255 is ink."""
        request = gateway_pb2.SegmentStampsRequest(
            images=messages.image_messages(crops),
            model=messages.selector_message(model),
            priority=messages.priority_message(bulk),
        )
        return self._items(len(crops), self._stub.SegmentStamps, request, lambda _, result: wire.mask(result.mask))

    def embed(
        self, crops: Sequence[Picture], model: Preset | str = Preset.FAST, *, bulk: bool = False
    ) -> list[Embedding | Stamp2vecError]:
        """Turns 1 to 64 cropped stamps into vectors."""
        request = gateway_pb2.EmbedStampsRequest(
            images=messages.image_messages(crops),
            model=messages.selector_message(model),
            priority=messages.priority_message(bulk),
        )
        return self._items(
            len(crops),
            self._stub.EmbedStamps,
            request,
            lambda response, result: messages.embedding(result.vector.values, response.model),
        )

    def compare(self, a: Picture | Embedding, b: Picture | Embedding, model: Preset | str | None = None) -> Comparison:
        """Says whether two stamps are of one die; each is a crop or a vector.

        No model: that of a vector, else the fast one.
        """
        request = gateway_pb2.CompareStampsRequest(
            a=messages.comparand_message(a),
            b=messages.comparand_message(b),
            model=None if model is None else messages.selector_message(model),
        )
        return messages.comparison(self._call(self._stub.CompareStamps, request))

    def compare_thoroughly(self, a: Picture, b: Picture, model: Preset | str = Preset.FAST) -> Comparison:
        """Says whether two cropped stamps are of one die, by their vectors and by their ink laid over each other.

        InvalidInput when no second look was measured for the model.
        """
        request = gateway_pb2.CompareStampsRequest(
            a=messages.comparand_message(a),
            b=messages.comparand_message(b),
            model=messages.selector_message(model),
            mode=gateway_pb2.COMPARE_MODE_THOROUGH,
        )
        return messages.comparison(self._call(self._stub.CompareStamps, request))

    def models(self) -> list[ModelInfo]:
        """The models behind the gateway."""
        response = self._call(self._stub.ListModels, gateway_pb2.ListModelsRequest())
        return list(map(messages.model_info, response.models))

    def _call(self, method: Callable[..., Response], request: object) -> Response:
        try:
            return method(request, timeout=self.deadline_s)
        except grpc.RpcError as error:
            raise call_error(error, self.address) from error

    def _items(
        self, count: int, method: Callable[..., Any], request: object, read: Callable[[Any, Any], Result]
    ) -> list[Result | Stamp2vecError]:
        """One result or error an item. When no item is of use the call as a whole fails: that is taken apart again."""
        try:
            response = method(request, timeout=self.deadline_s)
        except grpc.RpcError as error:
            singly = errors_by_image(error)
            if sorted(singly) != list(range(count)):
                raise call_error(error, self.address) from error
            return [singly[index] for index in range(count)]
        return [item_error(result.status) or read(response, result) for result in response.results]
