"""The items that wait, and who of them goes first. Owned by a batcher; knows no task and no executor."""

from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

from services.runtime.batching.items import Item, Priority
from services.runtime.batching.observer import Drop, Observer
from services.runtime.batching.refusals import DeadlinePassed

T = TypeVar("T")
R = TypeVar("R")

BULK_TURN = 4


class Waiting(Generic[T, R]):
    """Oldest first within a priority, interactive before bulk; the dead are dropped as they are met.

    Bulk is not starved: while both wait, every fourth item taken is bulk. Nor does it crowd interactive calls out:
    it may not fill the last fourth of the capacity. Suspects go before all others, one by one.
    """

    def __init__(self, capacity: int, observer: Observer) -> None:
        self._capacity, self._observer = capacity, observer
        self._interactive: deque[Item[T, R]] = deque()
        self._bulk: deque[Item[T, R]] = deque()
        self.suspects: deque[Item[T, R]] = deque()
        """Those under which an executor died."""
        self._turn = 0

    def __len__(self) -> int:
        return len(self._interactive) + len(self._bulk) + len(self.suspects)

    @property
    def oldest_s(self) -> float:
        """When the longest waiting item came. Somebody must be waiting."""
        return min(queue[0].enqueued_s for queue in (self._interactive, self._bulk) if queue)

    def ahead_of(self, priority: Priority) -> int:
        """How many would go before one that comes now."""
        if priority is Priority.BULK:
            return len(self)
        return (
            len(self.suspects)
            + len(self._interactive)
            + min(len(self._bulk), len(self._interactive) // (BULK_TURN - 1))
        )

    def has_room(self, count: int, priority: Priority, now_s: float) -> bool:
        """Whether so many more may wait. Those for whom nobody waits any more hold no place."""
        capacity = self._capacity - (self._capacity // BULK_TURN if priority is Priority.BULK else 0)
        if len(self) + count > capacity:
            for queue in (self._interactive, self._bulk, self.suspects):
                living = [item for item in queue if self.is_alive(item, now_s)]
                queue.clear()
                queue.extend(living)
        return len(self) + count <= capacity

    def put(self, items: Sequence[Item[T, R]], priority: Priority) -> None:
        """Adds them behind those of their priority."""
        (self._bulk if priority is Priority.BULK else self._interactive).extend(items)

    def put_suspect(self, item: Item[T, R]) -> None:
        """Takes back an item whose executor died, the item being to blame or not."""
        item.suspect = True
        self.suspects.append(item)

    def take_suspect(self, now_s: float) -> Item[T, R] | None:
        """Removes the first living suspect, if there is one."""
        while self.suspects:
            if self.is_alive(item := self.suspects.popleft(), now_s):
                return item
        return None

    def take(self, count: int, now_s: float) -> list[Item[T, R]]:
        """Removes the first `count` living items that are no suspects, or as many as there are."""
        taken: list[Item[T, R]] = []
        while (self._interactive or self._bulk) and len(taken) < count:
            if self.is_alive(item := self._pop(), now_s):
                taken.append(item)
        return taken

    def is_alive(self, item: Item[T, R], now_s: float) -> bool:
        """Whether its caller still waits; counts it as dropped when not."""
        if item.future.cancelled():
            self._observer.dropped(Drop.CANCELLED)
            return False
        if item.deadline_s is not None and item.deadline_s <= now_s:
            item.future.set_exception(DeadlinePassed())
            self._observer.dropped(Drop.EXPIRED)
            return False
        return True

    def clear(self) -> None:
        """Forgets them all; their futures are the caller's business."""
        self._interactive.clear()
        self._bulk.clear()
        self.suspects.clear()

    def _pop(self) -> Item[T, R]:
        if self._interactive and self._bulk:
            self._turn = (self._turn + 1) % BULK_TURN
            return (self._interactive if self._turn else self._bulk).popleft()
        return (self._interactive or self._bulk).popleft()
