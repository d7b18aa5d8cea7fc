"""Detection metrics: pycocotools matches boxes to stamps, the metrics of the matches are computed here.

As in COCO, a false positive is a box that no stamp was left for at the IoU in question: on bare paper, beside a stamp,
or on a stamp that a better box has matched. Boxes of equal score are matched in page order; ignore boxes are COCO's
crowds; the best 100 boxes of a page count.
"""

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

IOUS = tuple(np.linspace(0.5, 0.95, 10).tolist())
RESAMPLES = 1000
BINS = 10


class Figures(NamedTuple):
    """The metrics of a detector; NaN without data to measure one on.

    ap50, ap                 average precision at IoU 0.5, and its mean over 0.50:0.05:0.95, read at 101 recalls
    precision, recall, f1    at IoU 0.5, of boxes that score at least the threshold
    recall_at_0_1_fp, _1_fp  the best recall at IoU 0.5 of any threshold with at most so many false positives a page
    fp_per_stamp_free_page   boxes that score at least the threshold, per page with neither stamp nor ignore box
    """

    ap50: float
    ap: float
    precision: float
    recall: float
    f1: float
    recall_at_0_1_fp: float
    recall_at_1_fp: float
    fp_per_stamp_free_page: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """The D boxes that count at one IoU, best first: score (D,), page (D,), index in its page (D,), and truth (D,)."""

    score: np.ndarray
    page: np.ndarray
    index: np.ndarray
    true: np.ndarray

    def at_least(self, score: float) -> "Ranking":
        """The boxes with at least this score."""
        count = int((self.score >= score).sum())
        return Ranking(self.score[:count], self.page[:count], self.index[:count], self.true[:count])


@dataclass(frozen=True, slots=True)
class Matches:
    """Detections matched to the stamps of P pages.

    `rankings` has one a threshold of IoU; `stamps` (P,) counts the stamps of each page; `empty` (P,) marks pages with
    neither stamps nor ignore boxes; `finder` has an int (T,) array a page: which of the page's boxes found each stamp
    at the first IoU, -1 where none did.
    """

    rankings: tuple[Ranking, ...]
    stamps: np.ndarray
    empty: np.ndarray
    finder: tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True)
class Bin:
    """Boxes whose scores lie in one interval: their number, mean score and precision."""

    low: float
    count: int
    score: float
    true: float


def match(
    truths: Sequence[np.ndarray],
    ignored: Sequence[np.ndarray],
    found: Sequence[np.ndarray],
    ious: tuple[float, ...] = IOUS,
) -> Matches:
    """Match boxes by the COCO protocol: truths (T, 4), ignored (I, 4) and found (K, 5), scores last, of each page."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = COCOeval(
            coco(truths, ignored), coco([f[:, :4] for f in found], scores=[f[:, 4] for f in found]), "bbox"
        )
        evaluator.params.areaRng, evaluator.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluator.params.iouThrs = np.array(ious)
        evaluator.evaluate()
    finder = tuple(np.full(len(boxes), -1) for boxes in truths)
    first_truth = np.cumsum([0, *(len(t) + len(i) for t, i in zip(truths, ignored))])
    first_found = np.cumsum([0, *map(len, found)])
    columns: list[list[np.ndarray]] = [[np.zeros(0), np.zeros(0, int), np.zeros(0, int), np.zeros((len(ious), 0), int)]]
    skipped = [np.zeros((len(ious), 0), bool)]
    for image in filter(None, evaluator.evalImgs):
        page = image["image_id"]
        index = np.array(image["dtIds"], int) - 1 - first_found[page]
        columns.append([np.array(image["dtScores"]), np.full(len(index), page), index, image["dtMatches"].astype(int)])
        skipped.append(image["dtIgnore"].astype(bool))
        for truth, box in zip(image["gtIds"], image["gtMatches"][0].astype(int)):
            if box and truth - 1 - first_truth[page] < len(truths[page]):
                finder[page][truth - 1 - first_truth[page]] = box - 1 - first_found[page]
    score, on_page, index, matched = (np.concatenate(parts, axis=-1) for parts in zip(*columns))
    skip = np.concatenate(skipped, axis=1)
    order = np.argsort(-score, kind="stable")
    rankings = []
    for level in range(len(ious)):
        kept = order[~skip[level, order]]
        rankings.append(Ranking(score[kept], on_page[kept], index[kept], matched[level, kept] > 0))
    empty = np.array([not len(t) and not len(i) for t, i in zip(truths, ignored)])
    return Matches(tuple(rankings), np.array([len(t) for t in truths]), empty, finder)


def coco(
    boxes: Sequence[np.ndarray], crowds: Sequence[np.ndarray] | None = None, scores: Sequence[np.ndarray] | None = None
) -> COCO:
    """A COCO object of one category. Ids count from 1: a page's boxes, then its crowds, then the next page."""
    rows: list[dict[str, Any]] = []
    for page, of_page in enumerate(boxes):
        crowd = np.zeros((0, 4)) if crowds is None else crowds[page]
        for index, (x1, y1, x2, y2) in enumerate([*of_page.tolist(), *crowd.tolist()]):
            row: dict[str, Any] = {"id": len(rows) + 1, "image_id": page, "category_id": 1}
            row |= {"iscrowd": int(index >= len(of_page)), "bbox": [x1, y1, x2 - x1, y2 - y1]}
            row |= {"area": (x2 - x1) * (y2 - y1)}
            rows.append(row if scores is None else row | {"score": float(scores[page][index])})
    result = COCO()
    result.dataset = {"images": [{"id": i} for i in range(len(boxes))], "categories": [{"id": 1}], "annotations": rows}
    result.createIndex()
    return result


def measure(matches: Matches, threshold: float, times: np.ndarray | None = None) -> Figures:
    """The figures at a score threshold; `times` (P,) is the count of each page in a resample, by default 1."""
    times = np.ones(len(matches.stamps)) if times is None else times
    stamps, at50 = float(times @ matches.stamps), matches.rankings[0]
    weight = times[at50.page]
    claimed = weight * (at50.score >= threshold)
    true, claims = float(claimed @ at50.true), float(claimed.sum())
    precision_at = [average_precision(ranking, times, stamps) for ranking in matches.rankings]
    return Figures(
        ap50=precision_at[0],
        ap=float(np.mean(precision_at)),
        precision=share(true, claims),
        recall=share(true, stamps),
        f1=share(2 * true, claims + stamps),
        recall_at_0_1_fp=recall_at(at50, times, stamps, 0.1),
        recall_at_1_fp=recall_at(at50, times, stamps, 1.0),
        fp_per_stamp_free_page=share(float(claimed @ matches.empty[at50.page]), float(times @ matches.empty)),
    )


def share(part: float, whole: float) -> float:
    """A quotient; NaN where `whole` is 0."""
    return part / whole if whole else float("nan")


def average_precision(ranking: Ranking, times: np.ndarray, stamps: float) -> float:
    """The mean over 101 recalls of the best precision at that recall or beyond; 0 where it is never reached."""
    if not stamps:
        return float("nan")
    weight = times[ranking.page]
    true, boxes = np.cumsum(weight * ranking.true), np.cumsum(weight)
    precision = np.append(true / np.maximum(boxes, 1e-12), 0.0)
    best_beyond = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best_beyond[np.searchsorted(true / stamps, np.linspace(0, 1, 101))].mean())


def recall_at(ranking: Ranking, times: np.ndarray, stamps: float, per_page: float) -> float:
    """The best recall with at most `per_page` false positives a page; equal scores pass a threshold together."""
    weight = times[ranking.page]
    true, false = np.cumsum(weight * ranking.true), np.cumsum(weight * ~ranking.true)
    last_of_equals = np.append(ranking.score, -np.inf)[1:] < ranking.score
    allowed = last_of_equals & (false <= per_page * times.sum())
    return share(float(true[allowed].max(initial=0.0)), stamps)


def interval(matches: Matches, threshold: float) -> tuple[Figures, Figures]:
    """The lower and the upper ends of the 95 % bootstrap intervals over pages; NaN where a figure is."""
    low, high = bootstrap(lambda times: measure(matches, threshold, times), len(matches.stamps))
    return Figures(*low), Figures(*high)


def bootstrap(
    measured: Callable[[np.ndarray], Sequence[float]], pages: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Both ends of the 95 % intervals of the figures that `measured` computes from counts of pages, int (P,)."""
    rng = np.random.default_rng(0)
    draws = (np.bincount(rng.integers(pages, size=pages), minlength=pages) for _ in range(RESAMPLES))
    columns = np.array([measured(times) for times in draws]).T
    known = [column[~np.isnan(column)] for column in columns]
    ends = [np.percentile(column, [2.5, 97.5]) if len(column) else (np.nan, np.nan) for column in known]
    return tuple(float(low) for low, _ in ends), tuple(float(high) for _, high in ends)


def reliability(ranking: Ranking) -> list[Bin]:
    """Ten equal intervals of score, with the precision in each; empty ones are left out."""
    of_bin = np.minimum((ranking.score * BINS).astype(int), BINS - 1)
    bins = []
    for number in range(BINS):
        inside = of_bin == number
        if count := int(inside.sum()):
            bins.append(
                Bin(number / BINS, count, float(ranking.score[inside].mean()), float(ranking.true[inside].mean()))
            )
    return bins


def calibration_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error, Naeini et al. 2015: the mean difference of score and precision."""
    return share(sum(b.count * abs(b.score - b.true) for b in bins), sum(b.count for b in bins))


def training_metrics(
    truths: Sequence[np.ndarray], found: Sequence[np.ndarray], false_alarms: float
) -> dict[str, float]:
    """AP50, AP50-95, and the best F1 with the score threshold that gives it; truths (T, 4), found (K, 5) a page.

    Thresholds with more than `false_alarms` boxes a stamp-free page are excluded.
    """
    matches = match(truths, [np.zeros((0, 4))] * len(truths), found)
    ranking = matches.rankings[0]
    f1 = 2 * np.cumsum(ranking.true) / (np.arange(1, len(ranking.true) + 1) + matches.stamps.sum())
    allowed = np.cumsum(matches.empty[ranking.page]) <= false_alarms * matches.empty.sum()
    threshold = float(ranking.score[allowed][f1[allowed].argmax()]) if allowed.any() else 1.0
    figures = measure(matches, threshold)
    return {
        "ap50": figures.ap50,
        "ap": figures.ap,
        "f1": figures.f1,
        "false_alarms": figures.fp_per_stamp_free_page,
        "threshold": threshold,
    }
