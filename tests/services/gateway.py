"""The gateway against scripted model services: real gRPC on both sides, and the requests of its tests."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import grpc
import grpc.aio
import numpy as np
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from PIL import Image

from services.gateway.app import Gateway
from services.gateway.settings import GatewaySettings
from services.runtime.serving.server import running
from services.table import MODEL_SERVICE_NAMES
from stamp2vec.limits import MAX_MESSAGE_BYTES
from stamp2vec.v1 import common_pb2, gateway_pb2
from stamp2vec.v1.gateway_pb2_grpc import StampServiceStub
from tests.services.scripted import Scripted, info, serving

if TYPE_CHECKING:
    from stamp2vec.v1.gateway_pb2_grpc import StampServiceAsyncStub

Code = grpc.StatusCode
TIMEOUT_S = 30.0


@asynccontextmanager
async def gateway(
    script: Scripted, upstreams: Mapping[str, str] | None = None, **options: Any
) -> "AsyncIterator[StampServiceAsyncStub]":
    """A gateway; `upstreams` replace the addresses of scripted services."""
    async with gateway_channel(script, upstreams, **options) as channel:
        yield cast("StampServiceAsyncStub", StampServiceStub(channel))


@asynccontextmanager
async def gateway_channel(
    script: Scripted, upstreams: Mapping[str, str] | None = None, **options: Any
) -> AsyncIterator[grpc.aio.Channel]:
    """The same as a channel."""
    async with serving(script) as address:
        addresses = {**dict.fromkeys(MODEL_SERVICE_NAMES, address), **(upstreams or {})}
        settings = GatewaySettings(port=0, metrics_port=0, upstreams=addresses, **options)
        sizes = [
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.enable_retries", 0),
            ("grpc.enable_http_proxy", 0),
        ]
        async with (
            running(Gateway(settings), settings) as ports,
            grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}", options=sizes) as channel,
        ):
            yield channel


def grey(level: int, side: int = 100) -> Image.Image:
    return Image.new("RGB", (side, side), (level, level, level))


def encoded(*pages: Image.Image) -> bytes:
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=list(pages[1:]))
    return file.getvalue()


def document(*levels: int, **options: Any) -> gateway_pb2.AnalyzeDocumentRequest:
    return gateway_pb2.AnalyzeDocumentRequest(document=encoded(*map(grey, levels or (200,))), **options)


def rich(error: grpc.aio.AioRpcError) -> list[Any]:
    """The details of the error's google.rpc.Status."""
    found: list[Any] = []
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for packed in status_pb2.Status.FromString(value).details:
                for kind in (error_details_pb2.BadRequest, error_details_pb2.RetryInfo):
                    detail = kind()
                    if packed.Unpack(detail):
                        found.append(detail)
    return found


def fields(error: grpc.aio.AioRpcError) -> list[str]:
    return [
        violation.field
        for detail in rich(error)
        if isinstance(detail, error_details_pb2.BadRequest)
        for violation in detail.field_violations
    ]


async def refusal(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def abort_busy(request: Any, context: Any) -> None:
    """RESOURCE_EXHAUSTED as the runtime sends it, with a retry delay of 1.5 s."""
    packed = any_pb2.Any()
    packed.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=1, nanos=500_000_000)))
    status = status_pb2.Status(code=8, message="the queue is full", details=[packed])
    metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(Code.RESOURCE_EXHAUSTED, "the queue is full", metadata)


async def until_cancelled(request: Any, context: Any) -> None:
    await asyncio.Event().wait()


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not holds():
            await asyncio.sleep(0.01)


def accurate(**options: Any) -> Scripted:
    presets = (common_pb2.PRESET_FAST, common_pb2.PRESET_ACCURATE)
    kinds = {"detector": "DETECT", "segmenter": "SEGMENT", "embedder": "EMBED", "verifier": "VERIFY"}
    models = {
        f"{name}s": [info(name, common_pb2.Task.Value(f"TASK_{task}"), "1.0.0", *presets)]
        for name, task in kinds.items()
    }
    return Scripted(**{**models, **options})


def plan(black: tuple[int, int] | None = None) -> bytes:
    """A white A4 page at 300 dpi, 35 MB of pixels in a small PNG; pixels from `black` on (row, column) are black."""
    pixels = np.full((3508, 2480), 255, np.uint8)
    if black:
        pixels[black[0] :, black[1] :] = 0
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def picture(level: int) -> common_pb2.Image:
    """Of this level on average: the left half is ink, the right half paper."""
    pixels = np.full((100, 100, 3), level + 40, np.uint8)
    pixels[:, :50] = level - 40
    return common_pb2.Image(encoded=encoded(Image.fromarray(pixels)))


def vector(*values: float, name: str = "embedder", version: str = "1.0.0") -> gateway_pb2.Comparand:
    model = common_pb2.ModelVersion(name=name, version=version)
    return gateway_pb2.Comparand(vector=common_pb2.Vector(values=values, model=model))


def stamp(level: int) -> gateway_pb2.Comparand:
    return gateway_pb2.Comparand(image=picture(level))


def numbered(name: str, level: int = 200, **options: Any) -> gateway_pb2.AnalyzeDocumentsRequest:
    return gateway_pb2.AnalyzeDocumentsRequest(id=name, document=document(level, **options))
