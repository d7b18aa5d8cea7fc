"""What the gateway counts beyond what every process does."""

from collections.abc import Callable

import grpc
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.gateway.document.stages import Stage, Stages
from services.runtime.observability.metrics import SECONDS
from stamp2vec.v1 import gateway_pb2

_CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


class GatewayMetrics:
    """Its labels have a bounded set of values: seven stages, and the codes of gRPC."""

    def __init__(self, registry: CollectorRegistry, in_work: Callable[[], int], capacity: int) -> None:
        """`in_work` is read whenever /metrics is."""
        self._stage_seconds = Histogram(
            "stamp2vec_stage_seconds",
            "Where documents spend their time.",
            ("stage",),
            buckets=SECONDS,
            registry=registry,
        )
        self._pages = Counter("stamp2vec_pages", "Pages analysed, by status code.", ("code",), registry=registry)
        self._stamps = Counter("stamp2vec_stamps", "Stamps found on documents.", registry=registry)
        gauge = Gauge("stamp2vec_calls_in_work", "Documents and other calls in work.", registry=registry)
        gauge.set_function(in_work)
        Gauge("stamp2vec_calls_capacity", "Calls in work beyond which more are refused.", registry=registry).set(
            capacity
        )

    def analyzed(self, answer: gateway_pb2.AnalyzeDocumentResponse, stages: Stages) -> None:
        """One document is done."""
        for stage in Stage:
            self._stage_seconds.labels(stage.value).observe(stages.seconds(stage))
        for page in answer.pages:
            self._pages.labels(_CODE_NAMES.get(page.status.code, "UNKNOWN")).inc()
            self._stamps.inc(len(page.stamps))
