"""What a text is written in, by its letters; and letters that look alike in two scripts."""

import unicodedata
from collections import Counter
from difflib import SequenceMatcher

from stamp2vec.texts import Script

_NAMES = {"LATIN": Script.LATIN, "CYRILLIC": Script.CYRILLIC, "CJK": Script.HAN, "ARABIC": Script.ARABIC}
_NAMES |= dict.fromkeys(("HIRAGANA", "KATAKANA", "IDEOGRAPHIC"), Script.HAN)

_LATIN_ALIKE, _CYRILLIC_ALIKE = "ABCEHIJKMOPSTXYaceijopsxy", "АВСЕНІЈКМОРЅТХУасеіјорѕху"
_LATIN_ONLY = "DFGLNQRSVWZbdfghijklmnqrstuvwz"
_TO_CYRILLIC, _TO_LATIN = (
    str.maketrans(_LATIN_ALIKE, _CYRILLIC_ALIKE),
    str.maketrans(_CYRILLIC_ALIKE, _LATIN_ALIKE),
)


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


def in_one_script(text: str) -> str:
    """A text of Latin and Cyrillic, of which letters that look alike are of the script of the others of their word.

    Where a word has no others, those of the whole text decide; without any, it is Latin.
    """
    whole = _leaning(text)
    return " ".join(
        word.translate(_TO_CYRILLIC if (_leaning(word) or whole) < 0 else _TO_LATIN) for word in text.split(" ")
    )


def _leaning(text: str) -> int:
    """How many more letters are Latin alone than Cyrillic alone."""
    letters = [letter for letter in text if letter.isalpha() and letter not in _LATIN_ALIKE + _CYRILLIC_ALIKE]
    return sum(-1 if script_of(letter) is Script.CYRILLIC else 1 for letter in letters)


def latin_only_share(text: str) -> float:
    """The share of its letters that Cyrillic is not read as: 0 to 1, accented ones among them."""
    letters = [letter for letter in text if letter.isalpha()]
    return sum(letter in _LATIN_ONLY or ord(letter) > 127 for letter in letters) / max(1, len(letters))


def plain(text: str) -> str:
    """What two readings are compared by: without blanks and signs, in lower case, accents composed."""
    composed = unicodedata.normalize("NFC", text).casefold()
    return "".join(character for character in composed if character.isalnum())


def _script_of_letter(letter: str) -> Script:
    return _NAMES.get(unicodedata.name(letter, "").split(" ")[0], Script.OTHER)


def has_greek(text: str) -> bool:
    """Whether it has letters that only Greek has."""
    return any("Α" <= letter <= "ω" for letter in text)


def is_toned(letter: str) -> bool:
    """Whether it is one that only Vietnamese has."""
    return "\u1ea0" <= letter <= "\u1ef9" or letter in "ƠơƯư"


def alike(a: str, b: str) -> float:
    """The share of two texts' characters that are common to both, in order: 0 to 1."""
    return SequenceMatcher(None, a, b, autojunk=False).ratio()
