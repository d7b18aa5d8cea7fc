"""A comparison for people: a sentence, and both stamps side by side."""

import io

import numpy as np
from PIL import Image

from stamp2vec.imaging import letterbox
from stamp2vec.results import Comparison
from stamp2vec.verification import Verdict

_SIDE_PX = 480
_GAP_PX = 16
_COLOURS = {Verdict.SAME: (0, 150, 80), Verdict.DIFFERENT: (220, 30, 30), Verdict.CANNOT_TELL: (150, 150, 150)}


def sentence(a: str, b: str, result: Comparison) -> str:
    """What was found out about two files."""
    match result.verdict:
        case Verdict.SAME:
            found = f"{a} and {b} are of one die"
        case Verdict.DIFFERENT:
            found = f"{a} and {b} are of two dies"
        case Verdict.CANNOT_TELL:
            found = f"whether {a} and {b} are of one die cannot be told, because {result.reason}"
    probability = "" if result.probability is None else f"probability of one die {result.probability:.2f}, "
    return f"{found} ({probability}similarity {result.similarity:.4f} by {result.model}@{result.version})"


def side_by_side(a: np.ndarray, b: np.ndarray, verdict: Verdict) -> bytes:
    """A PNG file of two crops, uint8 (H, W, 3), in a frame: green of one die, red of two, grey where nobody knows."""
    width, height = 2 * _SIDE_PX + 3 * _GAP_PX, _SIDE_PX + 2 * _GAP_PX
    sheet = Image.new("RGB", (width, height), _COLOURS[verdict])
    for number, crop in enumerate((a, b)):
        pixels, _ = letterbox(crop, (_SIDE_PX, _SIDE_PX))
        sheet.paste(Image.fromarray(pixels), (_GAP_PX + number * (_SIDE_PX + _GAP_PX), _GAP_PX))
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()
