"""From the similarity of two vectors to the probability that one die made both, to a verdict, to groups of one die.

A second look at the ink itself, laid over each other, makes the probability surer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from stamp2vec.errors import InvalidInput

SAME_FROM = 0.9
DIFFERENT_UP_TO = 0.1
SUREST_LOG_ODDS = float(np.log(999))
_NAME = re.compile(r"[a-z0-9-]{1,64}")


class Verdict(StrEnum):
    """Whether two stamps are of one die."""

    SAME = "same"
    DIFFERENT = "different"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Measures:
    """What two impressions tell that are laid over each other, the second over the first.

    `correlation` of all their ink, -1 to 1; `missing_ink`, the share of the first one's ink that the second lacks, and
    `added_ink`, the share of the second one's that the first lacks, 0 to 1; `local_correlation` of the ink around the
    places that agree least, -1 to 1.
    """

    correlation: float
    missing_ink: float
    added_ink: float
    local_correlation: float


@dataclass(frozen=True, slots=True)
class SecondLook:
    """What similarity and measures mean together: the log-odds that one die made both are `intercept` and, of each
    value, so much times it.

    `least_change` goes with the smaller of missing and added ink: impressions of one die may lose much on one side.
    Measured with the masks of `segmenter`, a model's name, and for the shares of pairs that the Verification assumes.
    ValueError when a value cannot be right.
    """

    segmenter: str
    intercept: float
    similarity: float
    correlation: float
    least_change: float
    local_correlation: float

    def __post_init__(self) -> None:
        """A name and not an address: whoever looks loads the segmenter by it."""
        if not _NAME.fullmatch(self.segmenter):
            raise ValueError("segmenter must be a model's name")
        if not np.isfinite(self.weights).all():
            raise ValueError("weights must be finite numbers")

    @property
    def weights(self) -> np.ndarray:
        """float64 (5,): of what `evidence` makes, in its order, and the intercept."""
        return np.array(
            [
                self.similarity,
                self.correlation,
                self.least_change,
                self.local_correlation,
                self.intercept,
            ]
        )

    def probability(self, similarity: float, measures: Measures) -> float:
        """Of one die having made both, 0.001 to 0.999: a few hundred pairs show no more."""
        log_odds = float(self.weights @ [*evidence(similarity, measures), 1.0])
        return float(1 / (1 + np.exp(-np.clip(log_odds, -SUREST_LOG_ODDS, SUREST_LOG_ODDS))))


def evidence(similarity: float, measures: Measures) -> tuple[float, float, float, float]:
    """The four numbers that a second look weighs."""
    least_change = min(measures.missing_ink, measures.added_ink)
    return similarity, measures.correlation, least_change, measures.local_correlation


@dataclass(frozen=True, slots=True)
class Verification:
    """What the similarities of one embedder mean, as `training.embedder.calibrate` measured it on held-out dies.

    `curve` has points (cosine similarity, probability), both rising; between them lie straight lines, beyond them it
    is level. The probability assumes that the share `genuine_share` of all pairs is of one die, and that the share
    `sibling_share` of the others are look-alikes: dies of one layout with another name or number. `far_thresholds`
    maps a false-accept rate, as text, to the similarity that so few of those others reach. `second_look` is None where
    none was measured. ValueError when a value cannot be right.
    """

    curve: tuple[tuple[float, float], ...]
    genuine_share: float
    sibling_share: float
    far_thresholds: Mapping[str, float]
    second_look: SecondLook | None = None

    def __post_init__(self) -> None:
        """A curve that falls would call the less alike the more probable."""
        points = np.array(self.curve, float).reshape(-1, 2)
        if len(points) < 2 or not np.isfinite(points).all():
            raise ValueError("curve must have two points or more, of finite numbers")
        if (np.diff(points[:, 0]) <= 0).any() or (np.diff(points[:, 1]) < 0).any():
            raise ValueError("curve must rise from point to point")
        if abs(points[:, 0]).max() > 1 or points[0, 1] < 0 or points[-1, 1] > 1:
            raise ValueError("curve must hold similarities of -1 to 1 and probabilities of 0 to 1")
        if not 0 < self.genuine_share < 1:
            raise ValueError("genuine_share must be above 0 and below 1")
        if not 0 <= self.sibling_share <= 1:
            raise ValueError("sibling_share must be 0 to 1")
        for rate, similarity in self.far_thresholds.items():
            if not (_is_rate(rate) and -1 <= similarity <= 1):
                raise ValueError("far_thresholds must map rates, such as 0.01, to similarities of -1 to 1")

    def probability(self, similarity: np.ndarray) -> np.ndarray:
        """Cosine similarities of any shape -> float32 probabilities of the same shape."""
        points = np.array(self.curve)
        return np.asarray(np.interp(similarity, points[:, 0], points[:, 1]), np.float32)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The probability that two stamps are of one die, what follows from it, and why nothing does.

    `probability` is None where the model has no verification; `reason` is empty unless the verdict is CANNOT_TELL.
    """

    probability: float | None
    verdict: Verdict
    reason: str


def judge(similarity: float, verification: Verification | None, illegible: str = "") -> Judgement:
    """The verdict on a pair; `illegible` says what is wrong with a stamp of it, see `comparison.illegibility`."""
    if verification is None:
        reason = "nobody has measured what this model's similarities mean: compare with a newer version of it"
        return Judgement(None, Verdict.CANNOT_TELL, illegible or reason)
    return verdict_on(float(verification.probability(np.array(similarity))), illegible)


def second_look(model: str, verification: Verification | None) -> SecondLook:
    """What a thorough comparison by a model weighs; InvalidInput, field `mode`, when that was not measured."""
    if verification is None or verification.second_look is None:
        raise InvalidInput(
            f"nobody has measured a second look for {model}: compare fast, or by a newer version of it", "mode"
        )
    return verification.second_look


def verdict_on(probability: float, illegible: str = "") -> Judgement:
    """What follows from a probability of 0 to 1."""
    if illegible:
        return Judgement(probability, Verdict.CANNOT_TELL, illegible)
    if probability >= SAME_FROM:
        return Judgement(probability, Verdict.SAME, "")
    if probability <= DIFFERENT_UP_TO:
        return Judgement(probability, Verdict.DIFFERENT, "")
    reason = f"the probability lies between {DIFFERENT_UP_TO:g} and {SAME_FROM:g}: look at the stamps yourself"
    return Judgement(probability, Verdict.CANNOT_TELL, reason)


def probability_matrix(similarity: np.ndarray, verification: Verification) -> np.ndarray:
    """Similarities (N, N) of every two stamps -> float32 (N, N) probabilities; a stamp is of its own die."""
    probability = verification.probability(similarity)
    np.fill_diagonal(probability, 1.0)
    return probability


def die_groups(probability: np.ndarray, legible: np.ndarray) -> list[int]:
    """Numbers the dies of N stamps: float (N, N) probabilities, bool (N,) whether a stamp can be told by -> N numbers.

    Stamps get one number when the verdict on every two of them is SAME (complete linkage, the likeliest pair first).
    Numbers count from 1 in the order of the stamps; a stamp that is not legible has 0. Takes time of N^2 log N.
    """
    n = len(probability)
    group = np.arange(n)
    # The least probability between any two groups, kept for the stamp that a group is named after.
    weakest = np.where(legible[:, None] & legible, probability, 0.0).astype(np.float64)
    rows, columns = np.nonzero(np.triu(weakest, 1) >= SAME_FROM)
    for pair in np.argsort(-weakest[rows, columns], kind="stable"):
        a, b = sorted((int(group[rows[pair]]), int(group[columns[pair]])))
        if a != b and weakest[a, b] >= SAME_FROM:
            group[group == b] = a
            weakest[a] = weakest[:, a] = np.minimum(weakest[a], weakest[b])
    numbers = {first: number for number, first in enumerate(dict.fromkeys(group[legible].tolist()), 1)}
    return [numbers[name] if readable else 0 for name, readable in zip(group.tolist(), legible.tolist(), strict=True)]


def _is_rate(text: str) -> bool:
    try:
        return 0 < float(text) < 1
    except ValueError:
        return False
