"""The report of a detector on one set of pages: figures, slices, calibration."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stamp2vec.hub.manifest import Manifest
from training.evaluate import attributes, detection
from training.evaluate.attributes import Comparison
from training.evaluate.detection import Bin, Figures, Matches
from training.evaluate.truth import PAGE_SLICES, STAMP_SLICES, TruePage, TrueStamp, array

OF_STAMPS = ("recall", "ap50")
OF_PAGES = ("recall", "ap50", "fp_per_stamp_free_page")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval; None without data to measure it on."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Slice:
    """Figures of a part: of some pages and all that is on them, or of some stamps on the pages that bear one of them.

    The other stamps on those pages are ignored: finding them is neither right nor wrong.
    """

    by: str
    value: str
    pages: int
    stamps: int
    figures: dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class Attributes:
    """Figures of type, rotation and ink of the stamps that were found; how many are rotated, or on pages in colour."""

    found: int
    rotated: int
    in_colour: int
    figures: dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class Report:
    """The report of one detector; `data` is "synthetic" or "real".

    `attributes` is None where the truth lacks them, and for published detectors, which predict none.
    """

    model: str
    sha256: str
    threshold: float
    data: str
    folder: str
    pages: int
    stamps: int
    stamp_free_pages: int
    figures: dict[str, Estimate]
    attributes: Attributes | None
    slices: list[Slice]
    reliability: list[Bin]
    calibration_error: float | None
    calibration_error_above_threshold: float | None


def report_on(
    manifest: Manifest,
    pages: Sequence[TruePage],
    found: Sequence[np.ndarray],
    matches: Matches,
    compared: Comparison | None,
    data: str,
    folder: Path,
) -> Report:
    """The report of detections (K, 5) a page, in pixels of the stored picture, their matches and their attributes."""
    ranking = matches.rankings[0]
    bins = detection.reliability(ranking)
    claims = detection.reliability(ranking.at_least(manifest.threshold))
    return Report(
        model=manifest.reference,
        sha256=manifest.sha256,
        threshold=manifest.threshold,
        data=data,
        folder=str(folder),
        pages=len(pages),
        stamps=int(matches.stamps.sum()),
        stamp_free_pages=int(matches.empty.sum()),
        figures=estimates(matches, manifest.threshold, Figures._fields),
        attributes=None if compared is None else attributes_of(compared),
        slices=list(slices(pages, found, manifest.threshold)),
        reliability=bins,
        calibration_error=known(detection.calibration_error(bins)),
        calibration_error_above_threshold=known(detection.calibration_error(claims)),
    )


def attributes_of(compared: Comparison) -> Attributes:
    """The figures of predicted attributes, each with its interval."""
    names, ends = attributes.Figures._fields, attributes.interval(compared)
    columns = zip(names, attributes.measure(compared), *ends, strict=True)
    figures = {name: Estimate(*map(known, three)) for name, *three in columns}
    return Attributes(len(compared.page), int(compared.rotated.sum()), int(compared.colour.sum()), figures)


def match_pages(
    pages: Sequence[TruePage], found: Sequence[np.ndarray], ious: tuple[float, ...] = detection.IOUS
) -> Matches:
    """Match the detections (K, 5) of each page to its stamps."""
    truths = [array([stamp.box for stamp in page.stamps]) for page in pages]
    return detection.match(truths, [array(page.ignore_boxes) for page in pages], found, ious)


def slices(pages: Sequence[TruePage], found: Sequence[np.ndarray], threshold: float) -> Iterator[Slice]:
    """Every slice whose value the truth has."""
    for by, of_page in PAGE_SLICES.items():
        for value in sorted({value for page in pages if (value := of_page(page)) is not None}):
            part = [(page, boxes) for page, boxes in zip(pages, found) if of_page(page) == value]
            yield one_slice(by, value, part, threshold, OF_PAGES)
    for by, of_stamp in STAMP_SLICES.items():
        for value in sorted({v for page in pages for stamp in page.stamps if (v := of_stamp(page, stamp)) is not None}):
            narrow = [(narrowed(page, of_stamp, value), boxes) for page, boxes in zip(pages, found)]
            part = [(page, boxes) for page, boxes in narrow if page.stamps]
            yield one_slice(by, value, part, threshold, OF_STAMPS)


def narrowed(page: TruePage, of_stamp: Callable[[TruePage, TrueStamp], str | None], value: str) -> TruePage:
    """The page with the stamps of one value; its other stamps are to be ignored."""
    kept = tuple(stamp for stamp in page.stamps if of_stamp(page, stamp) == value)
    others = (stamp.box for stamp in page.stamps if of_stamp(page, stamp) != value)
    return replace(page, stamps=kept, ignore_boxes=(*page.ignore_boxes, *others))


def one_slice(
    by: str, value: str, part: Sequence[tuple[TruePage, np.ndarray]], threshold: float, names: tuple[str, ...]
) -> Slice:
    """The named figures of pages with their detections."""
    matches = match_pages([page for page, _ in part], [boxes for _, boxes in part], (0.5,))
    return Slice(by, value, len(part), int(matches.stamps.sum()), estimates(matches, threshold, names))


def estimates(matches: Matches, threshold: float, names: tuple[str, ...]) -> dict[str, Estimate]:
    """Figures by name, each with its interval."""
    three = (detection.measure(matches, threshold), *detection.interval(matches, threshold))
    return {name: Estimate(*(known(getattr(figures, name)) for figures in three)) for name in names}


def known(value: float) -> float | None:
    """A figure to four digits; None for NaN, which JSON lacks."""
    return None if math.isnan(value) else round(value, 4)


def table(reports: Sequence[Report]) -> Iterator[str]:
    """Reports on the same pages as lines of text: the models side by side, then the slices of each."""
    first = reports[0]
    yield f"detect on {first.data} pages, {first.folder}"
    yield f"{first.pages} pages, {first.stamps} stamps, {first.stamp_free_pages} pages without any"
    yield ""
    yield from beside("", [f"{report.model} at {report.threshold:g}" for report in reports])
    for name in first.figures:
        yield from beside(name, [shown(report.figures[name]) for report in reports])
    columns = [report.attributes for report in reports]
    if any(columns):
        yield ""
        yield from beside("stamps found", ["-" if each is None else str(each.found) for each in columns])
        for name in attributes.Figures._fields:
            yield from beside(name, ["-" if each is None else shown(each.figures[name]) for each in columns])
        yield from beside("rotated by over 15", ["-" if each is None else str(each.rotated) for each in columns])
        yield from beside("on pages in colour", ["-" if each is None else str(each.in_colour) for each in columns])
    for report in reports:
        yield f"\n{report.model}"
        yield from parts(report)


def beside(name: str, values: Sequence[str]) -> Iterator[str]:
    """One row: a name and the value of each model."""
    yield f"{name:24}" + "".join(f"{value:36}" for value in values).rstrip()


def parts(report: Report) -> Iterator[str]:
    """The slices and the calibration of one model as lines of text."""
    by = None
    for part in report.slices:
        if part.by != by:
            by = part.by
            yield f"\n{by:18}{'pages':>6}{'stamps':>7}   " + "".join(f"{name:23}" for name in part.figures).rstrip()
        figures = "".join(f"{shown(estimate):23}" for estimate in part.figures.values()).rstrip()
        yield f"  {part.value:16}{part.pages:6}{part.stamps:7}   {figures}"
    yield f"\n{'score':12}{'boxes':>7}{'mean score':>12}{'true':>8}"
    for bin_ in report.reliability:
        yield f"  {bin_.low:.1f}-{bin_.low + 0.1:.1f}   {bin_.count:7}{bin_.score:12.3f}{bin_.true:8.3f}"
    errors = report.calibration_error, report.calibration_error_above_threshold
    texts = ["none found" if error is None else f"{error:.3f}" for error in errors]
    yield f"expected calibration error {texts[0]}; of boxes at or above the threshold {texts[1]}"


def shown(estimate: Estimate) -> str:
    """A figure and its interval as text."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "-"
    return f"{estimate.value:.3f} [{estimate.low:.3f} {estimate.high:.3f}]"
