"""The model services on one real server with scripted responses, for cases that real models rarely produce."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
import numpy as np

from stamp2vec.comparison.ink import OWN
from stamp2vec.limits import MAX_MESSAGE_BYTES
from stamp2vec.v1 import (
    common_pb2,
    detector_pb2,
    detector_pb2_grpc,
    embedder_pb2,
    embedder_pb2_grpc,
    reader_pb2,
    reader_pb2_grpc,
    segmenter_pb2,
    segmenter_pb2_grpc,
)
from stamp2vec.wire.images import mask_to_message
from tests.library.pairs import CALIBRATION

DETECTOR_SIDE, SEGMENTER_SIDE, EMBEDDER_SIDE, VECTOR_SIZE = 64, 32, 16, 4
VERIFIER_SIDE, PLACE_PX = 384, 4
READER_SIDE = 64
REFINER_SIDE = 48
PAIR_CALIBRATION = dataclasses.replace(CALIBRATION, segmenter="segmenter")

Handler = Callable[[Any, Any], Awaitable[None]]


def info(name: str, task: "common_pb2.Task.ValueType", version: str = "1.0.0", *presets: int) -> common_pb2.ModelInfo:
    side = {
        common_pb2.TASK_DETECT: DETECTOR_SIDE,
        common_pb2.TASK_SEGMENT: SEGMENTER_SIDE,
        common_pb2.TASK_EMBED: EMBEDDER_SIDE,
        common_pb2.TASK_VERIFY: VERIFIER_SIDE,
        common_pb2.TASK_READ: READER_SIDE,
        common_pb2.TASK_REFINE: REFINER_SIDE,
    }[task]
    verifies = task == common_pb2.TASK_VERIFY
    return common_pb2.ModelInfo(
        model=common_pb2.ModelVersion(name=name, version=version),
        task=task,
        presets=presets or [common_pb2.PRESET_FAST],  # type: ignore[arg-type]
        input_height=2 * side if verifies else side,
        input_width=side,
        vector_size=VECTOR_SIZE if task == common_pb2.TASK_EMBED else 0,
        views=common_pb2.VIEWS_WHOLE_AND_TILES if common_pb2.PRESET_ACCURATE in presets else common_pb2.VIEWS_WHOLE,
        pair_calibration=common_pb2.PairCalibration(**dataclasses.asdict(PAIR_CALIBRATION)) if verifies else None,
    )


async def nothing(request: Any, context: Any) -> None:
    pass


def rim(pixels: np.ndarray) -> np.ndarray:
    """Ink in a circle."""
    height, width = pixels.shape[:2]
    row, column = np.mgrid[:height, :width]
    away = abs(np.hypot(row - (height - 1) / 2, column - (width - 1) / 2) - 0.4 * height)
    return np.where(away < 1.5, 255, 0).astype(np.uint8)


@dataclass
class Scripted:
    """The behaviour of the services. Hooks get every request first, and may wait, abort or record it."""

    boxes: list[tuple[float, float, float, float]] = field(default_factory=lambda: [(16.0, 16.0, 48.0, 48.0)])
    angle_degrees: float = 30.0
    """Of every stamp, which is an oval one."""
    detectors: list[common_pb2.ModelInfo] = field(default_factory=lambda: [info("detector", common_pb2.TASK_DETECT)])
    refiners: list[common_pb2.ModelInfo] = field(default_factory=list)
    segmenters: list[common_pb2.ModelInfo] = field(default_factory=lambda: [info("segmenter", common_pb2.TASK_SEGMENT)])
    embedders: list[common_pb2.ModelInfo] = field(default_factory=lambda: [info("embedder", common_pb2.TASK_EMBED)])
    verifiers: list[common_pb2.ModelInfo] = field(default_factory=lambda: [info("verifier", common_pb2.TASK_VERIFY)])
    readers: list[common_pb2.ModelInfo] = field(default_factory=lambda: [info("reader", common_pb2.TASK_READ)])
    on_detect: Handler = nothing
    on_refine: Handler = nothing
    on_segment: Handler = nothing
    on_embed: Handler = nothing
    on_verify: Handler = nothing
    on_read: Handler = nothing
    on_list: Handler = nothing
    poisoned: Callable[[np.ndarray], bool] = lambda pixels: False
    """Images that the detector fails on."""
    refined: Callable[[np.ndarray], detector_pb2.RefineResult] = lambda pixels: detector_pb2.RefineResult()
    """What the refiner says of a window."""
    ink: Callable[[np.ndarray], np.ndarray] = lambda pixels: np.full(pixels.shape[:2], 255, np.uint8)
    """What the segmenter finds: by default ink everywhere."""
    cursed: Callable[[np.ndarray], bool] = lambda pixels: False
    """Pairs that the pair network fails on."""
    text: Callable[[np.ndarray], list[reader_pb2.Reading]] = lambda pixels: []
    """What the reader reads of a strip."""
    vectors: list[float] | None = None
    """What the embedder makes of every picture, in place of a direction."""
    requests: list[Any] = field(default_factory=list)
    metadata: list[dict[str, Any]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    """Methods whose calls were cancelled before the response."""

    async def begin(self, hook: Handler, request: Any, context: Any, served: Sequence[common_pb2.ModelInfo]) -> None:
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        if request.model.name not in [f"{model.model.name}@{model.model.version}" for model in served]:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such model here")
        try:
            await hook(request, context)
        except asyncio.CancelledError:
            self.cancelled.append(type(request).__name__)
            raise


def darkness(pixels: np.ndarray) -> np.ndarray:
    """Ink where a picture, uint8 (h, w, 3), is dark in some colour."""
    return np.asarray(255 - pixels.min(2))


def pixels(image: common_pb2.Image) -> np.ndarray:
    raw = image.raw
    return np.frombuffer(raw.data, np.uint8).reshape(raw.height, raw.width, raw.channels)


class Detector(detector_pb2_grpc.DetectorServiceServicer):
    def __init__(self, script: Scripted) -> None:
        self._script = script

    async def Detect(  # noqa: N802
        self, request: detector_pb2.DetectRequest, context: Any
    ) -> detector_pb2.DetectResponse:
        script = self._script
        await script.begin(script.on_detect, request, context, script.detectors)
        found = [
            common_pb2.Detection(
                box=common_pb2.Box(x1=x1, y1=y1, x2=x2, y2=y2),
                score=0.9,
                type=common_pb2.STAMP_TYPE_OVAL,
                angle_degrees=script.angle_degrees,
                ink_colour=common_pb2.INK_COLOUR_GREEN,
            )
            for x1, y1, x2, y2 in script.boxes
        ]
        bad = common_pb2.ItemStatus(code=13, message="the model failed on this item", field="images[0]")
        return detector_pb2.DetectResponse(
            results=[
                detector_pb2.DetectResult(status=bad)
                if script.poisoned(pixels(image))
                else detector_pb2.DetectResult(detections=found)
                for image in request.images
            ]
        )

    async def Refine(  # noqa: N802
        self, request: detector_pb2.RefineRequest, context: Any
    ) -> detector_pb2.RefineResponse:
        """What `refined` says of each window."""
        script = self._script
        await script.begin(script.on_refine, request, context, script.refiners)
        return detector_pb2.RefineResponse(results=[script.refined(pixels(window)) for window in request.windows])

    async def ListModels(  # noqa: N802
        self, request: detector_pb2.DetectorServiceListModelsRequest, context: Any
    ) -> detector_pb2.DetectorServiceListModelsResponse:
        await self._script.on_list(request, context)
        return detector_pb2.DetectorServiceListModelsResponse(models=[*self._script.detectors, *self._script.refiners])


class Segmenter(segmenter_pb2_grpc.SegmenterServiceServicer):
    def __init__(self, script: Scripted) -> None:
        self._script = script

    async def Segment(  # noqa: N802
        self, request: segmenter_pb2.SegmentRequest, context: Any
    ) -> segmenter_pb2.SegmentResponse:
        """What `ink` finds on each picture."""
        script = self._script
        await script.begin(script.on_segment, request, context, script.segmenters)
        masks = [mask_to_message(script.ink(pixels(image))) for image in request.images]
        return segmenter_pb2.SegmentResponse(results=[segmenter_pb2.SegmentResult(mask=mask) for mask in masks])

    async def ListModels(  # noqa: N802
        self, request: segmenter_pb2.SegmenterServiceListModelsRequest, context: Any
    ) -> segmenter_pb2.SegmenterServiceListModelsResponse:
        await self._script.on_list(request, context)
        return segmenter_pb2.SegmenterServiceListModelsResponse(models=self._script.segmenters)


class Embedder(embedder_pb2_grpc.EmbedderServiceServicer):
    def __init__(self, script: Scripted) -> None:
        self._script = script

    async def Embed(  # noqa: N802
        self, request: embedder_pb2.EmbedRequest, context: Any
    ) -> embedder_pb2.EmbedResponse:
        """Unit vectors in the plane whose angle encodes the brightness of a crop."""
        script = self._script
        await script.begin(script.on_embed, request, context, script.embedders)
        angles = [float(pixels(image).mean()) / 255 for image in request.images]
        vectors = [script.vectors or [np.cos(angle), np.sin(angle), 0, 0] for angle in angles]
        return embedder_pb2.EmbedResponse(
            results=[embedder_pb2.EmbedResult(vector=common_pb2.Vector(values=vector)) for vector in vectors]
        )

    async def VerifyPairs(  # noqa: N802
        self, request: embedder_pb2.VerifyPairsRequest, context: Any
    ) -> embedder_pb2.VerifyPairsResponse:
        """What `said` says of each pair."""
        script = self._script
        await script.begin(script.on_verify, request, context, script.verifiers)
        return embedder_pb2.VerifyPairsResponse(results=[_seen(pixels(pair), script) for pair in request.pairs])

    async def ListModels(  # noqa: N802
        self, request: embedder_pb2.EmbedderServiceListModelsRequest, context: Any
    ) -> embedder_pb2.EmbedderServiceListModelsResponse:
        await self._script.on_list(request, context)
        models = [*self._script.embedders, *self._script.verifiers]
        return embedder_pb2.EmbedderServiceListModelsResponse(models=models)


class Reader(reader_pb2_grpc.ReaderServiceServicer):
    def __init__(self, script: Scripted) -> None:
        self._script = script

    async def Read(  # noqa: N802
        self, request: reader_pb2.ReadRequest, context: Any
    ) -> reader_pb2.ReadResponse:
        """What `text` says of each strip."""
        script = self._script
        await script.begin(script.on_read, request, context, script.readers)
        results = [reader_pb2.ReadResult(readings=script.text(pixels(image))) for image in request.images]
        return reader_pb2.ReadResponse(results=results)

    async def ListModels(  # noqa: N802
        self, request: reader_pb2.ReaderServiceListModelsRequest, context: Any
    ) -> reader_pb2.ReaderServiceListModelsResponse:
        return reader_pb2.ReaderServiceListModelsResponse(models=self._script.readers)


def said(pair: np.ndarray) -> np.ndarray:
    """Of two stamps in one frame, uint8 (2 S, S, 3): where both have ink, and where only one has; uint8 (h, w, 2)."""
    blocks = pair[..., OWN].reshape(2, VERIFIER_SIDE // PLACE_PX, PLACE_PX, -1, PLACE_PX).mean((2, 4))
    return np.dstack([blocks.min(0) > 60, np.ptp(blocks, 0) > 50]).astype(np.uint8) * 255


def _seen(pair: np.ndarray, script: Scripted) -> embedder_pb2.VerifyPairsResult:
    if script.cursed(pair):
        status = common_pb2.ItemStatus(code=13, message="the model failed on this item", field="pairs[0]")
        return embedder_pb2.VerifyPairsResult(status=status)
    agrees, contradicts = map(mask_to_message, np.moveaxis(said(pair), 2, 0))
    return embedder_pb2.VerifyPairsResult(agrees=agrees, contradicts=contradicts)


@asynccontextmanager
async def serving(script: Scripted, credentials: grpc.ServerCredentials | None = None) -> AsyncIterator[str]:
    """The address of all of them; they speak TLS where there are credentials."""
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)])
    detector_pb2_grpc.add_DetectorServiceServicer_to_server(Detector(script), server)
    segmenter_pb2_grpc.add_SegmenterServiceServicer_to_server(Segmenter(script), server)
    embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(Embedder(script), server)
    reader_pb2_grpc.add_ReaderServiceServicer_to_server(Reader(script), server)
    port = server.add_secure_port("127.0.0.1:0", credentials or grpc.insecure_server_credentials())
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)
