"""The results of a page as JSON, for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from stamp2vec.strips import Line, Place
from stamp2vec.texts import StampText, TextArc
from stamp2vec.values import DocumentResult, PageResult, Stamp


@dataclass(frozen=True, slots=True)
class StampFiles:
    """The paths of the files that were written for a stamp; None for one that was not."""

    crop: str | None = None
    mask: str | None = None
    unrolled: tuple[str, ...] = ()
    transparent: str | None = None
    ink: str | None = None


def page_json(
    name: str, page: PageResult, result: DocumentResult, files: Sequence[StampFiles], *, include_vectors: bool
) -> str:
    """One page of a file as a JSON object; `files` has an entry a stamp of the page."""
    row = {"file": name, **page_row(page)}
    # What is wrong with the file may concern any of its pages.
    row["warnings"] = [*result.warnings, *page.warnings]
    row["stamps"] = [_written(stamp, each, include_vectors) for stamp, each in zip(page.stamps, files, strict=True)]
    if include_vectors:
        row["models"] = [model.reference for model in result.models]
    return json.dumps(row)


def page_row(page: PageResult) -> dict[str, object]:
    """What is known of a page and its stamps, without their vectors; what is not known is null."""
    resolution = page.resolution
    return {
        "page": page.index,
        "label": page.label or None,
        "width": page.width,
        "height": page.height,
        "resolution": None if resolution is None else [rounded(resolution.x, 2), rounded(resolution.y, 2)],
        "warnings": list(page.warnings),
        "stamps": [_stamp(stamp) for stamp in page.stamps],
    }


def place_row(place: Place) -> dict[str, object]:
    """Where on its crop a strip comes from: a ring, or a line."""
    if isinstance(place, Line):
        return {
            "line": {
                "centre": [rounded(place.x, 2), rounded(place.y, 2)],
                "width": rounded(place.width, 2),
                "height": rounded(place.height, 2),
                "angle_degrees": rounded(place.angle_degrees, 1),
            }
        }
    ellipse = place.ellipse
    return {
        "ring": {
            "centre": [rounded(ellipse.x, 2), rounded(ellipse.y, 2)],
            "semi_axes": [rounded(ellipse.semi_major, 2), rounded(ellipse.semi_minor, 2)],
            "rotation_degrees": rounded(ellipse.rotation_degrees, 1),
            "inner": rounded(place.inner, 3),
            "outer": rounded(place.outer, 3),
            "start_degrees": rounded(place.start_degrees, 1),
            "span_degrees": rounded(place.span_degrees, 1),
            "reading": place.reading,
        }
    }


def rounded(value: float, digits: int) -> float:
    """A number as the contract has it, a float32, so that it prints the same from this process and from a gateway."""
    return round(float(np.float32(value)), digits)


def _stamp(stamp: Stamp) -> dict[str, object]:
    points = stamp.box_points
    text = {} if stamp.text is None else {"text": text_row(stamp.text)}
    return {
        "box": [rounded(edge, 3) for edge in stamp.box],
        "score": rounded(stamp.score, 6),
        "type": stamp.type,
        "angle_degrees": rounded(stamp.angle_degrees, 1),
        "ink_colour": stamp.ink_colour,
        "source": stamp.source,
        "box_points": None if points is None else [rounded(edge, 2) for edge in points],
        "width_mm": None if stamp.width_mm is None else rounded(stamp.width_mm, 1),
        "height_mm": None if stamp.height_mm is None else rounded(stamp.height_mm, 1),
        **text,
    }


def text_row(text: StampText) -> dict[str, object]:
    """What a stamp says."""
    return {
        "lines": [
            {
                "text": line.text,
                "script": line.script,
                "confidence": rounded(line.confidence, 3),
                "box": [rounded(edge, 1) for edge in line.box],
                "arc": None if line.arc is None else _arc(line.arc),
                "doubtful": line.doubtful,
            }
            for line in text.lines
        ],
        "dates": [{**asdict(each), "confidence": rounded(each.confidence, 3)} for each in text.dates],
        "numbers": [{**asdict(each), "confidence": rounded(each.confidence, 3)} for each in text.numbers],
        "words": list(text.words),
        "warnings": list(text.warnings),
    }


def _arc(arc: TextArc) -> dict[str, object]:
    return {
        "start_degrees": rounded(arc.start_degrees, 1),
        "end_degrees": rounded(arc.end_degrees, 1),
        "inward": arc.inward,
        "inner_radius": rounded(arc.inner_radius, 3),
        "outer_radius": rounded(arc.outer_radius, 3),
    }


def _written(stamp: Stamp, files: StampFiles, include_vectors: bool) -> dict[str, object]:
    row = _stamp(stamp)
    paths = {"crop": files.crop, "mask": files.mask, "transparent": files.transparent, "ink": files.ink}
    written = {name: path for name, path in paths.items() if path is not None}
    if written or files.unrolled:
        row["crop_box"] = list(stamp.crop_box)
    row |= written
    if files.unrolled:
        strips = zip(files.unrolled, stamp.unrolled, strict=True)
        row["unrolled"] = [{"file": path, **place_row(strip.place)} for path, strip in strips]
    if include_vectors and stamp.vector is not None:
        row["die_group"] = stamp.die_group
        row["vector"] = [round(number, 6) for number in stamp.vector.tolist()]
    return row
