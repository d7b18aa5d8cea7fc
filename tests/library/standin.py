"""A server of the contract that answers from the pipelines of this process, or fails as it is told to."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, TypeVar

import grpc
import numpy as np
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from stamp2vec.candidates import MAX_OVERLAP
from stamp2vec.errors import InvalidInput
from stamp2vec.manifest import Manifest
from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.results import Comparison
from stamp2vec.serving import model_info, picture
from stamp2vec.v1 import common_pb2, detector_pb2, embedder_pb2, gateway_pb2, gateway_pb2_grpc, segmenter_pb2
from stamp2vec.verification import judge
from stamp2vec.wire import INK_COLOURS, STAMP_TYPES, detection_message, overlay_message

Message = TypeVar("Message")
INVALID = grpc.StatusCode.INVALID_ARGUMENT.value[0]


class StandIn(gateway_pb2_grpc.StampServiceServicer):
    """`failures` says of each of the next requests how it fails: a code and seconds to wait, or None: not at all.

    Requests wait while `open` is cleared.
    """

    def __init__(self, pipeline: DocumentPipeline) -> None:
        self.pipeline = pipeline
        self.failures: list[tuple[grpc.StatusCode, float | None] | None] = []
        self.requests: list[Any] = []
        self.open = Event()
        self.open.set()
        self._server = grpc.server(ThreadPoolExecutor(4))
        gateway_pb2_grpc.add_StampServiceServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        self._server.stop(0).wait()

    def AnalyzeDocument(self, request: Any, context: Any) -> gateway_pb2.AnalyzeDocumentResponse:  # noqa: N802 - the contract's name
        self._begin(request, context)
        try:
            return self._analyze(request)
        except InvalidInput as error:
            abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error), [(error.field, str(error))])
            raise

    def AnalyzeDocuments(self, requests: Any, context: Any) -> Iterator[gateway_pb2.AnalyzeDocumentsResponse]:  # noqa: N802 - the contract's name
        for request in requests:
            self._begin(request, context)
            try:
                yield gateway_pb2.AnalyzeDocumentsResponse(id=request.id, result=self._analyze(request.document))
            except InvalidInput as error:
                yield gateway_pb2.AnalyzeDocumentsResponse(id=request.id, status=failed(error))

    def DetectStamps(self, request: Any, context: Any) -> gateway_pb2.DetectStampsResponse:  # noqa: N802 - the contract's name
        self._begin(request, context)
        least = request.min_score if request.HasField("min_score") else None

        def answer(image: np.ndarray) -> detector_pb2.DetectResult:
            overlap = request.max_overlap if request.HasField("max_overlap") else MAX_OVERLAP
            found = self.pipeline.detector(image, least, overlap)[: request.max_detections or 300]
            rows = map(detection_message, found)
            return detector_pb2.DetectResult(detections=rows, height=image.shape[0], width=image.shape[1])

        results = each(request.images, answer, lambda status: detector_pb2.DetectResult(status=status), context)
        return gateway_pb2.DetectStampsResponse(results=results, model=version(self.pipeline.detector.manifest))

    def SegmentStamps(self, request: Any, context: Any) -> gateway_pb2.SegmentStampsResponse:  # noqa: N802 - the contract's name
        self._begin(request, context)

        def answer(image: np.ndarray) -> segmenter_pb2.SegmentResult:
            return segmenter_pb2.SegmentResult(mask=mask(self.pipeline.segmenter(image)))

        results = each(request.images, answer, lambda status: segmenter_pb2.SegmentResult(status=status), context)
        return gateway_pb2.SegmentStampsResponse(results=results, model=version(self.pipeline.segmenter.manifest))

    def EmbedStamps(self, request: Any, context: Any) -> gateway_pb2.EmbedStampsResponse:  # noqa: N802 - the contract's name
        self._begin(request, context)

        def answer(image: np.ndarray) -> embedder_pb2.EmbedResult:
            return embedder_pb2.EmbedResult(vector=common_pb2.Vector(values=self.pipeline.embedder(image).tolist()))

        results = each(request.images, answer, lambda status: embedder_pb2.EmbedResult(status=status), context)
        return gateway_pb2.EmbedStampsResponse(results=results, model=version(self.pipeline.embedder.manifest))

    def CompareStamps(self, request: Any, context: Any) -> gateway_pb2.CompareStampsResponse:  # noqa: N802 - the contract's name
        self._begin(request, context)
        try:
            found = self._compared(request)
        except InvalidInput as error:
            abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error), [(error.field, str(error))])
            raise
        return gateway_pb2.CompareStampsResponse(
            similarity=found.similarity,
            model=version(self.pipeline.embedder.manifest),
            probability=found.probability,
            verdict=gateway_pb2.Verdict.Value(f"VERDICT_{found.verdict.name}"),
            reason=found.reason,
            overlay=None if found.overlay is None else overlay_message(found.overlay),
        )

    def ListModels(self, request: Any, context: Any) -> gateway_pb2.ListModelsResponse:  # noqa: N802 - the contract's name
        self._begin(request, context)
        pipelines = (self.pipeline.detector, self.pipeline.segmenter, self.pipeline.embedder)
        return gateway_pb2.ListModelsResponse(models=[model_info(each.manifest) for each in pipelines])

    def _begin(self, request: Any, context: Any) -> None:
        self.requests.append(request)
        self.open.wait()
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            abort(context, failure[0], "the stand-in was told to fail", (), failure[1])

    def _compared(self, request: Any) -> Comparison:
        embedder = self.pipeline.embedder
        if request.mode == gateway_pb2.COMPARE_MODE_THOROUGH:
            a, b = picture(request.a.image, "a.image"), picture(request.b.image, "b.image")
            return embedder.compare_thoroughly(a, b, self.pipeline.segmenter)
        similarity = float(self._vector(request.a) @ self._vector(request.b))
        found = judge(similarity, embedder.manifest.verification)
        name, version = embedder.manifest.name, embedder.manifest.version
        return Comparison(similarity, name, version, found.probability, found.verdict, found.reason)

    def _vector(self, side: Any) -> np.ndarray:
        if side.HasField("vector"):
            return np.array(side.vector.values)
        return self.pipeline.embedder(picture(side.image, "image"))

    def _analyze(self, request: Any) -> gateway_pb2.AnalyzeDocumentResponse:
        least = request.min_score if request.HasField("min_score") else None
        overlap = request.max_overlap if request.HasField("max_overlap") else MAX_OVERLAP
        result = self.pipeline(
            request.document, min_score=least, max_overlap=overlap, include_masks=request.include_masks
        )
        pages = []
        for page in result.pages:
            stamps = [
                gateway_pb2.Stamp(
                    box=box(stamp.box),
                    score=stamp.score,
                    type=STAMP_TYPES[stamp.type],
                    angle_degrees=stamp.angle_degrees,
                    ink_colour=INK_COLOURS[stamp.ink_colour],
                    vector=common_pb2.Vector(values=None if stamp.vector is None else stamp.vector.tolist()),
                    crop_box=box(stamp.crop_box),
                    mask=None if stamp.mask is None else mask(stamp.mask),
                )
                for stamp in page.stamps
            ]
            status = None if page.error is None else failed(InvalidInput(str(page.error), "document"))
            pages.append(
                gateway_pb2.Page(status=status, index=page.index, height=page.height, width=page.width, stamps=stamps)
            )
        similarity = gateway_pb2.SimilarityMatrix(
            size=len(result.similarity), values=result.similarity.ravel().tolist()
        )
        models = [model_info(pipeline.manifest) for pipeline in (self.pipeline.detector, self.pipeline.embedder)]
        return gateway_pb2.AnalyzeDocumentResponse(pages=pages, similarity=similarity, models=models, request_id="r1")


def each(
    images: Sequence[common_pb2.Image],
    answer: Callable[[np.ndarray], Message],
    refuse: Callable[[common_pb2.ItemStatus], Message],
    context: Any,
) -> list[Message]:
    """One result an image; the call fails when no image is of use."""
    results, errors = [], []
    for index, image in enumerate(images):
        try:
            results.append(answer(picture(image, f"images[{index}]")))
        except InvalidInput as error:
            errors.append((error.field, str(error)))
            results.append(refuse(failed(error)))
    if len(errors) == len(images):
        abort(context, grpc.StatusCode.INVALID_ARGUMENT, "no image can be read", errors)
    return results


def box(edges: Sequence[float]) -> common_pb2.Box:
    return common_pb2.Box(x1=edges[0], y1=edges[1], x2=edges[2], y2=edges[3])


def mask(ink: np.ndarray) -> common_pb2.Mask:
    return common_pb2.Mask(data=ink.tobytes(), height=ink.shape[0], width=ink.shape[1])


def version(manifest: Manifest) -> common_pb2.ModelVersion:
    return common_pb2.ModelVersion(name=manifest.name, version=manifest.version)


def failed(error: InvalidInput) -> common_pb2.ItemStatus:
    return common_pb2.ItemStatus(code=INVALID, message=str(error), field=error.field)


def abort(
    context: Any, code: grpc.StatusCode, message: str, fields: Sequence[tuple[str, str]], wait_s: float | None = None
) -> None:
    details = []
    if fields:
        violations = [error_details_pb2.BadRequest.FieldViolation(field=f, description=text) for f, text in fields]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
    if wait_s is not None:
        details.append(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=int(wait_s))))
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    status = status_pb2.Status(code=code.value[0], message=message, details=packed)
    context.set_trailing_metadata(
        (("x-request-id", "request-7"), ("grpc-status-details-bin", status.SerializeToString()))
    )
    context.abort(code, message)
