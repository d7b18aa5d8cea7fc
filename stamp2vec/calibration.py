"""What the numbers of a model mean, as training measured it on held-out dies."""

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_MODEL_NAME = re.compile(r"[a-z0-9-]{1,64}")
_MODEL_REFERENCE = re.compile(r"[a-z0-9-]{1,64}@[0-9]+\.[0-9]+\.[0-9]+")


@dataclass(frozen=True, slots=True)
class PairCalibration:
    """What the evidence of a pair network means, as `training.pair.calibrate` measured it on held-out dies.

    The log-odds that one die made both, where half of all pairs are of one die and all others are of one layout, are
    `intercept` and, of each number but the last two, so much times what `comparison.evidence.Evidence.terms` has under
    its name. SAME takes a `worst_letter` of at most `same_limit` and `same_limit_by_typical` times `typical_letter`,
    which few pairs of dies keep that differ in a letter. Measured with the masks of `segmenter`, a model's name.
    ValueError when a value cannot be right.
    """

    segmenter: str
    intercept: float
    correlation: float
    correlation_squared: float
    worst_letter: float
    worst_letter_squared: float
    worst_letter_by_correlation: float
    worst_letter_by_typical: float
    typical_letter: float
    typical_letter_squared: float
    typical_letter_by_correlation: float
    same_limit: float
    same_limit_by_typical: float

    def __post_init__(self) -> None:
        """A name and not an address: the caller loads the segmenter by it."""
        if not _MODEL_NAME.fullmatch(self.segmenter):
            raise ValueError("segmenter must be a model's name")
        if not np.isfinite([*self.weights.values(), self.same_limit, self.same_limit_by_typical]).all():
            raise ValueError("weights must be finite numbers")

    @property
    def weights(self) -> dict[str, float]:
        """What makes log-odds, by its names."""
        others = ("segmenter", "same_limit", "same_limit_by_typical")
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in others}


@dataclass(frozen=True, slots=True)
class Verification:
    """What the similarities of one embedder mean, as `training.embedder.calibrate` measured it on held-out dies.

    `curve` has points (cosine similarity, probability), both rising; between them lie straight lines, beyond them it
    is level. The probability assumes that the share `genuine_share` of all pairs is of one die, and that the share
    `sibling_share` of the others are look-alikes: dies of one layout with another name or number. `far_thresholds`
    maps a false-accept rate, as text, to the similarity that so few of those others reach. ValueError when a value
    cannot be right.
    """

    curve: tuple[tuple[float, float], ...]
    genuine_share: float
    sibling_share: float
    far_thresholds: Mapping[str, float]

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
class RefinementCalibration:
    """What the logit of a refiner means beside the score of one detector, as `training.refiner.calibrate` measured it.

    The log-odds that a candidate is a stamp are `intercept`, `by_detector` times the log-odds of the detector's score,
    and `by_refiner` times the refiner's logit. `box_share` is how much of a box is the refiner's, 0 to 1; `threshold`
    the score below which stamps are left out by default. `detector` is a reference, for example `yolo-stamp@2.1.0`:
    scores of another version mean something else. ValueError when a value cannot be right.
    """

    detector: str
    intercept: float
    by_detector: float
    by_refiner: float
    box_share: float
    threshold: float

    def __post_init__(self) -> None:
        """Weights of logits below 0 would call the less likely the more probable."""
        if not _MODEL_REFERENCE.fullmatch(self.detector):
            raise ValueError("detector must be a model's name and version, such as yolo-stamp@2.1.0")
        if not np.isfinite([self.intercept, self.by_detector, self.by_refiner]).all():
            raise ValueError("weights must be finite numbers")
        if min(self.by_detector, self.by_refiner) < 0:
            raise ValueError("by_detector and by_refiner must be 0 or more")
        if not (0 <= self.box_share <= 1 and 0 <= self.threshold <= 1):
            raise ValueError("box_share and threshold must be 0 to 1")

    def probability(self, score: float, logit: float) -> float:
        """Of a candidate: the detector's score, 0 to 1, and the refiner's logit -> the score of both, 0 to 1."""
        bounded = min(max(score, 1e-6), 1 - 1e-6)
        log_odds = self.intercept + self.by_detector * math.log(bounded / (1 - bounded)) + self.by_refiner * logit
        return 1 / (1 + math.exp(-min(max(log_odds, -50.0), 50.0)))


def _is_rate(text: str) -> bool:
    try:
        return 0 < float(text) < 1
    except ValueError:
        return False
