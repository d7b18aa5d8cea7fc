"""What detector, segmenter and embedder have in common: images in; prepared, batched, restored; results out."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import grpc.aio
from prometheus_client import CollectorRegistry

from services.runtime.batching.items import Outcome, Priority
from services.runtime.batching.refusals import PoisonItem, QueueFull
from services.runtime.observability import tracing
from services.runtime.observability.metrics import Metrics
from services.runtime.process.frames import Array
from services.runtime.serving.errors import AioContext, item_status
from services.runtime.serving.selection import choose
from services.runtime.serving.served_model import ModelSpec, ServedModel
from services.runtime.serving.settings import ModelServerSettings
from stamp2vec.errors import InvalidCall, InvalidInput
from stamp2vec.limits import DEFAULT_DEADLINE_S, MAX_IMAGES
from stamp2vec.v1 import common_pb2
from stamp2vec.values import ModelInfo, Task
from stamp2vec.wire.models import info_to_message, selector_from_message, version_to_message

Place = TypeVar("Place")
PlaceOut = TypeVar("PlaceOut", covariant=True)
Result = TypeVar("Result")

Prepare = Callable[[common_pb2.Image, str, tuple[int, int]], tuple[Array, Place]]
"""A message, its path and the model's (height, width) -> the model's input, and what `restore` needs to go back."""


class Decoding(Protocol[PlaceOut]):
    """What makes the model's input of the bytes of a file."""

    async def start(self, registry: CollectorRegistry) -> None:
        """Gets ready; its metrics are told in the registry."""

    async def prepare(
        self, message: common_pb2.Image, field: str, size: tuple[int, int], deadline_s: float
    ) -> tuple[Array, PlaceOut]:
        """As Prepare, in no thread of the event loop; ends at the deadline, a time of the loop's clock."""

    async def stop(self) -> None:
        """Frees what it holds."""


_BUSY_RETRY_S = 0.2
_PRIORITIES = {
    common_pb2.PRIORITY_UNSPECIFIED: Priority.INTERACTIVE,
    common_pb2.PRIORITY_INTERACTIVE: Priority.INTERACTIVE,
    common_pb2.PRIORITY_BULK: Priority.BULK,
}


@dataclass(frozen=True, slots=True)
class Call:
    """What the requests of all three services have in common.

    `task` is what the model that answers must do; `field` is the name of the images in the request. Images that
    `are_inputs` must be of exactly the size of the model's input: letterboxed, they would mean something else.
    """

    task: Task
    images: Sequence[common_pb2.Image]
    model: common_pb2.ModelSelector
    priority: "common_pb2.Priority.ValueType"
    field: str = "images"
    are_inputs: bool = False


@dataclass(frozen=True, slots=True)
class Answer(Generic[Result]):
    """A result for each image, the model that made them, and where the time went."""

    results: list[Result]
    model: common_pb2.ModelVersion
    timing: common_pb2.ModelTiming


class ModelService(Generic[Place]):
    """The models that a process serves: an App."""

    def __init__(
        self,
        service_name: str,
        register: "Callable[[ModelService[Place], grpc.aio.Server], None]",
        describe: Callable[[str], ModelSpec],
        prepare: Prepare[Place],
        decoding: Decoding[Place],
        settings: ModelServerSettings,
        other_services: Sequence[str] = (),
    ) -> None:
        """`register` adds the servicer; `describe` finds a model by its reference; it and `prepare` run in threads.

        `prepare` gets raw pixels, and `decoding` the bytes of files. `other_services` are what `register` adds beside
        the service of this name.
        """
        self._name, self._register, self._describe, self._prepare = service_name, register, describe, prepare
        self._decoding = decoding
        self._settings, self.other_services = settings, tuple(other_services)
        self._models: list[ServedModel] = []
        self._threads = ThreadPoolExecutor(settings.prepare_threads, "prepare")
        self._preparing = 0
        self._healthy = True

    @property
    def service_name(self) -> str:
        """See App."""
        return self._name

    @property
    def messages(self) -> None:
        """See App: what they answer is small, and who calls them is a gateway."""

    def access(self) -> None:
        """See App: TLS, or the network, decides who can connect."""

    def register(self, server: grpc.aio.Server) -> None:
        """See App."""
        self._register(self, server)

    async def start(self, metrics: Metrics, on_health: Callable[[bool], None]) -> None:
        """See App."""
        await self._decoding.start(metrics.registry)
        for reference in self._settings.model:
            spec = await asyncio.to_thread(self._describe, reference)
            model = ServedModel(spec, self._settings, metrics, lambda: self._report_health(on_health))
            self._models.append(model)
            await model.start()

    def end_streams(self) -> None:
        """It has none."""

    async def drain(self) -> None:
        """See App."""
        await asyncio.gather(*(model.drain() for model in self._models))

    async def stop(self) -> None:
        """See App."""
        await asyncio.gather(*(model.stop() for model in self._models))
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._decoding.stop()

    @property
    def served(self) -> Sequence[ServedModel]:
        """Every model, in the order of the settings."""
        return self._models

    @property
    def infos(self) -> list[common_pb2.ModelInfo]:
        """What callers see of them."""
        return [info_to_message(model.info) for model in self._models]

    async def answer(
        self,
        call: Call,
        context: AioContext,
        restore: Callable[[ModelInfo, Array, Place], Result],
        failed: Callable[[common_pb2.ItemStatus], Result],
    ) -> Answer[Result]:
        """Runs a call. An image that fails has its own status; the call fails when no image can be read.

        Raises InvalidInput, ModelNotFound, a Refusal, or TimeoutError at the caller's deadline.
        """
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        deadline_s = started_s + _remaining_s(context)
        if not 1 <= len(call.images) <= MAX_IMAGES:
            raise InvalidInput(f"the call has {len(call.images)} {call.field}: send 1 to {MAX_IMAGES}", call.field)
        if call.priority not in _PRIORITIES:
            raise InvalidInput(
                f"there is no priority {call.priority}: send one of {', '.join(map(str, _PRIORITIES))}", "priority"
            )
        served = [model.info for model in self._models if model.info.task is call.task]
        chosen = choose(served, selector_from_message(call.model))
        model = next(model for model in self._models if model.info is chosen)
        async with asyncio.timeout_at(deadline_s):
            with tracing.stage("prepare"):
                prepared = await self._prepare_all(call, model.info.input_size, deadline_s)
            prepared_s = loop.time()
            answers = await _infer(model, prepared, deadline_s, _PRIORITIES[call.priority])

            def restore_all() -> list[Result | Exception]:
                return [
                    answer if isinstance(answer, Exception) else restore(model.info, answer[0].result, answer[1])
                    for answer in answers
                ]

            restored = await loop.run_in_executor(self._threads, restore_all)
        outcomes = [answer[0] for answer in answers if not isinstance(answer, Exception)]
        timing = common_pb2.ModelTiming(
            prepare_ms=1000 * (prepared_s - started_s),
            queue_ms=1000 * max((outcome.queue_s for outcome in outcomes), default=0.0),
            inference_ms=1000 * max((outcome.inference_s for outcome in outcomes), default=0.0),
            total_ms=1000 * (loop.time() - started_s),
        )
        results = [
            failed(item_status(each, f"{call.field}[{index}]")) if isinstance(each, Exception) else each
            for index, each in enumerate(restored)
        ]
        return Answer(results, version_to_message(chosen.name, chosen.version), timing)

    async def infer(
        self,
        model: ServedModel,
        count: int,
        prepare: Callable[[], Sequence[tuple[Array, Place]]],
        restore: Callable[[Sequence[tuple[Array, Place]]], Result],
        context: AioContext,
        *,
        priority: Priority,
        wait_s: float | None = None,
    ) -> Result:
        """Runs so many inputs of one model, which `prepare` makes; the call fails with the first of them that fails.

        `restore` makes the answer of their results; both run in a thread. `wait_s` ends the call before its deadline.
        Raises what `prepare` raises, a Refusal, or TimeoutError at the caller's deadline.
        """
        loop = asyncio.get_running_loop()
        remaining_s = _remaining_s(context)
        deadline_s = loop.time() + (remaining_s if wait_s is None else min(wait_s, remaining_s))
        async with asyncio.timeout_at(deadline_s):
            with tracing.stage("prepare"), self._room_to_prepare(count):
                inputs = await loop.run_in_executor(self._threads, prepare)
            pixels = [item for item, _ in inputs]
            futures = model.batcher.submit(pixels, deadline_s=deadline_s, priority=priority)
            try:
                outcomes = await asyncio.gather(*futures)
            except Exception:
                for future in futures:  # nobody waits for the others any more
                    future.cancel()
                raise
            results = [(outcome.result, place) for outcome, (_, place) in zip(outcomes, inputs)]
            return await loop.run_in_executor(self._threads, restore, results)

    async def _prepare_all(
        self, call: Call, size: tuple[int, int], deadline_s: float
    ) -> list[tuple[Array, Place] | Exception]:
        """One input, or the reason why there is none, for each image."""
        count = len(call.images)
        with self._room_to_prepare(count):
            return await asyncio.gather(*(self._prepare_one(call, index, size, deadline_s) for index in range(count)))

    @contextmanager
    def _room_to_prepare(self, count: int) -> Iterator[None]:
        """Around the preparing of so many items. QueueFull where too many are prepared already."""
        if self._preparing + count > self._settings.capacity:
            raise QueueFull(_BUSY_RETRY_S)
        self._preparing += count
        try:
            yield
        finally:
            self._preparing -= count

    async def _prepare_one(
        self, call: Call, index: int, size: tuple[int, int], deadline_s: float
    ) -> tuple[Array, Place] | Exception:
        image, field = call.images[index], f"{call.field}[{index}]"
        try:
            if (image.raw.height, image.raw.width) == size:  # nothing to decode or resize: a thread costs more
                return self._prepare(image, field, size)
            if call.are_inputs:
                height, width = size
                raise InvalidInput(f"the picture is not {width} x {height} raw pixels: send it as it was laid", field)
            if image.WhichOneof("content") == "encoded":
                return await self._decoding.prepare(image, field, size, deadline_s)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._prepare, image, field, size)
        except TimeoutError:
            raise
        except Exception as error:
            if isinstance(error, InvalidInput) and not error.field:
                error.field = field
            return error

    def _report_health(self, on_health: Callable[[bool], None]) -> None:
        healthy = any(model.is_serving for model in self._models)  # calls of the others are refused one by one
        if healthy != self._healthy:
            self._healthy = healthy
            on_health(healthy)


def _remaining_s(context: AioContext) -> float:
    remaining_s = context.time_remaining()
    return DEFAULT_DEADLINE_S if remaining_s is None else float(remaining_s)


async def _infer(
    model: ServedModel, prepared: Sequence[tuple[Array, Place] | Exception], deadline_s: float, priority: Priority
) -> list[tuple[Outcome[Array], Place] | Exception]:
    """An outcome, or the reason why there is none, for each image. Raises what fails the call as a whole."""
    readable = [item for item in prepared if not isinstance(item, Exception)]
    if not readable:
        raise _nothing_readable([item for item in prepared if isinstance(item, Exception)])
    futures = model.batcher.submit([pixels for pixels, _ in readable], deadline_s=deadline_s, priority=priority)
    outcomes = iter(await asyncio.gather(*futures, return_exceptions=True))
    answers: list[tuple[Outcome[Array], Place] | Exception] = []
    for item in prepared:
        if isinstance(item, Exception):
            answers.append(item)
            continue
        outcome = next(outcomes)
        if isinstance(outcome, Outcome):
            answers.append((outcome, item[1]))
        elif isinstance(outcome, PoisonItem):
            answers.append(outcome)
        else:
            raise outcome
    return answers


def _nothing_readable(errors: Sequence[Exception]) -> Exception:
    invalid = [error for error in errors if isinstance(error, InvalidInput)]
    return InvalidCall(invalid) if len(invalid) == len(errors) else next(e for e in errors if e not in invalid)
