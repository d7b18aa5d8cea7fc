"""A document through the model services: the same rules as the pipeline's, on the same values.

Pages are decoded while those before them are in work, and a page's pixels are freed once its stamps are described.
A page that fails carries its error and costs no other page anything; a service that cannot answer ends the document.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace

import numpy as np

from services.gateway.admission.long_documents import LongDocument
from services.gateway.document.dies import compare_ink
from services.gateway.document.finding import Search
from services.gateway.document.pages import GROUP_PAGES, Group, PageReader, ReadPage
from services.gateway.document.reading import read_stamps
from services.gateway.document.size import picture_bytes, stamp_bytes, too_large
from services.gateway.document.stages import Stage, Stages
from services.gateway.tasks import task_group
from services.gateway.upstream.calls import ModelCaller, Pixels
from services.runtime.observability.logs import request_id
from services.runtime.security.limits import charge
from stamp2vec.decoding import SharedFile
from stamp2vec.document import (
    AnalyzedPage,
    AnalyzedStamp,
    Crop,
    DocumentDies,
    Models,
    Options,
    analyzed_stamp,
    answered_stamps,
    assemble,
    check_stamp_count,
    cut,
    failed_page,
    fit_of,
    in_order,
    on_whole,
    page_result,
    without_stamps,
)
from stamp2vec.errors import InvalidImage, Stamp2vecError
from stamp2vec.imaging import Letterbox, Limits, Page, letterbox
from stamp2vec.limits import MAX_IMAGES, MAX_MESSAGE_BYTES
from stamp2vec.texts import StampText
from stamp2vec.v1 import gateway_pb2
from stamp2vec.values import Detection, DocumentResult
from stamp2vec.wire.documents import page_to_message, result_to_message
from stamp2vec.wire.models import version_to_message
from stamp2vec.wire.png import encode_png
from stamp2vec.wire.stamps import stamp_pngs

Found = list[Detection] | Stamp2vecError
OnPage = Callable[[gateway_pb2.Page], Awaitable[None]]
"""Takes a page that is done; returns when there is room for the next."""

_GROUPS_IN_WORK = 3  # of one document: one is decoded, one at the detector, one cut, segmented and embedded


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """A crop of a page, also in the sizes of both models' inputs; None is what was not asked for."""

    page: ReadPage
    crop: Crop
    for_embedder: Pixels | None
    for_segmenter: Pixels | None
    mask_box: Letterbox | None
    png: bytes


_Parts = tuple[
    _Fitted,
    np.ndarray | Stamp2vecError | None,
    np.ndarray | Stamp2vecError | None,
    StampText | Stamp2vecError | None,
    bool,
]
"""A crop, its vector, its mask in pixels of the segmenter's input, its text, and whether its ink may be compared."""


@dataclass(frozen=True, slots=True, eq=False)
class _Described:
    """A stamp of a page, or the error that it ended in."""

    page_index: int
    stamp: AnalyzedStamp | Stamp2vecError


class DocumentAnalysis:
    """One document; `run` it once."""

    def __init__(
        self,
        document: SharedFile,
        options: Options,
        models: Models,
        caller: ModelCaller,
        limits: Limits,
        on_page: OnPage | None = None,
    ) -> None:
        """The options are valid. Pages go to `on_page`, where it is given, one by one and in order."""
        self._options, self._models = options, models
        self._caller, self._workers, self._hold = caller, caller.workers, caller.hold
        self._on_page = on_page
        self._reader = PageReader(
            document,
            models.detector,
            caller.decoders,
            caller.hold,
            caller.deadline,
            urgent=caller.is_urgent,
            pages=options.pages,
            password=options.password,
            limits=limits,
            copies=int(options.include_erased_page),
            fit=None if options.include_erased_page else fit_of(models.detector, models.refiner),
        )
        self._search = Search(
            caller=caller,
            detector=models.detector,
            refiner=models.refiner,
            min_score=options.min_score,
            max_overlap=options.max_overlap,
            with_ink=False,
        )
        self._pages: list[AnalyzedPage] = []
        self._stamps = self._bytes = 0  # what the response holds so far
        self._turn: LongDocument | None = None
        self.stages = Stages()

    @property
    def pages(self) -> Sequence[AnalyzedPage]:
        """Those that are done."""
        return self._pages

    async def run(self) -> gateway_pb2.AnalyzeDocumentResponse:
        """Raises InvalidInput when no page can be read, or when there are more stamps than a response holds."""
        return await self._workers.run(self._response, await self._compared())

    async def result(self) -> DocumentResult:
        """The same as values; crops are none of them."""
        return await self._workers.run(self._assembled, await self._compared())

    async def _compared(self) -> DocumentDies:
        """Analyses all pages; the dies of their stamps."""
        slots = asyncio.Semaphore(_GROUPS_IN_WORK)
        async with AsyncExitStack() as turn, task_group() as tasks:
            before: asyncio.Task[None] | None = None
            most = GROUP_PAGES if self._on_page is None else 1  # who takes pages one by one waits for the first
            is_last = False
            while not is_last:
                await slots.acquire()  # before pages take memory: a caller who takes no answers holds none
                with self.stages.during(Stage.DECODE):
                    group = await self._reader.next_group(most)
                    charge(pages=len(group.pages) + len(group.broken))
                    if self._turn is None and self._reader.is_long and self._on_page is None:
                        self._turn = await turn.enter_async_context(self._long_turn())
                before = tasks.create_task(self._analyze(group, slots, before))
                is_last, most = group.is_last, GROUP_PAGES
                del group  # whose pixels go as soon as nobody needs them
        if self._stamps < 2:  # there is nothing to compare, and no work that is worth a thread
            return DocumentDies(self._pages, self._models, self._options.known_prior)
        dies = await self._workers.run(DocumentDies, self._pages, self._models, self._options.known_prior)
        await compare_ink(dies, self._models, self._caller, self.stages)
        return dies

    def _long_turn(self) -> AbstractAsyncContextManager[LongDocument]:
        """One that answers page by page needs none: what is done of it is not lost, and its caller sets its pace."""
        kind = " ".join(model.reference for model in self._models.used(ink_was_compared=False))
        return self._caller.long_documents.turn(self._reader.pages_left, kind, self._caller.deadline.at_s)

    async def _analyze(self, group: Group, slots: asyncio.Semaphore, before: asyncio.Task[None] | None) -> None:
        """Analyses pages, and answers them after those of the group before."""
        group, results = await self._detected(group)
        pages = await self._analyzed(group, results)
        self._hold.give_back(group.size)
        del group  # the caller may take its time, and these bytes count no more
        if self._on_page is not None and before is not None:
            await before
        for page in pages:
            self._pages.append(page if self._on_page is None else await self._answered(page, self._on_page))
        if self._turn is not None:
            self._caller.long_documents.advance(self._turn, len(pages))
        slots.release()

    async def _answered(self, page: AnalyzedPage, on_page: OnPage) -> AnalyzedPage:
        """Answers a page; it comes back without what only the answer needs."""
        embedder = self._models.embedder
        version = version_to_message(embedder.name, embedder.version) if embedder else None
        pngs = [each.pngs for each in page.stamps]
        result = page_result(page, (0,) * len(page.stamps))
        await on_page(await self._workers.run(page_to_message, result, version, pngs, page.erased_png))
        kept = [replace(each, pngs=None, stamp=replace(each.stamp, mask=None)) for each in page.stamps]
        self._bytes -= sum(map(picture_bytes, page.stamps)) + len(page.erased_png or b"")
        return replace(page, stamps=tuple(kept), erased_png=None)

    async def _detected(self, group: Group) -> tuple[Group, Sequence[Found]]:
        """A group, whose pages are whole now where there are stamps on them, and the stamps of each page."""
        with self.stages.during(Stage.DETECT):
            results = await self._found(group)
        for place, (page, found) in enumerate(zip(group.pages, results, strict=True)):
            if not page.page.is_reduced or isinstance(found, Stamp2vecError) or not found:
                continue
            rest = group.size - page.size
            try:
                with self.stages.during(Stage.DECODE):
                    whole = await self._reader.whole(page)
            except InvalidImage as error:
                group, results[place] = replace(group, size=rest), error
            else:
                pages = (*group.pages[:place], whole, *group.pages[place + 1 :])
                group = replace(group, pages=pages, size=rest + whole.size)
                results[place] = on_whole(found, page.page, whole.page)
        return group, results

    async def _found(self, group: Group) -> list[list[Detection] | Stamp2vecError]:
        """The stamps of each page of a group, or its error."""
        found = await self._search.find([page.views for page in group.pages])
        images = [page.page.image for page in group.pages]
        windows = await self._workers.run(lambda: list(map(self._search.windows, images, found)))
        return await self._search.refine(found, windows)

    async def _analyzed(self, group: Group, results: Sequence[Found]) -> list[AnalyzedPage]:
        """The pages of a group, in order; `results` are the stamps of each."""
        pages = [failed_page(broken, broken.error) for broken in group.broken]
        found: list[tuple[ReadPage, Detection]] = []
        errors: dict[int, Stamp2vecError] = {}
        for page, result in zip(group.pages, results, strict=True):
            if isinstance(result, Stamp2vecError):
                errors[page.page.index] = result
            else:
                found += [(page, detection) for detection in result]
        stamps_before = self._stamps
        self._stamps += len(found)
        check_stamp_count(self._stamps, self._options)
        stamps: dict[int, list[AnalyzedStamp]] = {page.page.index: [] for page in group.pages}
        for first in range(0, len(found), MAX_IMAGES):
            for described in await self._describe(found[first : first + MAX_IMAGES], stamps_before + first):
                if isinstance(described.stamp, Stamp2vecError):
                    errors.setdefault(described.page_index, described.stamp)
                else:
                    stamps[described.page_index].append(described.stamp)
        for read in (each.page for each in group.pages):
            if read.index in errors:
                pages.append(failed_page(read, errors[read.index]))
            else:
                done = AnalyzedPage(read.index, read.info, tuple(stamps[read.index]), scale=read.scale)
                pages.append(await self._erased(read, done) if self._options.include_erased_page else done)
        return in_order(pages)

    async def _erased(self, read: Page, page: AnalyzedPage) -> AnalyzedPage:
        """The page with what it looks like without its stamps."""
        with self.stages.during(Stage.ERASE):
            png = await self._workers.run(lambda: encode_png(without_stamps(read, page)))
        stamps = answered_stamps(page.stamps, self._options)
        self._bytes += len(png) + sum(map(picture_bytes, stamps)) - sum(map(picture_bytes, page.stamps))
        self._room()
        return replace(page, stamps=stamps, erased_png=png)

    async def _describe(self, found: Sequence[tuple[ReadPage, Detection]], stamps_before: int) -> list[_Described]:
        """Cuts out at most 64 stamps, before which the document has so many, and has them segmented and embedded."""
        fitted = await self._workers.run(self._cut_out, found, self._room())
        async with task_group() as tasks:
            masking = tasks.create_task(self._segment(fitted))
            embedding = tasks.create_task(self._embed(fitted))
            reading = tasks.create_task(self._read(fitted, masking))
        kept = [
            self._models.ink is not None and self._options.keeps_picture(stamps_before + number)
            for number in range(len(fitted))
        ]
        described: list[_Described] = []
        parts = list(zip(fitted, embedding.result(), masking.result(), reading.result(), kept, strict=True))
        step = 1 if self._options.needs_masks else MAX_IMAGES  # what is made of masks takes time and room
        for first in range(0, len(parts), step):
            for each in await self._workers.run(self._describe_all, parts[first : first + step]):
                described.append(each)
                if isinstance(each.stamp, AnalyzedStamp):
                    self._bytes += stamp_bytes(each.stamp, self._models)
                self._room()
        return described

    def _cut_out(self, found: Sequence[tuple[ReadPage, Detection]], room: int) -> list[_Fitted]:
        cuts: list[_Fitted] = []
        for page, detection in found:
            part = cut(page.page.image, detection)
            embedder, segmenter = self._models.embedder, self._models.segmenter
            for_embedder = letterbox(part.pixels, embedder.input_size)[0] if embedder else None
            for_segmenter, box = letterbox(part.pixels, segmenter.input_size) if segmenter else (None, None)
            png = encode_png(part.pixels) if self._options.include_crops else b""
            cuts.append(_Fitted(page, part, for_embedder, for_segmenter, box, png))
            mask = part.pixels.shape[0] * part.pixels.shape[1] if self._options.include_masks else 0
            room -= mask + len(png)  # before anything is segmented: what is made of masks is known only then
            if room < 0:
                raise too_large(self._options)
        return cuts

    def _describe_all(self, parts: Sequence[_Parts]) -> list[_Described]:
        return [self._described(*each) for each in parts]

    def _described(
        self,
        fitted: _Fitted,
        vector: np.ndarray | Stamp2vecError | None,
        mask: np.ndarray | Stamp2vecError | None,
        text: StampText | Stamp2vecError | None,
        keep: bool,
    ) -> _Described:
        """See _Parts."""
        index = fitted.page.page.index
        if isinstance(vector, Stamp2vecError):
            return _Described(index, vector)
        if isinstance(mask, Stamp2vecError):
            return _Described(index, mask)
        if isinstance(text, Stamp2vecError):
            return _Described(index, text)
        ink = None if mask is None or fitted.mask_box is None else fitted.mask_box.mask_to_image(mask)
        options = replace(self._options, include_crops=False)  # the crop has been encoded
        described = analyzed_stamp(fitted.crop, vector, ink, options, text=text, keep_picture=keep)
        pngs = replace(stamp_pngs(described.stamp), crop=fitted.png)
        stamp = replace(described.stamp, unrolled=(), transparent=None, ink=None)
        return _Described(index, replace(described, stamp=stamp, pngs=pngs))

    async def _segment(self, fitted: Sequence[_Fitted]) -> Sequence[np.ndarray | Stamp2vecError | None]:
        if not self._models.segmenter:
            return [None] * len(fitted)
        pictures = [each.for_segmenter for each in fitted if each.for_segmenter is not None]
        with self.stages.during(Stage.SEGMENT):
            return await self._caller.segment(self._models.segmenter, pictures)

    async def _embed(self, fitted: Sequence[_Fitted]) -> Sequence[np.ndarray | Stamp2vecError | None]:
        if not self._models.embedder:
            return [None] * len(fitted)
        pictures = [each.for_embedder for each in fitted if each.for_embedder is not None]
        with self.stages.during(Stage.EMBED):
            return await self._caller.embed(self._models.embedder, pictures)

    async def _read(
        self, fitted: Sequence[_Fitted], masking: "asyncio.Task[Sequence[np.ndarray | Stamp2vecError | None]]"
    ) -> Sequence[StampText | Stamp2vecError | None]:
        if not self._models.reader:
            return [None] * len(fitted)
        inks = await self._workers.run(_inks, fitted, await masking)
        with self.stages.during(Stage.READ):
            crops = [each.crop for each in fitted]
            return await read_stamps(list(zip(crops, inks, strict=True)), self._models.reader, self._caller)

    def _room(self) -> int:
        """Bytes that are left in the response."""
        matrices = 8 * self._stamps**2 if self._models.embedder else 0
        room = MAX_MESSAGE_BYTES - self._bytes - matrices
        if room < 0:
            raise too_large(self._options)
        return room

    def _assembled(self, dies: DocumentDies) -> DocumentResult:
        opened = self._reader.opened
        return assemble(
            self._pages,
            dies,
            self._models,
            self._options,
            self.stages.timing,
            request_id.get(),
            warnings=opened.warnings,
            page_count=opened.page_count,
        )

    def _response(self, dies: DocumentDies) -> gateway_pb2.AnalyzeDocumentResponse:
        result = self._assembled(dies)
        if self._on_page is not None:
            message = result_to_message(replace(result, pages=()))
            message.die_groups.extend(dies.groups)
            return message
        pngs = {page.index: [each.pngs for each in page.stamps] for page in self._pages}
        return result_to_message(result, pngs, {page.index: page.erased_png for page in self._pages})


def _inks(
    fitted: Sequence[_Fitted], masks: Sequence[np.ndarray | Stamp2vecError | None]
) -> list[np.ndarray | Stamp2vecError]:
    """In pixels of the crops, from those of the segmenter's input."""
    return [
        each.mask_box.mask_to_image(mask) if isinstance(mask, np.ndarray) and each.mask_box is not None else mask
        for each, mask in zip(fitted, masks, strict=True)
        if mask is not None
    ]
