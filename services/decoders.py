"""The processes of a server that decode files, made from its settings and told in its metrics."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from services.runtime.serving.settings import ServerSettings
from stamp2vec.decoding import Decoder, DecoderLimits, DecoderPool, SharedFile
from stamp2vec.imaging import Limits, Page
from stamp2vec.v1 import common_pb2

Place = TypeVar("Place")


class PictureDecoding(Generic[Place]):
    """Makes a model's input of the bytes of a picture; see ModelService."""

    def __init__(
        self,
        settings: ServerSettings,
        fit: Callable[[Page, tuple[int, int]], tuple[NDArray[np.uint8], Place]],
        *,
        of_pages: bool,
    ) -> None:
        """`fit` makes the input, of (height, width), of a picture that is decoded, in a thread.

        Pictures `of_pages` are read as `imaging.read_fitted` gives them.
        """
        self._pool, self._fit, self._of_pages = decoder_pool(settings), fit, of_pages

    async def start(self, registry: CollectorRegistry) -> None:
        """See Decoding. The processes start with the first file: most callers send pixels."""
        observe(self._pool, registry)

    async def prepare(
        self, message: common_pb2.Image, field: str, size: tuple[int, int], deadline_s: float
    ) -> tuple[NDArray[np.uint8], Place]:
        """See Decoding. Raises InvalidImage when the picture cannot be read."""
        with SharedFile(message.encoded) as file:

            def prepare(decoder: Decoder) -> tuple[NDArray[np.uint8], Place]:
                decoder.open(file, Limits(), f"{field}.encoded", None, deadline_s)
                page = decoder.read(0, lambda _: True, deadline_s, size if self._of_pages else None)
                return self._fit(page, size)

            try:
                return await self._pool.run(prepare)
            finally:
                self._pool.close_file(file)

    async def stop(self) -> None:
        """See Decoding."""
        await self._pool.close()


def decoder_pool(settings: ServerSettings) -> DecoderPool:
    """It starts with the server."""
    return DecoderPool(settings.decoders, DecoderLimits(settings.decode_timeout_s, settings.decoder_mib * 2**20))


def observe(pool: DecoderPool, registry: CollectorRegistry) -> None:
    """Tells how busy they are, whenever /metrics is read."""
    registry.register(_PoolCollector(pool))


class _PoolCollector(Collector):
    def __init__(self, pool: DecoderPool) -> None:
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        pool = self._pool
        yield GaugeMetricFamily("stamp2vec_decoders", "Processes that decode files.", pool.size)
        yield GaugeMetricFamily("stamp2vec_decoders_busy", "Those at work.", pool.busy)
        yield CounterMetricFamily("stamp2vec_decoders_busy_seconds", "How long they were at work in all.", pool.busy_s)
        yield CounterMetricFamily("stamp2vec_decoder_restarts", "Those that had to be replaced.", pool.restarts)
