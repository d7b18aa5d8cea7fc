"""The options of a detection, checked."""

from stamp2vec.errors import InvalidInput
from stamp2vec.limits import LOOSEST_MAX_OVERLAP, MAX_DETECTIONS


def faults(min_score: float | None, max_overlap: float | None, max_detections: int | None = None) -> list[InvalidInput]:
    """What is wrong with a caller's options; None is one that is left out."""
    wrong = []
    if min_score is not None and not 0 <= min_score <= 1:
        wrong.append(InvalidInput(f"min_score is {min_score:g}: choose 0 to 1, or leave it out", "min_score"))
    if max_overlap is not None and not 0 <= max_overlap <= LOOSEST_MAX_OVERLAP + 1e-6:  # 0.9 is more as a float32
        message = f"max_overlap is {max_overlap:g}: choose 0 to {LOOSEST_MAX_OVERLAP:g}, or leave it out"
        wrong.append(InvalidInput(message, "max_overlap"))
    if max_detections is not None and not 1 <= max_detections <= MAX_DETECTIONS:
        message = f"max_detections is {max_detections}: send 1 to {MAX_DETECTIONS}, or leave it unset"
        wrong.append(InvalidInput(message, "max_detections"))
    return wrong
