"""Which stamps of a document are of one die: by their ink, where their vectors are near."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stamp2vec.comparison import DieSearch, Inked, Judgement, LaidPair, judge_ink, lay, similarity_matrix
from stamp2vec.document.models import Models
from stamp2vec.document.stamps import AnalyzedPage, AnalyzedStamp, in_order
from stamp2vec.errors import Stamp2vecError

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """Pairs of stamps whose ink is to be compared, by their numbers in the document, and the crops, uint8 (h, w, 3),
    that are to be segmented for it.
    """

    pairs: Sequence[Pair]
    crops: Mapping[int, NDArray[np.uint8]]


class DocumentDies:
    """The dies of a document, and what its stamps are compared by.

    While there is a `next_round`: have its crops segmented and `add_ink`, `lay` its pairs, have what comes of that
    verified, and `learn`.
    """

    def __init__(self, pages: Sequence[AnalyzedPage], models: Models, prior: float) -> None:
        """All pages, in any order."""
        self._stamps = [each for page in in_order(pages) for each in page.stamps]
        self._prior = prior
        self._calibration = models.ink.calibration if models.ink else None
        self._inked: dict[int, Inked] = {}
        self.similarity = similarity_matrix([one.stamp.vector for one in self._stamps if one.stamp.vector is not None])
        self.ink_was_compared = False
        verification = models.embedder.verification if models.embedder else None
        self._search = None
        if verification is not None:
            comparable = [one.picture is not None and self._calibration is not None for one in self._stamps]
            areas = list(map(_area, self._stamps))
            self._search = DieSearch(
                self.similarity, verification, np.array(comparable, bool), np.array(areas, np.int64), prior
            )

    @property
    def probability(self) -> NDArray[np.float32] | None:
        """Of one die, for every two stamps, (N, N); None where the embedder has no verification."""
        return self._search.probability if self._search else None

    @property
    def groups(self) -> list[int]:
        """The die of each stamp, see DieSearch."""
        return self._search.groups() if self._search and self._calibration else [0] * len(self._stamps)

    def next_round(self) -> Round | None:
        """What is to be compared now; None when all that can be known is."""
        pairs = self._search.next_round() if self._search else []
        if not pairs:
            return None
        self.ink_was_compared = True
        unknown = dict.fromkeys(place for pair in pairs for place in pair if place not in self._inked)
        pictures = ((place, self._stamps[place].picture) for place in unknown)
        return Round(pairs, {place: picture for place, picture in pictures if picture is not None})

    def add_ink(
        self, crops: Mapping[int, NDArray[np.uint8]], masks: Sequence[NDArray[np.uint8] | Stamp2vecError]
    ) -> None:
        """The masks of a round's crops, in their order; a crop that could not be segmented is not compared."""
        for (place, crop), mask in zip(crops.items(), masks, strict=True):
            if not isinstance(mask, Stamp2vecError):
                self._inked[place] = Inked.of(crop, mask)

    def lay(self, pair: Pair) -> LaidPair | None:
        """Lays two stamps over each other: a twentieth of a second of one core. None without their ink."""
        a, b = (self._inked.get(place) for place in pair)
        return None if a is None or b is None else lay(a, b)

    def learn(self, laid: Sequence[LaidPair | None], places: Sequence[NDArray[np.uint8] | Stamp2vecError]) -> None:
        """What the pair network says of each pair of the round that was laid; nothing follows from an error."""
        answers = iter(places)
        judged = [None if pair is None else self._judged(pair, next(answers)) for pair in laid]
        if self._search is not None:
            self._search.learn(judged)

    def _judged(self, laid: LaidPair, places: NDArray[np.uint8] | Stamp2vecError) -> Judgement | None:
        if isinstance(places, Stamp2vecError) or self._calibration is None:
            return None
        return judge_ink(laid, places, self._calibration, self._prior)


def _area(each: AnalyzedStamp) -> int:
    x1, y1, x2, y2 = each.stamp.crop_box
    return (x2 - x1) * (y2 - y1)
