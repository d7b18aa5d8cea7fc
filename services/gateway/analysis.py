"""The way of a document: pages -> boxes -> crops -> masks and vectors -> similarities.

Pages are decoded while those before them are in work, and a page's pixels are let go as soon as its stamps are cut
out. A page that fails carries its status and loses no other; a service that cannot answer ends the document.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from services.gateway import calls
from services.gateway.calls import Terms
from services.gateway.cutting import Cut, Place, cut, finish, places
from services.gateway.finding import Search, Wanted, on_pages
from services.gateway.limits import Hold
from services.gateway.pages import MAX_GROUP_PIXELS, Group, PageReader
from services.gateway.siblings import siblings
from services.gateway.stages import Stage, Stages
from services.gateway.upstreams import Upstreams
from services.gateway.workers import Workers
from services.runtime.errors import item_status
from services.runtime.logs import request_id
from services.runtime.refusals import PoisonItem
from services.runtime.server import MAX_IMAGES, MAX_MESSAGE_BYTES
from stamp2vec.candidates import check_number
from stamp2vec.comparison import similarity_matrix
from stamp2vec.errors import InvalidImage, InvalidInput
from stamp2vec.serving import read_verification
from stamp2vec.v1 import common_pb2, embedder_pb2, gateway_pb2, segmenter_pb2
from stamp2vec.verification import die_groups, probability_matrix

_GROUPS_IN_WORK = 2  # of one document: one at the detector while the other is cut, segmented and embedded
_STAMP_BYTES = 128  # of an answer, for all of a stamp but its vector, mask and crop


@dataclass(frozen=True, slots=True)
class Models:
    """Who answers for a document; no segmenter where no mask was asked for."""

    detector: common_pb2.ModelInfo
    embedder: common_pb2.ModelInfo
    segmenter: common_pb2.ModelInfo | None


def input_size(model: common_pb2.ModelInfo) -> tuple[int, int]:
    """Height and width of a model's input, pixels."""
    return model.input_height, model.input_width


class DocumentAnalysis:
    """One document on its way; `run` it once."""

    def __init__(
        self,
        request: gateway_pb2.AnalyzeDocumentRequest,
        models: Models,
        upstreams: Upstreams,
        workers: Workers,
        hold: Hold,
        terms: Terms,
    ) -> None:
        """The request is a valid one, and `hold` is open."""
        self._request, self._models, self._upstreams = request, models, upstreams
        self._workers, self._hold, self._terms = workers, hold, terms
        self._pages: list[gateway_pb2.Page] = []
        self._errors: dict[int, InvalidImage] = {}  # of pages that could not be read, by their index
        self._search = Search(upstreams, workers, models.detector, terms, Wanted.of(request))
        self._stamps = self._bytes = 0  # what the answer holds so far
        self.stages = Stages()

    async def run(self) -> gateway_pb2.AnalyzeDocumentResponse:
        """Raises InvalidInput when no page can be read, or when there are more stamps than an answer holds."""
        size = input_size(self._models.detector)
        reader = PageReader(self._request.document, size, tiled=self._search.tiled)
        slots = asyncio.Semaphore(_GROUPS_IN_WORK)
        async with siblings() as tasks:
            is_last = False
            while not is_last:
                group = await self._read(reader)
                await slots.acquire()
                tasks.create_task(self._work_off(group, slots))
                is_last = group.is_last
        self._pages.sort(key=lambda page: page.index)
        self._require_a_page()
        return await self._workers.run(self._answer)

    async def _read(self, reader: PageReader) -> Group:
        await self._hold.take(MAX_GROUP_PIXELS)
        with self.stages.during(Stage.DECODE):
            group = await self._workers.run(reader.next_group)
        self._hold.give_back(MAX_GROUP_PIXELS - group.pixels)
        return group

    async def _work_off(self, group: Group, slots: asyncio.Semaphore) -> None:
        found = await self._find(group)
        for first in range(0, len(found), MAX_IMAGES):
            await self._describe(found[first : first + MAX_IMAGES])
        for place in found:
            if not place.page.status.code:
                place.page.stamps.append(place.stamp)
        self._hold.give_back(group.pixels)
        slots.release()

    async def _find(self, group: Group) -> list[Place]:
        """The stamps of a group of pages; puts the pages into the answer."""
        for broken in group.broken:
            self._errors[broken.index] = broken.error
            self._pages.append(gateway_pb2.Page(index=broken.index, status=item_status(broken.error)))
        with self.stages.during(Stage.DETECT):
            results = await on_pages(self._search, [sheet.views for sheet in group.sheets])
        found: list[Place] = []
        for sheet, result in zip(group.sheets, results, strict=True):
            height, width = sheet.image.shape[:2]
            page = gateway_pb2.Page(index=sheet.index, height=height, width=width)
            self._pages.append(page)
            if result.status.code:
                _fail(page, result.status)
            else:
                found += places(sheet, result, page)
        self._stamps += len(found)
        check_number(self._stamps)
        return found

    async def _describe(self, found: Sequence[Place]) -> None:
        """Fills in the crops, masks and vectors of at most 64 stamps."""
        cuts = await self._workers.run(self._cut_out, found, self._room())
        async with siblings() as tasks:
            masking = tasks.create_task(self._segment(cuts))
            embedding = tasks.create_task(self._embed(cuts))
        for place, vector in zip(found, embedding.result(), strict=True):
            if vector.status.code:
                _fail(place.page, vector.status)
            place.stamp.vector.values[:] = vector.vector.values
            place.stamp.vector.model.CopyFrom(self._models.embedder.model)
        await self._workers.run(_finish, found, cuts, masking.result())
        self._bytes += sum(self._size(place.stamp) for place in found)
        self._room()

    def _cut_out(self, found: Sequence[Place], room: int) -> list[Cut]:
        embedder = input_size(self._models.embedder)
        segmenter = input_size(self._models.segmenter) if self._models.segmenter else None
        cuts: list[Cut] = []
        for place in found:
            cuts.append(cut(place, embedder, segmenter, include_crop=self._request.include_crops))
            room -= self._size(place.stamp)
            if room < 0:
                raise self._too_large()
        return cuts

    async def _segment(self, cuts: Sequence[Cut]) -> list[segmenter_pb2.SegmentResult]:
        if not self._models.segmenter:
            return []
        pictures = [part.for_segmenter for part in cuts if part.for_segmenter is not None]
        with self.stages.during(Stage.SEGMENT):
            return await calls.segment(self._upstreams, self._models.segmenter, pictures, self._terms)

    async def _embed(self, cuts: Sequence[Cut]) -> list[embedder_pb2.EmbedResult]:
        pictures = [part.for_embedder for part in cuts]
        with self.stages.during(Stage.EMBED):
            return await calls.embed(self._upstreams, self._models.embedder, pictures, self._terms)

    def _size(self, stamp: gateway_pb2.Stamp) -> int:
        """Bytes that a stamp takes in the answer."""
        box = stamp.crop_box
        mask = int((box.x2 - box.x1) * (box.y2 - box.y1)) if self._request.include_masks else 0
        return _STAMP_BYTES + 4 * self._models.embedder.vector_size + mask + len(stamp.crop_png)

    def _room(self) -> int:
        """Bytes that are left in the answer."""
        room = MAX_MESSAGE_BYTES - self._bytes - 8 * self._stamps**2
        if room < 0:
            raise self._too_large()
        return room

    def _too_large(self) -> InvalidInput:
        asked = [name for name in ("include_crops", "include_masks") if getattr(self._request, name)]
        advice = " and ".join(f"leave out {name}" for name in asked) or "raise min_score"
        return InvalidInput(
            f"the answer would be larger than {MAX_MESSAGE_BYTES // 2**20} MiB: {advice}, or send fewer pages a call",
            asked[0] if asked else "min_score",
        )

    def _require_a_page(self) -> None:
        if not self._pages:
            raise InvalidImage("the document has no pages: send at least one", "document")
        if all(page.status.code for page in self._pages):
            first = self._pages[0]
            raise self._errors.get(first.index) or PoisonItem(first.status.message)

    def _answer(self) -> gateway_pb2.AnalyzeDocumentResponse:
        stamps = [stamp for page in self._pages for stamp in page.stamps]
        similarity = similarity_matrix([np.array(stamp.vector.values, np.float32) for stamp in stamps])
        verification = read_verification(self._models.embedder)
        probability = None if verification is None else probability_matrix(similarity, verification)
        groups = [0] * len(stamps)
        if probability is not None:
            groups = die_groups(probability, np.array([stamp.die_group > 0 for stamp in stamps], bool))
        for stamp, group in zip(stamps, groups, strict=True):
            stamp.die_group = group
        models = [self._models.detector, self._models.embedder]
        if self._models.segmenter:
            models.append(self._models.segmenter)
        return gateway_pb2.AnalyzeDocumentResponse(
            pages=self._pages,
            similarity=gateway_pb2.SimilarityMatrix(size=len(stamps), values=similarity.ravel().tolist()),
            probability=None
            if probability is None
            else gateway_pb2.ProbabilityMatrix(size=len(stamps), values=probability.ravel().tolist()),
            models=models,
            timing=self.stages.timing(),
            request_id=request_id.get(),
        )


def _finish(found: Sequence[Place], cuts: Sequence[Cut], masks: Sequence[segmenter_pb2.SegmentResult]) -> None:
    """`masks` is empty when none was asked for."""
    for place, part, result in zip_longest(found, cuts, masks):
        if result is not None and result.status.code:
            _fail(place.page, result.status)
        else:
            finish(place, part, None if result is None else result.mask)


def _fail(page: gateway_pb2.Page, status: common_pb2.ItemStatus) -> None:
    """The field of a hop's own call means nothing to the caller."""
    page.status.CopyFrom(common_pb2.ItemStatus(code=status.code, message=status.message, field="document"))
