"""Frameless stamps: words, names, addresses, dates and running numbers."""

import numpy as np

from training.synth import words
from training.synth.dies.elements import Design, Element, LineText, Stroke
from training.synth.dies.slots import Slots, chance, uniform
from training.synth.dies.text import natural_width
from training.synth.fonts import FontFace, Style

LAYOUTS: tuple[tuple[tuple[str, words.Words], ...], ...] = (
    (("verdict", words.verdict),),
    (("verdict", words.verdict),),
    (("title", words.title),),
    (("department", words.department),),
    (("name", words.person_name),),
    (("title", words.title), ("department", words.department)),
    (("name", words.person_name), ("title", words.title)),
    (("name", words.person_name), ("title", words.title), ("company", words.company_name)),
    (("company", words.company_name), ("title", words.title)),
    (("department", words.department), ("city", words.city)),
    (("company", words.company_name), ("street", words.street), ("city", words.city)),
    (("company", words.company_name), ("street", words.street), ("city", words.city), ("phone", words.phone)),
    (("verdict", words.verdict), ("date", words.date)),
    (("company", words.company_name), ("number", words.serial)),
    (("title", words.title),),
    (("department", words.department),),
    (("department", words.department), ("title", words.title)),
    (
        ("company", words.company_name),
        ("department", words.department),
        ("street", words.street),
        ("city", words.city),
        ("phone", words.phone),
    ),
    (("verdict", words.verdict), ("date", words.date), ("field", words.field)),
    (("verdict", words.verdict), ("field", words.field), ("second field", words.field)),
    (("company", words.company_name), ("verdict", words.verdict), ("date", words.date), ("field", words.field)),
    (("signatory", words.signatory),),
    (("signatory", words.signatory),),
    (("signatory", words.signatory),),
    (("signatory", words.signatory),),
    (("signatory", words.signatory),),
    (("name", words.person_name),),
    (("department", words.department),),
    (("initials", words.initials),),
    (("initials", words.initials),),
)
WIDEST_MM = 72.0


def _bold(slots: Slots, rng: np.random.Generator) -> FontFace:
    styles = (None, Style.SANS, Style.SANS, Style.SANS, Style.SANS, Style.SERIF, Style.MONO)
    style = styles[int(rng.integers(len(styles)))]
    return slots.face("face", style)


def word(slots: Slots) -> Design:
    """One to five lines of text and nothing round them; a field has a rule to be filled in by hand."""
    rng = slots.stream("layout")
    rows = LAYOUTS[int(rng.integers(len(LAYOUTS)))]
    face = _bold(slots, rng)
    shout = rows[0][0] == "verdict" and chance(rng, 0.75)
    em = uniform(rng, 5.5, 13) if shout and len(rows) < 3 else uniform(rng, 2.6 if len(rows) == 1 else 3.0, 5.8)
    if rows[0][0] == "initials":
        em *= uniform(rng, 1.0, 2.2)
    weight = em * uniform(rng, 0.0, 0.09)
    stretch = uniform(rng, 0.8, 1.2)
    capitals = shout or chance(rng, 0.3)
    left = chance(rng, 0.6)
    pitch = em * uniform(rng, 1.05, 1.35)
    tracking = uniform(rng, 0.03, 0.25) if chance(rng, 0.2) else 0.0
    outline = shout and em > 7 and chance(rng, 0.12)
    larger = uniform(rng, 1.0, 1.4) if len(rows) > 2 and chance(rng, 0.5) else 1.0
    underlined, overlined = chance(rng, 0.12), chance(rng, 0.06)
    texts = [slots.text(name, source, face, capitals) for name, source in rows]
    sizes = [em * (larger if k == 0 else 1.0) for k in range(len(rows))]
    widths = [
        min(WIDEST_MM, natural_width(text, face, size) * stretch + tracking * size * len(text) * stretch)
        for text, size in zip(texts, sizes, strict=True)
    ]
    fields = [name.endswith("field") for name, _ in rows]
    block = max(*widths, 38.0) if any(fields) else max(widths)
    parts: list[Element] = []
    y = -(len(rows) - 1) * pitch / 2
    for text, size, width, field in zip(texts, sizes, widths, fields, strict=True):
        x = (width - block) / 2 if left or field else 0.0
        if field and width < 0.8 * block:
            parts.append(Stroke(((width - block / 2 + 1, y + size * 0.4), (block / 2, y + size * 0.4)), 0.25))
        parts.append(
            LineText(text, face, size, x, y, WIDEST_MM, max(weight, 0.6 * outline), stretch, 0.0, tracking, outline)
        )
        y += pitch
    half_h = len(rows) * pitch / 2 + em * 0.15
    for wanted, side in ((underlined, 1), (overlined, -1)):
        if wanted:
            parts.append(Stroke(((-block / 2, side * half_h), (block / 2, side * half_h)), uniform(rng, 0.25, 0.8)))
    return Design(block + 6, 2 * half_h + 2 * em + 2, tuple(parts))


def _banded(text: str, face: FontFace, em: float, weight: float, rng: np.random.Generator) -> list[Element]:
    """A date set on rubber bands: each group of characters sits a little off the line."""
    groups = text.split(" ")
    gap = em * 0.35
    widths = [natural_width(group, face, em) for group in groups]
    x = -(sum(widths) + gap * (len(groups) - 1)) / 2
    parts: list[Element] = []
    for group, width in zip(groups, widths, strict=True):
        parts.append(LineText(group, face, em, x + width / 2, uniform(rng, -0.05, 0.05) * em, width * 1.05, weight))
        x += width + gap
    return parts


def date(slots: Slots) -> Design:
    """A dater or a numbering machine, with or without a line of text."""
    rng = slots.stream("layout")
    style = (None, Style.SANS, Style.MONO, Style.SERIF)[int(rng.integers(4))]
    face = slots.face("face", style)
    em = uniform(rng, 3.4, 6.5)
    weight = em * uniform(rng, 0, 0.05)
    numbering = chance(rng, 0.25)
    extra, spaced = int(rng.choice([0, 0, 0, 1, 2, 3])), uniform(rng, 0.08, 0.3)
    if numbering:
        count = int(rng.integers(4, 9))
        text = slots.draw("number", lambda r: words.digits(r, count))
        parts: list[Element] = [LineText(text, face, em, 0, 0, WIDEST_MM, weight, 1.0, 0.0, spaced)]
        width = natural_width(text, face, em) + spaced * em * count
    else:
        text = slots.text("date", words.date, face, True)
        parts = _banded(text, face, em, weight, rng)
        width = natural_width(text, face, em) + em
    pitch = em * uniform(rng, 1.0, 1.3)
    caption_face = slots.face("caption face")
    em_caption = em * uniform(rng, 0.6, 1.0)
    if extra & 1:
        above = slots.text("above", words.verdict if chance(rng, 0.6) else words.company_name, caption_face, True)
        parts.append(LineText(above, caption_face, em_caption, 0, -pitch, max(width, 45.0), weight))
    if extra & 2:
        below = slots.text("below", words.department if chance(rng, 0.5) else words.city, caption_face)
        parts.append(LineText(below, caption_face, em_caption, 0, pitch, max(width, 45.0), weight))
    if chance(rng, 0.15):
        for side in (-1, 1):
            parts.append(Stroke(((-width / 2, side * pitch * 0.55), (width / 2, side * pitch * 0.55)), 0.3))
    return Design(max(width, 45.0) + 8, 2 * pitch + 2 * em + 2, tuple(parts))
