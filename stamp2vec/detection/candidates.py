"""From a detector's answer to its candidates, and from those to the detections of one view.

An answer is float32 (A, 13), a row for each cell of the network's grids, finest grid first, row by row: x1, y1, x2, y2
in pixels of its input; the logit of the score; the cosine and the sine of the clockwise rotation from upright; a logit
for each StampType. Candidates are float32 (K, 7), best first: x1, y1, x2, y2 in pixels of the model's input, the score,
the clockwise rotation in degrees, and the index of the StampType.
"""

import numpy as np

from stamp2vec.imaging import View, crop, ink_colours
from stamp2vec.limits import DEFAULT_MAX_OVERLAP, MAX_DETECTIONS
from stamp2vec.values import Detection, StampType

BOX, SCORE, ROTATION, TYPE = slice(0, 4), 4, slice(5, 7), slice(7, 13)
NUMBERS = 13  # of a row of an answer

SCORE_FLOOR = 0.01
MAX_CANDIDATES = 3000  # of one view: several a stamp, since each caller decides how far stamps may overlap

_TYPES = tuple(StampType)


def from_answer(answers: np.ndarray) -> list[np.ndarray]:
    """Answers, float32 (N, A, 13) -> the candidates of each, float32 (K, 7), K <= 3000.

    Overlapping ones are not left out: each caller decides how far stamps may overlap.
    """
    with np.errstate(over="ignore"):  # a logit far below zero is a score of 0
        scores = 1 / (1 + np.exp(-answers[..., SCORE]))
    return [_of_one(answer, of_answer) for answer, of_answer in zip(answers, scores, strict=True)]


def _of_one(answer: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The few that score enough first: most cells see nothing."""
    seen = scores >= SCORE_FLOOR
    rows, scores = answer[seen], scores[seen]
    return rank(np.column_stack([rows[:, BOX], scores, rotation(rows), rows[:, TYPE].argmax(1)]))


def rotation(answers: np.ndarray) -> np.ndarray:
    """The clockwise rotation in degrees that answers (..., 13) give, above -180 and up to 180, (...)."""
    cosine, sine = np.moveaxis(answers[..., ROTATION], -1, 0)
    degrees = np.degrees(np.arctan2(sine, cosine))
    return np.where(degrees <= -180, np.float32(180), degrees)  # upside down has one name


def rank(found: np.ndarray, most: int = MAX_CANDIDATES, min_score: float = SCORE_FLOOR) -> np.ndarray:
    """float (A, 5 or more) of x1, y1, x2, y2, score, ... -> float32, the finite ones that score enough, best first."""
    found = found[(found[:, 4] >= min_score) & np.isfinite(found).all(1)]
    rows: np.ndarray = found[np.argsort(-found[:, 4], kind="stable")[:most]].astype(np.float32, copy=False)
    return rows


def select(found: np.ndarray, max_overlap: float = DEFAULT_MAX_OVERLAP, min_score: float = SCORE_FLOOR) -> np.ndarray:
    """The best 300 of `rank` of which none overlaps a better one by more than `max_overlap`."""
    found = rank(found, len(found), min_score)
    rows: np.ndarray = found[non_maximum_suppression(found[:, :4], max_overlap)]
    return rows


def non_maximum_suppression(boxes: np.ndarray, max_iou: float, most: int = MAX_DETECTIONS) -> np.ndarray:
    """Indices of at most so many boxes, float (N, 4) best first, that overlap no better one by more than `max_iou`."""
    kept: list[int] = []
    left = np.arange(len(boxes))
    while len(left) and len(kept) < most:
        kept.append(int(left[0]))
        left = left[1:][iou(boxes[left[0]], boxes[left[1:]]) <= max_iou]
    return np.array(kept, int)


def iou(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of one box (4,) with many (N, 4)."""
    both = intersection(box, boxes)
    areas = area(boxes) + area(box)
    return both / np.maximum(areas - both, 1e-9)  # type: ignore[no-any-return]


def detections(
    candidates: np.ndarray, view: View, min_score: float, max_overlap: float, *, with_ink: bool = True
) -> list[Detection]:
    """The stamps of one view, best first, in pixels of the page; `with_ink` adds the colour in the view's pixels.

    How far two overlap is measured on the page, where both may end at an edge that they reach beyond on the view.
    """
    boxes = view.boxes_to_page(candidates[:, :4])
    visible = (boxes[:, :2] < boxes[:, 2:]).all(1)  # what lies in the letterbox's margin is nothing on the page
    on_both = np.column_stack([boxes, candidates[:, 4:], candidates[:, :4]])[visible]
    chosen = select(on_both, max_overlap, min_score).tolist()
    inks = ink_colours([crop(view.pixels, row[7:])[0] for row in chosen]) if with_ink else [None] * len(chosen)
    return [
        Detection(box=(x1, y1, x2, y2), score=score, type=_TYPES[round(kind)], angle_degrees=angle, ink_colour=ink)
        for (x1, y1, x2, y2, score, angle, kind, *_), ink in zip(chosen, inks, strict=True)
    ]


def intersection(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The area that one box (4,) shares with each of many (N, 4)."""
    size = np.clip(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0.0, None)
    return size.prod(1)  # type: ignore[no-any-return]


def area(boxes: np.ndarray) -> np.ndarray:
    """Of boxes (..., 4) -> (...)."""
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1)  # type: ignore[no-any-return]
