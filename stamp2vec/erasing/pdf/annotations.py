"""Annotations that are stamps, removed from a page."""

import pikepdf
from pikepdf import Array, Dictionary, Name

Box = tuple[float, float, float, float]

_INSIDE = 0.8  # as document/placing.py tells that a stamp is shown by an annotation
_FILLS = 0.1
_NEVER = {"/Link", "/Widget", "/Popup", "/Text", "/Highlight", "/Underline", "/Squiggly", "/StrikeOut", "/Caret"}


def remove_annotation(page: pikepdf.Page, box: Box) -> bool:
    """Removes the annotation that shows a stamp, whose box is in user space; whether there was one."""
    annotations = page.obj.get(Name.Annots)
    if not isinstance(annotations, Array):
        return False
    for index, each in enumerate(annotations):
        if isinstance(each, Dictionary) and str(each.get(Name.Subtype)) not in _NEVER and _shows(each, box):
            popup = each.get(Name.Popup)
            kept = [other for number, other in enumerate(annotations) if number != index and not _is(other, popup)]
            page.obj[Name.Annots] = Array(kept)
            return True
    return False


def _is(one: pikepdf.Object, other: pikepdf.Object | None) -> bool:
    return other is not None and one.is_indirect and one.objgen == other.objgen


def _shows(annotation: Dictionary, box: Box) -> bool:
    rectangle = annotation.get(Name.Rect)
    if not isinstance(rectangle, Array) or len(rectangle) != 4:
        return False
    xs, ys = sorted(map(float, rectangle[::2])), sorted(map(float, rectangle[1::2]))
    x1, y1, x2, y2 = box
    common = max(0.0, min(x2, xs[1]) - max(x1, xs[0])) * max(0.0, min(y2, ys[1]) - max(y1, ys[0]))
    area = (xs[1] - xs[0]) * (ys[1] - ys[0])
    return common > 0 and common >= _INSIDE * (x2 - x1) * (y2 - y1) and common >= _FILLS * area
