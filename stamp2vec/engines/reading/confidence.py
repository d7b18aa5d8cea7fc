"""What the scores of an engine mean: the probability that a text is right to the letter.

Measured on drawn lines, fresh and up to 30 % worn, that differ from those of every test: of each engine, how many texts
were right by the product of their characters' scores. PP-OCR's is nearly that probability; Tesseract is too modest.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

_LEAST_SCORE = 1e-3
_Curve = tuple[tuple[float, float], ...]

_PPOCR: _Curve = ((0, 0), (0.24, 0.05), (0.47, 0.34), (0.86, 0.74), (0.98, 0.97), (1, 0.99))
_CYRILLIC: _Curve = ((0, 0.05), (0.05, 0.15), (0.19, 0.28), (0.45, 0.55), (0.61, 0.9), (1, 0.98))
_VIETNAMESE: _Curve = ((0, 0.05), (0.01, 0.2), (0.1, 0.4), (0.27, 0.65), (0.63, 0.87), (1, 0.95))
_CURVES: Mapping[str, _Curve] = {
    "pp-ocrv6": _PPOCR,
    "tesseract-rus": _CYRILLIC,
    "tesseract-vie": _VIETNAMESE,
    "tesseract-ara": _VIETNAMESE,  # not measured by itself: the more modest of the two
}


def probability(engine: str, scores: Sequence[float]) -> float:
    """Of a text whose characters have these scores, 0 to 1; straight lines between the points that were measured."""
    product = math.prod(max(score, _LEAST_SCORE) for score in scores)
    products, chances = zip(*_CURVES[engine], strict=True)
    return float(np.interp(product, products, chances))
