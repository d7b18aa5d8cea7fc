"""A document's bytes to pages that are ready for the detector, some at a time."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from services.gateway.upstream.calls import ModelCaller
from services.gateway.upstream.deadline import Deadline
from services.runtime.serving.byte_budget import Hold
from stamp2vec.decoding import Decoder, DecoderPool, OpenFile, SharedFile
from stamp2vec.document import page_views
from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import BrokenPage, Limits, NoRoom, Page, View, pages_to_read, prepared
from stamp2vec.v1 import common_pb2
from stamp2vec.values import ModelInfo
from stamp2vec.wire.images import page_from_image

T = TypeVar("T")

GROUP_PAGES = 8
_GROUP_BYTES = 96_000_000  # nearly four A4 pages at 300 dpi


@dataclass(frozen=True, slots=True, eq=False)
class ReadPage:
    """A page that could be decoded, and what the detector gets of it; `copies` of it will be made."""

    page: Page
    views: tuple[View, ...]
    copies: int = 0

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return self.page.image.nbytes * (1 + self.copies) + sum(view.pixels.nbytes for view in self.views)


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that go to the detector together; `size` is how many bytes they hold."""

    pages: tuple[ReadPage, ...]
    broken: tuple[BrokenPage, ...]
    size: int
    is_last: bool


class Room:
    """What a decoder's thread asks for the bytes of a page, within the deadline of its call."""

    def __init__(self, hold: Hold, deadline_s: float) -> None:
        """Made in the event loop; its methods are for threads."""
        self._hold, self._deadline_s, self._loop = hold, deadline_s, asyncio.get_running_loop()
        self.taken = 0

    def wait(self, count: int) -> bool:
        """Takes so many bytes as soon as there is room for them, none once its call is over. TimeoutError."""
        taking = asyncio.run_coroutine_threadsafe(self._hold.take(count), self._loop)
        try:
            self.taken += taking.result(max(0.0, self._deadline_s - time.monotonic()))
        except CancelledError:
            return False
        return True

    def ask(self, count: int) -> bool:
        """Takes so many bytes if there is room for them now."""

        async def ask() -> bool:
            return self._hold.try_take(count)

        granted = asyncio.run_coroutine_threadsafe(ask(), self._loop).result()
        self.taken += count if granted else 0
        return granted

    def keep(self, count: int) -> None:
        """Gives all back but so many bytes."""
        surplus, self.taken = self.taken - count, 0
        self._loop.call_soon_threadsafe(self._hold.give_back, surplus)


class PageReader:
    """Reads the groups of one document, one after the other; not two at once."""

    def __init__(
        self,
        file: SharedFile,
        detector: ModelInfo,
        decoders: DecoderPool,
        hold: Hold,
        deadline: Deadline,
        *,
        urgent: bool,
        pages: str,
        password: str | None,
        limits: Limits,
        copies: int = 0,
        fit: tuple[int, int] | None = None,
    ) -> None:
        """`file` is the caller's to close, and `hold` is open; `pages` as in `Options`, `copies` as in ReadPage.

        With `fit` pages come as `imaging.read_fitted` gives them.

        One that is not `urgent` lets go of its decoder after each page while others wait that are.
        """
        self._file, self._detector, self._decoders, self._hold = file, detector, decoders, hold
        self._deadline_s, self._selection, self._password, self._limits = deadline.at_s, pages, password, limits
        self._urgent, self._copies, self._fit = urgent, copies, fit
        self._left: Sequence[int] | None = None
        self.opened = OpenFile(0, ())
        """What is known of the file once a group has been read."""

    async def next_group(self, most: int = GROUP_PAGES) -> Group:
        """Decodes the next pages, at most 8, and as many bytes as there is room for; the last group may be empty.

        Raises InvalidImage when the document as a whole is none, InvalidInput when it has no such pages, and
        TimeoutError at the deadline.
        """
        room = Room(self._hold, self._deadline_s)
        work = partial(self._read, room=room, most=most)
        return await self._decoders.run(work, self._file, urgent=self._urgent)

    async def whole(self, page: ReadPage) -> ReadPage:
        """A page that was reduced, again with all its pixels; raises what `next_group` raises, of this page.

        The bytes that it held are given back at once: who waits for room holds no pages, and only a file of one page
        has a page that is reduced.
        """
        self._hold.give_back(page.size)
        room = Room(self._hold, self._deadline_s)
        work = partial(self._read_whole, index=page.page.index, room=room)
        return await self._decoders.run(work, self._file, urgent=self._urgent)

    def _read_whole(self, decoder: Decoder, index: int, room: Room) -> ReadPage:
        self._open(decoder)
        try:
            page = ReadPage(prepared(decoder.read(index, room.wait, self._deadline_s)), (), self._copies)
        except InvalidImage:
            room.keep(0)
            raise
        room.keep(page.size)
        return page

    def _read(self, decoder: Decoder, room: Room, most: int) -> Group:
        self.opened = self._open(decoder)
        if self._left is None:
            self._left = pages_to_read(self.opened.page_count, self._selection, self._limits, "document")
        pages: list[ReadPage] = []
        broken: list[BrokenPage] = []
        size = 0
        for index in self._left:
            if len(pages) + len(broken) >= most or size >= _GROUP_BYTES or self._hold.is_closed:
                break
            if (pages or broken) and not self._urgent and self._decoders.is_urgent:
                break
            self._open(decoder)  # anew, where the page before was too much for it
            try:
                # The first page may wait for those of other documents. The next must not: they might wait for it.
                page = prepared(decoder.read(index, room.ask if pages else room.wait, self._deadline_s, self._fit))
            except NoRoom:
                break
            except InvalidImage as error:
                broken.append(BrokenPage(index, error))
                room.keep(0)
                continue
            pages.append(ReadPage(page, page_views(page.image, self._detector), self._copies))
            room.keep(pages[-1].size)
            size += pages[-1].size
        self._left = self._left[len(pages) + len(broken) :]
        return Group(tuple(pages), tuple(broken), size, is_last=not self._left)

    def _open(self, decoder: Decoder) -> OpenFile:
        opened = decoder.opened(self._file)
        return opened or decoder.open(self._file, self._limits, "document", self._password, self._deadline_s)


async def read_picture(
    message: common_pb2.Image,
    field: str,
    caller: ModelCaller,
    use: Callable[[Page], T],
    *,
    keeps: bool = False,
    fit: tuple[int, int] | None = None,
) -> T:
    """What `use` makes of a picture, in a thread; its pixels stay with the call only if `use` keeps them.

    With `fit` the picture of a file comes as `imaging.read_fitted` gives it.

    Raises InvalidImage when the picture cannot be read, and InvalidInput when the message holds none.
    """
    if message.WhichOneof("content") != "encoded":
        return await caller.workers.run(lambda: use(page_from_image(message, field)))
    room = Room(caller.hold, caller.deadline.at_s)

    def read(decoder: Decoder) -> T:
        held = 0
        try:
            decoder.open(file, Limits(), f"{field}.encoded", None, caller.deadline.at_s)
            page = decoder.read(0, room.wait, caller.deadline.at_s, fit)
            result = use(page)
            held = page.image.nbytes if keeps else 0
        finally:
            room.keep(held)
        return result

    file = SharedFile(message.encoded)
    try:
        return await caller.decoders.run(read, urgent=caller.is_urgent)
    finally:
        caller.decoders.close_file(file)
