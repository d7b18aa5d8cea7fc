"""What an engine reads of a line."""

import re
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher

from stamp2vec.reading.scripts import is_toned

_APART = re.compile(r"(?<!\S)\d(?: \d){3,}(?!\S)")  # a year is so many digits


@dataclass(frozen=True, slots=True)
class Letters:
    """A text, and how sure the engine is of each of its characters, 0 to 1: in its own measure, see confidence."""

    text: str
    scores: tuple[float, ...]

    @property
    def mean_score(self) -> float:
        """Of its characters; 0 without any."""
        return sum(self.scores) / len(self.scores) if self.text.strip() else 0.0


def as_number(letters: Letters) -> Letters:
    """A reading whose digits are those of ASCII, and not a blank apart.

    Digits that are letter-spaced, as at the foot of a Chinese seal, PP-OCRv6 takes for wide ones (U+FF10 and on), or
    reads with a blank between each two (`findings/rapidocr-spaced-digits.sh`).
    """
    text = "".join(str(int(each)) if each.isdecimal() else each for each in letters.text)
    apart = {at for run in _APART.finditer(text) for at in range(run.start(), run.end()) if text[at] == " "}
    kept = [at for at in range(len(text)) if at not in apart]
    return Letters("".join(text[at] for at in kept), tuple(letters.scores[at] for at in kept))


def with_marks(letters: Letters, marked: Letters) -> Letters:
    """A reading with what another engine reads of letters with marks that only Vietnamese has.

    PP-OCRv6 lacks half of these letters: it leaves them out, or reads them without their tones.
    """
    text: list[tuple[str, float]] = []
    ours, theirs = (list(zip(each.text, each.scores, strict=True)) for each in (letters, marked))
    pair = SequenceMatcher(None, _bare(letters.text), _bare(marked.text), autojunk=False)
    for tag, first, end, other_first, other_end in pair.get_opcodes():
        here, there = ours[first:end], theirs[other_first:other_end]
        if tag == "equal":
            text += [_more_marked(one, other) for one, other in zip(here, there, strict=True)]
        else:
            toned = [one for one in there if is_toned(one[0])]
            text += toned if toned and len(here) <= len(toned) else here
    return Letters("".join(letter for letter, _ in text), tuple(score for _, score in text))


def _more_marked(one: tuple[str, float], other: tuple[str, float]) -> tuple[str, float]:
    (letter, score), (marked, sure) = one, other
    if _marks(marked) <= _marks(letter):
        return one
    return (marked.upper() if letter.isupper() else marked), score * sure


def _bare(text: str) -> list[str]:
    """Its characters without marks and capitals, one for one."""
    return [unicodedata.normalize("NFD", letter.lower())[0].replace("đ", "d") for letter in text]


def _marks(letter: str) -> int:
    return len(unicodedata.normalize("NFD", letter)) + (letter in "đĐ")
