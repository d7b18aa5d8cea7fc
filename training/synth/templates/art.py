"""Printed pictures of office paper as SVG: logos, emblems, guilloche frames, barcodes, QR codes and portraits."""

# ruff: noqa: E501  (a tag is easier to read on one line)
from __future__ import annotations

import math

import numpy as np

from training.synth.templates.draft import Draft


def _polar(cx: float, cy: float, radius: float, angle: float) -> str:
    return f"{cx + radius * math.cos(angle):.2f},{cy + radius * math.sin(angle):.2f}"


def _closed_path(points: list[str]) -> str:
    return f"M{'L'.join(points)}Z"


def _blob(draft: Draft, colour: str) -> str:
    lobes, depth = draft.number(2, 7), draft.rng.uniform(0.1, 0.5)
    points = [
        _polar(50, 50, 42 * (1 - depth / 2 + depth / 2 * math.cos(lobes * a)), a) for a in np.linspace(0, 6.2832, 90)
    ]
    return f'<path d="{_closed_path(points)}" fill="{colour}"/>'


def _star(draft: Draft, colour: str) -> str:
    tips, inner = draft.number(4, 12), draft.rng.uniform(12, 34)
    points = [_polar(50, 50, 44 if i % 2 else inner, math.pi * i / tips - 1.5708) for i in range(2 * tips)]
    return f'<path d="{_closed_path(points)}" fill="{colour}"/>'


def _tree(draft: Draft, colour: str) -> str:
    crowns = "".join(
        f'<circle cx="{draft.number(25, 75)}" cy="{draft.number(15, 50)}" r="{draft.number(8, 20)}" fill="{c}"/>'
        for c in (colour, colour, draft.accent(), draft.accent(), colour)
    )
    return f'<path d="M46 95 L48 40 L53 40 L56 95Z" fill="#222"/>{crowns}<ellipse cx="50" cy="94" rx="30" ry="5"/>'


def _swoosh(draft: Draft, colour: str) -> str:
    other = draft.accent()
    bend = draft.number(5, 45)
    return (
        f'<path d="M5 70 Q50 {bend} 95 20 Q60 {bend + 30} 20 90Z" fill="{colour}"/>'
        f'<circle cx="{draft.number(60, 80)}" cy="{draft.number(60, 80)}" r="{draft.number(6, 16)}" fill="{other}"/>'
    )


def _bars(draft: Draft, colour: str) -> str:
    other = draft.accent()
    return "".join(
        f'<rect x="{8 + 22 * i}" y="{90 - h}" width="18" height="{h}" fill="{colour if i % 2 else other}"/>'
        for i, h in enumerate(draft.rng.integers(20, 85, 4))
    )


def _globe(draft: Draft, colour: str) -> str:
    lines = "".join(
        f'<ellipse cx="50" cy="50" rx="{r}" ry="42" fill="none" stroke="#fff" stroke-width="3"/>' for r in (12, 28)
    )
    return (
        f'<circle cx="50" cy="50" r="43" fill="{colour}"/>{lines}'
        '<path d="M7 50H93M14 28H86M14 72H86" stroke="#fff" stroke-width="3"/>'
    )


def _face(draft: Draft, colour: str) -> str:
    other = draft.accent()
    return (
        f'<circle cx="50" cy="55" r="34" fill="{colour}"/><path d="M22 40 L30 8 L46 26Z M78 40 L70 8 L54 26Z" '
        f'fill="{other}"/><circle cx="38" cy="50" r="7" fill="#fff"/><circle cx="62" cy="50" r="7" fill="#fff"/>'
        '<circle cx="39" cy="51" r="3"/><circle cx="61" cy="51" r="3"/>'
        '<path d="M35 70 Q50 82 65 70" stroke="#111" stroke-width="3" fill="none"/>'
    )


def _letters(draft: Draft, colour: str) -> str:
    initials = "".join(chr(65 + int(i)) for i in draft.rng.integers(0, 26, draft.number(1, 3)))
    shape = draft.one(
        f'<rect x="4" y="14" width="92" height="72" rx="{draft.number(0, 30)}" fill="{colour}"/>',
        f'<circle cx="50" cy="50" r="46" fill="{colour}"/>',
        f'<rect x="6" y="16" width="88" height="68" fill="none" stroke="{colour}" stroke-width="5"/>',
        f'<circle cx="50" cy="50" r="44" fill="none" stroke="{colour}" stroke-width="5"/>',
    )
    fill = colour if 'fill="none"' in shape else "#fff"
    return (
        f'{shape}<text x="50" y="64" font-size="{50 - 8 * len(initials)}" font-weight="bold" text-anchor="middle" '
        f'fill="{fill}" font-family="sans-serif">{initials}</text>'
    )


def _shield(draft: Draft, colour: str) -> str:
    other = draft.accent()
    return (
        f'<path d="M10 8H90V50Q90 82 50 96Q10 82 10 50Z" fill="{colour}" stroke="#222" stroke-width="2"/>'
        f'<path d="M10 40H90V58H10Z" fill="{other}"/><path d="M42 8H58V95L50 96L42 95Z" fill="{other}" opacity=".7"/>'
    )


def _rings(draft: Draft, colour: str) -> str:
    other = draft.accent()
    return "".join(
        f'<circle cx="{x}" cy="{y}" r="20" fill="none" stroke="{c}" stroke-width="{draft.number(4, 9)}"/>'
        for x, y, c in ((32, 40, colour), (66, 40, other), (49, 66, "#444"))
    )


_LOGOS = (
    _blob,
    _star,
    _tree,
    _swoosh,
    _bars,
    _globe,
    _face,
    _letters,
    _letters,
    _shield,
    _rings,
)


def logo(draft: Draft, colour: str, size_mm: float) -> str:
    """Return a printed company logo: flat colours, crisp edges, one to three shapes."""
    shapes = "".join(
        _LOGOS[int(draft.rng.integers(len(_LOGOS)))](draft, c)
        for c in ((colour,) if draft.chance(0.65) else (colour, draft.accent()))
    )
    return f'<svg viewBox="0 0 100 100" style="width:{size_mm:.1f}mm;height:{size_mm:.1f}mm">{shapes}</svg>'


def emblem(draft: Draft, colour: str, size_mm: float) -> str:
    """Return the printed arms of an office: shield or star in a wreath, line drawing."""
    leaves = "".join(
        f'<ellipse cx="50" cy="50" rx="3" ry="8" fill="{colour}" transform="rotate({a} 50 50) translate(0 -40) '
        f'rotate({35 if a > 0 else -35} 50 50)"/>'
        for a in (*range(25, 165, 14), *range(-25, -165, -14))
    )
    core = _star(draft, colour) if draft.chance(0.5) else _shield(draft, colour)
    return (
        f'<svg viewBox="0 0 100 100" style="width:{size_mm:.1f}mm;height:{size_mm:.1f}mm">{leaves}'
        f'<g transform="translate(25 22) scale(.5)">{core}</g></svg>'
    )


def guilloche_band(draft: Draft, colour: str) -> str:
    """Return the strokes of a security rosette band as SVG path data in a 200 x 20 box."""
    strokes = []
    waves, amplitude = draft.number(10, 30), draft.rng.uniform(4, 9)
    for phase in np.linspace(0, 2 * math.pi, draft.number(6, 12), endpoint=False):
        points = [f"{x:.1f},{10 + amplitude * math.sin(waves * x / 32 + phase):.2f}" for x in np.linspace(0, 200, 260)]
        strokes.append(f'<path d="M{"L".join(points)}" fill="none" stroke="{colour}" stroke-width=".25"/>')
    return "".join(strokes)


def guilloche_frame(draft: Draft, colour: str, width_mm: float, height_mm: float) -> str:
    """Return an ornamental frame of the given outer size, absolutely placed at its parent's corner."""
    band = guilloche_band(draft, colour)
    thick = draft.number(7, 13)
    style = "position:absolute;overflow:visible"
    box = '<svg viewBox="0 0 200 20" preserveAspectRatio="none"'
    rows = [
        f'{box} style="{style};left:0;top:{top}mm;width:{width_mm}mm;height:{thick}mm">{band}</svg>'
        for top in (0.0, height_mm - thick)
    ]
    rows += [
        f'{box} style="{style};left:{left}mm;top:0;width:{height_mm}mm;height:{thick}mm;transform-origin:0 0;'
        f'transform:rotate(90deg)">{band}</svg>'
        for left in (thick, width_mm)
    ]
    inner = f"left:{thick}mm;top:{thick}mm;width:{width_mm - 2 * thick}mm;height:{height_mm - 2 * thick}mm"
    border = draft.one("1px solid", "2px solid", "4px double")
    rows.append(f'<div style="position:absolute;{inner};border:{border} {colour}"></div>')
    return "".join(rows)


def rosette(draft: Draft, colour: str, size_mm: float, opacity: float = 0.5) -> str:
    """Return a printed round guilloche rosette (a background of certificates and banknotes)."""
    strokes = []
    lobes, depth = draft.number(6, 18), draft.rng.uniform(6, 18)
    for phase in np.linspace(0, 2 * math.pi / lobes, draft.number(8, 16), endpoint=False):
        points = [_polar(50, 50, 30 + depth * math.cos(lobes * (a + phase)), a) for a in np.linspace(0, 6.2832, 200)]
        strokes.append(f'<path d="{_closed_path(points)}" fill="none" stroke="{colour}" stroke-width=".3"/>')
    return (
        f'<svg viewBox="0 0 100 100" style="width:{size_mm:.0f}mm;height:{size_mm:.0f}mm;opacity:{opacity}">'
        f"{''.join(strokes)}</svg>"
    )


def barcode(draft: Draft, width_mm: float, height_mm: float) -> str:
    """Return a one-dimensional barcode."""
    x, bars = 0, []
    for i, module in enumerate(draft.rng.integers(1, 4, 60)):
        if i % 2 == 0:
            bars.append(f'<rect x="{x}" width="{module}" height="30"/>')
        x += int(module)
    return (
        f'<svg viewBox="0 0 {x} 30" preserveAspectRatio="none" style="width:{width_mm}mm;height:{height_mm}mm">'
        f"{''.join(bars)}</svg>"
    )


def qr_code(draft: Draft, size_mm: float) -> str:
    """Return a picture of a QR code: finder squares and random modules (it encodes nothing)."""
    side = 4 * draft.number(1, 6) + 17
    modules = draft.rng.random((side, side)) < 0.5
    for row, column in ((0, 0), (0, side - 7), (side - 7, 0)):
        modules[max(row - 1, 0) : row + 8, max(column - 1, 0) : column + 8] = False
        modules[row : row + 7, column : column + 7] = True
        modules[row + 1 : row + 6, column + 1 : column + 6] = False
        modules[row + 2 : row + 5, column + 2 : column + 5] = True
    cells = "".join(f"M{x} {y}h1v1h-1z" for y, x in np.argwhere(modules))
    return f'<svg viewBox="0 0 {side} {side}" style="width:{size_mm}mm;height:{size_mm}mm"><path d="{cells}"/></svg>'


def portrait(draft: Draft, width_mm: float, height_mm: float) -> str:
    """Return a drawn passport portrait: gradients for backdrop, shoulders, face and hair; no real person."""
    skin = draft.one("#e8b998", "#d49a72", "#a8744f", "#7c5238", "#f0cbb0")
    hair = draft.one("#201510", "#4a3020", "#8a6a3a", "#777", "#111")
    coat = draft.one("#233", "#345", "#532", "#eee", "#264026")
    back = draft.one("#cfd8e6", "#eee", "#b8c4c8", "#9fb7d9")
    name = f"g{draft.digits(9)}"
    stops = f'<stop offset="0" stop-color="{skin}"/><stop offset="1" stop-color="{skin}" stop-opacity=".75"/>'
    return (
        f'<svg viewBox="0 0 70 90" style="width:{width_mm}mm;height:{height_mm}mm;background:{back};'
        f'filter:{draft.one("none", "grayscale(1)", "contrast(1.2)")}"><defs><radialGradient id="{name}">{stops}'
        f'</radialGradient></defs><path d="M4 90Q8 64 35 62Q62 64 66 90Z" fill="{coat}"/>'
        f'<rect x="28" y="52" width="14" height="16" fill="{skin}"/><ellipse cx="35" cy="34" rx="20" ry="25" fill="{hair}"/>'
        f'<ellipse cx="35" cy="{draft.number(38, 42)}" rx="{draft.number(14, 17)}" ry="{draft.number(18, 22)}" '
        f'fill="url(#{name})"/><circle cx="28" cy="37" r="2" fill="#222"/><circle cx="42" cy="37" r="2" fill="#222"/>'
        '<path d="M35 40L33 47L37 47M29 52Q35 56 41 52" stroke="#6b3a2e" fill="none"/></svg>'
    )
