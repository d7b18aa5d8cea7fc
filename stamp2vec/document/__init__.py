"""The rules of a document, on values only: what a page becomes, what a crop is, how a result is assembled.

The pipeline of this process and the gateway order these functions; what happens to a page is decided here alone.
"""

from stamp2vec.document.assembly import assemble, require_a_page
from stamp2vec.document.crops import Crop, analyzed_stamp, cut
from stamp2vec.document.dies import DocumentDies, Round
from stamp2vec.document.erasing import EraseOptions, Plan, erased_document, erased_page, plans, without_stamps
from stamp2vec.document.models import InkModels, Models, Refiner, calibration_of, measured_with, threshold_of
from stamp2vec.document.options import DocumentOptions, Options, PageOptions, check_stamp_count
from stamp2vec.document.pages import (
    fit_of,
    merged,
    on_whole,
    page_views,
    refined_stamps,
)
from stamp2vec.document.placing import page_result, stored
from stamp2vec.document.reading import StampReading
from stamp2vec.document.stamps import (
    AnalyzedPage,
    AnalyzedStamp,
    StampPngs,
    StripPngs,
    answered_stamps,
    failed_page,
    in_order,
)

__all__ = [
    "AnalyzedPage",
    "AnalyzedStamp",
    "Crop",
    "DocumentDies",
    "DocumentOptions",
    "EraseOptions",
    "InkModels",
    "Models",
    "Options",
    "PageOptions",
    "Plan",
    "Refiner",
    "Round",
    "StampPngs",
    "StampReading",
    "StripPngs",
    "analyzed_stamp",
    "answered_stamps",
    "assemble",
    "calibration_of",
    "check_stamp_count",
    "cut",
    "erased_document",
    "erased_page",
    "failed_page",
    "fit_of",
    "in_order",
    "measured_with",
    "merged",
    "on_whole",
    "page_result",
    "page_views",
    "plans",
    "refined_stamps",
    "require_a_page",
    "stored",
    "threshold_of",
    "without_stamps",
]
