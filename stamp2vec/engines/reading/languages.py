"""The languages of Tesseract: when each is asked, and whose reading then counts. Found on drawn lines of text."""

from collections.abc import Callable
from dataclasses import dataclass

from stamp2vec.engines.reading.pieces import Attempt, Piece
from stamp2vec.engines.reading.ppocr import PpOcr
from stamp2vec.reading.scripts import (
    alike,
    has_accents,
    has_tones,
    latin_only_share,
    letters_of,
    script_of,
    without_marks,
)
from stamp2vec.texts import Script, Writing

_SURELY_LATIN = 0.95  # mean score of a text in letters that Cyrillic lacks
_LATIN_ONLY = 0.25  # share of such letters in a Latin text: half of them, and of Cyrillic read as Latin few
_LONG = 8  # letters, of which so few are Latin only by no chance
_LETTERS_PER_HEIGHT = 0.55  # of a line, of which fewer are suspect: of Cyrillic, most are read as nothing
_SURE_WORD = 0.95  # mean score of Tesseract's letters that it has for the words of its dictionary
_QUITE_SURE = 0.8  # mean score of Tesseract, above which few texts of other scripts are
_LEAST_LETTERS = 2  # in Cyrillic
_TONED = 0.75  # share of the letters that both engines read alike, from which Tesseract's tones are believed


@dataclass(frozen=True, slots=True)
class Language:
    """A language of Tesseract.

    `is_wanted` takes a piece and PP-OCR's reading of it, `choose` that reading and Tesseract's; `without` is what
    counts where Tesseract cannot be asked.
    """

    name: str
    script: str
    is_wanted: Callable[[Piece, Attempt | None], bool]
    choose: Callable[[Attempt | None, Attempt], Attempt | None]
    without: Callable[[Attempt | None], Attempt | None]

    @property
    def engine(self) -> str:
        """What reads it."""
        return f"tesseract-{self.name}"


def _may_be_cyrillic(piece: Piece, latin: Attempt | None) -> bool:
    """Whether a Latin reading has few letters for its length, unsure ones, or few that Cyrillic lacks."""
    if piece.writing is not Writing.ALPHABET or latin is None:
        return False
    text = latin.letters.text
    height, width = piece.pixels.shape
    count = sum(character.isalnum() for character in text)
    return count * height < _LETTERS_PER_HEIGHT * width or not _is_surely_latin(latin)


def _is_surely_latin(latin: Attempt) -> bool:
    text = latin.letters.text
    return latin.letters.mean_score >= _SURELY_LATIN and (
        latin_only_share(text) >= _LATIN_ONLY or script_of(text) is None
    )


def _cyrillic_or_latin(latin: Attempt | None, cyrillic: Attempt) -> Attempt | None:
    """The one that reads more, but where the letters themselves tell."""
    text = cyrillic.letters.text
    if latin is None or not cyrillic.is_sure or script_of(text) is not Script.CYRILLIC:
        return latin
    if letters_of(text) < _LEAST_LETTERS:
        return latin
    is_sure = cyrillic.letters.mean_score >= _QUITE_SURE or latin.letters.mean_score < _SURELY_LATIN
    is_alike = letters_of(latin.letters.text) >= _LONG and latin_only_share(latin.letters.text) < _LATIN_ONLY
    if is_alike and is_sure:
        return cyrillic
    is_word = letters_of(text) >= _LONG and cyrillic.letters.mean_score >= _SURE_WORD
    return cyrillic if is_word or not latin.is_sure or cyrillic.amount > latin.amount else latin


def _if_surely_latin(latin: Attempt | None) -> Attempt | None:
    return latin if latin is not None and _is_surely_latin(latin) else None


def _may_have_tones(piece: Piece, latin: Attempt | None) -> bool:
    if piece.writing is not Writing.ALPHABET or latin is None or latin.engine != PpOcr.name or not latin.is_sure:
        return False
    return has_accents(latin.letters.text) or latin.letters.mean_score < _SURELY_LATIN


def _if_toned(latin: Attempt | None, vietnamese: Attempt) -> Attempt | None:
    """Tesseract's reading where it has the same letters but for their marks, and marks that only Vietnamese has."""
    if latin is None or not vietnamese.is_sure or not has_tones(vietnamese.letters.text):
        return latin
    ours, theirs = without_marks(latin.letters.text), without_marks(vietnamese.letters.text)
    return vietnamese if alike(ours, theirs) >= _TONED else latin


LANGUAGES = (
    Language("rus", "cyrillic", _may_be_cyrillic, _cyrillic_or_latin, _if_surely_latin),
    Language("vie", "vietnamese", _may_have_tones, _if_toned, lambda latin: latin),
    Language(
        "ara", "arabic", lambda piece, _: piece.writing is Writing.ARABIC, lambda _, arabic: arabic, lambda _: None
    ),
)
