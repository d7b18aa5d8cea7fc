"""A server of the contract that answers from the pipelines of this process, or fails on request."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, TypeVar

import grpc
import numpy as np

from stamp2vec.comparison import blank
from stamp2vec.errors import InvalidImage, InvalidInput, Violation
from stamp2vec.hub.manifest import Manifest
from stamp2vec.limits import DEFAULT_MAX_OVERLAP, MAX_DETECTIONS
from stamp2vec.pipelines import ComparisonPipeline, DocumentPipeline
from stamp2vec.v1 import common_pb2, detector_pb2, embedder_pb2, gateway_pb2, gateway_pb2_grpc, segmenter_pb2
from stamp2vec.values import Comparison, Embedding
from stamp2vec.wire.comparisons import comparison_to_message
from stamp2vec.wire.documents import options_from_message, result_to_message
from stamp2vec.wire.erasing import erase_options_from_message, erased_to_message
from stamp2vec.wire.errors import ErrorDetails, details_to_metadata, status_to_message
from stamp2vec.wire.images import mask_to_message, page_from_image
from stamp2vec.wire.models import info_to_message, version_to_message
from stamp2vec.wire.stamps import detection_to_message, embedding_from_message

Message = TypeVar("Message")


class StandIn(gateway_pb2_grpc.StampServiceServicer):
    """`failures` has an entry for each of the next requests: a code and seconds to wait, or None for no failure.

    Requests wait while `open` is cleared. `ended` is set when a call has ended, also by the client before its response;
    `authorization` has that metadata of each call. With credentials it serves TLS.
    """

    def __init__(self, pipeline: DocumentPipeline, credentials: grpc.ServerCredentials | None = None) -> None:
        self.pipeline = pipeline
        self.failures: list[tuple[grpc.StatusCode, float | None] | None] = []
        self.requests: list[Any] = []
        self.authorization: list[str | None] = []
        self.ended = Event()
        self.open = Event()
        self.open.set()
        self._server = grpc.server(ThreadPoolExecutor(4))
        gateway_pb2_grpc.add_StampServiceServicer_to_server(self, self._server)
        if credentials is None:
            port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            port = self._server.add_secure_port("127.0.0.1:0", credentials)
        self.address = f"127.0.0.1:{port}"
        self._server.start()

    def close(self) -> None:
        self.open.set()
        self._server.stop(0).wait()

    def AnalyzeDocument(self, request: Any, context: Any) -> gateway_pb2.AnalyzeDocumentResponse:  # noqa: N802 - the contract's name
        self._begin(request, context)
        try:
            return self._analyze(request)
        except InvalidInput as error:
            abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error), [(error.field, str(error))])
            raise

    def AnalyzeDocuments(self, requests: Any, context: Any) -> Iterator[gateway_pb2.AnalyzeDocumentsResponse]:  # noqa: N802 - the contract's name
        self._note(context)
        begun: dict[str, Any] = {}
        for piece in requests:
            request = begun.setdefault(piece.id, piece)
            if request is not piece:
                request.document.document += piece.document.document
            if piece.continues:
                continue
            del begun[piece.id]
            self._wait(request, context)
            try:
                yield from _responses(request, self._analyze(request.document))
            except InvalidInput as error:
                yield gateway_pb2.AnalyzeDocumentsResponse(id=request.id, status=status_to_message(error))

    def EraseStamps(self, request: Any, context: Any) -> gateway_pb2.EraseStampsResponse:  # noqa: N802 - the contract's name
        self._begin(request, context)
        asked = erase_options_from_message(request)
        options = {field.name: getattr(asked, field.name) for field in dataclasses.fields(asked)}
        try:
            return erased_to_message(self.pipeline.erase(request.document, **options))
        except InvalidInput as error:
            abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error), [(error.field, str(error))])
            raise

    def DetectStamps(self, request: Any, context: Any) -> gateway_pb2.DetectStampsResponse:  # noqa: N802 - the contract's name
        self._begin(request, context, self.pipeline.detector.manifest)
        least = request.min_score if request.HasField("min_score") else None

        def answer(images: list[np.ndarray]) -> list[detector_pb2.DetectResult]:
            overlap = request.max_overlap if request.HasField("max_overlap") else DEFAULT_MAX_OVERLAP
            return [
                detector_pb2.DetectResult(
                    detections=map(detection_to_message, found[: request.max_detections or MAX_DETECTIONS]),
                    height=image.shape[0],
                    width=image.shape[1],
                )
                for image, found in zip(images, self.pipeline.detector(images, least, overlap), strict=True)
            ]

        results = each(request.images, answer, lambda status: detector_pb2.DetectResult(status=status), context)
        return gateway_pb2.DetectStampsResponse(results=results, model=version(self.pipeline.detector.manifest))

    def SegmentStamps(self, request: Any, context: Any) -> gateway_pb2.SegmentStampsResponse:  # noqa: N802 - the contract's name
        self._begin(request, context, self.pipeline.segmenter.manifest)

        def answer(images: list[np.ndarray]) -> list[segmenter_pb2.SegmentResult]:
            masks = self.pipeline.segmenter(images)
            return [segmenter_pb2.SegmentResult(mask=mask_to_message(mask)) for mask in masks]

        results = each(request.images, answer, lambda status: segmenter_pb2.SegmentResult(status=status), context)
        return gateway_pb2.SegmentStampsResponse(results=results, model=version(self.pipeline.segmenter.manifest))

    def EmbedStamps(self, request: Any, context: Any) -> gateway_pb2.EmbedStampsResponse:  # noqa: N802 - the contract's name
        self._begin(request, context, self.pipeline.embedder.manifest)

        def answer(images: list[np.ndarray]) -> list[embedder_pb2.EmbedResult]:
            vectors = self.pipeline.embedder(images)
            return [embedder_pb2.EmbedResult(vector=common_pb2.Vector(values=vector.tolist())) for vector in vectors]

        failed = lambda status: embedder_pb2.EmbedResult(status=status)  # noqa: E731
        results = each(request.images, answer, failed, context, read=_inked)
        return gateway_pb2.EmbedStampsResponse(results=results, model=version(self.pipeline.embedder.manifest))

    def CompareStamps(self, request: Any, context: Any) -> gateway_pb2.CompareStampsResponse:  # noqa: N802 - the contract's name
        self._begin(request, context, self.pipeline.embedder.manifest)
        try:
            found = self._compared(request)
        except InvalidInput as error:
            abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error), [(error.field, str(error))])
            raise
        return comparison_to_message(found)

    def ListModels(self, request: Any, context: Any) -> gateway_pb2.ListModelsResponse:  # noqa: N802 - the contract's name
        self._begin(request, context)
        pipeline = self.pipeline
        pipelines = (pipeline.detector, pipeline.segmenter, pipeline.embedder, pipeline.verifier)
        infos = [each.manifest.info for each in pipelines if each is not None]
        return gateway_pb2.ListModelsResponse(models=map(info_to_message, infos))

    def _begin(self, request: Any, context: Any, manifest: Manifest | None = None) -> None:
        self._note(context)
        self._wait(request, context)
        if manifest is not None and request.model.name not in ("", manifest.name, manifest.reference):
            abort(context, grpc.StatusCode.NOT_FOUND, f"there is no model {request.model.name}", ())

    def _note(self, context: Any) -> None:
        self.authorization.append(dict(context.invocation_metadata()).get("authorization"))
        context.add_callback(self.ended.set)

    def _wait(self, request: Any, context: Any) -> None:
        self.requests.append(request)
        self.open.wait()
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            abort(context, failure[0], "a failure of the stand-in", (), failure[1])

    def _compared(self, request: Any) -> Comparison:
        pipeline, prior = self.pipeline, request.prior if request.HasField("prior") else None
        a, b = (_stamp(side, name) for name, side in (("a", request.a), ("b", request.b)))
        is_fast = request.mode == gateway_pb2.COMPARE_MODE_FAST
        if is_fast or isinstance(a, Embedding) or isinstance(b, Embedding) or pipeline.verifier is None:
            return pipeline.embedder.compare(a, b, prior=prior)
        return ComparisonPipeline(pipeline.embedder, pipeline.segmenter, pipeline.verifier)(a, b, prior=prior)

    def _analyze(self, request: Any) -> gateway_pb2.AnalyzeDocumentResponse:
        options = options_from_message(request)
        result = self.pipeline(request.document, **dataclasses.asdict(options))
        return result_to_message(dataclasses.replace(result, request_id="r1"))


def _responses(request: Any, result: Any) -> Iterator[gateway_pb2.AnalyzeDocumentsResponse]:
    """The result as one message, or page by page where that is asked for."""
    if request.page_by_page:
        pages = list(result.pages)
        del result.pages[:]
        for page in pages:
            for stamp in page.stamps:
                result.die_groups.append(stamp.die_group)
                stamp.die_group = 0
            yield gateway_pb2.AnalyzeDocumentsResponse(id=request.id, page=page)
    yield gateway_pb2.AnalyzeDocumentsResponse(id=request.id, result=result)


def _stamp(side: Any, name: str) -> np.ndarray | Embedding:
    if side.HasField("vector"):
        return embedding_from_message(side.vector)
    return _pixels(side.image, f"{name}.image")


def _inked(image: common_pb2.Image, field: str) -> np.ndarray:
    crop = _pixels(image, field)
    if reason := blank(crop):
        raise InvalidImage(reason, field)
    return crop


def _pixels(image: common_pb2.Image, field: str) -> np.ndarray:
    return page_from_image(image, field).image


def each(
    images: Sequence[common_pb2.Image],
    answer: Callable[[list[np.ndarray]], list[Message]],
    refuse: Callable[[common_pb2.ItemStatus], Message],
    context: Any,
    read: Callable[[common_pb2.Image, str], np.ndarray] = _pixels,
) -> list[Message]:
    """One result an image, all of them computed as one batch; the call fails when no image can be read."""
    decoded: list[np.ndarray | InvalidInput] = []
    for index, image in enumerate(images):
        try:
            decoded.append(read(image, f"images[{index}]"))
        except InvalidInput as error:
            decoded.append(error)
    errors = [error for error in decoded if isinstance(error, InvalidInput)]
    if len(errors) == len(images):
        fields = [(error.field, str(error)) for error in errors]
        abort(context, grpc.StatusCode.INVALID_ARGUMENT, "no image can be read", fields)
    results = iter(answer([image for image in decoded if isinstance(image, np.ndarray)]))
    return [refuse(status_to_message(each)) if isinstance(each, InvalidInput) else next(results) for each in decoded]


def version(manifest: Manifest) -> common_pb2.ModelVersion:
    return version_to_message(manifest.name, manifest.version)


def abort(
    context: Any, code: grpc.StatusCode, message: str, fields: Sequence[tuple[str, str]], wait_s: float | None = None
) -> None:
    violations = tuple(Violation(field, text) for field, text in fields)
    details = ErrorDetails(violations, wait_s, "request-7")
    trailing = (("x-request-id", "request-7"), *details_to_metadata(code, message, details))
    # The pushback is left out, so that the tests see the client's own policy.
    context.set_trailing_metadata(tuple(pair for pair in trailing if pair[0] != "grpc-retry-pushback-ms"))
    context.abort(code, message)
