"""From the square pixels that models see to where a stamp is in its file, and on paper."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.document.stamps import AnalyzedPage
from stamp2vec.imaging import PageInfo
from stamp2vec.texts import with_boxes
from stamp2vec.values import Detection, PageResult, Source, Stamp

Box = tuple[float, float, float, float]

_MM_PER_INCH = 25.4
_INSIDE = 0.8  # share of a stamp that lies in an overlay, from which on the overlay shows it
_FILLS = 0.1  # share of an overlay that a stamp covers, from which on it is not just something that a frame surrounds


def page_result(page: AnalyzedPage, die_groups: tuple[int, ...]) -> PageResult:
    """A page as it is answered: its stamps in stored pixels, with the number of each one's die."""
    return PageResult(
        page.index,
        page.info.height,
        page.info.width,
        tuple(
            replace(placed(each.stamp, page), die_group=number)
            for each, number in zip(page.stamps, die_groups, strict=True)
        ),
        page.error,
        page.info.resolution,
        page.info.label,
        page.info.warnings,
        page.erased,
    )


def stored(detection: Detection, scale: tuple[float, float]) -> Detection:
    """A detection in square pixels in stored ones, of which `scale` says how many there are for each."""
    return detection if scale == (1, 1) else replace(detection, box=_scaled(detection.box, scale))


def placed(stamp: Stamp, page: AnalyzedPage) -> Stamp:
    """A stamp in stored pixels, with all that follows from where it is."""
    info = page.info
    box = _scaled(stamp.box, page.scale)
    resolution = info.resolution
    crop_box, mask = (stamp.crop_box, stamp.mask) if page.scale == (1, 1) else _stored_crop(stamp, page)
    return replace(
        stamp,
        box=box,
        crop_box=crop_box,
        mask=mask,
        source=_source(box, info),
        box_points=None if info.to_points is None else _in_points(box, info.to_points),
        width_mm=None if resolution is None else (box[2] - box[0]) / resolution.x * _MM_PER_INCH,
        text=None if stamp.text is None else with_boxes(stamp.text, lambda box: _scaled(box, page.scale)),
        height_mm=None if resolution is None else (box[3] - box[1]) / resolution.y * _MM_PER_INCH,
    )


def _stored_crop(stamp: Stamp, page: AnalyzedPage) -> tuple[tuple[int, int, int, int], NDArray[np.uint8] | None]:
    """The crop's box in whole stored pixels, and the mask of that size."""
    x1, y1, x2, y2 = _scaled(stamp.crop_box, page.scale)
    left, top = math.floor(x1), math.floor(y1)
    right, bottom = min(math.ceil(x2), page.info.width), min(math.ceil(y2), page.info.height)
    mask = stamp.mask
    if mask is not None:
        mask = np.asarray(Image.fromarray(mask).resize((right - left, bottom - top), Image.Resampling.BILINEAR))
    return (left, top, right, bottom), mask


def _source(box: Box, info: PageInfo) -> Source:
    """What shows a stamp: the overlay in which nearly all of it lies and which it fills, if there is one."""
    for overlay in info.overlays:
        common = _area(
            (
                max(box[0], overlay.box[0]),
                max(box[1], overlay.box[1]),
                min(box[2], overlay.box[2]),
                min(box[3], overlay.box[3]),
            )
        )
        if common >= _INSIDE * _area(box) and common >= _FILLS * _area(overlay.box) and common > 0:
            return overlay.source
    return Source.PAGE


def _in_points(box: Box, to_points: tuple[float, float, float, float, float, float]) -> Box:
    a, b, c, d, e, f = to_points
    corners = [(x, y) for x in box[::2] for y in box[1::2]]
    xs = [a * x + c * y + e for x, y in corners]
    ys = [b * x + d * y + f for x, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def _scaled(box: tuple[float, ...], scale: tuple[float, float]) -> Box:
    x1, y1, x2, y2 = box
    return x1 * scale[0], y1 * scale[1], x2 * scale[0], y2 * scale[1]


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
