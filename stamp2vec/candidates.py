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
_SAME = 0.3  # overlap beyond which boxes of two views may be of one stamp
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
    seen: Sequence[tuple[View, Sequence[Detection]]],
    max_overlap: float,
    min_score: float,
    most: int = MAX_DETECTIONS,
) -> list[Detection]:
    """The stamps of all views of one page, in its pixels, best first: each of them once, and whole where a view has it.

    Give all that each view has, best first, down to SCORE_FLOOR: `min_score` is of what the views say together. Every
    view that sees a stamp well has a say. The score is their mean in log-odds, where one that found nothing says
    SCORE_FLOOR; the box is their mean, weighted by score; all else is told by the surest.
    """
    if len(seen) == 1:
        stamps = list(seen[0][1])
    else:
        found = [detection for _, each in seen for detection in each]
        of_view = np.repeat(np.arange(len(seen)), [len(each) for _, each in seen])
        boxes = np.array([detection.box for detection in found], np.float32).reshape(-1, 4)
        scores = np.array([detection.score for detection in found], np.float32)
        cuts = np.zeros(len(found), bool)
        for number, (view, _) in enumerate(seen):
            cuts[of_view == number] = view.cuts(boxes[of_view == number])
        groups = _groups(boxes, scores, of_view, cuts)
        first = boxes[[group[0] for group in groups]]
        well = np.stack([view.sees(first) for view, _ in seen], 1)
        told = [
            _together([found[index] for index in group], of_view[group], seeing)
            for group, seeing in zip(groups, well, strict=True)
        ]
        told.sort(key=lambda stamp: -stamp.score)
        together = np.array([stamp.box for stamp in told]).reshape(-1, 4)
        stamps = [told[index] for index in non_maximum_suppression(together, max_overlap)]
    return [stamp for stamp in stamps if stamp.score >= min_score][:most]


def _groups(boxes: np.ndarray, scores: np.ndarray, of_view: np.ndarray, cuts: np.ndarray) -> list[np.ndarray]:
    """The indices of each stamp's boxes, at most one a view, best first, and those first that are whole.

    Boxes of two views are of one stamp where each is what fits the other best. Pieces of it on tiles fall to it.
    """
    left = np.argsort(-np.where(cuts, scores * _CUT_WORTH, scores), kind="stable")[:MAX_CANDIDATES]
    groups: list[np.ndarray] = []
    while len(left):
        best, left = left[0], left[1:]
        overlaps = iou(boxes[best], boxes[left])
        rivals = boxes[left[of_view[left] == of_view[best]]]
        same = np.flatnonzero((overlaps > _SAME) & ~cuts[left] & (of_view[left] != of_view[best]))
        same = same[[bool((iou(boxes[left[index]], rivals) <= overlaps[index]).all()) for index in same]]
        same = same[np.argsort(-overlaps[same], kind="stable")]
        same = same[np.unique(of_view[left[same]], return_index=True)[1]]  # the best fit of each view
        group = np.concatenate([[best], left[same]])
        groups.append(group[np.argsort(cuts[group], kind="stable")])
        falls = cuts[left] & (_intersection(boxes[best], boxes[left]) > _CUT_INSIDE * _area(boxes[left]))
        falls[same] = True
        left = left[~falls]
    return groups


def _together(found: Sequence[Detection], of_view: np.ndarray, seeing: np.ndarray) -> Detection:
    """One stamp of what views tell of it, `of_view` int (N,) of the views that see it well, `seeing` bool (V,)."""
    telling = [detection for detection, view in zip(found, of_view, strict=True) if seeing[view]]
    silent = np.count_nonzero(seeing) - len(telling)
    telling = telling or [found[0]]  # nobody who has it sees it well: the best one counts all the same
    scores = np.maximum([detection.score for detection in telling], SCORE_FLOOR)
    odds = _logit(np.concatenate([scores, np.full(silent, SCORE_FLOOR)])).mean()
    x1, y1, x2, y2 = np.average([detection.box for detection in telling], axis=0, weights=scores).tolist()
    surest = max(telling, key=lambda detection: detection.score)
    return replace(surest, box=(x1, y1, x2, y2), score=float(1 / (1 + np.exp(-odds))))


def _logit(score: np.ndarray) -> np.ndarray:
    """Log-odds of scores, of a score of 1 finite too."""
    bounded = np.minimum(score, 1 - 1e-6)
    return np.log(bounded / (1 - bounded))  # type: ignore[no-any-return]


def on_page(detection: Detection, view: View) -> Detection | None:
    """A detection in pixels of the view's input -> the same in pixels of the page; None when it lies in the margin."""
    x1, y1, x2, y2 = view.boxes_to_page(np.array([detection.box], np.float32))[0].tolist()
    return replace(detection, box=(x1, y1, x2, y2)) if x1 < x2 and y1 < y2 else None


def _intersection(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    size = np.clip(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0.0, None)
    return size.prod(1)  # type: ignore[no-any-return]


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1)  # type: ignore[no-any-return]
