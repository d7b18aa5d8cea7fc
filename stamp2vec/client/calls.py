"""The calls of the gateway: requests, and what is read of their responses. What both clients share; no network here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc
import numpy as np
from google.protobuf.message import Message

from stamp2vec.client.errors import call_error, errors_by_image
from stamp2vec.detection.options import faults
from stamp2vec.document import EraseOptions
from stamp2vec.document.options import Options
from stamp2vec.errors import InvalidInput, ServiceError, Stamp2vecError
from stamp2vec.imaging import warn_of_damage
from stamp2vec.limits import MAX_DOCUMENT_BYTES
from stamp2vec.v1 import gateway_pb2
from stamp2vec.values import Comparison, Detection, DocumentResult, Embedding, ErasedDocument, ModelInfo, Preset
from stamp2vec.wire.comparisons import comparand_to_message, comparison_from_message
from stamp2vec.wire.documents import priority_to_message, request_to_message, result_from_message
from stamp2vec.wire.erasing import erase_request_to_message, erased_from_message
from stamp2vec.wire.errors import status_from_message
from stamp2vec.wire.images import Picture, add_images, mask_from_message
from stamp2vec.wire.models import info_from_message, selector_to_message
from stamp2vec.wire.stamps import detection_from_message, vector_from_message

Result = TypeVar("Result")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Call(Generic[Result]):
    """One call: the name of its method, its request, and the functions that read its response and its error."""

    method: str
    request: Message
    read: Callable[[Any], Result]
    read_error: Callable[[grpc.RpcError, str], Result]
    """Takes the gateway's address too; raises where the error leaves nothing to return."""


def analyze(document: bytes, preset: Preset, options: Options, *, bulk: bool) -> Call[DocumentResult]:
    """A document to its stamps."""
    check_size(document)
    request = request_to_message(document, preset, options, bulk=bulk)
    return Call("AnalyzeDocument", request, result_from_message, _raise)


def erase(document: bytes, preset: Preset, options: EraseOptions, *, bulk: bool) -> Call[ErasedDocument]:
    """A document to the same without stamps."""
    check_size(document)
    options.check()  # a message cannot hold every int
    return Call(
        "EraseStamps", erase_request_to_message(document, preset, options, bulk=bulk), erased_from_message, _raise
    )


def detect(
    pages: Sequence[Picture],
    model: Preset | str,
    *,
    min_score: float | None,
    max_overlap: float | None,
    max_detections: int | None,
    bulk: bool,
) -> Call[list[list[Detection] | Stamp2vecError]]:
    """Pages to stamps."""
    if found := faults(None, None, max_detections):  # a message cannot hold every int; the gateway checks the rest
        raise found[0]
    request = gateway_pb2.DetectStampsRequest(
        model=selector_to_message(model),
        min_score=min_score,
        max_overlap=max_overlap,
        max_detections=max_detections,
        priority=priority_to_message(bulk),
    )
    add_images(request.images, pages)
    return _of_images(
        "DetectStamps", request, len(pages), lambda _, result: list(map(detection_from_message, result.detections))
    )


def segment(crops: Sequence[Picture], model: Preset | str, *, bulk: bool) -> Call[list[np.ndarray | Stamp2vecError]]:
    """Crops to ink masks."""
    request = gateway_pb2.SegmentStampsRequest(model=selector_to_message(model), priority=priority_to_message(bulk))
    add_images(request.images, crops)
    return _of_images("SegmentStamps", request, len(crops), lambda _, result: mask_from_message(result.mask))


def embed(crops: Sequence[Picture], model: Preset | str, *, bulk: bool) -> Call[list[Embedding | Stamp2vecError]]:
    """Crops to vectors."""
    request = gateway_pb2.EmbedStampsRequest(model=selector_to_message(model), priority=priority_to_message(bulk))
    add_images(request.images, crops)

    def read(response: gateway_pb2.EmbedStampsResponse, result: Any) -> Embedding:
        return Embedding(vector_from_message(result.vector), response.model.name, response.model.version)

    return _of_images("EmbedStamps", request, len(crops), read)


def compare(
    a: Picture | Embedding, b: Picture | Embedding, model: Preset | str | None, *, by_vectors: bool, prior: float | None
) -> Call[Comparison]:
    """Two stamps to a verdict."""
    request = gateway_pb2.CompareStampsRequest(
        a=comparand_to_message(a),
        b=comparand_to_message(b),
        model=None if model is None else selector_to_message(model),
        mode=gateway_pb2.COMPARE_MODE_FAST if by_vectors else gateway_pb2.COMPARE_MODE_UNSPECIFIED,
        prior=prior,
    )
    return Call("CompareStamps", request, comparison_from_message, _raise)


def models() -> Call[list[ModelInfo]]:
    """The models behind the gateway."""
    request = gateway_pb2.ListModelsRequest()
    return Call("ListModels", request, lambda response: list(map(info_from_message, response.models)), _raise)


def _of_images(
    method: str, request: Message, count: int, read_item: Callable[[Any, Any], Item]
) -> Call[list[Item | Stamp2vecError]]:
    """One result or error an image. The gateway fails the call as a whole when no image of it can be read."""

    def read(response: Any) -> list[Item | Stamp2vecError]:
        if len(response.results) != count:
            text = f"{count} images were sent and {len(response.results)} results came back: report it as a bug"
            raise ServiceError(text, grpc.StatusCode.INTERNAL)
        warn_of_damage(text for each in response.results for text in each.status.warnings)
        return [status_from_message(each.status) or read_item(response, each) for each in response.results]

    def read_error(error: grpc.RpcError, address: str) -> list[Item | Stamp2vecError]:
        errors = errors_by_image(error)
        if sorted(errors) != list(range(count)):
            raise call_error(error, address) from error
        return [errors[index] for index in range(count)]

    return Call(method, request, read, read_error)


def check_size(document: bytes, most: int = MAX_DOCUMENT_BYTES) -> None:
    """InvalidInput, as from a gateway, for a document that is too large for one, and perhaps for a message of gRPC."""
    if len(document) > most:
        advice = "compress it, or split it"
        raise InvalidInput(f"the document has {len(document):,} bytes, {most:,} is the most: {advice}", "document")


def _raise(error: grpc.RpcError, address: str) -> Any:
    raise call_error(error, address) from error
