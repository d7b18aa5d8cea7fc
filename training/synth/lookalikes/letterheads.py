"""What a letterhead prints: crests, arms, headings and addresses in colour: flush, upright and clear of other print."""

from __future__ import annotations

import numpy as np

from training.synth import words
from training.synth.die import DieKind, die_spec, render
from training.synth.dies.elements import Design, Element, LineText, Stroke
from training.synth.dies.ornaments import emblem
from training.synth.dies.pictorial import symbol
from training.synth.dies.raster import rasterise
from training.synth.fonts import Script, Style, pick
from training.synth.lookalikes.sheet import PRINTING, Page, Sheet, a_script, coverage_of, print_on, text_layer

_CREST_KINDS = (DieKind.ROUND, DieKind.ROUND, DieKind.NOTARY, DieKind.NOTARY, DieKind.OVAL)
_DEVICES = ("shield", "crest", "laurel shield", "laurel star", "crest", "burst", "book", "scales")
_BLACK = (22, 22, 22)


def crest(sheet: Sheet) -> None:
    """A round crest with its ring text: like a seal, but evenly inked, upright, small, and where no print is."""
    rng = sheet.rng
    kind = _CREST_KINDS[int(rng.integers(len(_CREST_KINDS)))]
    spec = die_spec(int(rng.integers(2**31)), 0, sheet.split, kind, a_script(sheet))
    scale = rng.uniform(11, 23) / spec.design.width
    coverage = (render(spec, sheet.px_per_mm * scale) * 255).astype(np.uint8)
    _head(sheet, coverage, many_coloured=True)


def arms(sheet: Sheet) -> None:
    """A coat of arms: a device under a crown, and a ribbon with a motto below it."""
    rng = sheet.rng
    radius = rng.uniform(5, 10)
    parts: list[Element] = list(emblem(_DEVICES[int(rng.integers(len(_DEVICES)))], radius, rng))
    if rng.random() < 0.6:
        parts += emblem("crown", radius * 0.42, rng, 0, -radius * 1.4)
    if rng.random() < 0.6:
        motto = words.city(rng, Script.LATIN).upper()
        face = pick(rng, Script.LATIN, sheet.split, Style.SERIF, motto)
        top, foot, half = radius * 1.12, radius * 1.5, radius * 1.15
        ribbon = [(-half, top), (half, top), (half * 0.9, (top + foot) / 2), (half, foot), (-half, foot)]
        parts.append(Stroke((*ribbon, (-half * 0.9, (top + foot) / 2), (-half, top), (half, top)), 0.25))
        parts.append(LineText(motto, face, radius * 0.32, 0, (top + foot) / 2, half * 1.7))
    drawn = rasterise(Design(radius * 4, radius * 4.5, tuple(parts)), sheet.px_per_mm)
    _head(sheet, (drawn * 255).astype(np.uint8), many_coloured=rng.random() < 0.5)


def engraving(sheet: Sheet) -> None:
    """A picture beside a firm's name: line art, or white on a block, as letterheads and packets have it."""
    rng = sheet.rng
    size = sheet.px(9, 26)
    face = pick(rng, Script.LATIN, sheet.split, Style.SYMBOL, "")
    picture = coverage_of(text_layer(sheet, symbol(rng, face), Script.LATIN, Style.SYMBOL, size, face))
    if rng.random() < 0.5:
        picture = 255 - np.pad(picture, max(size // 8, 1))
    _head(sheet, picture, many_coloured=False)


def _head(sheet: Sheet, coverage: Page, *, many_coloured: bool) -> None:
    """Print a device where the head of the page is empty, at the margin or in the middle, with a name by it."""
    rng = sheet.rng
    height, width = coverage.shape
    for _ in range(6):
        centred = rng.random() < 0.6
        left = (sheet.page.shape[1] - width) // 2 if centred else sheet.px(10, 24)
        top = sheet.px(4, 22)
        if sheet.is_blank(left, top, width, height + sheet.px(2, 7)):
            break
    else:
        return
    colour = _BLACK if rng.random() < 0.45 else sheet.colour(PRINTING)
    inner = np.zeros_like(coverage)
    if many_coloured and rng.random() < 0.5:
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        inner = np.where(np.hypot(x, y) < rng.uniform(0.5, 0.75), coverage, 0).astype(np.uint8)
    print_on(sheet.page, coverage - inner, colour, left, top)
    print_on(sheet.page, inner, sheet.colour(PRINTING), left, top)
    script = a_script(sheet)
    name = coverage_of(text_layer(sheet, words.company_name(rng, script), script, Style.SERIF, sheet.px(2.4, 5)))
    if centred:
        print_on(sheet.page, name, colour, left + (width - name.shape[1]) // 2, top + height + sheet.px(1, 3))
    else:
        print_on(sheet.page, name, colour, left + width + sheet.px(2, 5), top + (height - name.shape[0]) // 2)


def coloured_heading(sheet: Sheet) -> None:
    """A bold printed heading in colour at the left margin or centred, dead straight; never a word of stamps."""
    rng, script = sheet.rng, a_script(sheet)
    maker = words.company_name if rng.random() < 0.6 else words.sentence
    text = maker(rng, script)[: int(rng.integers(8, 30))]
    style = (Style.SANS, Style.SLAB, Style.SERIF)[int(rng.integers(3))]
    coverage = coverage_of(text_layer(sheet, text, script, style, sheet.px(4, 12)))
    coverage = coverage[:, : int(0.9 * sheet.page.shape[1])]
    height, width = sheet.page.shape[:2]
    x = (width - coverage.shape[1]) // 2 if rng.random() < 0.4 else sheet.px(12, 25)
    for _ in range(6):
        y = int(rng.uniform(0.02, 0.3 if rng.random() < 0.7 else 0.95) * height)
        if sheet.is_blank(x, y, coverage.shape[1], coverage.shape[0]):
            print_on(sheet.page, coverage, sheet.colour(PRINTING), x, y)
            return


def coloured_lines(sheet: Sheet) -> None:
    """A letterhead's address in small coloured print: two to six lines in the page's own columns."""
    rng, script = sheet.rng, a_script(sheet)
    makers = (words.street, words.phone, words.city, words.company_name, words.person_name, words.serial)
    style = (Style.SANS, Style.SANS, Style.SERIF)[int(rng.integers(3))]
    face = pick(rng, script, sheet.split, style, "")
    size, colour = sheet.px(1.7, 3.4), sheet.colour(PRINTING)
    lines = []
    for _ in range(int(rng.integers(2, 7))):
        text = makers[int(rng.integers(len(makers)))](rng, script)[:34]
        lines.append(coverage_of(text_layer(sheet, text, script, style, size, face)))
    page_height, page_width = sheet.page.shape[:2]
    block, pitch = min(max(line.shape[1] for line in lines), page_width // 2), round(size * rng.uniform(1.3, 1.9))
    margin = sheet.px(12, 24)
    columns = (margin, page_width - margin - block, (page_width - block) // 2, int(page_width * 0.64))
    flush = float(rng.choice([0.0, 0.0, 0.5]))
    for _ in range(6):
        column = int(rng.integers(4))
        x = columns[column]
        y = int(rng.uniform(0.02, 0.26) * page_height)
        if rng.random() < 0.25:
            y = page_height - sheet.px(6, 14) - pitch * len(lines)
        if not sheet.is_blank(x, y, block, pitch * len(lines)):
            continue
        shift = 1.0 if column == 1 else flush
        for row, line in enumerate(lines):
            line = line[:, :block]
            print_on(sheet.page, line, colour, x + int(shift * (block - line.shape[1])), y + row * pitch)
        return
