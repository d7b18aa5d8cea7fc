"""What the scores of an engine mean: the probability that a text is right to the letter.

Measured by `python -m training.reader.calibrate`, on drawn lines and stamps that differ from those of every test: of
each engine, how many texts were right by the product of their characters' scores. A piece that was cut too short counts
as wrong.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

_LEAST_SCORE = 1e-3
_Curve = tuple[tuple[float, float], ...]

_CURVES: Mapping[str, _Curve] = {
    "stamp-text": (
        (0, 0.02),
        (0.04, 0.06),
        (0.13, 0.17),
        (0.26, 0.31),
        (0.42, 0.35),
        (0.58, 0.46),
        (0.79, 0.73),
        (0.94, 0.76),
    ),
    "pp-ocrv6": ((0, 0.03), (0.07, 0.08), (0.21, 0.17), (0.44, 0.31), (0.7, 0.46), (0.96, 0.73), (1, 0.93)),
    "tesseract-rus": ((0, 0.05), (0.04, 0.46), (0.25, 0.83), (0.57, 0.89), (0.73, 0.91)),
    "tesseract-ara": ((0, 0.02), (0.05, 0.5), (0.23, 0.8), (0.58, 0.97), (1, 0.98)),
}


def probability(engine: str, scores: Sequence[float]) -> float:
    """Of a text whose characters have these scores, 0 to 1; straight lines between the points that were measured."""
    product = math.prod(max(score, _LEAST_SCORE) for score in scores)
    products, chances = zip(*_CURVES[engine], strict=True)
    return float(np.interp(product, products, chances))
