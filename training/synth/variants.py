"""Dies that differ from a given one in exactly one thing: a letter, a digit, a word, a date, an emblem, a ring, a font.

Everything else is the same to the pixel, as with two offices of one firm that had their dies made together.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

import numpy as np

from training.synth import words
from training.synth.die import BUILDERS, DieSpec
from training.synth.dies.elements import ArcText, Design, Element, LineText
from training.synth.dies.slots import Slots
from training.synth.dies.text import fit, natural_width
from training.synth.fonts import FontFace, Script, pick

TRIES = 20
# Letters that one takes another for most easily; half of the letters that are changed become one of these.
CONFUSED = ("OQCGD0", "EFLT", "IJL1", "MNWH", "UVY", "BPR8", "AXKH", "SZ52", "aeoc", "bdpqhk", "il1tfj", "nmur", "vwyx")
CONFUSED_CYRILLIC = ("ОСЭ", "ИНЙП", "ШЩЦ", "ЛДА", "ВЬЪЫБ", "ГТП", "КХЖ", "оеас", "инпц", "шщж", "лдм", "вьъы")
CAPITAL_SHARE = 0.7  # of the em, where a face has no capitals
_WORD = re.compile(r"[^\W\d_]{3,}")


class Difference(Enum):
    """What two dies differ in."""

    LETTER = "letter"
    DIGIT = "digit"
    WORD = "word"
    DATE = "date"
    TEXTS = "texts"  # every word of all lines, on one layout
    EMBLEM = "emblem"
    RING = "ring"
    FONT = "font"


EMBLEM_SLOTS = ("emblem", "star", "separator", "picture")
RING_SLOTS = ("rim", "rings", "frame", "double frame")
DATE_SLOTS = ("date",)
TEXT_KINDS = (Difference.LETTER, Difference.DIGIT, Difference.WORD, Difference.DATE)


@dataclass(frozen=True, slots=True)
class Variant:
    """A die that differs from another in one thing; `letter_mm` is the height of the capitals of the line that does.

    0 where no line of text is changed.
    """

    spec: DieSpec
    difference: Difference
    letter_mm: float


def vary(spec: DieSpec, difference: Difference, rng: np.random.Generator) -> Variant | None:
    """A die that differs from `spec` in that; None where it has nothing of the kind."""
    match difference:
        case Difference.LETTER:
            found = _one_text(spec, rng, partial(_letter, rng, spec.script))
        case Difference.DIGIT:
            found = _one_text(spec, rng, partial(_digit, rng))
        case Difference.WORD:
            found = _one_text(spec, rng, partial(_word, rng, spec.script))
        case Difference.DATE:
            found = _slot(spec, rng, DATE_SLOTS)
        case Difference.EMBLEM:
            found = _slot(spec, rng, EMBLEM_SLOTS)
        case Difference.RING:
            found = _slot(spec, rng, RING_SLOTS)
        case Difference.TEXTS:
            found = _texts(spec, rng)
        case Difference.FONT:
            found = _font(spec, rng)
    if found is None or found[0] == spec.design:
        return None
    return Variant(replace(spec, design=found[0]), difference, found[1])


Change = Callable[[str, FontFace], str | None]


def _texts_of(design: Design) -> list[int]:
    return [at for at, element in enumerate(design.elements) if isinstance(element, LineText | ArcText)]


def _lines(design: Design) -> list[LineText | ArcText]:
    return [element for element in design.elements if isinstance(element, LineText | ArcText)]


def _one_text(spec: DieSpec, rng: np.random.Generator, change: Change) -> tuple[Design, float] | None:
    """The design with one line changed, a line drawn by its length, so that all letters are as likely."""
    places = _texts_of(spec.design)
    lengths = np.array([len(line.text) for line in _lines(spec.design)], float)
    if not lengths.sum():
        return None
    for _ in range(TRIES):
        at = places[int(rng.choice(len(places), p=lengths / lengths.sum()))]
        element = spec.design.elements[at]
        assert isinstance(element, LineText | ArcText)  # noqa: S101  # for mypy: _texts_of
        text = change(element.text, element.face)
        if text is not None and text != element.text and element.face.covers(text):
            return _with(spec.design, {at: replace(element, text=text)}), letter_height(element)
    return None


def _with(design: Design, changed: dict[int, Element]) -> Design:
    """The design with some elements replaced; lines may be no wider than its canvas."""
    elements = list(design.elements)
    for at, element in changed.items():
        if isinstance(element, LineText) and not element.angle:
            room = design.width - 2 * abs(element.x) - 1
            element = replace(element, max_width=min(element.max_width, room))
        elements[at] = element
    return replace(design, elements=tuple(elements))


def _letter(rng: np.random.Generator, script: Script, text: str, face: FontFace) -> str | None:
    places = [at for at, character in enumerate(text) if character.isalpha()]
    if not places:
        return None
    at = places[int(rng.integers(len(places)))]
    old = text[at]
    groups = [group for group in (*CONFUSED, *CONFUSED_CYRILLIC) if old in group]
    if groups and rng.random() < 0.5:
        pool = "".join(groups)
    else:
        sample = words.sentence(rng, script, 12) + words.company_name(rng, script)
        pool = sample.upper() if old.isupper() else sample.lower()
    pool = "".join(c for c in pool if c.isalpha() and c != old and c.lower() != old.lower())
    if not pool:
        return None
    return text[:at] + pool[int(rng.integers(len(pool)))] + text[at + 1 :]


def _digit(rng: np.random.Generator, text: str, face: FontFace) -> str | None:
    places = [at for at, character in enumerate(text) if character in "0123456789"]
    if not places:
        return None
    at = places[int(rng.integers(len(places)))]
    digit = str((int(text[at]) + int(rng.integers(1, 10))) % 10)
    return text[:at] + digit + text[at + 1 :]


def _word(rng: np.random.Generator, script: Script, text: str, face: FontFace) -> str | None:
    """One word of the line becomes another of about its length; of Han writing, two characters do."""
    if script is Script.CJK:
        if len(text) < 3:
            return None
        at, new = int(rng.integers(len(text) - 1)), words.company_name(rng, script)
        start = int(rng.integers(len(new) - 1))
        return text[:at] + new[start : start + 2] + text[at + 2 :]
    found = list(_WORD.finditer(text))
    if not found:
        return None
    old = found[int(rng.integers(len(found)))]
    other = _other_word(rng, script, old.group())
    return None if other is None else text[: old.start()] + other + text[old.end() :]


def _other_word(rng: np.random.Generator, script: Script, old: str) -> str | None:
    sources = (words.company_name, words.city, words.department, words.family_name, words.purpose, words.title)
    for _ in range(TRIES):
        drawn = _WORD.findall(sources[int(rng.integers(len(sources)))](rng, script))
        near = [word for word in drawn if abs(len(word) - len(old)) <= 2 and word.lower() != old.lower()]
        if near:
            word = str(near[int(rng.integers(len(near)))])
            return word.upper() if old.isupper() else word.capitalize() if old[0].isupper() else word.lower()
    return None


def _texts(spec: DieSpec, rng: np.random.Generator) -> tuple[Design, float] | None:
    """Every word another, every digit drawn anew: another firm that ordered from the same page of the catalogue."""
    changed: dict[int, Element] = {}
    for at in _texts_of(spec.design):
        element = spec.design.elements[at]
        assert isinstance(element, LineText | ArcText)  # noqa: S101  # for mypy: _texts_of
        text = re.sub(r"\d", lambda _: str(rng.integers(10)), element.text)
        if spec.script is Script.CJK:
            other = words.company_name(rng, spec.script)
            text = "".join(other[k % len(other)] if c.isalpha() else c for k, c in enumerate(text))
        else:
            text = _WORD.sub(lambda old: _other_word(rng, spec.script, old.group()) or old.group(), text)
        if element.face.covers(text):
            changed[at] = replace(element, text=text)
    if not changed:
        return None
    heights = [letter_height(spec.design.elements[at]) for at in changed]
    return _with(spec.design, changed), max(heights)


def _font(spec: DieSpec, rng: np.random.Generator) -> tuple[Design, float] | None:
    """The face that most lines are set in becomes another."""
    places = _texts_of(spec.design)
    lines = [spec.design.elements[at] for at in places]
    faces = [line.face for line in lines if isinstance(line, LineText | ArcText)]
    if not faces:
        return None
    old = max(dict.fromkeys(faces), key=faces.count)
    text = "".join(line.text for line in lines if isinstance(line, LineText | ArcText) and line.face == old)
    for _ in range(TRIES):
        new = pick(rng, old.script, spec.split, None)
        if new.covers(text) and new.design != old.design:
            changed: dict[int, Element] = {
                at: replace(line, face=new)
                for at, line in zip(places, lines)
                if isinstance(line, LineText | ArcText) and line.face == old
            }
            return _with(spec.design, changed), max(letter_height(line) for line in changed.values())
    return None


def _slot(spec: DieSpec, rng: np.random.Generator, slots: tuple[str, ...]) -> tuple[Design, float] | None:
    """The family's die with one of these slots redrawn. Only of a family's first die: others vary one already."""
    first = Slots(spec.split, spec.family, spec.script)
    if BUILDERS[spec.kind](first) != spec.design:
        return None
    names = [name for name in dict.fromkeys(first.names) if name in slots]
    if not names:
        return None
    name, turn = names[int(rng.integers(len(names)))], int(rng.integers(1, 4))
    design = BUILDERS[spec.kind](Slots(spec.split, spec.family, spec.script, name, turn))
    before, after = set(spec.design.elements), design.elements
    heights = [letter_height(element) for element in after if element not in before]
    return design, max(heights, default=0.0) if slots == DATE_SLOTS else 0.0


def letter_height(element: Element) -> float:
    """Height of the capitals of a line, mm, as it is printed: lines that are too long are set smaller. 0 for others."""
    match element:
        case LineText():
            tracking = element.tracking * element.em * len(element.text)
            natural = natural_width(element.text, element.face, element.em) + tracking
            scale, _ = fit(natural, element.stretch, element.max_width)
        case ArcText():
            natural = natural_width(element.text, element.face, element.em)
            available = np.deg2rad(element.spread) * (element.rx + element.ry) / 2  # of an oval, about
            scale, _ = fit(natural, element.stretch, float(available))
        case _:
            return 0.0
    probe = "H" if element.face.covers("H") and element.face.script is not Script.CJK else element.text
    _, top, _, bottom = element.face.at(64).getbbox(probe, anchor="ls")
    share = (bottom - top) / 64 if bottom > top else CAPITAL_SHARE
    return element.em * scale * float(share)
