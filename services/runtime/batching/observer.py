"""Observers of a batcher, for metrics and traces."""

import logging
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, ParamSpec, Protocol

from services.runtime.batching.items import Item

P = ParamSpec("P")

log = logging.getLogger(__name__)


class Drop(StrEnum):
    """Why an item got no result."""

    QUEUE_FULL = "queue_full"
    HOPELESS = "hopeless_deadline"
    NOT_SERVING = "not_serving"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    POISON = "poison"


class Observer(Protocol):
    """Called at each event, on the event loop."""

    def dropped(self, reason: Drop, items: int = 1) -> None:
        """So many items got no result."""

    def ran(self, batch: Sequence[Item[Any, Any]], started_s: float, inference_s: float) -> None:
        """A batch that began at a time of the event loop's clock succeeded after so many seconds."""

    def executors(self, live: int) -> None:
        """So many executors can work: at the start and at every change."""

    def serving(self, can_serve: bool) -> None:
        """False when no executor has come back for the whole grace, and true when one is back after that."""


class Guarded:
    """An observer whose failures are logged and go no further: they must cost nobody an answer."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def dropped(self, reason: Drop, items: int = 1) -> None:
        """See Observer."""
        _guard(self._observer.dropped, reason, items)

    def ran(self, batch: Sequence[Item[Any, Any]], started_s: float, inference_s: float) -> None:
        """See Observer."""
        _guard(self._observer.ran, batch, started_s, inference_s)

    def executors(self, live: int) -> None:
        """See Observer."""
        _guard(self._observer.executors, live)

    def serving(self, can_serve: bool) -> None:
        """See Observer."""
        _guard(self._observer.serving, can_serve)


def _guard(event: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    try:
        event(*args, **kwargs)
    except Exception:
        log.exception("observer_failed")
