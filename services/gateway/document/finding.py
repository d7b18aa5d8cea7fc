"""Pages, each as its views, to the detector, their candidates to the refiner, and the stamps of each page back."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise

import numpy as np
from numpy.typing import NDArray

from services.gateway.upstream.calls import ModelCaller, Pixels
from stamp2vec.detection.candidates import SCORE_FLOOR
from stamp2vec.detection.refinement import Windows
from stamp2vec.document import Refiner, merged, refined_stamps
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
    refiner: Refiner | None
    min_score: float | None
    max_overlap: float | None
    max_detections: int = MAX_DETECTIONS
    with_ink: bool

    async def find(self, pages: Sequence[Sequence[View]]) -> list[list[Detection] | Stamp2vecError]:
        """The stamps of each page, in its pixels, with a refiner its candidates; its error where a view failed."""
        answers = await self.caller.detect(
            self.detector,
            [view.pixels for page in pages for view in page],
            min_score=SCORE_FLOOR,
            max_overlap=self.max_overlap,
            with_ink=self.with_ink,
        )
        spans = pairwise(accumulate(map(len, pages), initial=0))
        of_pages = [answers[first:end] for first, end in spans]
        return await self.caller.workers.run(lambda: list(map(self._merged, pages, of_pages)))

    def windows(self, page: Pixels, found: Sequence[Detection] | Stamp2vecError) -> Windows | None:
        """What the refiner sees of the candidates of a page, uint8 (H, W, 3); None where it has nothing to see."""
        if self.refiner is None or isinstance(found, Stamp2vecError):
            return None
        return Windows.of(page, found, self.refiner.model.input_height)

    async def refine(
        self, found: Sequence[list[Detection] | Stamp2vecError], windows: Sequence[Windows | None]
    ) -> list[list[Detection] | Stamp2vecError]:
        """The stamps of each page, of its candidates and their windows; its error where one of its windows failed."""
        if self.refiner is None:
            return list(found)
        pixels = [each for page in windows if page for each in page.pixels]
        answers = iter(await self.caller.refine(self.refiner.model, pixels))
        of_pages = [list(islice(answers, len(page.pixels) if page else 0)) for page in windows]
        return await self.caller.workers.run(lambda: list(map(self._refined, found, windows, of_pages)))

    def _refined(
        self,
        found: list[Detection] | Stamp2vecError,
        windows: Windows | None,
        answers: Sequence[NDArray[np.float32] | Stamp2vecError],
    ) -> list[Detection] | Stamp2vecError:
        seen = []
        for answer in answers:
            if isinstance(answer, Stamp2vecError):
                return answer
            seen.append(answer)
        if self.refiner is None or windows is None or isinstance(found, Stamp2vecError):
            return found
        options = self.min_score, self.max_overlap, self.max_detections
        return refined_stamps(found, windows, seen, self.refiner, *options)

    def _merged(self, page: Sequence[View], answers: Sequence[Found]) -> list[Detection] | Stamp2vecError:
        found = []
        for answer in answers:
            if isinstance(answer, Stamp2vecError):
                return answer
            found.append(list(map(detection_from_message, answer)))
        options = self.min_score, self.max_overlap, self.max_detections
        return merged(page, found, self.detector, *options, self.refiner)
