"""A page to views for the detector, and the detections of all views back to the stamps of the page."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stamp2vec.detection.candidates import SCORE_FLOOR
from stamp2vec.detection.votes import merge, to_page
from stamp2vec.document.placing import stored
from stamp2vec.imaging import Page, View, views
from stamp2vec.limits import DEFAULT_MAX_OVERLAP, MAX_DETECTIONS
from stamp2vec.values import Detection, ModelInfo, Views


def page_views(image: NDArray[np.uint8], detector: ModelInfo) -> tuple[View, ...]:
    """What the detector gets of a page, uint8 (H, W, 3): at most 64 views, each of the size of its input."""
    return views(image, detector.input_size, detector.views)


def fit_of(detector: ModelInfo) -> tuple[int, int] | None:
    """Height and width into which all fits that the detector sees of a page; None where it sees more of it in tiles."""
    return None if has_tiles(detector) else detector.input_size


def on_whole(found: Sequence[Detection], reduced: Page, whole: Page) -> list[Detection]:
    """Detections on a page that was reduced, in the pixels of the whole of it."""
    (height, width), (rows, columns) = reduced.image.shape[:2], whole.image.shape[:2]
    return [stored(each, (columns / width, rows / height)) for each in found]


def has_tiles(detector: ModelInfo) -> bool:
    """Whether a page may have more than one view."""
    return detector.views is Views.WHOLE_AND_TILES


Least = TypeVar("Least", float, float | None)


def view_min_score(detector: ModelInfo, min_score: Least) -> float | Least:
    """The least score that is asked of each view; None is the detector's own threshold.

    The score of a stamp is what all views of its page give together: of several, each must give all that it has.
    """
    return SCORE_FLOOR if has_tiles(detector) else min_score


def merged(
    page: Sequence[View],
    found: Sequence[Sequence[Detection]],
    detector: ModelInfo,
    min_score: float | None,
    max_overlap: float | None,
    most: int = MAX_DETECTIONS,
) -> list[Detection]:
    """The stamps of a page, best first, in its pixels; `found` has the detections of each view, in pixels of its input.

    None is the default of an option.
    """
    return merge(
        [(view, to_page(each, view)) for view, each in zip(page, found, strict=True)],
        DEFAULT_MAX_OVERLAP if max_overlap is None else max_overlap,
        detector.threshold if min_score is None else min_score,
        most,
    )
