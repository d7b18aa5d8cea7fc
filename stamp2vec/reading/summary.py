"""What the lines of a stamp say: its dates, numbers and words, and what of it is not to be relied on."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stamp2vec.reading.dates import find_dates
from stamp2vec.reading.scripts import plain, script_of
from stamp2vec.texts import Box, Reading, StampText, TextArc, TextDate, TextLine, TextNumber

_NUMBER = re.compile(r"\d(?:[\d]|[-/.](?=\d))*")
_LEAST_DIGITS = 3
_LEAST_CONFIDENCE = 0.8  # of a line, below which its digits are in doubt
_LIKELY = 0.5  # confidence of a reading, from which its words are given: they are looked up without the line
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line that was read, and the texts of a second reading of it; None where there was none."""

    readings: tuple[Reading, ...]
    box: Box
    arc: TextArc | None
    second: str | None

    @property
    def text(self) -> str:
        """Of all of its readings."""
        return " ".join(each.text for each in self.readings if each.text)

    @property
    def confidence(self) -> float:
        """That all of its readings are right."""
        product = 1.0
        for each in self.readings:
            product *= each.confidence
        return product


def summary(lines: Sequence[ReadLine], warnings: Sequence[str]) -> StampText:
    """The text of a stamp of its lines in reading order."""
    shown = tuple(
        TextLine(
            line.text,
            script_of(line.text) or line.readings[0].script,
            line.confidence,
            line.box,
            line.arc,
            line.second is not None and plain(line.second) != plain(line.text),
        )
        for line in lines
    )
    dates = [found for number, line in enumerate(lines) for found in _dates(number, line)]
    numbers = [found for number, line in enumerate(lines) for found in _numbers(number, line)]
    likely = [each.text for line in lines for each in line.readings if each.confidence >= _LIKELY]
    words = dict.fromkeys(word.lower() for text in likely for word in _WORD.findall(text))
    return StampText(shown, tuple(dates), tuple(numbers), tuple(words), tuple(warnings))


def has_digits(text: str) -> bool:
    """Whether a text is read a second time: a wrong digit makes another date or number, and no word gives it away."""
    return any(character.isdigit() for character in text)


def _dates(number: int, line: ReadLine) -> Iterator[TextDate]:
    others = {found.iso for found in find_dates(line.second or "")}
    for found in find_dates(line.text):
        doubtful = found.unsure or line.confidence < _LEAST_CONFIDENCE or found.iso not in others
        yield TextDate(found.iso, line.text[found.start : found.end], number, line.confidence, doubtful)


def _numbers(number: int, line: ReadLine) -> Iterator[TextNumber]:
    others = {_digits(found) for found in _without_dates(line.second or "")}
    for found in _without_dates(line.text):
        digits = _digits(found)
        if len(digits) >= _LEAST_DIGITS:
            doubtful = line.confidence < _LEAST_CONFIDENCE or digits not in others
            yield TextNumber(digits, found, number, line.confidence, doubtful)


def _without_dates(text: str) -> list[str]:
    """The numbers of a text that are no part of a date."""
    spans = [(found.start, found.end) for found in find_dates(text)]
    return [
        found.group()
        for found in _NUMBER.finditer(text)
        if not any(start <= found.start() < end for start, end in spans)
    ]


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
