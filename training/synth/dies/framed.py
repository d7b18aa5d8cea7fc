"""Rectangular and triangular stamps: a frame with lines of text, a date, boxes to fill in."""

import math

import numpy as np

from training.synth import words
from training.synth.dies.elements import Area, Design, Element, LineText, Point, Stroke
from training.synth.dies.ornaments import EMBLEMS, emblem
from training.synth.dies.slots import Slots, chance, uniform
from training.synth.fonts import FontFace, Style
from training.synth.vocabulary import FIELDS

FRAMES = ("single",) * 4 + ("double", "rounded", "rounded", "cut", "dashed", "open", "thick", "thick", "solid")


def _frame(style: str, half_w: float, half_h: float, width: float) -> list[Element]:
    corners = [(-half_w, -half_h), (half_w, -half_h), (half_w, half_h), (-half_w, half_h)]
    match style:
        case "rounded":
            return [_closed(_rounded(half_w, half_h, min(half_w, half_h) * 0.28), width)]
        case "cut":
            c = min(half_w, half_h) * 0.3
            path = [(-half_w + c, -half_h), (half_w - c, -half_h), (half_w, -half_h + c), (half_w, half_h - c)]
            path += [(half_w - c, half_h), (-half_w + c, half_h), (-half_w, half_h - c), (-half_w, -half_h + c)]
            return [_closed(path, width)]
        case "double":
            gap = width + 0.6
            inner = [(math.copysign(abs(x) - gap, x), math.copysign(abs(y) - gap, y)) for x, y in corners]
            return [_closed(corners, width), _closed(inner, 0.25)]
        case "dashed":
            return _dashes(corners, width)
        case "solid":
            return [Area(tuple(corners))]
        case "open":
            return [Stroke((corners[k], corners[k + 1]), width) for k in (0, 2)]
        case "thick":
            return [_closed(corners, width * 2)]
        case _:
            return [_closed(corners, width)]


def _closed(points: list[Point], width: float) -> Stroke:
    # The path runs over its first edge twice, so that the last corner is joined like the others.
    return Stroke((*points, points[0], points[1]), width)


def _rounded(half_w: float, half_h: float, radius: float) -> list[Point]:
    path: list[Point] = []
    for x, y, start in ((1, 1, 0), (-1, 1, 90), (-1, -1, 180), (1, -1, 270)):
        for step in range(7):
            angle = math.radians(start + 15 * step)
            path.append(
                (x * (half_w - radius) + radius * math.cos(angle), y * (half_h - radius) + radius * math.sin(angle))
            )
    return path


def _dashes(corners: list[Point], width: float) -> list[Element]:
    dashes: list[Element] = []
    for k in range(4):
        (x0, y0), (x1, y1) = corners[k], corners[(k + 1) % 4]
        count = max(2, round(math.hypot(x1 - x0, y1 - y0) / 2.0))
        for n in range(count):
            a, b = n / count, (n + 0.6) / count
            dashes.append(
                Stroke(((x0 + (x1 - x0) * a, y0 + (y1 - y0) * a), (x0 + (x1 - x0) * b, y0 + (y1 - y0) * b)), width)
            )
    return dashes


def _row_texts(slots: Slots, rng: np.random.Generator, face: FontFace, count: int) -> list[tuple[str, float]]:
    """Text and relative size of each row."""
    sources = (words.company_name, words.department, words.city, words.street, words.phone, words.serial, words.title)
    heading = words.verdict if chance(rng, 0.55) else words.company_name
    rows = [(slots.text("heading", heading, face, chance(rng, 0.6)), 1.35)]
    dated = int(rng.integers(1, count)) if count > 1 and chance(rng, 0.6) else 0
    for k in range(1, count):
        source = words.date if k == dated else sources[int(rng.integers(len(sources)))]
        rows.append((slots.text("date" if k == dated else f"row {k}", source, face), 1.25 if k == dated else 1.0))
    return rows


def _form(
    slots: Slots, rng: np.random.Generator, face: FontFace, half_w: float, top: float, bottom: float
) -> list[Element]:
    """A grid of labelled boxes to be filled in by hand."""
    rows, columns = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    height, width = (bottom - top) / rows, 2 * half_w / columns
    line = uniform(rng, 0.15, 0.35)
    parts: list[Element] = [
        Stroke(((-half_w, top + k * height), (half_w, top + k * height)), line) for k in range(rows)
    ]
    parts += [Stroke(((-half_w + k * width, top), (-half_w + k * width, bottom)), line) for k in range(1, columns)]
    labels = tuple(label for label in FIELDS[slots.script] if face.covers(label)) or ("1", "2")
    em = min(height * 0.62, 3.2)
    filled = slots.draw("filled", lambda r: int(r.integers(rows * columns * 2)))
    for cell in range(rows * columns):
        row, column = divmod(cell, columns)
        label = labels[int(rng.integers(len(labels)))]
        x = -half_w + (column + 0.5) * width
        text = slots.text("number", words.serial, face) if cell == filled else label
        parts.append(LineText(text, face, em, x - width * 0.12, top + (row + 0.5) * height, width * 0.7))
    return parts


def rectangle(slots: Slots) -> Design:
    """A framed stamp of one to five lines, at times with boxes to fill in, at times white on a solid block."""
    rng = slots.stream("layout")
    half_w = uniform(rng, 12, 34)
    lines = int(rng.choice([1, 2, 3, 4, 5], p=[0.2, 0.25, 0.25, 0.2, 0.1]))
    em = uniform(rng, 2.8, 5.2) * (1.5 if lines == 1 else 1.0)
    face = slots.face("face", Style.MONO if chance(rng, 0.15) else None)
    second = slots.face("second face") if chance(rng, 0.4) else face
    style = slots.draw("frame", lambda r: FRAMES[int(r.integers(len(FRAMES)))])
    width = uniform(rng, 0.3, 1.1)
    weight = uniform(rng, 0, 0.2)
    pitch = em * uniform(rng, 1.1, 1.4)
    # Drawn whatever the frame: a slot must not move the layout's stream.
    form_height = uniform(rng, 6, 18) * chance(rng, 0.3) * (lines < 4) * (style != "solid")
    margin = width + uniform(rng, 0.6, 2.2)
    rows = _row_texts(slots, rng, face, lines)
    text_height = pitch * sum(size for _, size in rows)
    half_h = (text_height + form_height) / 2 + margin
    half_w = max(half_w, half_h * 0.75)
    parts = _frame(style, half_w, half_h, width)
    if form_height:
        parts += _form(slots, rng, second, half_w, half_h - form_height, half_h)
    y = -half_h + margin + pitch * 0.5
    ruled = chance(rng, 0.3)
    for k, (text, size) in enumerate(rows):
        face_here = face if k == 0 else second if second.covers(text) else face
        y += pitch * (size - 1) / 2
        room = 2 * (half_w - margin - 0.6)
        parts.append(LineText(text, face_here, em * size, 0, y, room, weight, cut=style == "solid"))
        y += pitch * (size + 1) / 2
        if ruled and k < lines - 1:
            parts.append(Stroke(((-half_w, y - pitch / 2), (half_w, y - pitch / 2)), 0.25))
    return Design(2 * half_w + 2 * width + 1, 2 * half_h + 2 * width + 1, tuple(parts))


def triangle(slots: Slots) -> Design:
    """A three-sided stamp, as doctors, dispatchers and inspectors use: text along the sides, one word in the middle."""
    rng = slots.stream("layout")
    side = uniform(rng, 30, 48)
    face = slots.face("face")
    height = side * math.sqrt(3) / 2
    inradius = height / 3
    down = chance(rng, 0.3)
    flip = -1 if down else 1
    corners = [(0.0, -flip * 2 * inradius), (side / 2, flip * inradius), (-side / 2, flip * inradius)]
    width = uniform(rng, 0.4, 1.0)
    double = slots.draw("double frame", lambda r: bool(r.random() < 0.6))
    parts: list[Element] = [_closed(corners, width)]
    em = side * uniform(rng, 0.07, 0.09)
    if double:
        shrink = 1 - (width + 0.8) / inradius
        parts.append(_closed([(x * shrink, y * shrink) for x, y in corners], 0.25))
    along = inradius - width - (1.2 if double else 0.4) - em * 0.6
    run = (inradius - along) * 2 * math.sqrt(3)
    longest = side - 2 * run
    parts.append(LineText(slots.text("base", words.city, face, True), face, em, 0, flip * along, longest))
    for k, (sign, source) in enumerate(((-1, words.company_name), (1, words.department))):
        x, y = sign * along * math.cos(math.pi / 6), -flip * along * 0.5
        text = slots.text(f"side {k}", source, face, True)
        parts.append(LineText(text, face, em, x, y, longest, angle=sign * flip * 60))
    if chance(rng, 0.3):
        name = slots.draw("emblem", lambda r: tuple(EMBLEMS)[int(r.integers(len(EMBLEMS)))])
        parts += emblem(name, along * 0.6, slots.stream("emblem shape"), 0, 0)
    else:
        source = words.date if chance(rng, 0.4) else words.purpose
        parts.append(
            LineText(slots.text("centre", source, face), face, side * 0.12, 0, flip * along * 0.15, along * 1.5, 0.1)
        )
        parts.append(
            LineText(slots.text("number", words.serial, face), face, side * 0.08, 0, -flip * along * 0.55, along * 0.9)
        )
    return Design(side + 3, 4 * inradius + 3, tuple(parts))
