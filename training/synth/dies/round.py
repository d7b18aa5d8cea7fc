"""Round and oval seals: rings, text on arcs, something in the centre."""

import numpy as np

from training.synth import words
from training.synth.dies.elements import ArcText, Design, Element, Facing, LineText, Pattern, Ring, Stroke
from training.synth.dies.ornaments import EMBLEMS, emblem, polar, rosette, star
from training.synth.dies.slots import Slots, chance, uniform
from training.synth.fonts import FontFace, Script, Style

SEPARATORS = ("star5", "star6", "cross", "dot", "none")
CENTRES = ("emblem", "name", "date", "purpose", "emblem and name", "empty")


def _rims(slots: Slots, rng: np.random.Generator, rx: float, ry: float) -> tuple[list[Element], float]:
    """One to three rings at the rim, and how far in they reach (mm)."""
    width = uniform(rng, 0.35, 1.1)
    patterns = (Pattern.SOLID,) * 5 + (Pattern.DOTTED, Pattern.ROPE, Pattern.TEETH, Pattern.DASHED)
    pattern = slots.draw("rim", lambda r: patterns[int(r.integers(len(patterns)))])
    count = int((rx + ry) * uniform(rng, 2.6, 4.5))
    lined = chance(rng, 0.6)  # drawn whatever the rim: a slot must not move the layout's stream
    if pattern is Pattern.SOLID:
        rims: list[Element] = [Ring(rx - width / 2, ry - width / 2, width)]
        reach = width
    else:
        thick = max(0.7, width)
        rims = [Ring(rx - thick / 2, ry - thick / 2, thick, pattern, count)]
        reach = thick + 0.25
        if lined:
            rims.append(Ring(rx - reach - 0.2, ry - reach - 0.2, 0.3))
            reach += 0.4
    second = uniform(rng, 0.3, 0.9)
    if slots.draw("rings", lambda r: bool(r.random() < 0.55)):
        reach += second
        rims.append(Ring(rx - reach - 0.1, ry - reach - 0.1, 0.25))
        reach += 0.25
    return rims, reach


def _centre_lines(
    slots: Slots, rng: np.random.Generator, face: FontFace, radius: float, y: float = 0.0
) -> list[Element]:
    """One to three lines that fit in a circle of `radius`."""
    count = int(rng.choice([1, 2, 2, 3]))
    em = min(radius * uniform(rng, 0.5, 0.62), radius * 1.55 / count)
    weight = uniform(rng, 0.0, 0.16)
    sources = (words.purpose, words.city, words.serial, words.department, words.family_name)
    lines: list[Element] = []
    for k in range(count):
        source = sources[int(rng.integers(len(sources)))]
        text = slots.text(f"centre {k}", source, face)
        offset = y + (k - (count - 1) / 2) * em * 1.1
        chord = 2 * (max(0.1, radius**2 - (offset - y) ** 2)) ** 0.5 * 0.92
        lines.append(LineText(text, face, em, 0, offset, chord, weight))
    return lines


def _centre(slots: Slots, rng: np.random.Generator, face: FontFace, radius: float) -> list[Element]:
    kind = CENTRES[int(rng.choice(len(CENTRES), p=[0.32, 0.26, 0.16, 0.08, 0.14, 0.04]))]
    name = slots.draw("emblem", lambda r: tuple(EMBLEMS)[int(r.integers(len(EMBLEMS)))]) if "emblem" in kind else ""
    match kind:
        case "emblem":
            return list(emblem(name, radius * uniform(rng, 0.7, 0.92), slots.stream("emblem shape")))
        case "emblem and name":
            line = LineText(
                slots.text("short name", words.city, face, True), face, radius * 0.4, 0, radius * 0.62, radius * 1.4
            )
            return [*emblem(name, radius * 0.52, slots.stream("emblem shape"), 0, -radius * 0.3), line]
        case "name":
            return _centre_lines(slots, rng, face, radius * 0.95)
        case "date":
            text = slots.text("date", words.date, face)
            em, gap = radius * 0.48, radius * 0.36
            bars = [Stroke(((-radius * 0.98, s * gap), (radius * 0.98, s * gap)), 0.3) for s in (-1, 1)]
            caption = LineText(
                slots.text("verdict", words.verdict, face), face, em * 0.7, 0, -radius * 0.66, radius * 1.25
            )
            return [*bars, LineText(text, face, em, 0, 0, radius * 1.85, 0.1), caption]
        case "purpose":
            return [LineText(slots.text("purpose", words.purpose, face), face, radius * 0.5, 0, 0, radius * 1.85, 0.12)]
        case _:
            return []


def _separator(name: str, radius: float, size: float, degrees: float) -> tuple[Element, ...]:
    x, y = polar(radius, degrees)
    match name:
        case "star5":
            return star(size, 5, x=x, y=y)
        case "star6":
            return star(size, 6, 0.5, x=x, y=y)
        case "cross":
            return star(size, 4, 0.3, x=x, y=y)
        case "dot":
            return (Ring(size * 0.35, size * 0.35, size * 0.7, x=x, y=y),)
        case _:
            return ()


def _arcs(
    slots: Slots, rng: np.random.Generator, face: FontFace, middle: float, em: float, squash: float
) -> list[Element]:
    """Text all round, or along the top with a shorter line at the bottom; `squash` is ry / rx."""
    weight = uniform(rng, 0.0, 0.14)
    stretch = uniform(rng, 0.75, 1.05)
    capitals = chance(rng, 0.65)
    even = chance(rng, 0.55)
    rx, ry = middle, middle * squash
    name = slots.text("company", words.company_name, face, capitals)
    layout = rng.random()
    if layout < 0.3:
        # Joined letters are not tracked out: their line stays short, and reads from below only at the top.
        start = 180.0 if chance(rng, 0.7) or slots.script is Script.ARABIC else 0.0
        tail = slots.text("city", lambda r, script: f" * {words.city(r, script)} * ", face, capitals)
        whole = name + tail
        return [ArcText(whole, face, em, rx, ry, start - 180, 348, Facing.OUTWARD, weight, stretch, True)]
    top = ArcText(name, face, em, rx, ry, 0, 220, Facing.OUTWARD, weight, stretch, even)
    if layout < 0.4:
        return [top]
    source = (words.city, words.purpose, words.serial, words.department)[int(rng.integers(4))]
    bottom_text = slots.text("bottom", source, face, capitals)
    bottom = ArcText(bottom_text, face, em, rx, ry, 180, 108, Facing.INWARD, weight, stretch, False)
    parts: list[Element] = [top, bottom]
    if squash == 1.0:
        name = slots.draw("separator", lambda r: SEPARATORS[int(r.integers(len(SEPARATORS)))])
        for degrees in (118, 242):
            parts += _separator(name, middle, em * 0.32, degrees)
    return parts


def round_seal(slots: Slots) -> Design:
    """A company, notary or office seal of Russian, European, Indian or Vietnamese make."""
    rng = slots.stream("layout")
    radius = uniform(rng, 12, 23)
    face = slots.face("face", Style.SERIF if chance(rng, 0.35) else None)
    rims, reach = _rims(slots, rng, radius, radius)
    em = radius * uniform(rng, 0.17, 0.28)
    middle = radius - reach - 0.35 * em - uniform(rng, 0.3, 0.9)
    parts: list[Element] = [*rims, *_arcs(slots, rng, face, middle, em, 1.0)]
    inner = middle - em * 0.62
    if chance(rng, 0.3) and inner > radius * 0.55:
        small = em * uniform(rng, 0.6, 0.8)
        second = slots.text("second arc", words.department, face, chance(rng, 0.5))
        parts.append(ArcText(second, face, small, inner - small * 0.5, inner - small * 0.5, 0, 330, even=True))
        inner -= small * 1.15
    if chance(rng, 0.75):
        width = uniform(rng, 0.2, 0.6)
        parts.append(Ring(inner, inner, width, Pattern.DOTTED if chance(rng, 0.12) else Pattern.SOLID, int(inner * 5)))
        inner -= width
    parts += _centre(slots, rng, face, inner * 0.92)
    return Design(2 * radius + 2, 2 * radius + 2, tuple(parts))


def star_round(slots: Slots) -> Design:
    """The Chinese company seal: one ring, a star, the name along the top, the purpose below, a number at the foot."""
    rng = slots.stream("layout")
    radius = uniform(rng, 17, 23)
    face = slots.face("face", Style.SERIF if chance(rng, 0.7) else None)
    width = uniform(rng, 0.7, 1.4)
    em = radius * uniform(rng, 0.24, 0.3)
    middle = radius - width - em * 0.62
    weight, stretch = uniform(rng, 0.05, 0.22), uniform(rng, 0.6, 0.85)
    name = slots.text("company", words.company_name, face)
    spread = uniform(rng, 215, 262)
    parts: list[Element] = [
        Ring(radius - width / 2, radius - width / 2, width),
        ArcText(name, face, em, middle, middle, 0, spread, Facing.OUTWARD, weight, stretch, True),
    ]
    if chance(rng, 0.2):
        parts.append(Ring(radius - width - 0.5, radius - width - 0.5, 0.2))
    points = slots.draw("star", lambda r: int(r.choice([5, 5, 5, 5, 5, 6, 8])))
    parts += star(radius * uniform(rng, 0.24, 0.34), points, 0.382 if points == 5 else 0.55)
    if chance(rng, 0.75):
        purpose = slots.text("purpose", words.purpose, face)
        parts.append(
            LineText(purpose, face, radius * uniform(rng, 0.22, 0.27), 0, radius * 0.5, radius * 1.3, weight, 0.85)
        )
    if chance(rng, 0.65):
        digits_face = slots.face("digits")
        number = slots.text("serial", lambda r, script: words.serial(r, Script.CJK), digits_face)
        foot = radius - width - 1.4
        parts.append(ArcText(number, digits_face, radius * 0.1, foot, foot, 180, 78, Facing.INWARD, 0.04, 1.0, True))
    return Design(2 * radius + 2, 2 * radius + 2, tuple(parts))


def oval_seal(slots: Slots) -> Design:
    """An oval company stamp."""
    rng = slots.stream("layout")
    rx = uniform(rng, 15, 27)
    squash = uniform(rng, 0.55, 0.8)
    face = slots.face("face")
    rims, reach = _rims(slots, rng, rx, rx * squash)
    em = rx * squash * uniform(rng, 0.22, 0.32)
    middle_y = rx * squash - reach - 0.35 * em - 0.5
    middle_x = rx - reach - 0.35 * em - 0.5
    parts: list[Element] = [*rims, *_arcs(slots, rng, face, middle_x, em, middle_y / middle_x)]
    if chance(rng, 0.5):
        parts.append(Ring(middle_x - em * 0.62, middle_y - em * 0.62, 0.25))
    parts += _centre(slots, rng, face, (middle_y - em * 0.62) * 0.95)
    return Design(2 * rx + 2, 2 * rx * squash + 2, tuple(parts))


def notary_seal(slots: Slots) -> Design:
    """A notary's or embosser's seal: toothed, roped or dotted rim, fine rings, guilloche, an emblem in the centre."""
    rng = slots.stream("layout")
    radius = uniform(rng, 17, 26)
    face = slots.face("face", Style.SERIF)
    patterns = (Pattern.TEETH, Pattern.ROPE, Pattern.DOTTED)
    rim = slots.draw("rim", lambda r: patterns[int(r.integers(3))])
    thick = uniform(rng, 0.8, 1.6)
    parts: list[Element] = [
        Ring(radius - thick / 2, radius - thick / 2, thick, rim, int(radius * uniform(rng, 4, 6.5)))
    ]
    reach = thick + 0.5
    if chance(rng, 0.6):
        parts.append(Ring(radius - reach, radius - reach, 0.25))
        reach += 0.4
    em = radius * uniform(rng, 0.17, 0.23)
    middle = radius - reach - 0.5 * em - 0.3
    parts += _arcs(slots, rng, face, middle, em, 1.0)
    inner = middle - 0.65 * em
    parts.append(Ring(inner, inner, 0.35, Pattern.SOLID if chance(rng, 0.6) else Pattern.DOTTED, int(inner * 6)))
    if chance(rng, 0.35):
        parts += rosette(inner - 0.6, int(rng.integers(18, 40)), 0.1, 0.14)
        inner *= 0.78
    name = slots.draw("emblem", lambda r: tuple(EMBLEMS)[int(r.integers(len(EMBLEMS)))])
    parts += emblem(name, inner * 0.8, slots.stream("emblem shape"))
    return Design(2 * radius + 2, 2 * radius + 2, tuple(parts))
