"""From the similarity of two vectors to the probability that one die made both, and to a verdict."""

from dataclasses import dataclass

import numpy as np

from stamp2vec.errors import InvalidInput
from stamp2vec.values import Comparison, ModelInfo, Overlay, SecondLook, Verdict, Verification

SAME_FROM = 0.9
DIFFERENT_UP_TO = 0.1


@dataclass(frozen=True, slots=True)
class Judgement:
    """The probability that two stamps are of one die, the verdict that follows from it, and why none does.

    `probability` is None where the model has no verification; `reason` is empty unless the verdict is CANNOT_TELL.
    """

    probability: float | None
    verdict: Verdict
    reason: str


def judge(similarity: float, verification: Verification | None, illegible: str = "") -> Judgement:
    """The verdict on a pair; `illegible` is what is wrong with a stamp of it, see `comparison.illegibility`."""
    if verification is None:
        reason = "nobody has measured what this model's similarities mean: compare with a newer version of it"
        return Judgement(None, Verdict.CANNOT_TELL, illegible or reason)
    return verdict_on(float(verification.probability(np.array(similarity))), illegible)


def second_look(embedder: ModelInfo) -> SecondLook:
    """The weights of a thorough comparison by a model; InvalidInput, field `mode`, when they were not measured."""
    if embedder.verification is None or embedder.verification.second_look is None:
        message = f"nobody has measured a second look for {embedder.reference}"
        raise InvalidInput(f"{message}: compare fast, or by a newer version of it", "mode")
    return embedder.verification.second_look


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


def compared(
    similarity: float, model: str, version: str, judgement: Judgement, overlay: Overlay | None = None
) -> Comparison:
    """The answer to a comparison by the vectors of a model."""
    return Comparison(
        similarity=similarity,
        model=model,
        version=version,
        probability=judgement.probability,
        verdict=judgement.verdict,
        reason=judgement.reason,
        overlay=overlay,
    )
