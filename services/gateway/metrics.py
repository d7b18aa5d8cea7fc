"""What the gateway counts beyond what every process does."""

from collections.abc import Callable, Iterable
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.gateway.admission.budgets import Budgets
from services.gateway.document.stages import Stage, Stages
from services.runtime.observability.metrics import SECONDS
from stamp2vec.document import AnalyzedPage
from stamp2vec.wire.errors import code_of


class GatewayMetrics:
    """Its labels have a bounded set of values: a stage each, and the codes of gRPC."""

    def __init__(
        self,
        registry: CollectorRegistry,
        in_work: Callable[[], int],
        waiting: Callable[[], int],
        capacity: int,
        budgets: Budgets,
    ) -> None:
        """`in_work` and `waiting`, the long documents that have not begun, are read whenever /metrics is."""
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
        gauge = Gauge("stamp2vec_documents_waiting", "Long documents that have not begun.", registry=registry)
        gauge.set_function(waiting)
        for name, budget in (("message", budgets.messages), ("page", budgets.pages)):
            Gauge(f"stamp2vec_{name}_bytes", f"Bytes that the {name}s of calls hold.", registry=registry).set_function(
                partial(getattr, budget, "taken")
            )
            Gauge(f"stamp2vec_{name}_bytes_capacity", "Bytes beyond which calls wait.", registry=registry).set(
                budget.size
            )
        Gauge("stamp2vec_calls_capacity", "Calls in work beyond which more are refused.", registry=registry).set(
            capacity
        )

    def analyzed(self, pages: Iterable[AnalyzedPage], stages: Stages) -> None:
        """One document is done."""
        for stage in Stage:
            self._stage_seconds.labels(stage.value).observe(stages.seconds(stage))
        for page in pages:
            self._pages.labels("OK" if page.error is None else code_of(page.error).name).inc()
            self._stamps.inc(len(page.stamps))
