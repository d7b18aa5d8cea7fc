"""Stars, rosettes, laurels and coats of arms: procedural ornaments as tuples of elements around a point."""

import math
from collections.abc import Callable

import numpy as np

from training.synth.dies.elements import Area, Disc, Element, Point, Ring, Stroke

Ornament = tuple[Element, ...]


def polar(radius: float, degrees: float, x: float = 0.0, y: float = 0.0) -> Point:
    """The point at `degrees` clockwise from twelve o'clock."""
    angle = math.radians(degrees)
    return x + radius * math.sin(angle), y - radius * math.cos(angle)


def star(radius: float, points: int = 5, inner: float = 0.382, x: float = 0.0, y: float = 0.0) -> Ornament:
    """A filled star; `inner` is the radius of its notches over that of its points."""
    corners = [polar(radius * (1.0 if k % 2 == 0 else inner), 180 * k / points, x, y) for k in range(2 * points)]
    return (Area(tuple(corners)),)


def rosette(radius: float, lobes: int, depth: float, width: float = 0.16) -> Ornament:
    """A guilloche: two braided closed curves r = R (1 - d + d cos(lobes t))."""
    angle = np.linspace(0, 360, max(240, lobes * 16))
    curves = []
    for phase in (0.0, 180.0):
        radii = radius * (1 - depth + depth * np.cos(np.radians(lobes * angle + phase)))
        curves.append(Stroke(tuple(polar(float(r), float(t)) for r, t in zip(radii, angle, strict=True)), width))
    return tuple(curves)


def sun(radius: float, rays: int, width: float = 0.3) -> Ornament:
    """A star in a ring with rays around it."""
    spokes = [Stroke((polar(radius * 0.62, 360 * k / rays), polar(radius, 360 * k / rays)), width) for k in range(rays)]
    return Disc(0, 0, radius * 0.5), Disc(0, 0, radius * 0.5 - 1.4 * width, True), *star(radius * 0.3), *spokes


def gear(radius: float, teeth: int, hub: float = 0.35) -> Ornament:
    """A toothed wheel."""
    steps = []
    for k in range(teeth):
        for offset, reach in ((-0.3, 0.8), (-0.2, 1.0), (0.2, 1.0), (0.3, 0.8)):
            steps.append(polar(radius * reach, 360 * (k + offset) / teeth))
    return Area(tuple(steps)), Disc(0, 0, radius * 0.6, True), Disc(0, 0, radius * hub)


def leaf(length: float, width: float, x: float, y: float, degrees: float) -> Area:
    """A pointed leaf that grows from (x, y) towards `degrees`."""
    outline = [(0.0, 0.0), (0.25, 0.5), (0.55, 0.45), (1.0, 0.0), (0.55, -0.45), (0.25, -0.5)]
    angle = math.radians(degrees)
    sine, cosine = math.sin(angle), math.cos(angle)
    return Area(
        tuple(
            (x + u * length * sine + v * width * cosine, y - u * length * cosine + v * width * sine) for u, v in outline
        )
    )


def laurel(radius: float, leaves: int, size: float) -> Ornament:
    """Two branches that rise from six o'clock and leave the top open."""
    parts: list[Element] = []
    for side in (-1, 1):
        for k in range(leaves):
            angle = 180 - side * (12 + 130 * k / leaves)
            x, y = polar(radius, angle)
            parts += [leaf(size, size * 0.36, x, y, angle - side * 90 + lean) for lean in (-28, 28)]
        stem = tuple(polar(radius, 180 - side * t) for t in range(4, 146, 6))
        parts.append(Stroke(stem, size * 0.12))
    return tuple(parts)


def shield(radius: float, rng: np.random.Generator) -> Ornament:
    """A shield with one of the simple heraldic charges."""
    half = radius * 0.72
    edge = [(-half, -radius * 0.85), (half, -radius * 0.85), (half, 0.0)]
    edge += [(half * math.cos(t), radius * math.sin(t)) for t in np.linspace(0.2, math.pi - 0.2, 9)]
    outline = Stroke((*edge, (-half, 0.0), edge[0], edge[1]), radius * 0.1)
    match int(rng.integers(4)):
        case 0:
            charge: Ornament = star(radius * 0.5, int(rng.integers(5, 9)))
        case 1:
            charge = tuple(
                Stroke(((x * half, -radius * 0.8), (x * half, radius * 0.75)), radius * 0.14) for x in (-0.5, 0.0, 0.5)
            )
        case 2:
            charge = (
                Stroke(((0, -radius * 0.8), (0, radius * 0.9)), radius * 0.24),
                Stroke(((-half, -radius * 0.15), (half, -radius * 0.15)), radius * 0.24),
            )
        case _:
            charge = (
                Area(((-half, -radius * 0.85), (half, 0.1 * radius), (half, 0.5 * radius), (-half, -0.4 * radius))),
            )
    return (*charge, outline)


def crest(radius: float, rng: np.random.Generator) -> Ornament:
    """A mirrored figure with wings, much like an eagle or a coat of arms at stamp size."""
    feathers = int(rng.integers(4, 8))
    parts: list[Element] = []
    for side in (-1, 1):
        for k in range(feathers):
            angle = side * (38 + 95 * k / feathers + rng.uniform(-2, 2))
            reach = radius * (0.95 - 0.35 * k / feathers)
            parts.append(leaf(reach, radius * 0.15, side * radius * 0.1, -radius * 0.1 + k * radius * 0.06, angle))
        parts.append(leaf(radius * 0.6, radius * 0.2, side * radius * 0.1, radius * 0.35, side * 158))
    body = rng.uniform(0.2, 0.3) * radius
    parts.append(
        Area(tuple((body * math.sin(t), radius * 0.5 * -math.cos(t)) for t in np.linspace(0, 2 * math.pi, 20)))
    )
    parts.append(Disc(0, -radius * 0.58, radius * 0.17))
    parts.append(
        Area(((radius * 0.05, -radius * 0.66), (radius * 0.36, -radius * 0.55), (radius * 0.05, -radius * 0.5)))
    )
    parts.append(leaf(radius * 0.5, radius * 0.3, 0, radius * 0.42, 180))
    small = shield(radius * 0.26, rng)
    if rng.random() < 0.7:
        parts += [Disc(0, 0, radius * 0.3, True), *small]
    return tuple(parts)


def crown(radius: float, points: int = 5) -> Ornament:
    """A crown with a ball on each point."""
    base, half = radius * 0.6, radius * 0.8
    zigzag: list[Point] = [(-half, base)]
    for k in range(points):
        left = -half + 2 * half * k / points
        zigzag += [(left, -base * 0.2), (left + half / points, base * 0.35)]
    zigzag += [(half, -base * 0.2), (half, base)]
    tips = [Disc(-half + 2 * half * k / points, -base * 0.3, radius * 0.1) for k in range(points + 1)]
    return Area(tuple(zigzag)), Stroke(((-half, base * 0.7), (half, base * 0.7)), radius * 0.08, True), *tips


def anchor(radius: float) -> Ornament:
    """An anchor with a ring."""
    width = radius * 0.18
    arc = tuple(polar(radius * 0.7, t, 0, radius * 0.1) for t in range(110, 251, 10))
    flukes = [leaf(radius * 0.4, radius * 0.3, *polar(radius * 0.8, t, 0, radius * 0.1), t) for t in (108, 252)]
    return (
        Stroke(((0, -radius * 0.6), (0, radius * 0.8)), width),
        Stroke(((-radius * 0.4, -radius * 0.35), (radius * 0.4, -radius * 0.35)), width),
        Ring(radius * 0.18, radius * 0.18, width * 0.7, y=-radius * 0.75),
        Stroke(arc, width),
        *flukes,
    )


def book(radius: float) -> Ornament:
    """An open book with three lines on each page."""
    pages: list[Element] = []
    for side in (-1, 1):
        top = [(0.0, -radius * 0.4), (side * radius * 0.5, -radius * 0.55), (side * radius, -radius * 0.4)]
        bottom = [(side * radius, radius * 0.45), (side * radius * 0.5, radius * 0.3), (0.0, radius * 0.5)]
        pages.append(Stroke((*top, *bottom, top[0]), radius * 0.1))
        for k in range(3):
            y = radius * (-0.2 + 0.2 * k)
            pages.append(Stroke(((side * radius * 0.2, y), (side * radius * 0.8, y - radius * 0.06)), radius * 0.06))
    return tuple(pages)


def scales(radius: float) -> Ornament:
    """The scales of justice."""
    width = radius * 0.1
    parts: list[Element] = [
        Stroke(((0, -radius * 0.8), (0, radius * 0.8)), width * 1.5),
        Stroke(((-radius * 0.75, -radius * 0.6), (radius * 0.75, -radius * 0.6)), width),
        Stroke(((-radius * 0.4, radius * 0.8), (radius * 0.4, radius * 0.8)), width * 2),
    ]
    for side in (-1, 1):
        x = side * radius * 0.75
        parts.append(
            Stroke(((x - radius * 0.3, radius * 0.2), (x, -radius * 0.6), (x + radius * 0.3, radius * 0.2)), width)
        )
        bowl = tuple(
            (x + radius * 0.32 * math.cos(t), radius * (0.2 + 0.2 * math.sin(t))) for t in np.linspace(0, math.pi, 9)
        )
        parts.append(Area(bowl))
    return tuple(parts)


def cross(radius: float) -> Ornament:
    """A cross with equal arms."""
    arm = radius * 0.3
    return (
        Area(((-arm, -radius), (arm, -radius), (arm, radius), (-arm, radius))),
        Area(((-radius, -arm), (radius, -arm), (radius, arm), (-radius, arm))),
    )


EMBLEMS: dict[str, Callable[[float, np.random.Generator], Ornament]] = {
    "star5": lambda radius, rng: star(radius),
    "star6": lambda radius, rng: star(radius, 6, 0.577),
    "star8": lambda radius, rng: star(radius, 8, 0.55),
    "burst": lambda radius, rng: star(radius, int(rng.integers(12, 24)), 0.7),
    "rosette": lambda radius, rng: rosette(radius, int(rng.integers(6, 20)), float(rng.uniform(0.1, 0.45))),
    "double rosette": lambda radius, rng: (
        *rosette(radius, int(rng.integers(9, 24)), 0.15),
        *rosette(radius * 0.6, int(rng.integers(5, 12)), 0.4),
    ),
    "sun": lambda radius, rng: sun(radius, int(rng.integers(12, 30))),
    "gear": lambda radius, rng: (*gear(radius, int(rng.integers(8, 18))),),
    "laurel star": lambda radius, rng: (
        *laurel(radius * 0.85, int(rng.integers(6, 10)), radius * 0.3),
        *star(radius * 0.5),
    ),
    "laurel shield": lambda radius, rng: (
        *laurel(radius * 0.85, int(rng.integers(6, 10)), radius * 0.3),
        *shield(radius * 0.55, rng),
    ),
    "shield": shield,
    "crest": crest,
    "crown": lambda radius, rng: crown(radius, int(rng.integers(3, 7))),
    "anchor": lambda radius, rng: anchor(radius),
    "book": lambda radius, rng: book(radius),
    "scales": lambda radius, rng: scales(radius),
    "cross": lambda radius, rng: cross(radius),
}


def emblem(name: str, radius: float, rng: np.random.Generator, x: float = 0.0, y: float = 0.0) -> Ornament:
    """One of EMBLEMS, `radius` mm, moved to (x, y)."""
    return tuple(_moved(part, x, y) for part in EMBLEMS[name](radius, rng))


def _moved(element: Element, x: float, y: float) -> Element:
    match element:
        case Stroke(points, width, cut):
            return Stroke(tuple((px + x, py + y) for px, py in points), width, cut)
        case Area(points, cut):
            return Area(tuple((px + x, py + y) for px, py in points), cut)
        case Disc(px, py, radius, cut):
            return Disc(px + x, py + y, radius, cut)
        case Ring(rx, ry, width, pattern, count, px, py):
            return Ring(rx, ry, width, pattern, count, px + x, py + y)
        case _:
            return element
