"""Which long documents are begun: no more than can end by their deadlines, the oldest first.

Documents of several groups of pages take turns at the decoders and the models. Of many that are in work at once each is
slowed down by all others until none ends in time; so most of them wait here, and hold nothing but their files.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.runtime.batching.refusals import HopelessDeadline
from stamp2vec.turns import owner

_SLACK = 2.0  # of time that those in work keep: two that just fit both miss where the estimate is short, one alone ends
_KEPT_WEIGHT = 0.8  # of what has been measured before a group of pages: a step in speed is followed within about five


@dataclass(eq=False, slots=True)
class LongDocument:
    """One that waits, or has begun. Times are of the event loop's clock."""

    kind: str
    pages_left: int
    deadline_s: float
    owner: str
    turn: "asyncio.Future[None]" = field(repr=False)


@dataclass(slots=True)
class _Cost:
    """Of a page, as a mean that forgets."""

    seconds: float = 0.0
    pages: float = 0.0

    def add(self, seconds: float, pages: int) -> None:
        self.seconds = _KEPT_WEIGHT * self.seconds + seconds
        self.pages = _KEPT_WEIGHT * self.pages + pages

    def of(self, pages: int) -> float:
        """Seconds; 0 before any measurement."""
        return pages * self.seconds / self.pages if self.pages else 0.0


class LongDocuments:
    """Those of one priority, on one event loop.

    A document is begun when fewer than `most` are in work, and those still end beside it in half of their time. One
    that cannot end after all before it is refused, as soon as that is known. The first is begun whatever was measured:
    a bad measurement must not refuse the documents that would correct it.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._begun: list[LongDocument] = []
        self._waiting: list[LongDocument] = []
        self._costs: dict[str, _Cost] = {}
        self._measured_s = 0.0  # until when the time of what is begun has been counted

    @property
    def waiting(self) -> int:
        """Documents that have not begun."""
        return len(self._waiting)

    @asynccontextmanager
    async def turn(self, pages: int, kind: str, deadline_s: float) -> AsyncIterator[LongDocument]:
        """Waits until a document of so many pages may begin; it is in work to the end of the `with`.

        Documents of one `kind` cost alike, page by page. Raises HopelessDeadline when it cannot end by `deadline_s`.
        """
        loop = asyncio.get_running_loop()
        document = LongDocument(kind, pages, deadline_s, owner.get(), loop.create_future())
        self._waiting.append(document)
        self._look(loop.time())
        try:
            await document.turn
            yield document
            self._measure(document, 0, loop.time())
        finally:
            self._waiting = [each for each in self._waiting if each is not document]
            self._begun = [each for each in self._begun if each is not document]
            self._look(loop.time())

    def advance(self, document: LongDocument, pages: int) -> None:
        """So many of its pages are done."""
        now_s = asyncio.get_running_loop().time()
        self._measure(document, pages, now_s)
        document.pages_left -= pages
        self._look(now_s)

    def _measure(self, document: LongDocument, pages: int, now_s: float) -> None:
        """What is begun shares the machine, so the time since the last measurement is counted once."""
        self._costs.setdefault(document.kind, _Cost()).add(now_s - self._measured_s, pages)
        self._measured_s = now_s

    def _look(self, now_s: float) -> None:
        """Begins and refuses what can be."""
        waiting, self._waiting = self._in_turn(), []
        before_s = sum(map(self._work_s, self._begun))
        for document in waiting:
            if document.turn.done():  # its caller has gone
                continue
            left_s, work_s = document.deadline_s - now_s, self._work_s(document)
            is_first = not self._begun and not self._waiting
            if not is_first and before_s + work_s > left_s:
                document.turn.set_exception(HopelessDeadline(before_s, left_s, work_s))
                continue
            before_s += work_s
            if self._waiting or not self._may_begin(document, now_s):
                self._waiting.append(document)
                continue
            self._measured_s = self._measured_s if self._begun else now_s
            self._begun.append(document)
            document.turn.set_result(None)

    def _in_turn(self) -> list[LongDocument]:
        """Those who wait, owners of work in turn, who have fewest begun first, and of each the oldest first."""
        count = Counter(document.owner for document in self._begun)
        turns = []
        for document in self._waiting:
            turns.append(count[document.owner])
            count[document.owner] += 1
        return [document for _, document in sorted(zip(turns, self._waiting, strict=True), key=lambda each: each[0])]

    def _may_begin(self, document: LongDocument, now_s: float) -> bool:
        """Whether there is a place, and nobody who has one would miss the deadline for it."""
        count, before_s = len(self._begun), sum(map(self._work_s, self._begun))
        if count >= self._most:
            return False
        for other in self._begun:
            left_s, work_s = other.deadline_s - now_s, self._work_s(other)
            ends_now = min(before_s, count * work_s) <= left_s
            ends_then = _SLACK * min(before_s + self._work_s(document), (count + 1) * work_s) <= left_s
            if ends_now and not ends_then:
                return False
        return True

    def _work_s(self, document: LongDocument) -> float:
        cost = self._costs.get(document.kind)
        return cost.of(document.pages_left) if cost else 0.0
