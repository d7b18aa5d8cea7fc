"""The services behind the gateway, and which models they serve."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from services.gateway.tasks import task_group
from services.gateway.upstream.channel import channel
from services.gateway.upstream.deadline import Deadline
from services.runtime.batching.refusals import NotServing
from services.runtime.security.reloading import Reloading
from services.runtime.serving.connection import Connection
from services.runtime.serving.interceptor import calling
from services.runtime.serving.selection import choose
from services.table import MODEL_SERVICES, ServiceSpec, service_of
from stamp2vec.document import Refiner, measured_with
from stamp2vec.errors import NotEnabled
from stamp2vec.values import ModelInfo, Preset, Task
from stamp2vec.wire.models import info_from_message

log = logging.getLogger(__name__)

R = TypeVar("R")

MODELS_EXPIRE_S = 30.0
_READY_TRY_S = 10.0
_ASK_S = 5.0
_ASK_AGAIN_S = 1.0  # after a question without an answer
_NOT_READY = (
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNAVAILABLE,
)  # the latter: it was SERVING, and has gone


class Upstream:
    """One service. Its models are asked for once, kept for a while, and asked for anew when the list proves wrong."""

    def __init__(self, spec: ServiceSpec, address: str, credentials: Reloading[grpc.ChannelCredentials] | None) -> None:
        self._spec = spec
        self._connection = Connection(partial(channel, address, spec.full_name), spec.stub, credentials)
        self._expires_s = 0.0
        self._asking: asyncio.Task[None] | None = None
        self.known: Sequence[ModelInfo] = ()
        """The last answer, however old; nothing before the first."""

    async def call(self, method: str, request: Message, **options: float | bool) -> Any:
        """The response of one of its methods, as a part of the current request. Raises AioRpcError."""
        with calling(f"{self._spec.full_name}/{method}") as metadata:
            return await getattr(self._connection.stub(), method)(request, metadata=metadata, **options)

    async def models(self, deadline: Deadline) -> Sequence[ModelInfo]:
        """What it serves now, as of at most 30 s ago; or what it last served, while it does not answer.

        All who wait share one question and its failure.
        """
        if asyncio.get_running_loop().time() < self._expires_s:
            return self.known
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(timeout=_ASK_S))
            self._asking.add_done_callback(_take_error)
        asking = self._asking
        try:
            async with asyncio.timeout(deadline.budget_s()):
                await asyncio.shield(asking)
        except grpc.aio.AioRpcError as error:
            if error.code() not in _NOT_READY or not self.known:
                raise
            self._expires_s = asyncio.get_running_loop().time() + _ASK_AGAIN_S
        return self.known

    async def ready(self) -> None:
        """Returns when the service has answered, however long that takes."""
        while True:
            try:
                # Not longer, so that certificates that are put right meanwhile count.
                return await self._ask(wait_for_ready=True, timeout=_READY_TRY_S)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _NOT_READY:
                    raise

    def forget_models(self) -> None:
        """The next `models` asks."""
        self._expires_s = 0.0

    async def close(self) -> None:
        """Frees the channel."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
        await self._connection.close()

    async def _ask(self, **options: float | bool) -> None:
        response = await self.call("ListModels", self._spec.list_models_request(), **options)
        self.known = tuple(map(info_from_message, response.models))
        for message, model in zip(response.models, self.known, strict=True):
            if message.HasField("verification") and model.verification is None:
                log.warning("verification_invalid", extra={"fields": {"model": model.reference}})
            if message.HasField("pair_calibration") and model.pair_calibration is None:
                log.warning("pair_calibration_invalid", extra={"fields": {"model": model.reference}})
            if len(message.refinement_calibrations) > len(model.refinement_calibrations):
                log.warning("refinement_calibration_invalid", extra={"fields": {"model": model.reference}})
            if model.task is Task.DETECT and not message.views:  # an older service: it may count on tiles
                log.warning("views_unspecified", extra={"fields": {"model": model.reference}})
        self._expires_s = asyncio.get_running_loop().time() + MODELS_EXPIRE_S


def _take_error(asked: asyncio.Task[None]) -> None:
    """Whoever asked may have gone, and an error that nobody takes is logged as a fault."""
    if not asked.cancelled():
        asked.exception()


class Upstreams:
    """All services of the table, by the tasks of their models. Made inside a running event loop."""

    def __init__(
        self, addresses: Mapping[str, str], credentials: Reloading[grpc.ChannelCredentials] | None = None
    ) -> None:
        """`addresses` are those of the services, by name, empty for one that is not deployed.

        Without `credentials` they are called in clear text.
        """
        deployed = [spec for spec in MODEL_SERVICES if addresses[spec.name]]
        self._upstreams = [Upstream(spec, addresses[spec.name], credentials) for spec in deployed]
        self._of_task = {
            task: upstream for spec, upstream in zip(deployed, self._upstreams, strict=True) for task in spec.tasks
        }

    def __getitem__(self, task: Task) -> Upstream:
        """The service of a task. NotEnabled where it is not deployed."""
        if task not in self._of_task:
            name = service_of(task).name
            raise NotEnabled(
                f"this gateway has no {name}: start `python -m services.{name}` and the gateway with "
                f"--{name} HOST:PORT, on Kubernetes by the component {name}",
                grpc.StatusCode.FAILED_PRECONDITION,
            )
        return self._of_task[task]

    async def choose(self, task: Task, selector: Preset | str, deadline: Deadline) -> ModelInfo:
        """The model of a task that a caller selects. ModelNotFound when there is none."""
        return choose([model for model in await self[task].models(deadline) if model.task is task], selector)

    async def refiner_of(self, detector: ModelInfo, deadline: Deadline) -> Refiner | None:
        """What looks again at a detector's candidates; None where nothing is served that was measured with it."""
        refiner = measured_with(detector, await self[Task.REFINE].models(deadline))
        if refiner is None:
            log.warning("refiner_missing", extra={"fields": {"detector": detector.reference}})
        return refiner

    async def ready(self) -> None:
        """Returns when each has listed its models."""
        async with task_group() as tasks:
            for upstream in self._upstreams:
                tasks.create_task(upstream.ready())

    async def models(self, deadline: Deadline) -> list[ModelInfo]:
        """What all of them serve."""
        async with task_group() as tasks:
            asked = [tasks.create_task(upstream.models(deadline)) for upstream in self._upstreams]
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
                for upstream in self._upstreams:
                    upstream.forget_models()
        raise NotServing("the models behind this gateway are being replaced: send the call again")

    async def close(self) -> None:
        """Frees the channels."""
        for upstream in self._upstreams:
            await upstream.close()
