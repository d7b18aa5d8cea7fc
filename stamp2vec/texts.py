"""What stamps say: the values that reading takes and gives."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum


class Script(StrEnum):
    """What a line is written in. OTHER is a script that no engine reads."""

    LATIN = "latin"
    CYRILLIC = "cyrillic"
    HAN = "han"
    ARABIC = "arabic"
    OTHER = "other"


class Writing(StrEnum):
    """What stamp-text takes a line for: ALPHABET is Latin or Cyrillic, which it reads, OTHER what no engine reads."""

    ALPHABET = "alphabet"
    HAN = "han"
    ARABIC = "arabic"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Reading:
    """One piece of text on a strip, as an engine reads it.

    `box` is x1, y1, x2, y2 in pixels of the strip, half-open. `text` is empty where no engine could read the piece;
    `script` is what it is written in all the same, None for digits and signs alone. `confidence` is the probability
    that the text is right to the letter, blanks and capitals aside; `score` is how sure the engine is of a letter, 0 to
    1, by its own measure. A piece that is `upside_down` was read from the strip turned by half a turn. `engine` names
    what read it.
    """

    box: tuple[int, int, int, int]
    text: str
    script: Script | None
    confidence: float
    score: float
    upside_down: bool
    engine: str


@dataclass(frozen=True, slots=True)
class StripReadings:
    """The pieces on one strip from left to right; `warnings` say what could not be read, and what would help."""

    readings: tuple[Reading, ...]
    warnings: tuple[str, ...] = ()


Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class TextArc:
    """A part of the ring of a round or oval stamp.

    Text runs from `start_degrees` to `end_degrees`, clockwise from the top of the picture, 0 to 360: clockwise, or
    counter-clockwise where it is `inward`, the tops of its letters pointing to the centre. `inner_radius` and
    `outer_radius` are its edges as shares of the stamp's radius.
    """

    start_degrees: float
    end_degrees: float
    inward: bool
    inner_radius: float
    outer_radius: float


@dataclass(frozen=True, slots=True)
class TextLine:
    """A piece of text on a stamp, as for Reading; `box` is in pixels of the page, `arc` None for a straight line.

    It is `doubtful` where another reading of it, of the page and not of the ink alone, differs.
    """

    text: str
    script: Script | None
    confidence: float
    box: Box
    arc: TextArc | None
    doubtful: bool


@dataclass(frozen=True, slots=True)
class TextDate:
    """A date in line number `line` of a stamp, as it was read.

    `iso` is YYYY-MM-DD, empty where the order of day and month cannot be told, or where it is no day of the calendar.
    It is `doubtful` where another reading differs or a digit is unsure.
    """

    iso: str
    text: str
    line: int
    confidence: float
    doubtful: bool


@dataclass(frozen=True, slots=True)
class TextNumber:
    """A number of three digits and more in line number `line` of a stamp; `doubtful` as for a date."""

    digits: str
    text: str
    line: int
    confidence: float
    doubtful: bool


@dataclass(frozen=True, slots=True)
class StampText:
    """What a stamp says: its lines in reading order, what is in them, and what of it could not be read.

    `words` are those of what is more likely right than wrong, in lower case, each once.
    """

    lines: tuple[TextLine, ...]
    dates: tuple[TextDate, ...] = ()
    numbers: tuple[TextNumber, ...] = ()
    words: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def with_boxes(text: StampText, place: Callable[[Box], Box]) -> StampText:
    """The same text with the boxes of its lines in other pixels."""
    return replace(text, lines=tuple(replace(line, box=place(line.box)) for line in text.lines))


def moved(text: StampText, by: tuple[int, int]) -> StampText:
    """The same text in a picture of which this one's top left corner is at x, y."""
    x, y = by
    return with_boxes(text, lambda box: (box[0] + x, box[1] + y, box[2] + x, box[3] + y))
