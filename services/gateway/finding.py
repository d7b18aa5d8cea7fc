"""Pages to the detector, in as many views as it looks at, and what it found on all of them back to each page."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.gateway import calls, images
from services.gateway.calls import Terms
from services.gateway.pages import GROUP_PAGES
from services.gateway.upstreams import Upstreams
from services.gateway.workers import Workers
from services.runtime.server import MAX_IMAGES
from stamp2vec.candidates import MAX_DETECTIONS, MAX_OVERLAP, SCORE_FLOOR, merge, on_page
from stamp2vec.errors import InvalidInput
from stamp2vec.imaging import View, views
from stamp2vec.serving import picture
from stamp2vec.v1 import common_pb2, detector_pb2, gateway_pb2
from stamp2vec.wire import detection, detection_message


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of all that a detector finds; None is what the caller left out."""

    min_score: float | None
    max_overlap: float | None
    max_detections: int
    tell_ink: bool
    """By the detector; a document's ink is told from its full pages."""

    @classmethod
    def of(cls, request: gateway_pb2.AnalyzeDocumentRequest | gateway_pb2.DetectStampsRequest) -> "Wanted":
        """The options of a request."""
        min_score = request.min_score if request.HasField("min_score") else None
        max_overlap = request.max_overlap if request.HasField("max_overlap") else None
        if isinstance(request, gateway_pb2.AnalyzeDocumentRequest):
            return cls(min_score, max_overlap, MAX_DETECTIONS, tell_ink=False)
        return cls(min_score, max_overlap, request.max_detections or MAX_DETECTIONS, tell_ink=True)


@dataclass(frozen=True, slots=True)
class Search:
    """Who looks for stamps, and for which."""

    upstreams: Upstreams
    workers: Workers
    model: common_pb2.ModelInfo
    terms: Terms
    wanted: Wanted

    @property
    def tiled(self) -> bool:
        """Whether the detector looks at pages in tiles as well: those of the accurate preset do."""
        return common_pb2.PRESET_ACCURATE in self.model.presets


async def on_pages(search: Search, pages: Sequence[Sequence[View]]) -> list[detector_pb2.DetectResult]:
    """The stamps of each page, which comes as its views, in pixels of the page; it fails when one of its views does."""
    pictures = [view.pixels for page in pages for view in page]
    wanted = search.wanted
    answers = iter(
        await calls.detect(
            search.upstreams,
            search.model,
            pictures,
            search.terms,
            SCORE_FLOOR if search.tiled else wanted.min_score,
            wanted.max_overlap,
            tell_ink=wanted.tell_ink,
        )
    )
    answered = [[next(answers) for _ in page] for page in pages]
    return await search.workers.run(
        lambda: [_merged(page, each, search) for page, each in zip(pages, answered, strict=True)]
    )


async def on_images(search: Search, messages: Sequence[common_pb2.Image]) -> list[detector_pb2.DetectResult]:
    """One result an image, in order; raises InvalidCall when none can be read."""
    size = search.model.input_height, search.model.input_width

    def look(message: common_pb2.Image, field: str) -> tuple[View, ...]:
        return views(picture(message, field), size, tiled=search.tiled)

    step = GROUP_PAGES if search.tiled else MAX_IMAGES  # pages have several views: few of them are held at once
    read: list[InvalidInput | None] = []
    results: list[detector_pb2.DetectResult] = []
    for first in range(0, len(messages), step):
        pages = await images.read_all(messages[first : first + step], look, search.workers, first)
        read += [each if isinstance(each, InvalidInput) else None for each in pages]
        results += await on_pages(search, images.readable(pages))
    images.require_one(read)
    return list(
        images.in_order(
            read,
            results,
            lambda result: result.status,
            lambda status: detector_pb2.DetectResult(status=status),
            lambda result, _: result,
        )
    )


def _merged(
    page: Sequence[View], answers: Sequence[detector_pb2.DetectResult], search: Search
) -> detector_pb2.DetectResult:
    failed = next((answer.status for answer in answers if answer.status.code), None)
    if failed is not None:
        return detector_pb2.DetectResult(status=failed)
    seen = [
        (view, [found for each in answer.detections if (found := on_page(detection(each), view))])
        for view, answer in zip(page, answers, strict=True)
    ]
    wanted = search.wanted
    max_overlap = MAX_OVERLAP if wanted.max_overlap is None else wanted.max_overlap
    min_score = search.model.threshold if wanted.min_score is None else wanted.min_score
    stamps = merge(seen, max_overlap, min_score, wanted.max_detections)
    return detector_pb2.DetectResult(
        detections=map(detection_message, stamps), height=page[0].height, width=page[0].width
    )
