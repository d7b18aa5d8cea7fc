"""The pictures of a PDF page: by which names it draws them, and where."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pikepdf
from pikepdf import Dictionary, Name, Stream

from stamp2vec.imaging.formats.pdf.geometry import Matrix, product

_IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_MAX_DEPTH = 20  # of forms in forms
_MAX_DRAWN = 2_000  # pictures and forms of a page, that are looked at
_OPERATORS = "q Q cm Do"


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture on a page: the names of the forms around it and its own, and the matrix of the unit square, y up."""

    names: tuple[str, ...]
    image: Stream
    matrix: Matrix

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return int(self.image.get(Name.Width, 0)), int(self.image.get(Name.Height, 0))


def placed_pictures(page: pikepdf.Page) -> list[Placed]:
    """In the order in which they are drawn. Inline pictures are not among them.

    Raises what pikepdf raises of damaged contents, ValueError when there are too many.
    """
    resources = page.obj.get(Name.Resources) or inherited(page.obj, Name.Resources)
    return [*_drawn(page.obj, resources, (), _IDENTITY, [_MAX_DRAWN])]


def inherited(node: Any, name: Name, depth: int = 0) -> Any:
    """An attribute of a page or of a node above it; None when there is none."""
    if name in node:
        return node[name]
    parent = node.get(Name.Parent)
    return inherited(parent, name, depth + 1) if parent is not None and depth < _MAX_DEPTH else None


def _drawn(contents: Any, resources: Any, names: tuple[str, ...], outer: Matrix, left: list[int]) -> Iterator[Placed]:
    matrix, stack = outer, []
    objects = resources.get(Name.XObject, Dictionary()) if isinstance(resources, Dictionary) else Dictionary()
    for operands, operator in _instructions(contents):
        match operator:
            case "q":
                stack.append(matrix)
            case "Q":
                matrix = stack.pop() if stack else matrix
            case "cm" if len(operands) == 6:
                matrix = product(_matrix(operands), matrix)
            case "Do" if len(operands) == 1:
                left[0] -= 1
                if left[0] < 0:
                    raise ValueError(f"more than {_MAX_DRAWN:,} pictures")
                name = str(operands[0])
                drawn = objects.get(name)
                if not isinstance(drawn, Stream):
                    continue
                if drawn.get(Name.Subtype) == Name.Image:
                    yield Placed((*names, name), drawn, matrix)
                elif drawn.get(Name.Subtype) == Name.Form and len(names) < _MAX_DEPTH:
                    own = product(_matrix(drawn[Name.Matrix]), matrix) if Name.Matrix in drawn else matrix
                    yield from _drawn(drawn, drawn.get(Name.Resources, resources), (*names, name), own, left)


def _instructions(contents: Any) -> Iterator[tuple[Sequence[Any], str]]:
    for each in pikepdf.parse_content_stream(contents, _OPERATORS):
        yield each.operands, str(each.operator)  # type: ignore[misc]


def _matrix(numbers: Any) -> Matrix:
    a, b, c, d, e, f = (float(number) for number in numbers)
    if not all(map(math.isfinite, (a, b, c, d, e, f))):
        raise ValueError("a matrix that is not finite")
    return a, b, c, d, e, f


def replace_picture(pdf: pikepdf.Pdf, page: pikepdf.Page, names: Sequence[str], image: Stream) -> None:
    """Has this page alone draw `image` under a name: forms and resources that it shares with others are copied."""
    node: Any = page.obj
    resources = node.get(Name.Resources) or inherited(node, Name.Resources)
    for name in names[:-1]:
        resources = _own_resources(node, resources)
        form = resources[Name.XObject][name]
        copy = _copied(pdf, form)
        resources[Name.XObject][name] = copy
        node, resources = copy, copy.get(Name.Resources, resources)
    resources = _own_resources(node, resources)
    resources[Name.XObject][names[-1]] = image


def _own_resources(node: Any, resources: Any) -> Any:
    """Resources of a page or a form that nobody else has: the dictionary, and that of the pictures in it."""
    own = Dictionary(dict(resources.items()))
    own[Name.XObject] = Dictionary(dict(resources[Name.XObject].items()))
    node[Name.Resources] = own
    return node[Name.Resources]


def _copied(pdf: pikepdf.Pdf, form: Stream) -> Stream:
    copy = Stream(pdf, form.read_raw_bytes())
    for key, value in form.stream_dict.items():
        if key != "/Length":
            copy[key] = value
    return copy
