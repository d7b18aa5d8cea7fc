"""The detections of all views of one page, merged: each view that sees a stamp well has a vote."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stamp2vec.detection.candidates import (
    MAX_CANDIDATES,
    SCORE_FLOOR,
    area,
    intersection,
    iou,
    non_maximum_suppression,
)
from stamp2vec.imaging import View
from stamp2vec.limits import MAX_DETECTIONS
from stamp2vec.values import Detection

_SAME = 0.3  # overlap beyond which boxes of two views may be of one stamp
_CUT_WORTH = 0.5  # the weight of a box that a tile cuts off, beside whole ones
_CUT_INSIDE = 0.5  # the share of it inside a better box beyond which it is a piece of that


def merge(
    views: Sequence[tuple[View, Sequence[Detection]]],
    max_overlap: float,
    min_score: float,
    most: int = MAX_DETECTIONS,
) -> list[Detection]:
    """The stamps of a page, in its pixels, best first: each of them once, and whole where a view shows it whole.

    Takes each view with all its detections in pixels of the page, best first, down to SCORE_FLOOR: `min_score` is
    applied to the merged score. Every view that sees a stamp well has a vote. The score is the mean of the votes in
    log-odds, where a view without a detection there votes SCORE_FLOOR; the box is the mean, weighted by score; all
    else is taken from the detection with the highest score.
    """
    if len(views) == 1:
        merged = list(views[0][1])
    else:
        found = [detection for _, each in views for detection in each]
        of_view = np.repeat(np.arange(len(views)), [len(each) for _, each in views])
        boxes = np.array([detection.box for detection in found], np.float32).reshape(-1, 4)
        scores = np.array([detection.score for detection in found], np.float32)
        cuts = np.zeros(len(found), bool)
        for number, (view, _) in enumerate(views):
            cuts[of_view == number] = view.cuts(boxes[of_view == number])
        groups = _groups(boxes, scores, of_view, cuts)
        first = boxes[[group[0] for group in groups]]
        sees_well = np.stack([view.sees(first) for view, _ in views], 1)
        merged = [
            _vote([found[index] for index in group], of_view[group], seeing)
            for group, seeing in zip(groups, sees_well, strict=True)
        ]
        merged.sort(key=lambda stamp: -stamp.score)
    # Of one view too: a detector service knows its input alone, on which a box may reach beyond the page's edge.
    merged_boxes = np.array([stamp.box for stamp in merged]).reshape(-1, 4)
    stamps = [merged[index] for index in non_maximum_suppression(merged_boxes, max_overlap)]
    return [stamp for stamp in stamps if stamp.score >= min_score][:most]


def to_page(detections: Sequence[Detection], view: View) -> list[Detection]:
    """Detections in pixels of the view's input -> in pixels of the page, without those that lie in the margin."""
    boxes = np.array([detection.box for detection in detections], np.float32).reshape(-1, 4)
    on_page = view.boxes_to_page(boxes).tolist()
    return [
        replace(detection, box=(x1, y1, x2, y2))
        for detection, (x1, y1, x2, y2) in zip(detections, on_page, strict=True)
        if x1 < x2 and y1 < y2
    ]


def _groups(boxes: np.ndarray, scores: np.ndarray, of_view: np.ndarray, cuts: np.ndarray) -> list[np.ndarray]:
    """The indices of each stamp's boxes, at most one a view, best first, and those first that are whole.

    Boxes of two views are of one stamp where each is the other's best match. Pieces of it on tiles are dropped.
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
        same = same[np.unique(of_view[left[same]], return_index=True)[1]]  # the best match of each view
        group = np.concatenate([[best], left[same]])
        groups.append(group[np.argsort(cuts[group], kind="stable")])
        used = cuts[left] & (intersection(boxes[best], boxes[left]) > _CUT_INSIDE * area(boxes[left]))
        used[same] = True
        left = left[~used]
    return groups


def _vote(found: Sequence[Detection], of_view: np.ndarray, seeing: np.ndarray) -> Detection:
    """One stamp from its detections, `of_view` int (N,), where `seeing` bool (V,) marks the views that see it well."""
    voting = [detection for detection, view in zip(found, of_view, strict=True) if seeing[view]]
    silent = np.count_nonzero(seeing) - len(voting)
    voting = voting or [found[0]]  # no view that detected it sees it well: the best detection counts all the same
    scores = np.maximum([detection.score for detection in voting], SCORE_FLOOR)
    log_odds = _logit(np.concatenate([scores, np.full(silent, SCORE_FLOOR)])).mean()
    x1, y1, x2, y2 = np.average([detection.box for detection in voting], axis=0, weights=scores).tolist()
    best = max(voting, key=lambda detection: detection.score)
    return replace(best, box=(x1, y1, x2, y2), score=float(1 / (1 + np.exp(-log_odds))))


def _logit(score: np.ndarray) -> np.ndarray:
    """Log-odds of scores, of a score of 1 finite too."""
    bounded = np.minimum(score, 1 - 1e-6)
    return np.log(bounded / (1 - bounded))  # type: ignore[no-any-return]
