"""A page to views for the detector, and the detections of all views back to the stamps of the page."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stamp2vec.detection.candidates import SCORE_FLOOR
from stamp2vec.detection.refinement import Windows, refined, without_overlaps
from stamp2vec.detection.votes import merge, to_page
from stamp2vec.document.models import Refiner
from stamp2vec.document.placing import stored
from stamp2vec.imaging import Page, View, views
from stamp2vec.limits import DEFAULT_MAX_OVERLAP, MAX_DETECTIONS
from stamp2vec.values import Detection, ModelInfo, Views

_SEEN_BY_REFINER = 2  # times the pixels of the detector along a side


def page_views(image: NDArray[np.uint8], detector: ModelInfo) -> tuple[View, ...]:
    """What the detector gets of a page, uint8 (H, W, 3): at most 64 views, each of the size of its input."""
    return views(image, detector.input_size, detector.views)


def fit_of(detector: ModelInfo, refiner: Refiner | None) -> tuple[int, int] | None:
    """Height and width into which all fits that is looked at of a page, before stamps are known; None is all of it.

    A detector sees more than its input size in tiles, a refiner twice as much of each candidate.
    """
    if detector.views is Views.WHOLE_AND_TILES:
        return None
    times = 1 if refiner is None else _SEEN_BY_REFINER
    return times * detector.input_height, times * detector.input_width


def on_whole(found: Sequence[Detection], reduced: Page, whole: Page) -> list[Detection]:
    """Detections on a page that was reduced, in the pixels of the whole of it."""
    (height, width), (rows, columns) = reduced.image.shape[:2], whole.image.shape[:2]
    return [stored(each, (columns / width, rows / height)) for each in found]


def merged(
    page: Sequence[View],
    found: Sequence[Sequence[Detection]],
    detector: ModelInfo,
    min_score: float | None,
    max_overlap: float | None,
    most: int = MAX_DETECTIONS,
    refiner: Refiner | None = None,
) -> list[Detection]:
    """The stamps of a page, best first, in its pixels; `found` has the detections of each view, in pixels of its input.

    None is the default of an option. With a refiner, all candidates, for `refined_stamps`.
    """
    by_view = [(view, to_page(each, view)) for view, each in zip(page, found, strict=True)]
    overlap = DEFAULT_MAX_OVERLAP if max_overlap is None else max_overlap
    if refiner is not None:
        return merge(by_view, overlap, SCORE_FLOOR)
    return merge(by_view, overlap, detector.threshold if min_score is None else min_score, most)


def refined_stamps(
    candidates: Sequence[Detection],
    windows: Windows,
    answers: Sequence[NDArray[np.float32]],
    refiner: Refiner,
    min_score: float | None,
    max_overlap: float | None,
    most: int = MAX_DETECTIONS,
) -> list[Detection]:
    """The stamps of a page, best first, in its pixels, after what a refiner has answered about some of its candidates.

    None is the default of an option.
    """
    again = refined(candidates, windows, answers, refiner.calibration)
    stamps = without_overlaps(again, DEFAULT_MAX_OVERLAP if max_overlap is None else max_overlap)
    least = refiner.calibration.threshold if min_score is None else min_score
    return [stamp for stamp in stamps if stamp.score >= least][:most]
