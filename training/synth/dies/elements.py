"""What a die is made of.

Millimetres, origin at the die's centre, x right, y down; angles in degrees clockwise from twelve o'clock.
`cut` elements take rubber away from what was drawn before them.
"""

from dataclasses import dataclass
from enum import Enum

from training.synth.fonts import FontFace

Point = tuple[float, float]


class Pattern(Enum):
    """How a ring is cut."""

    SOLID = "solid"
    DASHED = "dashed"
    DOTTED = "dotted"
    ROPE = "rope"
    TEETH = "teeth"


class Facing(Enum):
    """Which way the letters of a bent line stand."""

    OUTWARD = "outward"  # tops of letters point away from the centre, read clockwise
    INWARD = "inward"  # tops point to the centre, read counter-clockwise: upright at the bottom of a seal


@dataclass(frozen=True, slots=True)
class Ring:
    """An elliptical ring, its line centred on the radii; `count` dots, dashes, strands or teeth."""

    rx: float
    ry: float
    width: float
    pattern: Pattern = Pattern.SOLID
    count: int = 60
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Disc:
    """A filled circle."""

    x: float
    y: float
    radius: float
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through the points."""

    points: tuple[Point, ...]
    width: float
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Area:
    """A filled polygon."""

    points: tuple[Point, ...]
    cut: bool = False


@dataclass(frozen=True, slots=True)
class LineText:
    """One straight line, centred on (x, y), squeezed and then shrunk to fit `max_width`."""

    text: str
    face: FontFace
    em: float
    x: float
    y: float
    max_width: float
    weight: float = 0.0  # thickening of every stroke, mm
    stretch: float = 1.0  # width of the letters over their natural width
    angle: float = 0.0
    tracking: float = 0.0
    outline: bool = False
    cut: bool = False


@dataclass(frozen=True, slots=True)
class ArcText:
    """One line bent along an ellipse that runs through the middle of its capitals.

    It is centred on `centre` and at most `spread` degrees wide; where `even`, its letters are tracked out to `spread`.
    """

    text: str
    face: FontFace
    em: float
    rx: float
    ry: float
    centre: float
    spread: float
    facing: Facing = Facing.OUTWARD
    weight: float = 0.0
    stretch: float = 1.0
    even: bool = False


Element = Ring | Disc | Stroke | Area | LineText | ArcText


@dataclass(frozen=True, slots=True)
class Design:
    """A whole die: the canvas that holds it, in mm, and what is drawn on it, in order."""

    width: float
    height: float
    elements: tuple[Element, ...]
