"""The stamps of a document to groups of one die: whose ink is compared with whose, and what follows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stamp2vec.calibration import Verification
from stamp2vec.comparison.verdicts import Judgement, vector_probability
from stamp2vec.limits import MAX_INK_LOOKS
from stamp2vec.values import Verdict

_NEAR_FROM = 0.1  # the probability, by the curve of an embedder, from which ink is compared


class DieSearch:
    """Groups N stamps round by round: the one with most pixels that has no group yet, against those that are near it.

    So a die that a document shows n times takes n - 1 looks at ink and not n^2 / 2. Looks are bounded: a stamp that is
    near another, and could not be compared any more, has no group, nor has one whose comparison failed. Ask for
    `next_round`, and `learn` its verdicts, until a round is empty.
    """

    def __init__(
        self,
        similarity: NDArray[np.float32],
        verification: Verification,
        comparable: NDArray[np.bool_],
        pixels: NDArray[np.int64],
        prior: float,
    ) -> None:
        """Similarities (N, N) of every two stamps; which of them have ink to compare, (N,), and the area of their
        crops, (N,).
        """
        self.probability = vector_probability(similarity, verification, prior).astype(np.float32)
        np.fill_diagonal(self.probability, 1.0)
        self._similarity = similarity
        self._near = verification.probability(similarity) >= _NEAR_FROM
        self._waiting = [int(place) for place in np.argsort(-pixels, kind="stable") if comparable[place]]
        self._first = np.full(len(similarity), -1)  # of each stamp, the one that its group is named after
        self._looks = MAX_INK_LOOKS
        self._beyond: list[int] = []  # near one that they could not be compared with: they stay without a group
        self._round: list[tuple[int, int]] = []

    def next_round(self) -> list[tuple[int, int]]:
        """Pairs of stamps whose ink is to be compared now, the likeliest first; none when all is known."""
        while self._waiting:
            first, *others = self._waiting
            near = [other for other in others if self._near[first, other]]
            self._waiting = others
            if not self._looks and self._near[first, [*others, *self._beyond]].any():
                self._beyond.append(first)
                continue
            self._first[first] = first
            if near:
                near.sort(key=lambda other: -self._similarity[first, other])
                self._beyond += near[self._looks :]
                self._waiting = [other for other in others if other not in self._beyond]
                self._round = [(first, other) for other in near[: self._looks]]
                self._looks -= len(self._round)
                return self._round
        return []

    def learn(self, judgements: Sequence[Judgement | None]) -> None:
        """What the ink of the last round's pairs says; None where it could not be compared: no group is known then."""
        for (first, other), judgement in zip(self._round, judgements, strict=True):
            if judgement is None or judgement.probability is None:
                self._waiting.remove(other)
                continue
            self.probability[first, other] = self.probability[other, first] = judgement.probability
            if judgement.verdict is Verdict.SAME:
                self._first[other] = first
                self._waiting.remove(other)

    def groups(self) -> list[int]:
        """A number for each stamp: dies count from 1 in the order of the stamps, 0 is a stamp of no known group."""
        named = {first: number for number, first in enumerate(dict.fromkeys(self._first[self._first >= 0].tolist()), 1)}
        return [named.get(first, 0) for first in self._first.tolist()]
