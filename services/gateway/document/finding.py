"""Pages, each as its views, to the detector, and the stamps of each page back."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.gateway.admission.workers import Workers
from services.gateway.upstream.calls import ModelCaller
from stamp2vec.document import merged, view_min_score
from stamp2vec.errors import Stamp2vecError
from stamp2vec.imaging import View
from stamp2vec.limits import MAX_DETECTIONS
from stamp2vec.values import Detection, ModelInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which stamps are searched for, and by which detector; None is what the caller left out.

    `with_ink` asks the detector for the colour of the ink: that of a document is taken from its full pages instead.
    """

    caller: ModelCaller
    workers: Workers
    detector: ModelInfo
    min_score: float | None
    max_overlap: float | None
    max_detections: int = MAX_DETECTIONS
    with_ink: bool

    async def find(self, pages: Sequence[Sequence[View]]) -> list[list[Detection] | Stamp2vecError]:
        """The stamps of each page, in its pixels; the error of a page one of whose views failed."""
        answers = iter(
            await self.caller.detect(
                self.detector,
                [view.pixels for page in pages for view in page],
                min_score=view_min_score(self.detector, self.min_score),
                max_overlap=self.max_overlap,
                with_ink=self.with_ink,
            )
        )
        answered = [[next(answers) for _ in page] for page in pages]
        return await self.workers.run(
            lambda: [self._merged(page, found) for page, found in zip(pages, answered, strict=True)]
        )

    def _merged(
        self, page: Sequence[View], answers: Sequence[list[Detection] | Stamp2vecError]
    ) -> list[Detection] | Stamp2vecError:
        found = []
        for answer in answers:
            if isinstance(answer, Stamp2vecError):
                return answer
            found.append(answer)
        return merged(page, found, self.detector, self.min_score, self.max_overlap, self.max_detections)
