"""What a text is written in, by its letters; and letters that look alike in two scripts."""

import unicodedata
from collections import Counter
from difflib import SequenceMatcher

from stamp2vec.texts import Script

_NAMES = {"LATIN": Script.LATIN, "CYRILLIC": Script.CYRILLIC, "CJK": Script.HAN, "ARABIC": Script.ARABIC}
_NAMES |= dict.fromkeys(("HIRAGANA", "KATAKANA", "IDEOGRAPHIC"), Script.HAN)

_LATIN_ALIKE = "ABCEHKMOPTXYaceopxy"
_LATIN_ONLY = "DFGLNQRSVWZbdfghijklmnqrstuvwz"
_TO_CYRILLIC = str.maketrans(_LATIN_ALIKE, "АВСЕНКМОРТХУасеорху")


def script_of(text: str) -> Script | None:
    """The script of most letters of a text; None for digits and signs alone."""
    counts = Counter(_script_of_letter(character) for character in text if character.isalpha())
    return counts.most_common(1)[0][0] if counts else None


def as_cyrillic(text: str) -> str | None:
    """A text whose letters all look alike in Latin and in Cyrillic, in Cyrillic; None for another one."""
    letters = [character for character in text if character.isalpha()]
    if not letters or any(letter not in _LATIN_ALIKE for letter in letters):
        return None
    return text.translate(_TO_CYRILLIC)


def letters_of(text: str) -> int:
    """How many letters it has."""
    return sum(character.isalpha() for character in text)


def latin_only_share(text: str) -> float:
    """The share of its letters that Cyrillic is not read as: 0 to 1, accented ones among them."""
    only = sum(letter in _LATIN_ONLY or ord(letter) > 127 for letter in text if letter.isalpha())
    return only / max(1, letters_of(text))


def plain(text: str) -> str:
    """What two readings are compared by: without blanks and signs, in lower case, accents composed."""
    composed = unicodedata.normalize("NFC", text).casefold()
    return "".join(character for character in composed if character.isalnum())


def _script_of_letter(letter: str) -> Script:
    return _NAMES.get(unicodedata.name(letter, "").split(" ")[0], Script.OTHER)


def has_greek(text: str) -> bool:
    """Whether it has letters that only Greek has."""
    return any("Α" <= letter <= "ω" for letter in text)


def has_tones(text: str) -> bool:
    """Whether it has letters that only Vietnamese has."""
    return any("\u1ea0" <= letter <= "\u1ef9" or letter in "ƠơƯư" for letter in unicodedata.normalize("NFC", text))


def has_accents(text: str) -> bool:
    """Whether it has letters with marks, as Vietnamese has in nearly every word."""
    return any(letter in "Đđ" or unicodedata.decomposition(letter) for letter in text if letter.isalpha())


def without_marks(text: str) -> str:
    """A text as `plain` has it, and its letters without marks."""
    apart = unicodedata.normalize("NFD", plain(text).replace("đ", "d"))
    return "".join(character for character in apart if not unicodedata.combining(character))


def alike(a: str, b: str) -> float:
    """The share of two texts' characters that are common to both, in order: 0 to 1."""
    return SequenceMatcher(None, a, b, autojunk=False).ratio()
