"""Name seals, postmarks and picture stamps."""

import math

import numpy as np

from training.synth import words
from training.synth.dies.elements import ArcText, Area, Design, Disc, Element, Facing, LineText, Point, Ring, Stroke
from training.synth.dies.slots import Slots, chance, uniform
from training.synth.fonts import FontFace, Script, Split, Style, pick

# Where each symbol face keeps pictures that are worth a stamp: inclusive ranges of code points.
DRAWN = ("symbola", "noto-symbols")
PICTURES: dict[str, tuple[tuple[int, int], ...]] = {
    "symbola": ((0x1F400, 0x1F43E), (0x1F300, 0x1F3FF), (0x1F600, 0x1F64F), (0x1F440, 0x1F4FF), (0x2600, 0x26FF)),
    "noto-symbols": ((0x1F400, 0x1F5FF), (0x1F300, 0x1F3FF), (0x2600, 0x27BF)),
    "dejavu-sans": ((0x2600, 0x26A0), (0x1F42D, 0x1F42E), (0x1F600, 0x1F640), (0x2701, 0x27BE)),
    "font-awesome": ((0xF000, 0xF2E0),),
    "fork-awesome": ((0xF000, 0xF2E0),),
    "material-icons": ((0xF101, 0xF8FF), (0xF0001, 0xF1AF0)),
    "entypo": ((0x1F300, 0x1F6FF), (0x2600, 0x27BF), (0xE700, 0xE7FF)),
    "elusive": ((0xF101, 0xF22F),),
}


def _symbols(rng: np.random.Generator, split: Split) -> FontFace:
    """A face of pictures: twice in three one that draws animals and faces, else one of plain icons."""
    for _ in range(12):
        face = pick(rng, Script.LATIN, split, Style.SYMBOL)
        if face.design in DRAWN or rng.random() < 0.08:
            break
    return face


def symbol(rng: np.random.Generator, face: FontFace) -> str:
    """A picture that a face of symbols draws, as its character."""
    for _ in range(400):
        low, high = PICTURES[face.design][int(rng.integers(len(PICTURES[face.design])))]
        character = chr(int(rng.integers(low, high + 1)))
        if face.covers(character):
            return character
    return "★"


def motif(slots: Slots) -> Design:
    """A picture, or large brushed Han characters, with or without a caption: teachers', hobby and gift stamps."""
    rng = slots.stream("layout")
    if chance(rng, 0.3):
        return _brushed(slots, rng)
    size = uniform(rng, 16, 34)
    symbols = _symbols(slots.stream("symbols"), slots.split)
    character = slots.draw("picture", lambda r: symbol(r, symbols))
    outline = chance(rng, 0.4)
    weight = uniform(rng, 0.6, 1.3) if outline else uniform(rng, 0, 0.35)
    _, top, _, bottom = symbols.at(100).getbbox(character, anchor="ls")
    em = size / max(0.5, (bottom - top) / 100)
    parts: list[Element] = [LineText(character, symbols, em, 0, 0, size * 1.5, weight, outline=outline)]
    if chance(rng, 0.12):
        parts.append(Ring(size * 0.72, size * 0.72, uniform(rng, 0.4, 1.2)))
    face = slots.face("face", Style.HAND if chance(rng, 0.6) else Style.SANS)
    place = ("none", "none", "below", "below", "above", "arched")[int(rng.integers(6))]
    caption_em = uniform(rng, 4.0, 6.5)
    if place != "none":
        caption = slots.text("caption", words.praise, face)
        caption_weight = uniform(rng, 0.05, 0.35)
        if place == "arched":
            parts.append(ArcText(caption, face, caption_em, size * 0.72, size * 0.72, 0, 150, weight=caption_weight))
        else:
            offset = size / 2 + caption_em * 0.8
            y = offset if place == "below" else -offset
            slant = uniform(rng, -8, 8) if chance(rng, 0.3) else 0.0
            parts.append(LineText(caption, face, caption_em, 0, y, size * 2.2, caption_weight, angle=slant))
    return Design(size * 2.5, size + 6 * caption_em + size * 0.5, tuple(parts))


def _brushed(slots: Slots, rng: np.random.Generator) -> Design:
    text_of = slots.stream("probe")
    face = pick(text_of, Script.CJK, slots.split, Style.HAND, words.han_motif(text_of, Script.CJK))
    text = slots.text("characters", words.han_motif, face)
    size = uniform(rng, 14, 28)
    weight = uniform(rng, 0, 0.9)
    upright = chance(rng, 0.5)
    parts: list[Element] = []
    for k, character in enumerate(text):
        offset = (k - (len(text) - 1) / 2) * size
        x, y = (0.0, offset) if upright else (offset, 0.0)
        parts.append(LineText(character, face, size, x, y, size * 1.2, weight))
    return Design(size * 2.6, size * 2.6, tuple(parts))


def _chips(rng: np.random.Generator, half_w: float, half_h: float, count: int) -> list[Element]:
    """Nicks along the edges of a carved stone."""
    nicks: list[Element] = []
    for _ in range(count):
        along, size = rng.uniform(-1, 1), rng.uniform(0.1, 0.45)
        match int(rng.integers(4)):
            case 0:
                x, y = along * half_w, -half_h
            case 1:
                x, y = along * half_w, half_h
            case 2:
                x, y = -half_w, along * half_h
            case _:
                x, y = half_w, along * half_h
        wobble = rng.uniform(0.5, 1.4, 7) * size
        corners = [
            (x + float(r) * math.cos(t), y + float(r) * math.sin(t))
            for t, r in zip(np.arange(7) * 0.9, wobble, strict=True)
        ]
        nicks.append(Area(tuple(corners), True))
    return nicks


def _block(half_w: float, half_h: float, round_stone: bool) -> tuple[Point, ...]:
    if round_stone:
        return tuple((half_w * math.cos(t), half_h * math.sin(t)) for t in np.linspace(0, 2 * math.pi, 72))
    return ((-half_w, -half_h), (half_w, -half_h), (half_w, half_h), (-half_w, half_h))


def name_seal(slots: Slots) -> Design:
    """A carved Chinese or Japanese name seal: red characters in a frame (zhuwen) or white ones on a block (baiwen)."""
    rng = slots.stream("layout")
    half_w = uniform(rng, 4.5, 13)
    round_stone = chance(rng, 0.25)
    half_h = half_w * (1.0 if round_stone or chance(rng, 0.7) else uniform(rng, 1.2, 2.2))
    negative = chance(rng, 0.45)
    hand = chance(rng, 0.35)
    probe = slots.stream("probe")
    wanted = words.person_name(probe, Script.CJK)
    face = pick(slots.stream("face"), Script.CJK, slots.split, Style.HAND if hand else None, wanted)
    with_mark = chance(rng, 0.4)
    columns = 1 if half_h > half_w * 1.15 or chance(rng, 0.25) else 2

    def name(r: np.random.Generator, script: Script) -> str:
        del script
        person = words.person_name(r, Script.CJK) if r.random() < 0.75 else words.family_name(r, Script.CJK)
        return person + ("之印" if len(person) == 2 else "印" if len(person) == 3 else "") * with_mark

    text = slots.text("name", name, face)
    columns = 1 if len(text) < 2 else columns
    rows = math.ceil(len(text) / columns)
    wall = uniform(rng, 0.35, 1.1)
    parts: list[Element] = [Area(_block(half_w, half_h, round_stone))]
    inner_w, inner_h = half_w - wall, half_h - wall
    if not negative:
        parts.append(Area(_block(inner_w, inner_h, round_stone), True))
    fill = 0.72 if round_stone else 0.96
    cell_w, cell_h = 2 * inner_w * fill / columns, 2 * inner_h * fill / rows
    weight = uniform(rng, 0.0, 0.03) * cell_h
    for k, character in enumerate(text):
        column, row = divmod(k, rows)
        x = (columns / 2 - column - 0.5) * cell_w
        filled = min(rows, len(text) - column * rows)
        y = (row + 0.5 - filled / 2) * cell_h
        stretch = min(1.6, max(0.6, cell_w / cell_h))
        em = min(cell_h, cell_w / stretch) * 0.98
        parts.append(LineText(character, face, em, x, y, cell_w * 1.1, weight, stretch, cut=negative))
    parts += _chips(slots.stream("chips"), half_w, half_h, int(rng.integers(0, 26)))
    return Design(2 * half_w + 1, 2 * half_h + 1, tuple(parts))


def _killer(rng: np.random.Generator, left: float, radius: float) -> list[Element]:
    """The cancelling lines beside the ring: waves or bars."""
    length, lines = uniform(rng, 28, 55), int(rng.integers(4, 8))
    straight = chance(rng, 0.3)
    wave, crest = uniform(rng, 9, 16), 0.0 if straight else uniform(rng, 0.8, 1.6)
    width = uniform(rng, 0.4, 0.8)
    parts: list[Element] = []
    for k in range(lines):
        y = (k - (lines - 1) / 2) * 2 * radius * 0.85 / lines
        xs = np.linspace(left, left + length, 60)
        parts.append(
            Stroke(tuple((float(x), y + crest * math.sin(2 * math.pi * (x - left) / wave)) for x in xs), width)
        )
    return parts


def postmark(slots: Slots) -> Design:
    """A ring with place, date and hour, more often than not with the cancelling lines beside it."""
    rng = slots.stream("layout")
    radius = uniform(rng, 11, 15)
    face = slots.face("face", Style.SANS)
    killer = chance(rng, 0.55)
    em = radius * uniform(rng, 0.22, 0.28)
    middle = radius - 0.6 - em * 0.6
    width = uniform(rng, 0.3, 0.6)
    city = slots.text("city", words.city, face, True)
    parts: list[Element] = [
        ArcText(city, face, em, middle, middle, 0, 200, weight=0.05),
        Ring(radius, radius, width),
    ]
    foot = slots.text("foot", words.serial if chance(rng, 0.5) else words.department, face, True)
    parts.append(ArcText(foot, face, em * 0.85, middle, middle, 180, 130, Facing.INWARD))
    if chance(rng, 0.5):
        parts.append(Ring(middle - em * 0.7, middle - em * 0.7, 0.25))
    inner = middle - em * 0.75
    text = slots.text("date", words.date, face)
    parts.append(LineText(text, face, inner * 0.5, 0, 0, inner * 1.85, 0.08))
    bars = chance(rng, 0.5)
    hour = slots.text("hour", lambda r, script: f"{int(r.integers(24)):02d}-{int(r.integers(60)):02d}", face)
    if bars:
        parts += [Stroke(((-inner, s * inner * 0.36), (inner, s * inner * 0.36)), 0.3) for s in (-1, 1)]
    parts.append(LineText(hour, face, inner * 0.36, 0, -inner * 0.62, inner))
    if chance(rng, 0.5):
        parts.append(Disc(0, inner * 0.64, inner * 0.13))
    half_w = radius + 1
    if killer:
        parts += _killer(rng, radius + 1.5, radius)
        half_w = radius + 60
    return Design(2 * half_w, 2 * radius + 3, tuple(parts))
