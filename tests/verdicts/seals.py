"""Seals as one draws them by hand: rings, a firm along the upper arc, a city along the lower one, a word in the middle.

They share no code with the stamp world that the networks are trained on, only the typefaces that it keeps for TEST.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from training.synth.fonts import FontFace, Script, Split, families

OVERSAMPLING = 4  # drawn so many times larger, then reduced
PROBE_EM = 400  # in pixels; at this size a text is measured before its own size is known
REFERENCE = {Script.LATIN: "H", Script.CYRILLIC: "Н", Script.CJK: "国"}  # as tall as a line looks
UPPER_SHARE, LOWER_SHARE = 0.58, 0.27  # of the circumference, at most
DOT_TURN = 2.1  # of the dots between the two texts, in radians from the top
LETTER_GAP = 0.2  # of the em, at most: a short text is spread no further


def star(points: int, waist: float) -> tuple[tuple[float, float], ...]:
    """The outline of a star with a point at its top; `waist` is the radius between points, of 1."""
    angles = np.pi * np.arange(2 * points) / points
    radii = np.where(np.arange(2 * points) % 2, waist, 1.0)
    return tuple((float(r * np.sin(a)), float(-r * np.cos(a))) for r, a in zip(radii, angles))


class Emblem(Enum):
    """An outline in a square from -1 to 1, y down."""

    STAR = star(5, 0.4)
    SIX_POINTS = star(6, 0.58)
    CROWN = ((-0.9, 0.7), (-1, -0.5), (-0.5, 0.1), (0, -0.8), (0.5, 0.1), (1, -0.5), (0.9, 0.7))
    SHIELD = ((-0.8, -0.9), (0.8, -0.9), (0.8, 0.1), (0.5, 0.6), (0, 1), (-0.5, 0.6), (-0.8, 0.1))


class Layout(Enum):
    """The outline of a seal, with its width and height in pixels: 12 a millimetre, which is about 300 dpi."""

    ROUND = (480, 480)
    OVAL = (480, 340)
    RECTANGLE = (480, 216)


@dataclass(frozen=True, slots=True)
class Design:
    """What is on a die. `typeface` names a design of fonts.tsv that has `script`; a rectangle has no emblem.

    Rings are the rim, then the one inside the letters, then a thin one at the rim; of a rectangle, its frames.
    """

    layout: Layout
    upper: str
    centre: str
    lower: str
    script: Script = Script.LATIN
    typeface: str = "tinos"
    bold: bool = True
    emblem: Emblem = Emblem.STAR
    emblem_above: bool = True
    rings: int = 2


def face_of(typeface: str, script: Script, bold: bool) -> FontFace:
    """Its first face by name, which is the bold one, or its last, which is not. StopIteration if none is installed."""
    family = next(one for one in families(script, Split.TEST) if one.design == typeface)
    path, index = family.files[0 if bold else -1]
    return FontFace(path, index, family.design, family.style, script)


@lru_cache(maxsize=128)
def draw(design: Design) -> npt.NDArray[np.float32]:
    """Coverage with ink, float32 (H, W), 0 to 1, of the size that the layout states."""
    width, height = design.layout.value
    die = Image.new("L", (OVERSAMPLING * width, OVERSAMPLING * height), 0)
    if design.layout is Layout.RECTANGLE:
        _rectangle(die, design)
    else:
        _ellipses(die, design)
    return (np.asarray(die.reduce(OVERSAMPLING)) / 255).astype(np.float32)


def _ellipses(die: Image.Image, design: Design) -> None:
    """Rings, texts between them, and an emblem beside the word in the middle."""
    pen = ImageDraw.Draw(die)
    rim = np.array(die.size) / 2 - OVERSAMPLING
    short = float(rim.min())
    band = 0.37 * short  # between the rim and the ring inside the letters
    for inset, line in ((0.0, 0.03), (band, 0.016), (0.055 * short, 0.012))[: design.rings]:
        corner = OVERSAMPLING + inset
        box = (corner, corner, die.width - corner, die.height - corner)
        pen.ellipse(box, outline=255, width=round(line * short))
    middle = rim - 0.225 * short  # of the band, where it is free of rings
    face = face_of(design.typeface, design.script, design.bold)
    _along(die, design.upper, face, 0.2 * short, middle, UPPER_SHARE, upside=1)
    _along(die, design.lower, face, 0.2 * short, middle, LOWER_SHARE, upside=-1)
    for hand in (-1, 1):  # a dot on each side parts the two texts
        at = np.array(die.size) / 2 + middle * (hand * np.sin(DOT_TURN), -np.cos(DOT_TURN))
        pen.circle(tuple(at), 0.03 * short, fill=255)
    side = 1 if design.emblem_above else -1
    x, y = die.width / 2, die.height / 2 - side * 0.24 * short
    pen.polygon([(x + 0.19 * short * u, y + 0.19 * short * v) for u, v in design.emblem.value], fill=255)
    room = 2 * (rim[0] - band) - 0.3 * short
    _line(die, design.centre, face, 0.2 * short, room, die.height / 2 + side * 0.17 * short)


def _rectangle(die: Image.Image, design: Design) -> None:
    """Frames, one in the other, and three lines of text."""
    pen = ImageDraw.Draw(die)
    for frame, line in ((0, 20), (36, 8), (56, 8))[: design.rings]:
        inset = OVERSAMPLING + frame
        pen.rectangle((inset, inset, die.width - inset, die.height - inset), outline=255, width=line)
    face = face_of(design.typeface, design.script, design.bold)
    room = 0.86 * die.width
    _line(die, design.upper, face, 0.13 * die.height, room, 0.26 * die.height)
    _line(die, design.centre, face, 0.19 * die.height, room, 0.51 * die.height)
    _line(die, design.lower, face, 0.13 * die.height, room, 0.76 * die.height)


def _em(text: str, face: FontFace, height: float, room: float) -> int:
    """The em at which capitals are `height` pixels tall, or less where the text would be wider than `room`."""
    probe = face.at(PROBE_EM)
    _, top, _, bottom = probe.getbbox(REFERENCE[face.script], anchor="ls")
    return int(PROBE_EM * min(height / (bottom - top), room / probe.getlength(text)))


def _drop(face: FontFace, em: int) -> float:
    """From the middle of the capitals down to the baseline, in pixels."""
    _, top, _, bottom = face.at(em).getbbox(REFERENCE[face.script], anchor="ls")
    return -(top + bottom) / 2


def _line(die: Image.Image, text: str, face: FontFace, height: float, room: float, y: float) -> None:
    """A line of text whose capitals have their middle at `y`."""
    em = _em(text, face, height, room)
    ImageDraw.Draw(die).text((die.width / 2, y + _drop(face, em)), text, fill=255, font=face.at(em), anchor="ms")


def _along(
    die: Image.Image,
    text: str,
    face: FontFace,
    height: float,
    axes: npt.NDArray[np.float64],
    share: float,
    upside: int,
) -> None:
    """A text along an ellipse about the middle of the die, centred at its top, or for `upside` -1 at its bottom.

    `axes` are of the line through the middle of the capitals; the text takes at most `share` of the circumference.
    """
    turn = np.linspace(-np.pi, np.pi, 4001)
    x, y = axes[0] * np.sin(turn), -upside * axes[1] * np.cos(turn)
    way = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    room = share * way[-1]
    em = _em(text, face, height, room)
    font = face.at(em)
    widths = np.array([font.getlength(letter) for letter in text])
    gap = min(LETTER_GAP * em, (room - widths.sum()) / len(text))
    ends = np.cumsum(widths + gap)
    for letter, at in zip(text, way[-1] / 2 - ends[-1] / 2 + ends - (widths + gap) / 2):
        angle = np.interp(at, way, turn)
        lean = np.arctan2(upside * axes[1] * np.sin(angle), axes[0] * np.cos(angle))
        tile = Image.new("L", (3 * em, 3 * em), 0)
        ImageDraw.Draw(tile).text((1.5 * em, 1.5 * em + _drop(face, em)), letter, fill=255, font=font, anchor="ms")
        tile = tile.rotate(-np.degrees(lean), Image.Resampling.BICUBIC)
        left = die.width / 2 + np.interp(at, way, x) - 1.5 * em
        top = die.height / 2 + np.interp(at, way, y) - 1.5 * em
        die.paste(255, (round(left), round(top)), tile)
