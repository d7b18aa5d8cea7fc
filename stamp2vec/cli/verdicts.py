"""A comparison as a sentence, as JSON, and as a picture of both stamps side by side."""

import dataclasses
import io
import json

import numpy as np
from PIL import Image

from stamp2vec.cli.rows import rounded
from stamp2vec.imaging import letterbox
from stamp2vec.values import Comparison, Overlay, Verdict

_SIDE_PX = 480
_GAP_PX = 16
_BOTH, _MISSING, _ADDED = (60, 60, 60), (0, 90, 220), (240, 120, 0)
_COLOURS = {Verdict.SAME: (0, 150, 80), Verdict.DIFFERENT: (220, 30, 30), Verdict.CANNOT_TELL: (150, 150, 150)}


def sentence(a: str, b: str, result: Comparison) -> str:
    """The verdict on two files, for people."""
    match result.verdict:
        case Verdict.SAME:
            found = f"{a} and {b} are of one die"
        case Verdict.DIFFERENT:
            found = f"{a} and {b} are of two dies"
        case Verdict.CANNOT_TELL:
            found = f"whether {a} and {b} are of one die cannot be determined, because {result.reason}"
    probability = "" if result.probability is None else f"probability of one die {result.probability:.2f}, "
    ink = ""
    if result.overlay is not None:
        measures = result.overlay.measures
        ink = f"; {measures.missing_ink:.0%} of the ink is missing, {measures.added_ink:.0%} is added"
    return f"{found} ({probability}similarity {result.similarity:.4f} by {result.model}@{result.version}{ink})"


def json_line(a: str, b: str, result: Comparison) -> str:
    """The same as a JSON object; the measures of the ink only after a thorough comparison."""
    row = {
        "a": a,
        "b": b,
        "similarity": rounded(result.similarity, 6),
        "probability": None if result.probability is None else rounded(result.probability, 6),
        "verdict": result.verdict,
        "reason": result.reason,
        "model": f"{result.model}@{result.version}",
    }
    if result.overlay is not None:
        measures = dataclasses.asdict(result.overlay.measures)
        row["overlay"] = {name: rounded(value, 6) for name, value in measures.items()}
    return json.dumps(row)


def picture(a: np.ndarray, b: np.ndarray, result: Comparison) -> bytes:
    """A PNG file of two crops, uint8 (H, W, 3), in a frame: green for one die, red for two, grey for no verdict.

    After a thorough comparison a third panel shows both laid over each other.
    """
    panels = [letterbox(crop, (_SIDE_PX, _SIDE_PX))[0] for crop in (a, b)]
    if result.overlay is not None:
        panels.append(letterbox(_overlaid(result.overlay), (_SIDE_PX, _SIDE_PX))[0])
    sheet = Image.new("RGB", (len(panels) * (_SIDE_PX + _GAP_PX) + _GAP_PX, _SIDE_PX + 2 * _GAP_PX))
    sheet.paste(_COLOURS[result.verdict], (0, 0, *sheet.size))
    for number, pixels in enumerate(panels):
        sheet.paste(Image.fromarray(pixels), (_GAP_PX + number * (_SIDE_PX + _GAP_PX), _GAP_PX))
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def _overlaid(overlay: Overlay) -> np.ndarray:
    """uint8 (H, W, 3): ink on white paper, in the colour of the impression that has it, or of both."""
    a, b = (ink.astype(np.float32)[..., None] / 255 for ink in (overlay.a_ink, overlay.b_ink))
    both = np.minimum(a, b)
    shares = ((both, _BOTH), (a - both, _MISSING), (b - both, _ADDED))
    absorbed = np.sum([share * (255 - np.array(colour, np.float32)) for share, colour in shares], axis=0)
    return np.asarray(np.rint(255 - np.clip(absorbed, 0, 255)), np.uint8)
