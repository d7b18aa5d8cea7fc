"""The Prometheus metrics of a process. Every label has a bounded set of values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from services.runtime.batching.items import Item
from services.runtime.batching.observer import Drop
from services.runtime.observability import tracing
from services.runtime.security.refusals import Reason

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Buckets of all that is timed."""
_BATCHES = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Totals:
    """What a model has done since its process started.

    `items` got a result, in so many `batches`, and `dropped` items got none; `queue_s` is how long those with a result
    waited, and `inference_s` how long the inference of their batches took, added up over the items.
    """

    items: int
    batches: int
    dropped: int
    queue_s: float
    inference_s: float


class Metrics:
    """All of them, on a registry of their own. `model` is a label of the form name@version."""

    def __init__(self) -> None:
        # Their gauges with the birth of every counter and histogram are of no use to anybody.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"stamp2vec_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(f"stamp2vec_{name}", text, labels, buckets=buckets, registry=registry)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"stamp2vec_{name}", text, labels, registry=registry)

        self.request_seconds = histogram("request_seconds", "Duration of calls.", SECONDS, "method", "code")
        self.requests_in_flight = gauge("requests_in_flight", "Calls that are being answered.")
        self.refused_calls = counter("refused_calls", "Calls refused because of who called, or how often.", "reason")
        for reason in Reason:  # from 0 on, as for dropped items
            self.refused_calls.labels(reason.value)
        self.queue_items = gauge("queue_items", "Items that wait for an executor.", "model")
        self.in_flight_items = gauge("in_flight_items", "Items in the batches of executors.", "model")
        self.capacity_items = gauge("capacity_items", "Items that may wait before calls are refused.", "model")
        self.executors_live = gauge("executors_live", "Executors that can work.", "model")
        self.best_batch_size = gauge(
            "best_batch_size",
            "The largest batch that is formed: larger ones made no item cheaper.",
            "model",
        )
        self.model_info = gauge("model_info", "1 for each loaded model.", "model", "name", "version", "sha256")
        self.model_load_seconds = gauge("model_load_seconds", "From the start until every batch size is warm.", "model")
        self.queue_wait_seconds = histogram("queue_wait_seconds", "Wait for an executor.", SECONDS, "model")
        self.batch_size = histogram("batch_size", "Items of a batch.", _BATCHES, "model")
        self.inference_seconds = histogram(
            "inference_seconds", "From handing a batch over to its results.", SECONDS, "model", "batch"
        )
        self.item_inference_seconds = counter(
            "item_inference_seconds", "Inference of their batches, added up over the items.", "model"
        )
        self.dropped_items = counter("dropped_items", "Items without a result.", "model", "reason")
        self.executor_deaths = counter("executor_deaths", "Executors that died or hung.", "model")


class ModelMetrics:
    """An Observer: the events of one model's batcher as metrics, and as spans of each call's trace."""

    def __init__(
        self, metrics: Metrics, name: str, version: str, sha256: str, on_serving: Callable[[bool], None]
    ) -> None:
        """`on_serving` is called when the model can serve no more, and when it can again."""
        self._metrics, self._model, self._on_serving, self._live = metrics, f"{name}@{version}", on_serving, 0
        metrics.model_info.labels(self._model, name, version, sha256).set(1)
        metrics.executor_deaths.labels(self._model)
        metrics.item_inference_seconds.labels(self._model)
        for reason in Drop:  # from 0 on: Prometheus sees no rise in a series that begins with its first event
            metrics.dropped_items.labels(self._model, reason.value)

    def loaded(self, seconds: float, best_batch: int) -> None:
        """The model is warm."""
        self._metrics.model_load_seconds.labels(self._model).set(seconds)
        self._metrics.best_batch_size.labels(self._model).set(best_batch)

    def watch(self, waiting: Callable[[], int], in_flight: Callable[[], int], capacity: int) -> None:
        """The queue's gauges are read whenever /metrics is."""
        self._metrics.queue_items.labels(self._model).set_function(waiting)
        self._metrics.in_flight_items.labels(self._model).set_function(in_flight)
        self._metrics.capacity_items.labels(self._model).set(capacity)

    def totals(self) -> Totals:
        """What /metrics says of it, added up."""
        names = (
            "stamp2vec_queue_wait_seconds_count",
            "stamp2vec_queue_wait_seconds_sum",
            "stamp2vec_batch_size_count",
            "stamp2vec_item_inference_seconds_total",
            "stamp2vec_dropped_items_total",
        )
        sums = dict.fromkeys(names, 0.0)
        for metric in self._metrics.registry.restricted_registry(names).collect():
            for sample in metric.samples:
                if sample.labels["model"] == self._model:
                    sums[sample.name] += sample.value
        items, queue_s, batches, inference_s, dropped = sums.values()
        return Totals(int(items), int(batches), int(dropped), queue_s, inference_s)

    def dropped(self, reason: Drop, items: int = 1) -> None:
        """See Observer."""
        self._metrics.dropped_items.labels(self._model, reason.value).inc(items)

    def ran(self, batch: Sequence[Item[Any, Any]], started_s: float, inference_s: float) -> None:
        """See Observer."""
        bucket = next((size for size in _BATCHES if len(batch) <= size), _BATCHES[-1])
        self._metrics.batch_size.labels(self._model).observe(len(batch))
        self._metrics.inference_seconds.labels(self._model, str(bucket)).observe(inference_s)
        self._metrics.item_inference_seconds.labels(self._model).inc(len(batch) * inference_s)
        for item in batch:
            self._metrics.queue_wait_seconds.labels(self._model).observe(started_s - item.enqueued_s)
        tracing.batch(self._model, batch, started_s, started_s + inference_s)

    def executors(self, live: int) -> None:
        """See Observer."""
        if live < self._live:
            self._metrics.executor_deaths.labels(self._model).inc(self._live - live)
        self._live = live
        self._metrics.executors_live.labels(self._model).set(live)

    def serving(self, can_serve: bool) -> None:
        """See Observer."""
        self._on_serving(can_serve)
