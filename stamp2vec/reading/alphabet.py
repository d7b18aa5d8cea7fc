"""The classes of stamp-text: letters that it reads, and three for writings that it only recognises."""

import unicodedata

import numpy as np

from stamp2vec.texts import Writing

_BASIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LATIN = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞĂĄĆČĎĐĘĚĞİĽŁŃŇŐŒŘŚŞŠŢŤŮŰŸŹŻŽȘȚ"
_VIETNAMESE = "ẠẢẤẦẨẪẬẮẰẲẴẶẸẺẼẾỀỂỄỆỈỊĨỌỎỐỒỔỖỘỚỜỞỠỢỤỦŨỨỪỬỮỰỲỴỶỸƠƯ"
_CYRILLIC = "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЇЄҐЎҚҒӘӨҰҮҢҺЈЉЊЋЏЂ"
_SIGNS = " .,:;-–/()&'’\"«»„“”№+·!?#@%_"
_LETTERS = _LATIN + _VIETNAMESE + _CYRILLIC

BLANK = 0
CHARACTERS = (
    "",
    *"0123456789",
    *_SIGNS,
    *_BASIC,
    *_LETTERS,
    *(letter.lower() for letter in _LETTERS if letter != "İ"),
    "ı",
    "ß",
)
"""What each class stands for; class 0 is CTC's blank."""

WRITINGS = (Writing.HAN, Writing.ARABIC, Writing.OTHER)
"""What the classes after CHARACTERS stand for: a letter of a writing, whichever it is."""

CLASSES = len(CHARACTERS) + len(WRITINGS)

_CYRILLIC_ALIKE = str.maketrans("АВЕКМНОРСТУХІЈЅҺаекорстухіјѕһ", "ABEKMHOPCTYXIJSHaekopctyxijsh")


def _group(character: str) -> str:
    """Of characters that are hard to tell apart by their shape: capital or not, Latin or Cyrillic."""
    return character.translate(_CYRILLIC_ALIKE).casefold()


_GROUP_NAMES = [*map(_group, CHARACTERS), *WRITINGS]
GROUP = np.array([_GROUP_NAMES.index(name) for name in _GROUP_NAMES])
"""The first class of the group of each class, int (CLASSES,)."""

_PLACES = {character: place for place, character in enumerate(CHARACTERS)}


def class_of(character: str) -> int:
    """Of a letter of a text in NFC; BLANK for a sign that is not read, as of a star between words."""
    if character in _PLACES:
        return _PLACES[character]
    if not character.isalnum():
        return BLANK
    name = unicodedata.name(character, "")
    if name.startswith(("CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC")):
        return len(CHARACTERS) + WRITINGS.index(Writing.HAN)
    writing = Writing.ARABIC if name.startswith("ARABIC") else Writing.OTHER
    return len(CHARACTERS) + WRITINGS.index(writing)
