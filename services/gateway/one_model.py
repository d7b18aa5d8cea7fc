"""The calls that use one model: their pictures are decoded and fitted here, as the pages of documents are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from services.gateway.document.finding import Search
from services.gateway.document.pages import GROUP_PAGES, read_picture
from services.gateway.tasks import task_group
from services.gateway.upstream.calls import ModelCaller, Pixels
from services.runtime.security.limits import charge
from stamp2vec.comparison import blank
from stamp2vec.detection.refinement import Windows, worth_a_look
from stamp2vec.document import fit_of, page_views, stored
from stamp2vec.errors import InvalidCall, InvalidImage, InvalidInput, Stamp2vecError
from stamp2vec.imaging import Letterbox, Page, PageInfo, View, letterboxed, prepared
from stamp2vec.limits import MAX_DETECTIONS, MAX_MESSAGE_BYTES
from stamp2vec.v1 import common_pb2, detector_pb2, embedder_pb2, gateway_pb2, segmenter_pb2
from stamp2vec.values import Detection, ModelInfo, Task
from stamp2vec.wire.errors import status_to_message, warnings_to_message
from stamp2vec.wire.images import mask_to_message
from stamp2vec.wire.models import selector_from_message, version_to_message
from stamp2vec.wire.stamps import detection_to_message, vector_to_message

F = TypeVar("F")
R = TypeVar("R")
M = TypeVar("M")


async def detect(request: gateway_pb2.DetectStampsRequest, caller: ModelCaller) -> gateway_pb2.DetectStampsResponse:
    """Boxes in pixels of each picture. InvalidCall when no picture can be read, as for all of these."""
    detector = await _chosen(Task.DETECT, request.model, caller)
    search = Search(
        caller=caller,
        detector=detector,
        refiner=await caller.upstreams.refiner_of(detector, caller.deadline),
        min_score=request.min_score if request.HasField("min_score") else None,
        max_overlap=request.max_overlap if request.HasField("max_overlap") else None,
        max_detections=request.max_detections or MAX_DETECTIONS,
        with_ink=True,
    )

    def views_of(page: Page, field: str) -> _Viewed:
        page = prepared(page)
        return _Viewed(page_views(page.image, detector), page.info, page.scale)

    fit = fit_of(detector, search.refiner)
    read: list[_Viewed | InvalidInput] = []
    found: list[list[Detection] | Stamp2vecError] = []
    for first in range(0, len(request.images), GROUP_PAGES):  # whose views are held at once
        charge(pages=len(request.images[first : first + GROUP_PAGES]))
        pages = await _read_all(request.images[first : first + GROUP_PAGES], views_of, caller, first, fit)
        candidates = await search.find([page.views for page in _readable(pages)])
        at = [first + index for index, page in enumerate(pages) if not isinstance(page, InvalidInput)]
        found += await _refined(candidates, {index: request.images[index] for index in at}, search, fit)
        read += [each if isinstance(each, InvalidInput) else replace(each, views=()) for each in pages]
    _require_one(read)
    results = _in_order(
        read,
        found,
        lambda status: detector_pb2.DetectResult(status=status),
        lambda page, stamps: detector_pb2.DetectResult(
            status=warnings_to_message(page.info.warnings),
            detections=[detection_to_message(stored(stamp, page.scale)) for stamp in stamps],
            height=page.info.height,
            width=page.info.width,
        ),
    )
    model = version_to_message(detector.name, detector.version)
    return await caller.workers.run(lambda: gateway_pb2.DetectStampsResponse(results=results, model=model))


async def _refined(
    candidates: Sequence[list[Detection] | Stamp2vecError],
    images: Mapping[int, common_pb2.Image],
    search: Search,
    fit: tuple[int, int] | None,
) -> list[list[Detection] | Stamp2vecError]:
    """The stamps of pictures, by their place in the call, that have these candidates; `fit` as of `read_picture`.

    Pictures with candidates are read a second time: nobody holds their pixels while the detector is at work.
    """

    async def cut(
        index: int, image: common_pb2.Image, found: list[Detection] | Stamp2vecError
    ) -> Windows | Stamp2vecError | None:
        if search.refiner is None or isinstance(found, Stamp2vecError) or not worth_a_look(found):
            return None

        def windows(page: Page) -> Windows | None:
            return search.windows(prepared(page).image, found)

        try:
            return await read_picture(image, f"images[{index}]", search.caller, windows, fit=fit)
        except InvalidInput as error:
            return error

    async with task_group() as tasks:
        work = [
            tasks.create_task(cut(index, image, found))
            for (index, image), found in zip(images.items(), candidates, strict=True)
        ]
    windows = [task.result() for task in work]
    known = [each if isinstance(each, Stamp2vecError) else found for each, found in zip(windows, candidates)]
    return await search.refine(known, [None if isinstance(each, Stamp2vecError) else each for each in windows])


async def segment(request: gateway_pb2.SegmentStampsRequest, caller: ModelCaller) -> gateway_pb2.SegmentStampsResponse:
    """Masks of each crop's size. InvalidInput when they are too large to be sent together."""
    segmenter = await _chosen(Task.SEGMENT, request.model, caller)
    fitted = await _fit_all(request.images, segmenter, caller)
    crops = _readable(fitted)
    if sum(each.box.height * each.box.width for each in crops) > MAX_MESSAGE_BYTES:
        raise too_large("images")
    results = _in_order(
        fitted,
        await caller.segment(segmenter, [each.pixels for each in crops]),
        lambda status: segmenter_pb2.SegmentResult(status=status),
        lambda crop, mask: segmenter_pb2.SegmentResult(
            status=warnings_to_message(crop.warnings), mask=mask_to_message(crop.box.mask_to_image(mask))
        ),
    )
    model = version_to_message(segmenter.name, segmenter.version)
    return await caller.workers.run(lambda: gateway_pb2.SegmentStampsResponse(results=results, model=model))


async def embed(request: gateway_pb2.EmbedStampsRequest, caller: ModelCaller) -> gateway_pb2.EmbedStampsResponse:
    """Vectors of length 1; a crop without ink has none."""
    embedder = await _chosen(Task.EMBED, request.model, caller)

    def check(crop: Page, field: str) -> None:
        if reason := blank(crop.image):
            raise InvalidImage(reason, field)

    fitted = await _fit_all(request.images, embedder, caller, check)
    model = version_to_message(embedder.name, embedder.version)
    results = _in_order(
        fitted,
        await caller.embed(embedder, [each.pixels for each in _readable(fitted)]),
        lambda status: embedder_pb2.EmbedResult(status=status),
        lambda crop, vector: embedder_pb2.EmbedResult(
            status=warnings_to_message(crop.warnings), vector=vector_to_message(vector, model)
        ),
    )
    return gateway_pb2.EmbedStampsResponse(results=results, model=model)


def too_large(field: str) -> InvalidInput:
    """The error of a response that cannot be sent."""
    size = f"the answer would be larger than {MAX_MESSAGE_BYTES // 2**20} MiB"
    return InvalidInput(f"{size}: send fewer or smaller pictures a call", field)


async def _chosen(task: Task, selector: common_pb2.ModelSelector, caller: ModelCaller) -> ModelInfo:
    return await caller.upstreams.choose(task, selector_from_message(selector), caller.deadline)


@dataclass(frozen=True, slots=True, eq=False)
class _Viewed:
    """A page whose pixels need not be held any longer: what the detector gets of it, and what is known of it."""

    views: tuple[View, ...]
    info: PageInfo
    scale: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """A picture at the model's input size, where it lies in it, and what of it may be missing."""

    pixels: Pixels
    box: Letterbox
    warnings: tuple[str, ...]


async def _fit_all(
    images: Sequence[common_pb2.Image],
    model: ModelInfo,
    caller: ModelCaller,
    check: Callable[[Page, str], None] = lambda page, field: None,
) -> list[_Fitted | InvalidInput]:
    """One an image, in order; `check` raises InvalidInput for one that must not go to the model."""

    def fit(page: Page, field: str) -> _Fitted:
        check(page, field)
        return _Fitted(*letterboxed(page, model.input_size), page.info.warnings)

    fitted = await _read_all(images, fit, caller)
    _require_one(fitted)
    return fitted


async def _read_all(
    images: Sequence[common_pb2.Image],
    use: Callable[[Page, str], F],
    caller: ModelCaller,
    first: int = 0,
    fit: tuple[int, int] | None = None,
) -> list[F | InvalidInput]:
    """What `use` makes of each picture and its path in the call, of which these are the images from `first` on.

    `fit` is as of `read_picture`.
    """

    async def read_one(index: int) -> F | InvalidInput:
        field = f"images[{first + index}]"
        try:
            return await read_picture(images[index], field, caller, lambda page: use(page, field), fit=fit)
        except InvalidInput as error:
            return error

    async with task_group() as tasks:
        work = [tasks.create_task(read_one(index)) for index in range(len(images))]
    return [task.result() for task in work]


def _require_one(read: Sequence[F | InvalidInput]) -> None:
    """InvalidCall when no image could be read."""
    errors = [each for each in read if isinstance(each, InvalidInput)]
    if len(errors) == len(read):
        raise InvalidCall(errors)


def _readable(read: Sequence[F | InvalidInput]) -> list[F]:
    """Those that go to the model."""
    return [each for each in read if not isinstance(each, InvalidInput)]


def _in_order(
    read: Sequence[F | InvalidInput],
    results: Sequence[R | Stamp2vecError],
    failed: Callable[[common_pb2.ItemStatus], M],
    message: Callable[[F, R], M],
) -> Iterator[M]:
    """One message an image: of the model's result for it, or of its error."""
    answers = iter(results)
    for index, each in enumerate(read):
        result = each if isinstance(each, InvalidInput) else next(answers)
        if isinstance(result, Stamp2vecError):
            yield failed(status_to_message(result, f"images[{index}]"))
        elif not isinstance(each, InvalidInput):
            yield message(each, result)
