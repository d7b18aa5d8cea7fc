"""Strips of drawn stamps, unrolled and deskewed as the reader does it, and which letters stand where on them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stamp2vec.comparison.ink import INK, ink_planes, reduced
from stamp2vec.reading.canvas import STRIP_HEIGHT_PX
from stamp2vec.reading.places import Place, reading_places
from stamp2vec.reading.straightening import positions, straighten
from stamp2vec.strips import Ring
from stamp2vec.values import StampType
from training.reader.lines import Kind, Letter, Line, text_of, worn
from training.synth.die import DieKind, DieSpec, die_spec
from training.synth.dies.elements import ArcText, Design, Facing, LineText
from training.synth.dies.raster import rasterise_placed
from training.synth.dies.text import Bend, set_line
from training.synth.fonts import Script, Split
from training.synth.impression import Impression, composite, strike

FIRST_FAMILY = 40_000_000  # no set of crops has these, and no evaluation
KINDS = {
    DieKind.ROUND: 0.38,
    DieKind.OVAL: 0.16,
    DieKind.NOTARY: 0.08,
    DieKind.STAR_ROUND: 0.12,
    DieKind.RECTANGLE: 0.12,
    DieKind.POSTMARK: 0.04,
    DieKind.DATE: 0.05,
    DieKind.WORD: 0.05,
}
TYPES = {
    DieKind.OVAL: StampType.OVAL,
    DieKind.RECTANGLE: StampType.RECTANGLE,
    DieKind.DATE: StampType.WORD,
    DieKind.WORD: StampType.WORD,
}
_REWRITES = {
    Kind.LATIN: 0.28,
    Kind.VIETNAMESE: 0.3,
    Kind.CYRILLIC: 0.32,
    Kind.OTHER: 0.1,
}
_REWRITTEN = 0.6
_CAPITALS = 0.36  # of the em, above and below the middle of capitals
_MARKS = 0.62  # likewise, with the marks above Vietnamese capitals
_SEEN, _WHOLE = 0.4, 0.88  # share of a letter's height on a strip from which it is seen, and can be read
_UPRIGHT = 0.87  # cosine with the strip's columns of a letter that stands on it


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A letter of a die: the middles of its left, right, upper and lower side, (4, 2), in mm from the die's origin."""

    character: str
    sides: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Struck:
    """A stamp on white paper: uint8 (h, w, 3), its soft ink, (h, w), and the letters with sides in pixels of it."""

    crop: NDArray[np.uint8]
    ink: NDArray[np.uint8]
    letters: tuple[Placed, ...]
    impression: Impression
    kind: DieKind


def lines(rng: np.random.Generator, split: Split) -> Iterator[Line]:
    """The strips that are read of one stamp, their bands a little off as often as not."""
    stamp = struck(rng, spec_of(rng, split), rng.uniform(6, 12), rng.uniform(0, 0.4) * float(rng.random() < 0.5))
    places = reading_places(stamp.ink, TYPES.get(stamp.kind, StampType.ROUND), stamp.impression.angle_deg)
    places = tuple(_jittered(rng, place) for place in places)
    yield from lines_at(stamp, places, own_colour=rng.random() < 0.15)


def lines_at(stamp: Struck, places: Sequence[Place], own_colour: bool = False) -> Iterator[Line]:
    """The strips at these places; of the page where `own_colour`, else of its ink."""
    for strip in straighten(stamp.crop, stamp.ink, places, STRIP_HEIGHT_PX):
        pixels = strip.pixels.min(2) if own_colour else 255 - strip.ink
        yield Line(np.asarray(pixels, np.uint8), tuple(letters_on(strip.place, stamp.letters)))


def _jittered(rng: np.random.Generator, place: Place) -> Place:
    """Another band and centre than were found, as often as not."""
    if rng.random() < 0.5:
        return place
    if not isinstance(place, Ring):
        return replace(place, height=place.height * rng.uniform(0.95, 1.25), width=place.width * rng.uniform(1, 1.1))
    high = place.outer - place.inner
    x, y = rng.normal(0, 0.012 * place.ellipse.radius, 2).tolist()
    ellipse = replace(place.ellipse, x=place.ellipse.x + x, y=place.ellipse.y + y)
    outer = min(1.08, place.outer + high * rng.uniform(-0.08, 0.25))
    inner = max(0.25, place.inner - high * rng.uniform(-0.08, 0.25))
    return replace(place, ellipse=ellipse, inner=inner, outer=outer)


def spec_of(rng: np.random.Generator, split: Split) -> DieSpec:
    """A die of a random kind, whose words are often others than those of its family."""
    kind = list(KINDS)[int(rng.choice(len(KINDS), p=list(KINDS.values())))]
    scripts = (Script.LATIN, Script.LATIN, Script.CYRILLIC, Script.CYRILLIC, Script.CJK, Script.ARABIC)
    script = Script.CJK if kind is DieKind.STAR_ROUND else scripts[int(rng.integers(len(scripts)))]
    spec = die_spec(FIRST_FAMILY + int(rng.integers(10**9)), 0, split, kind, script)
    if script in (Script.LATIN, Script.CYRILLIC) and rng.random() < _REWRITTEN:
        return replace(spec, design=_rewritten(rng, spec.design, split))
    return spec


def _rewritten(rng: np.random.Generator, design: Design, split: Split) -> Design:
    kind = list(_REWRITES)[int(rng.choice(len(_REWRITES), p=list(_REWRITES.values())))]
    elements = []
    for each in design.elements:
        if isinstance(each, ArcText | LineText):
            text, face = text_of(rng, kind, split)
            while len(text) < 0.5 * len(each.text):
                text += " " + text_of(rng, kind, split)[0]
            text = "".join(letter for letter in text if letter == " " or face.covers(letter))
            each = replace(each, text=text[:44].strip() or each.text, face=face if text.strip() else each.face)
        elements.append(each)
    return replace(design, elements=tuple(elements))


def struck(rng: np.random.Generator, spec: DieSpec, px_per_mm: float, missing: float) -> Struck:
    """One impression of a die at a resolution, of whose ink a share is missing."""
    relief, origin = rasterise_placed(spec.design, px_per_mm)
    impression = strike(relief, rng, rng.uniform(0, 0.25), spec=spec, px_per_mm=px_per_mm)
    density = impression.density
    if missing:
        density = worn(rng, np.clip(density, 0, 1), missing) * np.maximum(density, 1)
    margin = round(0.06 * sum(density.shape) / 2)
    density = np.pad(density, margin)
    page = np.full((*density.shape, 3), rng.uniform(0.88, 1), np.float32)
    composite(page, density, impression.ink, 0, 0)
    crop = np.asarray(np.clip(page + rng.normal(0, 0.015, page.shape), 0, 1) * 255, np.uint8)
    mask = np.asarray(np.pad(impression.coverage, margin) * (density > 0.05) * 255, np.uint8)
    small = np.ascontiguousarray(reduced(crop))
    ink = np.ascontiguousarray(ink_planes(crop, mask)[..., INK])
    turn = math.radians(impression.angle_deg)
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    scale = np.array(small.shape[1::-1]) / np.array(crop.shape[1::-1])
    middle = np.array(relief.shape[::-1]) / 2

    def on_crop(points: NDArray[np.float64]) -> NDArray[np.float64]:
        from_middle = (points * px_per_mm + np.array(origin) - middle) * np.array(impression.stretch)
        return np.asarray((from_middle @ rotation.T + np.array(impression.centre) + margin) * scale)

    letters = tuple(replace(each, sides=on_crop(each.sides)) for each in placed(spec.design, px_per_mm))
    return Struck(small, ink, letters, impression, spec.kind)


def placed(design: Design, px_per_mm: float) -> Iterator[Placed]:
    """The letters of a die in the order of its elements."""
    for each in design.elements:
        if isinstance(each, ArcText):
            yield from _bent(each, px_per_mm)
        elif isinstance(each, LineText):
            yield from _straight(each, px_per_mm)


def _cells(text: str, edges: NDArray[np.float64]) -> list[str]:
    return list(text) if len(edges) == len(text) + 1 else [text]


def _bent(arc: ArcText, px_per_mm: float) -> Iterator[Placed]:
    bend = Bend(arc, px_per_mm)
    inward = arc.facing is Facing.INWARD
    along = np.interp(bend.strip.edges - bend.strip.centre, bend.length, bend.parameter)
    angles = math.radians(arc.centre) + (-along if inward else along)
    cells = _cells(arc.text, bend.strip.edges)
    for cell, first, last in zip(cells, angles, angles[1:], strict=False):
        middle = (first + last) / 2
        out = np.array([math.sin(middle), -math.cos(middle)])
        at = np.array([[arc.rx * math.sin(angle), -arc.ry * math.cos(angle)] for angle in (first, last, middle)])
        up = (-out if inward else out) * arc.em
        yield Placed(cell, np.array([at[0], at[1], at[2] + up * _above(cell), at[2] - up * _CAPITALS]))


def _straight(line: LineText, px_per_mm: float) -> Iterator[Placed]:
    strip = set_line(line, px_per_mm)
    turn = math.radians(line.angle)
    right, down = np.array([math.cos(turn), math.sin(turn)]), np.array([-math.sin(turn), math.cos(turn)])
    edges = (strip.edges - strip.pixels.shape[1] / 2) / px_per_mm
    centre = np.array([line.x, line.y])
    for cell, first, last in zip(_cells(line.text, strip.edges), edges, edges[1:], strict=False):
        middle = centre + right * (first + last) / 2
        top, bottom = middle - down * line.em * _above(cell), middle + down * line.em * _CAPITALS
        yield Placed(cell, np.array([centre + right * first, centre + right * last, top, bottom]))


def _above(cell: str) -> float:
    return _MARKS if any("\u1ea0" <= letter <= "\u1ef9" for letter in cell) else _CAPITALS


def letters_on(place: Place, letters: Sequence[Placed]) -> list[Letter]:
    """The letters that stand on the strip of a place, upright or upside down, from left to right."""
    grid = positions(place, STRIP_HEIGHT_PX)
    width = grid.shape[1]
    whole = width
    if isinstance(place, Ring) and place.span_degrees > 360:
        whole = round(width * 360 / place.span_degrees)
    found = []
    for letter in letters:
        for first, end in ((0, whole), (whole, width)):
            if end - first > 1 and (one := _on(grid, letter, first, end)) is not None:
                found.append(one)
    return sorted(found, key=lambda each: each.left)


def _on(grid: NDArray[np.float64], letter: Placed, first: int, end: int) -> Letter | None:
    height = grid.shape[0]
    middle_row = grid[height // 2]
    left, right, top, bottom = letter.sides
    centre = (left + right) / 2
    column = first + int(np.hypot(*(middle_row[first:end] - centre).T).argmin())
    down = grid[-1, column] - grid[0, column]
    long = float(np.hypot(*down))
    beside = (centre - middle_row[column]) @ np.array([down[1], -down[0]]) / long
    if column in (first, end - 1) and abs(beside) > 0.05 * long:  # it lies beyond this end
        return None
    rows = [(point - grid[0, column]) @ down / long**2 * height for point in (top, bottom)]
    stands = (bottom - top) @ down / long / max(1e-6, float(np.hypot(*(bottom - top))))
    low, high = min(rows), max(rows)
    seen = (min(high, height) - max(low, 0)) / max(1e-6, high - low)
    if seen < _SEEN or high - low < 0.15 * height:
        return None
    near = slice(max(first, column - 200), min(end, column + 200))
    ends = [near.start + int(np.hypot(*(_row(grid, rows, near) - side).T).argmin()) for side in (left, right)]
    if len(letter.character) > 1:
        ends = [
            first + int(np.hypot(*(_row(grid, rows, slice(first, end)) - side).T).argmin()) for side in (left, right)
        ]
        ends = [column, column] if abs(ends[1] - ends[0]) > 0.9 * (end - first) else ends
    is_cut = seen < _WHOLE or abs(stands) < _UPRIGHT
    return Letter(letter.character, float(min(ends)), float(max(ends)), bool(stands < 0), is_cut)


def _row(grid: NDArray[np.float64], rows: Sequence[float], columns: slice) -> NDArray[np.float64]:
    height = grid.shape[0]
    return np.asarray(grid[int(np.clip(sum(rows) / 2, 0, height - 1)), columns])
