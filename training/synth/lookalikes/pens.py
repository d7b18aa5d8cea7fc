"""What people write: signatures, notes, circles, ticks, underlines, highlighter."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from training.synth import words
from training.synth.fonts import FontFace, Script, Style, families, pick
from training.synth.lookalikes.sheet import (
    FINE,
    PENS,
    Colour,
    Sheet,
    canvas,
    coverage_of,
    print_on,
    text_layer,
)

# Of the hand faces, those that a pen could have written: brushes and bold scripts are what stamps are set in.
_PENNED = frozenset(
    {"humor-sans", "breip", "rufscript", "steve-hand", "dkg", "kristi", "dancing-script", "delphine", "ecolier"}
)


def hand(sheet: Sheet) -> FontFace:
    """Return a handwriting face, of Latin where the split has none of another script."""
    script = Script.CYRILLIC if sheet.rng.random() < 0.33 else Script.LATIN
    if not any(family.design in _PENNED and family.files for family in families(script, sheet.split, Style.HAND)):
        script = Script.LATIN
    while True:
        face = pick(sheet.rng, script, sheet.split, Style.HAND)
        if face.design in _PENNED:
            return face


def written(sheet: Sheet, face: FontFace, text: str, height_px: int) -> Image.Image:
    """Return ``text`` in a hand, without the characters that the hand lacks."""
    known = "".join(c for c in text if c == " " or face.covers(c)).strip()
    return text_layer(sheet, known or "a", face.script, Style.HAND, height_px, face)


def _jotted_date(rng: np.random.Generator) -> str:
    """Return a date in figures, as people write it; months in letters are what daters print."""
    mark = "./-"[int(rng.integers(3))]
    return mark.join((str(rng.integers(1, 29)), str(rng.integers(1, 13)), f"{rng.integers(0, 100):02d}"))


def spline(points: npt.NDArray[np.float64], steps: int = 12) -> npt.NDArray[np.float64]:
    """Return a Catmull-Rom curve through ``points`` (N, 2)."""
    padded = np.vstack([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    p0, p1, p2, p3 = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    curve = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
    return np.vstack([curve.reshape(-1, 2), points[-1:]])


def stroke(draw: ImageDraw.ImageDraw, curve: npt.NDArray[np.float64], width: float) -> None:
    """Draw a pen line whose width falls with speed."""
    speed = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    widths = width * np.clip(1.35 - 0.5 * speed / (speed.mean() + 1e-6), 0.45, 1.4)
    for (x0, y0), (x1, y1), pen in zip(curve[:-1], curve[1:], widths, strict=True):
        draw.line((x0, y0, x1, y1), fill=255, width=max(round(pen), 1))
        radius = pen / 2
        if pen > 3:
            draw.ellipse((x1 - radius, y1 - radius, x1 + radius, y1 + radius), fill=255)


def signature(sheet: Sheet, at: tuple[int, int] | None = None) -> None:
    """A signature, a leaning name or one running line of loops, centred at ``at`` or anywhere."""
    rng = sheet.rng
    layer = _written_name(sheet) if rng.random() < 0.3 else _scrawl(sheet)
    leaning = layer.rotate(rng.uniform(-3, 22), Image.Resampling.BILINEAR, expand=True)
    coverage = coverage_of(leaning)
    left, top = sheet.place(coverage.shape[1], coverage.shape[0])
    if at is not None:
        left, top = at[0] - coverage.shape[1] // 2, at[1] - coverage.shape[0] // 2
    print_on(sheet.page, coverage, sheet.colour(PENS), left, top)


def signed_block(sheet: Sheet) -> None:
    """The foot of a letter: a typed closing, a signature across it, and up to three typed lines of who signs."""
    rng, script = sheet.rng, (Script.LATIN, Script.LATIN, Script.CYRILLIC)[int(sheet.rng.integers(3))]
    style = (Style.MONO, Style.MONO, Style.SANS, Style.SERIF)[int(rng.integers(4))]
    face, size = pick(rng, script, sheet.split, style, ""), sheet.px(2.4, 4)
    makers = (words.sentence, words.person_name, words.title, words.department)
    x, y = sheet.blank(20 * size, 9 * size, 4)
    for row, maker in zip((0, 5, 6, 7), makers, strict=True):
        if rng.random() < 0.75:
            text = maker(rng, script)[:24]
            printed = coverage_of(text_layer(sheet, text, script, style, size, face))
            print_on(sheet.page, printed, (20, 20, 20), x, y + int(1.3 * size * row))
    if rng.random() < 0.4:
        rule = np.full((max(sheet.px(0.15, 0.35), 1), 18 * size), 255, np.uint8)
        print_on(sheet.page, rule, (20, 20, 20), x, y + int(6.2 * size))
    signature(sheet, (x + int(rng.uniform(3, 12) * size), y + int(rng.uniform(2.5, 6) * size)))


def _written_name(sheet: Sheet) -> Image.Image:
    """Return a signature that can be read: a leaning name, its line run out in a flourish."""
    rng, face = sheet.rng, hand(sheet)
    text = written(sheet, face, words.family_name(rng, face.script), sheet.px(6, 13))
    lean = rng.uniform(-0.1, 0.6) * text.height
    width, height = text.width + int(abs(lean) + 0.4 * text.height), int(1.5 * text.height)
    shift = -max(lean, 0.0)
    matrix = (1.0, lean / text.height, shift, 0.0, 1.0, 0.0)
    layer = text.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    start = np.array([rng.uniform(0.0, 0.9), rng.uniform(0.5, 0.7)])
    points = np.vstack([start, rng.uniform((0.0, 0.45), (1.0, 0.98), (int(rng.integers(2, 6)), 2))])
    stroke(ImageDraw.Draw(layer), spline(points * (width, height)), rng.uniform(0.25, 0.6) * sheet.px_per_mm * FINE)
    return layer


def _scrawl(sheet: Sheet) -> Image.Image:
    """Return a signature that cannot be read: loops and flourishes."""
    rng = sheet.rng
    width, height = sheet.px(25, 75), sheet.px(9, 26)
    layer, draw = canvas(width, height)
    w, h = layer.size
    pen = rng.uniform(0.25, 0.8) * sheet.px_per_mm * FINE
    # A running hand: the pen circles on its way to the right, tall at the capital and flatter towards the end.
    cycles, steps = rng.uniform(3, 9), int(rng.integers(24, 60))
    phase = np.cumsum(rng.uniform(0.4, 1.6, steps))
    phase *= cycles * 2 * np.pi / phase[-1]
    tall = np.linspace(rng.uniform(0.25, 0.42), rng.uniform(0.04, 0.16), steps) * rng.uniform(0.5, 1.25, steps)
    loops = rng.uniform(0.01, 0.07) * np.cos(phase + rng.uniform(0, 6)) * (tall / tall.max())
    x = (np.linspace(0.1, rng.uniform(0.55, 0.9), steps) + loops) * w
    y = (rng.uniform(0.5, 0.62) - tall * np.sin(phase)) * h
    stroke(draw, spline(np.column_stack([x, y]), 6), pen)
    for _ in range(int(rng.integers(0, 3))):
        loop = np.column_stack([rng.uniform(0.05, 0.95, 5) * w, rng.uniform(0.1, 0.95, 5) * h])
        stroke(draw, spline(loop if rng.random() < 0.5 else loop[loop[:, 0].argsort()]), pen)
    return layer


def handwriting(sheet: Sheet) -> None:
    """A note of one to five words in one hand, each word with its own height and lean."""
    rng = sheet.rng
    colour, size, face = sheet.colour(PENS), sheet.px(4, 9 if rng.random() < 0.7 else 15), hand(sheet)
    lean = rng.normal(0, 9) + (rng.choice([0, 0, 0, 90]))
    left, top = sheet.place(sheet.px(40, 60), sheet.px(15, 20))
    x, y = left, top
    for _ in range(int(rng.integers(1, 6))):
        makers = (words.family_name, words.serial, words.city, words.department)
        text = _jotted_date(rng) if rng.random() < 0.2 else makers[int(rng.integers(len(makers)))](rng, face.script)
        layer = written(sheet, face, text, int(size * rng.uniform(0.85, 1.15)))
        coverage = coverage_of(layer.rotate(lean + rng.normal(0, 2), Image.Resampling.BILINEAR, expand=True))
        print_on(sheet.page, coverage, colour, x, y + int(rng.normal(0, 2)))
        x += coverage.shape[1] + size // 2
        if x > left + 70 * sheet.px_per_mm:
            x, y = left, y + int(size * 1.4)


def boxed_note(sheet: Sheet) -> None:
    """Two to five lines of a large hand where the page is empty, most in a frame, printed or drawn round them."""
    rng, face = sheet.rng, hand(sheet)
    script, colour, size = face.script, sheet.colour(PENS), sheet.px(4.5, 9)
    lean, lines = rng.normal(3, 4), []
    for _ in range(int(rng.integers(2, 6))):
        text = words.sentence(rng, script, int(rng.integers(1, 4))) if rng.random() < 0.7 else words.city(rng, script)
        lines.append(written(sheet, face, text, size).rotate(lean, expand=True))
    notes = [coverage_of(line) for line in lines]
    width = max(note.shape[1] for note in notes) + 2 * size
    height = int(1.35 * size * len(notes)) + 2 * size
    left, top = sheet.blank(width, height, 4)
    for row, note in enumerate(notes):
        x = left + size + int(rng.normal(0, 0.4 * size))
        print_on(sheet.page, note, colour, x, top + size + int(1.35 * size * row))
    if rng.random() < 0.65:
        layer, draw = canvas(width, height)
        w, h = layer.size
        drawn = rng.random() < 0.6
        jitter = 0.03 if drawn else 0.0
        corners = np.array([[0.04, 0.04], [0.96, 0.04], [0.96, 0.96], [0.04, 0.96], [0.04, 0.04]])
        sides = np.vstack([np.linspace(a, b, 5)[:-1] for a, b in pairwise(corners)])
        sides = np.vstack([sides, corners[-1:]]) + rng.normal(0, jitter, 2)
        sides = sides + rng.normal(0, jitter / 3, sides.shape)
        pen = rng.uniform(0.25, 0.6) * sheet.px_per_mm * FINE
        if drawn:
            stroke(draw, spline(sides * (w, h)), pen)
        else:
            draw.rectangle((0.04 * w, 0.04 * h, 0.96 * w, 0.96 * h), outline=255, width=max(round(pen), 1))
        print_on(sheet.page, coverage_of(layer), colour if drawn else (20, 20, 20), left, top)


def fill_in(sheet: Sheet, at: tuple[int, int]) -> None:
    """What is written on a stamp once it is struck, centred at ``at``: initials, a date, a number or a name."""
    rng = sheet.rng
    colour = sheet.colour(PENS)
    if rng.random() < 0.5:
        layer, draw = canvas(sheet.px(8, 20), sheet.px(6, 14))
        points = np.column_stack([np.linspace(0.08, 0.9, 7), 0.5 + 0.4 * rng.uniform(0.3, 1, 7) * (-1) ** np.arange(7)])
        points += rng.normal(0, 0.06, (7, 2))
        stroke(draw, spline(np.clip(points, 0.02, 0.98) * layer.size), rng.uniform(0.25, 0.7) * sheet.px_per_mm * FINE)
    else:
        face = hand(sheet)
        texts = (_jotted_date(rng), words.serial(rng, face.script), words.family_name(rng, face.script))
        layer = written(sheet, face, texts[int(rng.integers(3))], sheet.px(3.5, 7))
    coverage = coverage_of(layer.rotate(rng.normal(4, 6), Image.Resampling.BILINEAR, expand=True))
    print_on(sheet.page, coverage, colour, at[0] - coverage.shape[1] // 2, at[1] - coverage.shape[0] // 2)


def pen_marks(sheet: Sheet) -> None:
    """A circle drawn around something, an underline, a tick or a cross-out."""
    rng = sheet.rng
    kind = int(rng.integers(4))
    width, height = sheet.px(12, 60), sheet.px(6, 22)
    layer, draw = canvas(width, height)
    w, h = layer.size
    pen = rng.uniform(0.3, 0.9) * sheet.px_per_mm * FINE
    if kind == 0:
        angle = np.linspace(0, rng.uniform(5.9, 7.4), 14) + rng.uniform(0, 6)
        radius = np.linspace(0.4, 0.46, 14) + rng.normal(0, 0.012, 14)
        points = np.column_stack([0.5 + radius * np.cos(angle), 0.5 + radius * np.sin(angle)])
    elif kind == 1:
        points = np.column_stack([np.linspace(0.03, 0.97, 6), 0.5 + rng.normal(0, 0.06, 6)])
    elif kind == 2:
        points = np.array([[0.2, 0.5], [0.4, 0.85], [0.55, 0.5], [0.9, 0.08]]) + rng.normal(0, 0.03, (4, 2))
    else:
        points = np.column_stack([np.linspace(0.05, 0.95, 9), np.where(np.arange(9) % 2, 0.2, 0.8)])
    stroke(draw, spline(points * (w, h)), pen)
    print_on(sheet.page, coverage_of(layer), sheet.colour(PENS), *sheet.place(width, height))


def highlighter(sheet: Sheet) -> None:
    """One to three strokes of a fluorescent marker."""
    rng = sheet.rng
    colours: tuple[Colour, ...] = ((250, 245, 80), (120, 245, 120), (255, 150, 200), (120, 210, 255), (255, 190, 90))
    colour, height, width = sheet.colour(colours), sheet.px(3.5, 6), sheet.px(20, 120)
    x, y = sheet.place(width, height)
    for line in range(int(rng.integers(1, 4))):
        layer, draw = canvas(width, height + 6)
        points = np.column_stack(
            [np.linspace(0.02, 0.98, 5) * layer.width, (0.5 + rng.normal(0, 0.03, 5)) * layer.height]
        )
        draw.line([tuple(p) for p in points], fill=int(rng.integers(170, 255)), width=height * FINE)
        print_on(sheet.page, coverage_of(layer), colour, x + int(rng.normal(0, 8)), y + line * int(height * 1.3))
