"""The languages of Tesseract, and which spans of text each reads."""

from collections.abc import Callable
from dataclasses import dataclass

from stamp2vec.engines.reading.transcript import Span
from stamp2vec.reading.scripts import latin_only_share, script_of
from stamp2vec.texts import Script, Writing

_LATIN_ONLY = 0.25  # share of such letters in a Latin text: half of them, and of Cyrillic read as Latin few
_LEAST_WEIGHT = 6.0  # of a span in Cyrillic, about two letters: a speck is not worth a process
_LONG = 8  # letters, of which so few are Latin only by no chance


@dataclass(frozen=True, slots=True)
class Language:
    """A language of Tesseract."""

    name: str
    script: str
    is_wanted: Callable[[Span], bool]

    @property
    def engine(self) -> str:
        """What reads it."""
        return f"tesseract-{self.name}"


def is_latin(text: str) -> bool:
    """Whether a text in Latin letters can be no Cyrillic, of which PP-OCR reads letters that look alike."""
    letters = sum(letter.isalpha() for letter in text)
    return script_of(text) is None or letters < _LONG or latin_only_share(text) >= _LATIN_ONLY


def _is_cyrillic(span: Span) -> bool:
    is_text = span.writing is Writing.ALPHABET and span.weight >= _LEAST_WEIGHT
    return is_text and script_of(span.letters.text) is Script.CYRILLIC


LANGUAGES = (
    Language("rus", "cyrillic", _is_cyrillic),
    Language("ara", "arabic", lambda span: span.writing is Writing.ARABIC),
)
