"""What PDFium does not tell of a document: how many pages it has, the size of their units, what is in hidden layers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stamp2vec.imaging.formats.pdf.objects import Name, Objects, Reference, dictionary

_MAX_NODES = 200_000
_MAX_ANNOTATIONS = 10_000


@dataclass(frozen=True, slots=True)
class Structure:
    """`units` has the size of a unit of user space, in points, of each page; `hidden` the annotations, by their index
    on a page, that are in a layer that is not shown.
    """

    units: tuple[float, ...]
    is_portfolio: bool = False
    hidden: dict[int, frozenset[int]] = field(default_factory=dict)

    @property
    def page_count(self) -> int:
        """By the tree of pages itself, whatever its /Count says."""
        return len(self.units)


def read_structure(objects: Objects) -> Structure | None:
    """None when there is no tree of pages to be found."""
    root = objects.dictionary(objects.trailer.get("Root"))
    if not objects.dictionary(root.get("Pages")):  # as where it lists too many pages to be kept
        return None
    pages = list(_pages(objects, root.get("Pages")))
    if not pages:
        return None
    layers = _Layers(objects, root)
    hidden = {index: layers.hidden_annotations(page) for index, page in enumerate(pages)} if layers.any else {}
    return Structure(
        tuple(_unit(page) for page in pages),
        "Collection" in root,
        {index: found for index, found in hidden.items() if found},
    )


def _pages(objects: Objects, root: Any) -> Iterator[dict[str, Any]]:
    """Dictionaries of the pages in order; an empty one for a page that is missing, which PDFium counts as well."""
    seen: set[int] = set()
    stack = [root]
    for _ in range(_MAX_NODES):
        if not stack:
            return
        reference = stack.pop()
        if isinstance(reference, Reference):
            if reference.number in seen:
                continue
            node = objects.dictionary(reference)
            if "Kids" in node:  # a page may be in the tree twice
                seen.add(reference.number)
        else:
            node = dictionary(reference)
        if "Kids" in node:
            stack.extend(reversed(objects.array(node["Kids"])[:_MAX_NODES]))
        else:
            yield node


def _unit(page: dict[str, Any]) -> float:
    unit = page.get("UserUnit")
    return float(unit) if isinstance(unit, float) and 1e-3 <= unit <= 1e5 else 1.0


class _Layers:
    """Optional content in the document's default state; ISO 32000-1, 8.11."""

    def __init__(self, objects: Objects, root: dict[str, Any]) -> None:
        self._objects = objects
        properties = objects.dictionary(root.get("OCProperties"))
        self._any = bool(properties)
        state = objects.dictionary(properties.get("D"))
        groups = self._numbers(properties.get("OCGs"))
        hidden = groups if state.get("BaseState") == Name("OFF") else set()
        self._hidden = (hidden - self._numbers(state.get("ON"))) | self._numbers(state.get("OFF"))

    @property
    def any(self) -> bool:
        """Whether the document has layers at all."""
        return self._any

    def hidden_annotations(self, page: dict[str, Any]) -> frozenset[int]:
        annotations = self._objects.array(page.get("Annots"))[:_MAX_ANNOTATIONS]
        return frozenset(index for index, one in enumerate(annotations) if self._hides(self._objects.dictionary(one)))

    def _hides(self, annotation: dict[str, Any]) -> bool:
        normal = self._objects.dictionary(self._objects.dictionary(annotation.get("AP")).get("N"))
        return self._is_off(annotation.get("OC")) or self._is_off(normal.get("OC"))

    def _is_off(self, content: Any) -> bool:
        """Of an optional content group, or of a membership dictionary of several."""
        if isinstance(content, Reference) and content.number in self._hidden:
            return True
        membership = self._objects.dictionary(content)
        groups = self._numbers(membership.get("OCGs"))
        if not groups or "VE" in membership:  # expressions are not evaluated: better seen than missed
            return False
        hidden, shown = groups & self._hidden, groups - self._hidden
        policy = membership.get("P")
        match policy.text if isinstance(policy, Name) else "AnyOn":
            case "AllOn":
                return bool(hidden)
            case "AnyOff":
                return not hidden
            case "AllOff":
                return bool(shown)
            case _:
                return not shown

    def _numbers(self, value: Any) -> set[int]:
        """Of the groups that are listed, or of the single one."""
        return {one.number for one in self._objects.array(value) or [value] if isinstance(one, Reference)}
