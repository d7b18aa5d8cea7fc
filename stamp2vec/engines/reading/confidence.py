"""What the scores of an engine mean: the probability that a text is right to the letter."""

import math
from collections.abc import Sequence

_LEAST_SCORE = 1e-3


def probability(engine: str, scores: Sequence[float]) -> float:
    """Of a text whose characters have these scores, 0 to 1."""
    return math.prod(max(score, _LEAST_SCORE) for score in scores)
