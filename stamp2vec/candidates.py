"""From a detector's candidates to the stamps of a page: one rule for pipelines and services. Needs no torch.

Candidates are float32 (K, 7), best first: x1, y1, x2, y2 in pixels of the model's input, the score, the clockwise turn
in degrees, and the index of the StampType.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stamp2vec.errors import InvalidInput
from stamp2vec.imaging import View, crop, ink_colour
from stamp2vec.results import Detection, StampType

SCORE_FLOOR = 0.01
MAX_DETECTIONS = 300  # of a page
MAX_OVERLAP = 0.5  # unless the caller says otherwise
LOOSEST_OVERLAP = 0.9  # the most that a caller may ask for
MAX_CANDIDATES = 3000  # of one view: many a stamp, as long as nobody has said how far stamps may overlap
MAX_STAMPS = 2000  # of a document, every two of which are compared

_TYPES = tuple(StampType)
_CUT_WORTH = 0.5  # how a box that a tile cuts off ranks beside whole ones
_CUT_INSIDE = 0.5  # the share of it inside a better box beyond which it is a piece of that


def faults(min_score: float | None, max_overlap: float | None) -> list[InvalidInput]:
    """What is wrong with a caller's options; None is one that is left out."""
    wrong = []
    if min_score is not None and not 0 <= min_score <= 1:
        wrong.append(InvalidInput(f"min_score is {min_score:g}: choose 0 to 1, or leave it out", "min_score"))
    if max_overlap is not None and not 0 <= max_overlap <= LOOSEST_OVERLAP + 1e-6:  # 0.9 is a little more as a float32
        wrong.append(
            InvalidInput(
                f"max_overlap is {max_overlap:g}: choose 0 to {LOOSEST_OVERLAP:g}, or leave it out", "max_overlap"
            )
        )
    return wrong


def check_number(stamps: int) -> None:
    """InvalidInput when a document has too many stamps for all of them to be compared."""
    if stamps > MAX_STAMPS:
        advice = "raise min_score, or send fewer pages a call"
        raise InvalidInput(f"the document has more than {MAX_STAMPS:,} stamps: {advice}", "min_score")


def rank(found: np.ndarray, most: int = MAX_CANDIDATES, min_score: float = SCORE_FLOOR) -> np.ndarray:
    """float (A, 5 or more) of x1, y1, x2, y2, score, ... -> float32, the finite ones that score enough, best first."""
    found = found[(found[:, 4] >= min_score) & np.isfinite(found).all(1)]
    rows: np.ndarray = found[np.argsort(-found[:, 4], kind="stable")[:most]].astype(np.float32, copy=False)
    return rows


def select(found: np.ndarray, max_overlap: float = MAX_OVERLAP, min_score: float = SCORE_FLOOR) -> np.ndarray:
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
    both = _intersection(box, boxes)
    areas = _area(boxes) + _area(box)
    return both / np.maximum(areas - both, 1e-9)  # type: ignore[no-any-return]


def detections(
    candidates: np.ndarray, view: View, min_score: float, max_overlap: float, *, tell_ink: bool = True
) -> list[Detection]:
    """The stamps of one view, best first, in pixels of the page; their ink is told from the view's pixels, or not.

    How far two overlap is measured on the page, where both may end at an edge that they reach beyond on the view.
    """
    boxes = view.boxes_to_page(candidates[:, :4])
    visible = (boxes[:, :2] < boxes[:, 2:]).all(1)  # what lies in the letterbox's margin is nothing on the page
    on_both = np.column_stack([boxes, candidates[:, 4:], candidates[:, :4]])[visible]
    return [
        Detection(
            box=(x1, y1, x2, y2),
            score=score,
            type=_TYPES[round(kind)],
            angle_degrees=angle,
            ink_colour=ink_colour(crop(view.pixels, edges)[0]) if tell_ink else None,
        )
        for x1, y1, x2, y2, score, angle, kind, *edges in select(on_both, max_overlap, min_score).tolist()
    ]


def merge(
    seen: Sequence[tuple[View, Sequence[Detection]]], max_overlap: float, most: int = MAX_DETECTIONS
) -> list[Detection]:
    """The stamps of all views of one page, in its pixels, best first: each of them once, and whole where a view has it.

    A stamp that lies across the edge of a tile is whole on a neighbour or on the view of the whole page; the piece on
    the tile ranks by half its score, and falls to any better box that holds most of it.
    """
    found = [detection for _, each in seen for detection in each]
    boxes = np.array([detection.box for detection in found], np.float32).reshape(-1, 4)
    scores = np.array([detection.score for detection in found], np.float32)
    first, cuts = 0, np.zeros(len(found), bool)
    for view, each in seen:
        cuts[first : first + len(each)] = view.cuts(boxes[first : first + len(each)])
        first += len(each)
    kept = _whole_first(boxes, np.where(cuts, scores * _CUT_WORTH, scores), cuts, max_overlap, most)
    return [found[index] for index in sorted(kept, key=lambda index: -scores[index])]


def on_page(detection: Detection, view: View) -> Detection | None:
    """A detection in pixels of the view's input -> the same in pixels of the page; None when it lies in the margin."""
    x1, y1, x2, y2 = view.boxes_to_page(np.array([detection.box], np.float32))[0].tolist()
    return replace(detection, box=(x1, y1, x2, y2)) if x1 < x2 and y1 < y2 else None


def _whole_first(boxes: np.ndarray, ranks: np.ndarray, cuts: np.ndarray, max_overlap: float, most: int) -> list[int]:
    """Greedy suppression of boxes (N, 4) by rank (N,), where cut ones fall to any box that holds most of them."""
    kept: list[int] = []
    left = np.argsort(-ranks, kind="stable")
    while len(left) and len(kept) < most:
        best, left = left[0], left[1:]
        kept.append(int(best))
        inside = _intersection(boxes[best], boxes[left]) / np.maximum(_area(boxes[left]), 1e-9)
        falls = (iou(boxes[best], boxes[left]) > max_overlap) | (cuts[left] & (inside > _CUT_INSIDE))
        left = left[~falls]
    return kept


def _intersection(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    size = np.clip(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0.0, None)
    return size.prod(1)  # type: ignore[no-any-return]


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1)  # type: ignore[no-any-return]
