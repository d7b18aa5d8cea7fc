"""What is on a document: its pages with boxes, a table of the stamps, and how alike they are."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stamp2vec.display.markup import GREEN, LINE, data_url, left_out, matrix, table, text

if TYPE_CHECKING:
    from stamp2vec.values import DocumentResult, PageResult, Resolution, Stamp

MOST_PAGES = 8
MOST_STAMPS = 50
PAGE_PX = 560
"""The longer side of a page's picture."""

_MOST_COMPARED = 16
_MOST_WARNINGS = 5
_CROP_PX = 96
_HEAD = ("#", "score", "type", "rotation", "ink", "x1, y1, x2, y2", "mm", "source", "die")
_COLOUR = f"rgb{GREEN}"
_TAG = f"position:absolute;left:0;top:0;padding:0 4px;font:11px sans-serif;background:{_COLOUR};color:white"

Picture = NDArray[np.uint8]


def document_html(result: "DocumentResult", pictures: Mapping[int, Picture] | None = None) -> str:
    """`pictures` are those of some pages, uint8 (H, W, 3) of any size, by the page's index."""
    return "".join(_document(result, pictures or {}))


def page_html(page: "PageResult") -> str:
    """One page of a document."""
    return "".join(_page(page, 1, MOST_STAMPS, None))


def likeness_html(result: "DocumentResult") -> str:
    """How alike the stamps are; empty where there are no two, or no vectors were asked for."""
    if len(result.similarity) < 2:
        return ""
    similarity = matrix("Cosine similarity", result.similarity, _MOST_COMPARED)
    if result.probability is None or result.prior is None:
        return similarity
    title = f"Probability of one die, at a prior of {result.prior:g}"
    return similarity + matrix(title, result.probability, _MOST_COMPARED)


def _document(result: "DocumentResult", pictures: Mapping[int, Picture]) -> Iterator[str]:
    stamped = [page for page in result.pages if page.stamps]
    stamps = sum(len(page.stamps) for page in stamped)
    failed = sum(page.error is not None for page in result.pages)
    yield f"<p>Pages: {len(result.pages):,}; with stamps: {len(stamped):,}; stamps: {stamps:,}"
    yield f"; that could not be read: {failed:,}</p>" if failed else "</p>"
    yield from _warnings(result.warnings)
    # A page on which nothing is, and nothing is wrong, is only counted.
    told = [page for page in result.pages if page.stamps or page.error or page.warnings or page.index in pictures]
    first, number = told[:MOST_PAGES], 1
    for page in first:
        yield from _page(page, number, MOST_STAMPS - number + 1, pictures.get(page.index))
        number += len(page.stamps)
    if len(told) > len(first):
        yield f"<p>Not shown: {len(told) - len(first):,} more pages with stamps, warnings or errors.</p>"
    yield likeness_html(result)


def _page(page: "PageResult", number: int, most: int, picture: Picture | None) -> Iterator[str]:
    """`number` is that of its first stamp; of its stamps at most `most` are shown."""
    label = f" ({text(page.label)})" if page.label not in ("", str(page.index + 1)) else ""
    yield f"<p><b>Page {page.index + 1}</b>{label}"
    if page.error is not None:
        yield f": {text(page.error)}</p>"
        return
    dpi = "" if page.resolution is None else f" at {' x '.join(_dpi(page.resolution))} dpi"
    yield f": {page.width} x {page.height} pixels{dpi}; stamps: {len(page.stamps):,}</p>"
    yield from _warnings(page.warnings)
    shown = page.stamps[: max(0, most)]
    if shown or picture is not None:
        yield _drawn(page, shown, number, picture)
    if shown:
        has_crops = any(stamp.crop is not None for stamp in shown)
        rows = (_row(each, stamp, has_crops=has_crops) for each, stamp in enumerate(shown, number))
        yield table((*_HEAD[:1], "crop", *_HEAD[1:]) if has_crops else _HEAD, rows)
    if len(page.stamps) > len(shown):
        yield f"<p>Stamps of this page that are not shown: {len(page.stamps) - len(shown):,}</p>"


def _dpi(resolution: "Resolution") -> list[str]:
    """One number where a person would see one."""
    return list(dict.fromkeys((f"{resolution.x:.0f}", f"{resolution.y:.0f}")))


def _drawn(page: "PageResult", stamps: "tuple[Stamp, ...]", number: int, picture: Picture | None) -> str:
    """The page, or an empty sheet of its shape, with a box and a number for each stamp."""
    width = round(PAGE_PX * page.width / max(page.width, page.height))
    sheet = f"position:relative;width:{width}px;max-width:100%;aspect-ratio:{page.width}/{page.height}"
    image = "" if picture is None else f'<img style="width:100%;height:100%" src="{data_url(picture, PAGE_PX)}">'
    boxes = "".join(_box(page, each, stamp) for each, stamp in enumerate(stamps, number))
    return f'<div style="{sheet};border:{LINE};overflow:hidden">{image}{boxes}</div>'


def _box(page: "PageResult", number: int, stamp: "Stamp") -> str:
    x1, y1, x2, y2 = stamp.box
    left, top = 100 * x1 / page.width, 100 * y1 / page.height
    width, height = 100 * (x2 - x1) / page.width, 100 * (y2 - y1) / page.height
    place = f"left:{left:.2f}%;top:{top:.2f}%;width:{width:.2f}%;height:{height:.2f}%"
    frame = f"position:absolute;box-sizing:border-box;border:2px solid {_COLOUR};{place}"
    return f'<div style="{frame}"><span style="{_TAG}">{number}</span></div>'


def _row(number: int, stamp: "Stamp", *, has_crops: bool) -> list[str]:
    size = "-" if stamp.width_mm is None else f"{stamp.width_mm:.0f} x {stamp.height_mm or 0:.0f}"
    cells = [
        str(number),
        f"{stamp.score:.2f}",
        text(stamp.type),
        f"{stamp.angle_degrees:.0f}°",
        text(stamp.ink_colour or "-"),
        ", ".join(f"{edge:.0f}" for edge in stamp.box),
        size,
        text(stamp.source),
        str(stamp.die_group or "-"),
    ]
    if has_crops:
        crop = "" if stamp.crop is None else f'<img style="max-width:none" src="{data_url(stamp.crop, _CROP_PX)}">'
        cells.insert(1, crop)
    return cells


def _warnings(warnings: tuple[str, ...]) -> Iterator[str]:
    for warning in warnings[:_MOST_WARNINGS]:
        yield f"<p>Warning: {text(warning)}</p>"
    if len(warnings) > _MOST_WARNINGS:
        yield f"<p>Warnings{left_out(len(warnings), _MOST_WARNINGS)}</p>"
