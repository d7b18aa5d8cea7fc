"""A comparison as a sentence, as JSON, and as a picture of both stamps side by side."""

import io
import json

import numpy as np
from PIL import Image

from stamp2vec.cli.rows import rounded
from stamp2vec.display import overlaid
from stamp2vec.imaging import letterbox
from stamp2vec.values import Comparison, Verdict

_SIDE_PX = 480
_GAP_PX = 16
_NO_VERDICT = (150, 150, 150)
_COLOURS = {Verdict.SAME: (0, 150, 80), Verdict.DIFFERENT: (220, 30, 30)}


def sentence(a: str, b: str, result: Comparison) -> str:
    """The verdict on two files, for people."""
    match result.verdict:
        case Verdict.SAME:
            found = f"{a} and {b} are of one die"
        case Verdict.DIFFERENT:
            found = f"{a} and {b} are of two dies"
        case Verdict.SAME_LAYOUT:
            found = f"{a} and {b} are of one layout, and whether of one die is open, because {result.reason}"
        case Verdict.MIRRORED:
            found = f"{a} and {b} are mirrored: {result.reason}"
        case Verdict.CANNOT_TELL:
            found = f"whether {a} and {b} are of one die cannot be determined, because {result.reason}"
    probability = ""
    if result.probability is not None:
        probability = f"probability of one die {result.probability:.2f} at a prior of {result.prior:g}, "
    ink = ""
    if result.overlay is not None:
        overlay = result.overlay
        ink = f"; {overlay.missing_ink:.0%} of the ink is missing, {overlay.added_ink:.0%} is added"
    return f"{found} ({probability}similarity {result.similarity:.4f} by {result.model}@{result.version}{ink})"


def json_line(a: str, b: str, result: Comparison) -> str:
    """The same as a JSON object; of the ink only where it was compared."""
    row = {
        "a": a,
        "b": b,
        "similarity": rounded(result.similarity, 6),
        "probability": None if result.probability is None else rounded(result.probability, 6),
        "prior": rounded(result.prior, 6),
        "verdict": result.verdict,
        "reason": result.reason,
        "model": f"{result.model}@{result.version}",
    }
    if result.overlay is not None:
        overlay = result.overlay
        row["overlay"] = {
            "correlation": rounded(overlay.correlation, 6),
            "missing_ink": rounded(overlay.missing_ink, 6),
            "added_ink": rounded(overlay.added_ink, 6),
            "mirrored": overlay.mirrored,
        }
    return json.dumps(row)


def picture(a: np.ndarray, b: np.ndarray, result: Comparison) -> bytes:
    """A PNG file of `side_by_side`."""
    file = io.BytesIO()
    Image.fromarray(side_by_side(a, b, result)).save(file, "PNG")
    return file.getvalue()


def side_by_side(a: np.ndarray, b: np.ndarray, result: Comparison) -> np.ndarray:
    """Two crops, uint8 (H, W, 3), in a frame: green for one die, red for two, grey for no verdict.

    Where their ink was compared a third panel shows both laid over each other, and what each place says.
    """
    panels = [letterbox(crop, (_SIDE_PX, _SIDE_PX))[0] for crop in (a, b)]
    if result.overlay is not None:
        panels.append(letterbox(overlaid(result.overlay), (_SIDE_PX, _SIDE_PX))[0])
    sheet = Image.new("RGB", (len(panels) * (_SIDE_PX + _GAP_PX) + _GAP_PX, _SIDE_PX + 2 * _GAP_PX))
    sheet.paste(_COLOURS.get(result.verdict, _NO_VERDICT), (0, 0, *sheet.size))
    for number, pixels in enumerate(panels):
        sheet.paste(Image.fromarray(pixels), (_GAP_PX + number * (_SIDE_PX + _GAP_PX), _GAP_PX))
    return np.asarray(sheet)
