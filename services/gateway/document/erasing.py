"""A document without its stamps: found as in an analysis, erased by the process that decodes the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.gateway.document.analysis import DocumentAnalysis
from services.gateway.document.pages import Room
from services.gateway.document.stages import Stage
from services.gateway.upstream.calls import ModelCaller
from stamp2vec.decoding import Decoder, Rewritten, SharedFile
from stamp2vec.document import EraseOptions, Models, Plan, erased_document, erased_page, plans
from stamp2vec.erasing import Result
from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import Limits
from stamp2vec.limits import MAX_MESSAGE_BYTES
from stamp2vec.values import DocumentResult, ErasedDocument

_PEAK = 8.0  # bytes that a page takes while it is rewritten, for each of its RGB bytes (bench.erasing)
_REST_BYTES = 2**20  # of a response, for all but the file


@dataclass(frozen=True, slots=True)
class _Erased:
    """The new file, and by the index of a page what became of its marks, or why it stayed."""

    file: Rewritten
    results: Mapping[int, Sequence[Result] | InvalidImage]


class DocumentErasing:
    """One document; `run` it once."""

    def __init__(
        self, document: SharedFile, options: EraseOptions, models: Models, caller: ModelCaller, limits: Limits
    ) -> None:
        """The options are valid, and the models those that their analysis needs."""
        self._file, self._options, self._caller, self._limits = document, options, caller, limits
        self.analysis = DocumentAnalysis(document, options.analysis(), models, caller, limits)

    async def run(self) -> ErasedDocument:
        """Raises InvalidInput when no page can be read or rewritten, or the new file is larger than a response."""
        result = await self.analysis.result()
        chosen = plans(result, self._options)
        with self.analysis.stages.during(Stage.ERASE):
            room = Room(self._caller.hold, self._caller.deadline.at_s)
            bytes_needed = self._bytes_needed(chosen)
            done = await self._caller.decoders.run(
                lambda decoder: self._rewrite(decoder, room, bytes_needed, chosen),
                self._file,
                urgent=self._caller.is_urgent,
            )
        return _answer(result, chosen, done, self.analysis)

    def _bytes_needed(self, chosen: Sequence[Plan]) -> int:
        """Of the largest page in work, and of the new file, which is there twice while it is handed on."""
        sizes = [3 * plan.page.height * plan.page.width for plan in chosen if plan.marks]
        new_file = min(self._file.size + sum(sizes), MAX_MESSAGE_BYTES)
        return round(_PEAK * max(sizes, default=0)) + 2 * new_file

    def _rewrite(self, decoder: Decoder, room: Room, bytes_needed: int, chosen: Sequence[Plan]) -> _Erased:
        """In a thread. A page at which the process ends costs no other page anything: it begins anew without it."""
        room.wait(bytes_needed)
        failed: dict[int, InvalidImage] = {}
        while True:
            results: dict[int, Sequence[Result] | InvalidImage] = {}
            if decoder.opened(self._file) is None:
                self._open(decoder)
            for plan in chosen:
                index = plan.page.index
                if not plan.marks or index in failed:
                    continue
                try:
                    results[index] = decoder.erase(index, plan.marks, self._caller.deadline.at_s)
                except InvalidImage as error:
                    failed[index] = error
                    if decoder.opened(self._file) is None:
                        break
            else:
                most_bytes = MAX_MESSAGE_BYTES - _REST_BYTES
                file = decoder.rewritten(most_bytes, self._caller.deadline.at_s)
                return _Erased(file, {**results, **failed})

    def _open(self, decoder: Decoder) -> None:
        decoder.open(self._file, self._limits, "document", self._options.password, self._caller.deadline.at_s)


def _answer(
    result: DocumentResult, chosen: Sequence[Plan], done: _Erased, analysis: DocumentAnalysis
) -> ErasedDocument:
    pages = []
    for plan in chosen:
        became = done.results.get(plan.page.index, ())
        if isinstance(became, InvalidImage):
            pages.append(erased_page(plan, (), became))
        else:
            pages.append(erased_page(plan, became))
    file, timing = done.file, analysis.stages.timing()
    return erased_document(result, pages, file.data, file.media_type, file.warnings, timing)
