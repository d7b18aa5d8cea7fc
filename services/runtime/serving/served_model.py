"""One model being served: its executors, its batcher and its metrics."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.runtime.batching.batcher import Batcher
from services.runtime.batching.latency import LatencyCurve
from services.runtime.observability.metrics import Metrics, ModelMetrics, Totals
from services.runtime.process.executor import ProcessExecutor
from services.runtime.process.frames import Array
from services.runtime.serving.settings import ModelServerSettings
from stamp2vec.values import ModelInfo


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model to serve: what callers see of it, and the function that makes its `infer` in a child process."""

    info: ModelInfo
    factory: str
    arguments: Mapping[str, Any]


class ServedModel:
    """Started once, stopped once, also when the start failed."""

    def __init__(
        self, spec: ModelSpec, settings: ModelServerSettings, metrics: Metrics, on_serving: Callable[[], None]
    ) -> None:
        """`on_serving` is called whenever `is_serving` has changed."""
        self.info = spec.info
        self.settings = settings
        self._metrics = ModelMetrics(metrics, spec.info.name, spec.info.version, spec.info.sha256, self._set_serving)
        self._on_serving = on_serving
        self.is_serving = True
        """Whether calls are answered: executors that die are given time to come back."""
        self._executors = [
            ProcessExecutor(
                spec.factory,
                spec.arguments,
                height=spec.info.input_height,
                width=spec.info.input_width,
                max_batch=settings.max_batch,
                slots=settings.slots,
                threads=settings.threads,
            )
            for _ in range(settings.executors)
        ]
        self._batcher: Batcher[Array, Array] | None = None

    @property
    def totals(self) -> Totals:
        """What it has done since it started."""
        return self._metrics.totals()

    @property
    def batcher(self) -> Batcher[Array, Array]:
        """Of uint8 (height, width, 3) arrays; there is one once the model has started."""
        if self._batcher is None:
            raise RuntimeError("start() comes first. This is a bug.")
        return self._batcher

    async def start(self) -> None:
        """Returns when every executor is warm, and the batch sizes are known that pay. Raises StartFailed."""
        started = time.perf_counter()
        latency = LatencyCurve()
        for curve in await asyncio.gather(*(executor.start() for executor in self._executors)):
            for batch_size, seconds in curve.items():
                latency.observe(batch_size, seconds)
        self._metrics.loaded(time.perf_counter() - started, latency.largest_batch)
        self._batcher = batcher = Batcher(
            self._executors,
            self._metrics,
            latency,
            max_batch=latency.largest_batch,
            capacity=self.settings.capacity,
            max_delay_s=self.settings.max_delay_ms / 1000,
            stuck_after_s=self.settings.stuck_after_s,
        )
        self._metrics.watch(lambda: batcher.waiting, lambda: batcher.in_flight, self.settings.capacity)

    async def drain(self) -> None:
        """Admits nothing more, and returns when all that was admitted is answered."""
        if self._batcher:
            await self._batcher.drain()

    async def stop(self) -> None:
        """Returns when the executors have gone."""
        if self._batcher:
            await self._batcher.stop()
        await asyncio.gather(*(executor.stop() for executor in self._executors))

    def _set_serving(self, can_serve: bool) -> None:
        self.is_serving = can_serve
        self._on_serving()
