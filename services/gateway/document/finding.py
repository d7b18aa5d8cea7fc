"""Pages, each as its views, to the detector, and the stamps of each page back."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from services.gateway.upstream.calls import ModelCaller
from stamp2vec.document import merged, view_min_score
from stamp2vec.errors import Stamp2vecError
from stamp2vec.imaging import View
from stamp2vec.limits import MAX_DETECTIONS
from stamp2vec.v1 import common_pb2
from stamp2vec.values import Detection, ModelInfo
from stamp2vec.wire.stamps import detection_from_message

Found = Sequence[common_pb2.Detection] | Stamp2vecError


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which stamps are searched for, and by which detector; None is what the caller left out.

    `with_ink` asks the detector for the colour of the ink: that of a document is taken from its full pages instead.
    """

    caller: ModelCaller
    detector: ModelInfo
    min_score: float | None
    max_overlap: float | None
    max_detections: int = MAX_DETECTIONS
    with_ink: bool

    async def find(self, pages: Sequence[Sequence[View]]) -> list[list[Detection] | Stamp2vecError]:
        """The stamps of each page, in its pixels; the error of a page one of whose views failed."""
        answers = await self.caller.detect(
            self.detector,
            [view.pixels for page in pages for view in page],
            min_score=view_min_score(self.detector, self.min_score),
            max_overlap=self.max_overlap,
            with_ink=self.with_ink,
        )
        spans = pairwise(accumulate(map(len, pages), initial=0))
        of_pages = [answers[first:end] for first, end in spans]
        return await self.caller.workers.run(lambda: list(map(self._merged, pages, of_pages)))

    def _merged(self, page: Sequence[View], answers: Sequence[Found]) -> list[Detection] | Stamp2vecError:
        found = []
        for answer in answers:
            if isinstance(answer, Stamp2vecError):
                return answer
            found.append(list(map(detection_from_message, answer)))
        return merged(page, found, self.detector, self.min_score, self.max_overlap, self.max_detections)
