"""What a decoder's process answers, checked: one that went wrong, or that a file took over, may say anything."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from stamp2vec.decoding.channel import Closed
from stamp2vec.imaging.formats import Overlay, PageInfo
from stamp2vec.limits import MAX_SIDE_PX
from stamp2vec.values import Resolution, Source

T = TypeVar("T")

_MAX_PAGES = 2**20  # of a file; PDFium counts no further


@dataclass(frozen=True, slots=True)
class OpenFile:
    """What is known of a file once it is open."""

    page_count: int
    warnings: tuple[str, ...]


def open_file_of(answer: Mapping[str, Any]) -> OpenFile:
    """Raises Closed when the answer is none, as all of these do."""
    return OpenFile(_whole(answer.get("page_count"), _MAX_PAGES), _texts(answer.get("warnings")))


def size_of(answer: Mapping[str, Any]) -> tuple[int, int]:
    """Height and width of the page that room is asked for."""
    height, width = _list(answer.get("room"), 2)
    return _whole(height, MAX_SIDE_PX), _whole(width, MAX_SIDE_PX)


def info_of(answer: Mapping[str, Any]) -> PageInfo:
    """What is known of a page that was read."""
    values = _of(dict, answer.get("info"))
    resolution, points = values.get("resolution"), values.get("to_points")
    stored = _whole(values.get("height"), MAX_SIDE_PX), _whole(values.get("width"), MAX_SIDE_PX)
    return PageInfo(
        *stored,
        resolution=None if resolution is None else _resolution(_of(dict, resolution)),
        to_points=None if points is None else _matrix(points),
        label=_of(str, values.get("label")),
        warnings=_texts(values.get("warnings")),
        overlays=tuple(_overlay(_of(dict, each), *stored) for each in _list(values.get("overlays"))),
    )


def _resolution(values: Mapping[str, Any]) -> Resolution:
    x, y = _numbers([values.get("x"), values.get("y")], 2)
    if min(x, y) <= 0:
        raise Closed
    return Resolution(x, y)


def _matrix(value: object) -> tuple[float, float, float, float, float, float]:
    a, b, c, d, e, f = _numbers(value, 6)
    return a, b, c, d, e, f


def _overlay(values: Mapping[str, Any], height: int, width: int) -> Overlay:
    x1, y1, x2, y2 = _numbers(values.get("box"), 4)
    try:
        source = Source(_of(str, values.get("source")))
    except ValueError as error:
        raise Closed from error
    if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
        raise Closed
    return Overlay(source, (x1, y1, x2, y2))


def _of(kind: type[T] | tuple[type[T], ...], value: object) -> T:
    if not isinstance(value, kind):
        raise Closed
    return value


def _whole(value: object, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
        raise Closed
    return value


def _list(value: object, length: int | None = None) -> list[Any]:
    values = _of(list, value)
    if length is not None and len(values) != length:
        raise Closed
    return values


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_of(str, each) for each in _list(value))


def _numbers(value: object, length: int) -> tuple[float, ...]:
    try:
        values = tuple(float(_of((float, int), each)) for each in _list(value, length))
    except OverflowError as error:
        raise Closed from error
    if not all(map(math.isfinite, values)):
        raise Closed
    return values
