"""From evidence to the probability that one die made two stamps, and to a verdict that does not outrun it.

Vectors show the layout of a stamp and not its letters, so by vectors alone the verdict is SAME_LAYOUT at most. SAME
takes ink that is legible and nowhere contradicts; DIFFERENT takes a place where both have left ink and contradict each
other.
"""

from dataclasses import dataclass

import numpy as np

from stamp2vec.calibration import PairCalibration, Verification
from stamp2vec.comparison.evidence import Evidence, LaidPair, evidence, overlay_of
from stamp2vec.errors import InvalidInput
from stamp2vec.limits import DEFAULT_PRIOR
from stamp2vec.values import Comparison, Embedding, Overlay, Verdict

SAME_FROM = 0.9
DIFFERENT_UP_TO = 0.1
ALIKE_FROM = 0.5  # the probability, by the curve of an embedder, from which two vectors are of one layout
_SUREST_LOG_ODDS = float(np.log(999))  # of a probability: a few thousand pairs show no more
_COARSEST = 2.0  # pixels of the frame for one of the coarser crop: ink of 173 pixels; forty letters take more
_LEAST_AGREEING = 60  # places: three or four letters
_CONTRADICTS = 0.0  # the log-odds from which a place contradicts
_LAYOUT_FITS = 0.6  # the correlation of ink below which two layouts may be two
_FITS = 0.3  # the correlation of ink below which nothing is known to lie over its like
_CUT_FITS = 0.8  # the same where a part may be missing: halves are laid wrongly more often than whole stamps


@dataclass(frozen=True, slots=True)
class Judgement:
    """The probability that two stamps are of one die, the verdict, and why it is no more than it is.

    `probability` is None where nobody has measured it; `reason` is empty for SAME and DIFFERENT. `overlay` is there
    where the ink was compared.
    """

    probability: float | None
    verdict: Verdict
    reason: str
    overlay: Overlay | None = None


def prior_fault(prior: float | None) -> InvalidInput | None:
    """What is wrong with the prior of a call, which leaves nothing to be shown when 0 or 1; None is the default."""
    if prior is None or 0 < prior < 1:
        return None
    return InvalidInput(f"the prior is {prior:g}: send a probability above 0 and below 1, or leave it out", "prior")


def judge_vectors(
    similarity: float, verification: Verification | None, prior: float = DEFAULT_PRIOR, missing: str = ""
) -> Judgement:
    """The verdict on a pair of which the vectors alone are known; `missing` says why there is no ink to compare.

    `prior` is the share of pairs of one die among those that are asked about.
    """
    if verification is None:
        reason = "nobody has measured what this model's similarities mean: compare with a newer version of it"
        return Judgement(None, Verdict.CANNOT_TELL, reason)
    alike = float(verification.probability(np.array(similarity)))
    probability = float(vector_probability(np.array(similarity), verification, prior))
    advice = f"{missing or 'their ink was not compared'}: compare the pictures of both"
    if alike >= ALIKE_FROM:
        return Judgement(probability, Verdict.SAME_LAYOUT, f"vectors show the layout and not the letters, and {advice}")
    return Judgement(
        probability, Verdict.CANNOT_TELL, f"the vectors differ, as those of a half and its whole do too, and {advice}"
    )


def vector_probability(similarity: np.ndarray, verification: Verification, prior: float) -> np.ndarray:
    """Of one die, by similarities of any shape, float64: no more than the prior, since look-alikes are as similar."""
    known = verification.probability(similarity).astype(np.float64)
    shifted = _probability(_log_odds(known) + _log_odds(prior) - _log_odds(verification.genuine_share))
    return np.asarray(np.minimum(shifted, prior))


def judge_ink(
    pair: LaidPair,
    places: np.ndarray,
    calibration: PairCalibration,
    prior: float = DEFAULT_PRIOR,
    by_vectors: float | None = None,
) -> Judgement:
    """The verdict on a pair by what the pair network says of its places; see `evidence`.

    `by_vectors` is the probability that their vectors give. Two whole stamps that cannot be laid over each other are of
    two dies where their vectors, which show layouts, say so too.
    """
    seen = evidence(pair, places)
    log_odds = np.clip(seen.log_odds(calibration), -_SUREST_LOG_ODDS, _SUREST_LOG_ODDS) + _log_odds(prior)
    probability = float(_probability(log_odds))
    if by_vectors is not None and not pair.cut and pair.correlation < _LAYOUT_FITS:
        probability = min(probability, by_vectors)
    verdict, reason = _verdict(probability, seen, pair, stands_out=seen.stands_out(calibration))
    return Judgement(probability, verdict, reason, overlay_of(pair, places))


def cannot_tell(reason: str) -> Judgement:
    """The verdict on a pair of which one shows too little to be compared."""
    return Judgement(None, Verdict.CANNOT_TELL, reason)


def compared(similarity: float, embedding: Embedding, prior: float, judgement: Judgement) -> Comparison:
    """The answer to a comparison; `embedding` is one of the two."""
    return Comparison(
        similarity=similarity,
        model=embedding.model,
        version=embedding.version,
        prior=prior,
        probability=judgement.probability,
        verdict=judgement.verdict,
        reason=judgement.reason,
        overlay=judgement.overlay,
    )


def _verdict(probability: float, seen: Evidence, pair: LaidPair, *, stands_out: bool) -> tuple[Verdict, str]:
    contradicts = seen.worst_letter >= _CONTRADICTS
    if probability >= SAME_FROM and not contradicts:
        if seen.agreeing < _LEAST_AGREEING:
            return Verdict.CANNOT_TELL, "too little ink is on both: take stronger impressions, or crop closer"
        if pair.coarseness > _COARSEST:
            return Verdict.CANNOT_TELL, "the letters are too small to be read: scan both stamps at 300 dpi or more"
        if stands_out:
            reason = "they agree but for one place that may be another letter: look at what the overlay marks"
            return Verdict.CANNOT_TELL, f"{reason}, or scan both at 300 dpi or more"
        if pair.mirrored:
            reason = "one is the mirror image of the other: a scan that was turned over, or ink that was transferred"
            return Verdict.MIRRORED, reason
        return Verdict.SAME, ""
    if pair.cut and pair.correlation < _CUT_FITS:
        reason = "of one a part may be missing, and what both show could not be laid over each other"
        return Verdict.CANNOT_TELL, f"{reason}: compare whole stamps"
    if probability <= DIFFERENT_UP_TO and contradicts:
        return Verdict.DIFFERENT, ""
    if pair.correlation < _FITS:
        reason = "they could not be laid over each other, as two dies cannot, nor parts with little in common"
        return Verdict.CANNOT_TELL, f"{reason}: compare larger parts of both"
    if contradicts:
        return Verdict.CANNOT_TELL, "some of the ink may differ: look at the places that the overlay marks"
    return Verdict.CANNOT_TELL, "too little of the ink is clear on both: scan both at 300 dpi or more, in colour"


def _log_odds(probability: float | np.ndarray) -> np.ndarray:
    sure = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(sure / (1 - sure)))


def _probability(log_odds: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-log_odds)))
