"""A second look at the candidates of a page: what a refiner sees of them, and what its answers make of them.

An answer is float32 (8,): x1, y1, x2, y2 in pixels of the window that the refiner got, the logit of whether this is a
stamp, its clockwise rotation in degrees, how probable that rotation is, 0 to 1, and the index of the StampType.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stamp2vec.calibration import RefinementCalibration
from stamp2vec.detection.candidates import ROTATION, SCORE, TYPE, non_maximum_suppression, rotation
from stamp2vec.imaging import Square
from stamp2vec.values import Detection, StampType

LEAST_SCORE = 0.02  # of a candidate that is looked at
MOST = 16  # candidates of a page that are looked at: the best ones; the others keep what the detector said
TIMES = 1.5  # the side of a window, in longer sides of the candidate

_TYPES = tuple(StampType)


def from_answer(answers: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Answers of a network, float32 (N, 13) as in `detection.candidates`, the rotation as long as it is probable."""
    box_and_logit, probable = answers[:, : SCORE + 1], np.linalg.norm(answers[:, ROTATION], axis=1)
    kinds = answers[:, TYPE].argmax(1)
    return list(np.column_stack([box_and_logit, rotation(answers), probable, kinds]).astype(np.float32))


def worth_a_look(candidates: Sequence[Detection]) -> list[Detection]:
    """The first of the candidates of a page, best first, that a refiner looks at."""
    return [each for each in candidates[:MOST] if each.score >= LEAST_SCORE]


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """What a refiner sees of the first candidates of a page, in their order: the pixels of each, uint8 (size, size, 3),
    and the square of the page that they are. `height` and `width` are the page's.
    """

    pixels: Sequence[NDArray[np.uint8]]
    squares: Sequence[Square]
    size: int
    height: int
    width: int

    @classmethod
    def of(cls, page: NDArray[np.uint8], candidates: Sequence[Detection], size: int) -> "Windows":
        """Those of a page, uint8 (H, W, 3), and its candidates, in its pixels and best first."""
        squares = [Square.around(each.box, TIMES) for each in worth_a_look(candidates)]
        return cls([square.pixels(page, size) for square in squares], squares, size, *page.shape[:2])


def refined(
    candidates: Sequence[Detection],
    windows: Windows,
    answers: Sequence[NDArray[np.float32]],
    calibration: RefinementCalibration,
) -> list[Detection]:
    """Candidates of a page after what was seen in the windows of the first of them; best first again.

    One without a place on the page after that is left out; one that nobody has looked at stays as it is.
    """
    again = [_again(*each, windows, calibration) for each in zip(candidates, windows.squares, answers, strict=False)]
    found = [each for each in again if each is not None]
    return sorted([*found, *candidates[len(again) :]], key=lambda each: -each.score)


def without_overlaps(candidates: Sequence[Detection], max_overlap: float) -> list[Detection]:
    """Those that overlap no better one by more; they are best first."""
    boxes = np.array([each.box for each in candidates]).reshape(-1, 4)
    return [candidates[index] for index in non_maximum_suppression(boxes, max_overlap)]


def _again(
    candidate: Detection,
    square: Square,
    answer: NDArray[np.float32],
    windows: Windows,
    calibration: RefinementCalibration,
) -> Detection | None:
    share = calibration.box_share
    edges = share * square.to_page(answer[:4], windows.size) + (1 - share) * np.array(candidate.box)
    x1, y1, x2, y2 = edges.clip(0, [windows.width, windows.height] * 2).tolist()
    if not (x1 < x2 and y1 < y2):  # nan too, of weights that were trained badly
        return None
    score = calibration.probability(candidate.score, float(answer[4]))
    kind = _TYPES[int(answer[7])]
    return replace(candidate, box=(x1, y1, x2, y2), score=score, type=kind, angle_degrees=float(answer[5]))
