"""The services behind the gateway: channels that spread, retry and heal; and which models they serve."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

import grpc
import grpc.aio
from google.protobuf.message import Message

from services.gateway.deadline import Deadline
from services.gateway.siblings import siblings
from services.runtime.interceptor import calling
from services.runtime.refusals import NotServing
from services.runtime.server import MAX_MESSAGE_BYTES
from stamp2vec.v1 import common_pb2, detector_pb2, embedder_pb2, segmenter_pb2
from stamp2vec.v1.detector_pb2_grpc import DetectorServiceStub
from stamp2vec.v1.embedder_pb2_grpc import EmbedderServiceStub
from stamp2vec.v1.segmenter_pb2_grpc import SegmenterServiceStub

if TYPE_CHECKING:
    from stamp2vec.v1.detector_pb2_grpc import DetectorServiceAsyncStub
    from stamp2vec.v1.embedder_pb2_grpc import EmbedderServiceAsyncStub
    from stamp2vec.v1.segmenter_pb2_grpc import SegmenterServiceAsyncStub

R = TypeVar("R")

DETECTOR = "stamp2vec.v1.DetectorService"
SEGMENTER = "stamp2vec.v1.SegmenterService"
EMBEDDER = "stamp2vec.v1.EmbedderService"
MODELS_EXPIRE_S = 30.0


def channel(address: str, service: str) -> grpc.aio.Channel:
    """A channel to all replicas that the address resolves to, in turn, leaving out those that are not SERVING.

    UNAVAILABLE is retried up to 3 times within the deadline, unless the server says by pushback not to; see the
    gRFCs A6 (retries) and A17 (client-side health checking).
    """
    config = {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": service},
        "methodConfig": [
            {
                "name": [{"service": service}],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
    return grpc.aio.insecure_channel(
        address,
        options=[
            ("grpc.service_config", json.dumps(config)),
            # A request larger than this buffer, 256 KiB by default, is never sent again; that of a page always is larger.
            ("grpc.per_rpc_retry_buffer_size", MAX_MESSAGE_BYTES),
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            # A replica that comes back, or a new one, is found within seconds instead of minutes.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 1_000),
            ("grpc.max_reconnect_backoff_ms", 2_000),
            ("grpc.dns_min_time_between_resolutions_ms", 2_000),
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
        ],
    )


class Listing(Protocol):
    """What every service answers to ListModels."""

    @property
    def models(self) -> Sequence[common_pb2.ModelInfo]:
        """What it serves."""


class ServedModels:
    """What one service serves: asked once, kept for a while, asked anew when it turns out to be wrong."""

    def __init__(self, service: str, list_models: Callable[..., Awaitable[Listing]], request: Message) -> None:
        """Takes the service's full name, its ListModels and the request of that."""
        self._method, self._list_models, self._request = f"{service}/ListModels", list_models, request
        self._expires_s = 0.0
        self._asking = asyncio.Lock()  # one question at a time: the others wait for its answer
        self.known: Sequence[common_pb2.ModelInfo] = ()
        """The last answer, however old; nothing before the first."""

    async def get(self, deadline: Deadline) -> Sequence[common_pb2.ModelInfo]:
        """What it serves now, as of at most 30 s ago."""
        async with self._asking:
            if asyncio.get_running_loop().time() >= self._expires_s:
                await self._ask(timeout=deadline.budget_s())
        return self.known

    async def wait(self) -> None:
        """Returns when the service has answered, however long that takes."""
        while True:
            try:
                return await self._ask(wait_for_ready=True)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:  # it was SERVING and has gone again
                    raise

    def forget(self) -> None:
        """The next `get` asks."""
        self._expires_s = 0.0

    async def _ask(self, **options: float | bool) -> None:
        with calling(self._method) as metadata:
            listing = await self._list_models(self._request, metadata=metadata, **options)
        self.known = tuple(listing.models)
        self._expires_s = asyncio.get_running_loop().time() + MODELS_EXPIRE_S


class Upstreams:
    """The three services, each with a stub and the list of its models. Made inside a running event loop."""

    def __init__(self, detector: str, segmenter: str, embedder: str) -> None:
        self._channels = (
            channel(detector, DETECTOR),
            channel(segmenter, SEGMENTER),
            channel(embedder, EMBEDDER),
        )
        self.detector = cast("DetectorServiceAsyncStub", DetectorServiceStub(self._channels[0]))
        self.segmenter = cast("SegmenterServiceAsyncStub", SegmenterServiceStub(self._channels[1]))
        self.embedder = cast("EmbedderServiceAsyncStub", EmbedderServiceStub(self._channels[2]))
        self.detectors = ServedModels(
            DETECTOR, self.detector.ListModels, detector_pb2.DetectorServiceListModelsRequest()
        )
        self.segmenters = ServedModels(
            SEGMENTER, self.segmenter.ListModels, segmenter_pb2.SegmenterServiceListModelsRequest()
        )
        self.embedders = ServedModels(
            EMBEDDER, self.embedder.ListModels, embedder_pb2.EmbedderServiceListModelsRequest()
        )
        self._served = (self.detectors, self.segmenters, self.embedders)

    async def ready(self) -> None:
        """Returns when all three have told their models."""
        async with siblings() as group:
            for served in self._served:
                group.create_task(served.wait())

    async def models(self, deadline: Deadline) -> list[common_pb2.ModelInfo]:
        """What all three serve."""
        async with siblings() as group:
            asked = [group.create_task(served.get(deadline)) for served in self._served]
        return [model for answer in asked for model in answer.result()]

    async def with_current_models(self, work: Callable[[], Awaitable[R]]) -> R:
        """Runs `work`, and once more with fresh lists of models when one that it had chosen is gone meanwhile.

        The gateway asks for exact versions that the service itself has named, so NOT_FOUND from there is never the
        caller's fault: a roll-out is going on. NotServing when it happens twice.
        """
        for _ in range(2):
            try:
                return await work()
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
                for served in self._served:
                    served.forget()
        raise NotServing("the models behind this gateway are being replaced: send the call again")

    async def close(self) -> None:
        """Frees the channels."""
        for each in self._channels:
            await each.close()
