"""The reader: finds the pieces of text on a strip, tells their script, and has each read by the engine that knows it.

What kind of script a piece is of is told before it is read, since engines do not notice foreign ones. Latin and Cyrillic
alone are told apart by what is read: PP-OCRv6 reads Cyrillic as blanks and as the Latin letters that look alike, and so
reads less of it than Tesseract does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stamp2vec.engines.reading import tesseract
from stamp2vec.engines.reading.confidence import probability
from stamp2vec.engines.reading.letters import Letters
from stamp2vec.engines.reading.ppocr import Box, PpOcr
from stamp2vec.engines.torch import State, TorchEngine
from stamp2vec.hub.manifest import Manifest
from stamp2vec.reading.canvas import classifier_input, from_canvas
from stamp2vec.reading.encoding import readings_to_array
from stamp2vec.reading.scripts import alike, as_cyrillic, has_accents, has_tones, script_of, without_marks
from stamp2vec.texts import Reading, Script, StripReadings, Writing

_WRITINGS = tuple(Writing)
_NO_TEXT = 0.5  # probability of NONE from which a piece is none
_UNSURE_WAY = 1.5  # log-odds below which a piece is read both ways up
_WINDOW = 4  # heights: so much of a line tells which way up it stands
_LEAST_SCORE = 0.5  # mean of a text's characters, below which it is no reading
_SURELY_LATIN = 0.93  # mean score from which letters that Cyrillic lacks show that a text is Latin
_LETTERS_PER_HEIGHT = 0.55  # of a line, of which fewer are suspect: those of another script are left out
_TONED = 0.75  # share of the letters that both engines read alike, from which Tesseract's tones are believed

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A piece of a strip, and the ways up to try: True is turned by half a turn."""

    strip: int
    box: Box
    pixels: Grey
    writing: Writing
    ways: tuple[bool, ...]

    def picture(self, turned: bool) -> Grey:
        return np.ascontiguousarray(self.pixels[::-1, ::-1]) if turned else self.pixels


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What one engine reads of a piece, one way up."""

    letters: Letters
    turned: bool
    engine: str

    @property
    def amount(self) -> float:
        """How much it reads: each character as far as the engine is sure of it."""
        return sum(self.letters.scores) if self.letters.mean_score >= _LEAST_SCORE else 0.0


class ReaderEngine:
    """An Engine: canvases of strips in, see reading.canvas; readings out, see reading.encoding."""

    def __init__(self, manifest: Manifest, state: State, device: str = "cpu") -> None:
        """The weights are those of stamp-script. ImportError and WeightsError as for PpOcr."""
        self.manifest = manifest
        self._scripts = TorchEngine(manifest, state, device)
        self._ppocr = PpOcr()
        self._languages = tesseract.languages()

    def infer(self, batch: np.ndarray) -> list[np.ndarray]:
        """See Infer. Strips are read one by one, but the pieces for Tesseract in one process for each language."""
        pieces = [piece for number, canvas in enumerate(batch) for piece in self._pieces(number, from_canvas(canvas))]
        best: list[_Attempt | None] = [self._by_ppocr(piece) for piece in pieces]
        warnings: list[dict[str, None]] = [{} for _ in batch]  # by strip, each once
        for language in LANGUAGES:
            numbers = [number for number, piece in enumerate(pieces) if language.is_wanted(piece, best[number])]
            try:
                found = self._by_tesseract([pieces[number] for number in numbers], language.name)
            except tesseract.TesseractFailed as error:
                for number in numbers:
                    best[number] = language.without(best[number])
                    warnings[pieces[number].strip][f"{language.script} text was not read: {error}"] = None
            else:
                for number, attempt in zip(numbers, found, strict=True):
                    best[number] = language.choose(best[number], attempt)
        read = [(piece.strip, _reading(piece, each)) for piece, each in zip(pieces, best, strict=True)]
        return [
            readings_to_array(StripReadings(tuple(each for strip, each in read if strip == number), tuple(of_strip)))
            for number, of_strip in enumerate(warnings)
        ]

    def _pieces(self, number: int, strip: NDArray[np.uint8]) -> list[_Piece]:
        """What is text on a strip, uint8 (64, W, 3)."""
        grey = np.ascontiguousarray(strip.min(2))  # ink of any colour is dark in one channel
        found = []
        for x1, y1, x2, y2 in self._ppocr.find(grey):
            for left, right in self._same_way(grey[y1:y2, x1:x2]):
                box = (x1 + left, y1, x1 + right, y2)
                piece = self._piece(number, box, np.ascontiguousarray(grey[y1:y2, x1 + left : x1 + right]))
                if piece is not None:
                    found.append(piece)
        return found

    def _same_way(self, line: Grey) -> list[tuple[int, int]]:
        """A line of text cut where it begins to stand the other way up, as where the two texts of a ring meet."""
        scaled = classifier_input(line)
        width = scaled.shape[1]
        step, window = len(scaled), _WINDOW * len(scaled)
        starts = list(range(0, width - window + 1, step))
        if len(starts) < 2:
            return [(0, line.shape[1])]
        ways = np.array(self._scripts.infer(np.stack([scaled[:, start : start + window] for start in starts])))[:, -1]
        ink = (255 - line).sum(0, dtype=np.int64)
        cuts, before = [0], 0
        for place in np.flatnonzero(abs(ways) > _UNSURE_WAY).tolist():
            if ways[before] * ways[place] < 0 and abs(ways[before]) > _UNSURE_WAY:
                middle = [(starts[one] + window / 2) * line.shape[1] / width for one in (before, place)]
                first, last = round(middle[0]), round(middle[1])
                cuts.append(first + int(ink[first : last + 1].argmin()))
            before = place
        return list(pairwise([*cuts, line.shape[1]]))

    def _piece(self, number: int, box: Box, pixels: Grey) -> _Piece | None:
        """A piece and what it is taken for; None where it is no text."""
        (logits,) = self._scripts.infer(classifier_input(pixels)[None])
        odds = np.exp(logits[:-1] - logits[:-1].max())
        writing = _WRITINGS[int(odds.argmax())]
        if writing is Writing.NONE and odds[-1] / odds.sum() > _NO_TEXT:
            return None
        way = float(logits[-1])
        return _Piece(number, box, pixels, writing, (way > 0,) if abs(way) > _UNSURE_WAY else (False, True))

    def _by_ppocr(self, piece: _Piece) -> _Attempt | None:
        """The way up of which it reads the most; None where it knows nothing of the script."""
        if piece.writing not in (Writing.ALPHABET, Writing.HAN):
            return None
        read = [(self._ppocr.read(piece.picture(turned), piece.writing), turned) for turned in piece.ways]
        attempts = [_Attempt(letters, turned, PpOcr.name) for letters, turned in read]
        return max(attempts, key=lambda each: each.amount)

    def _by_tesseract(self, pieces: Sequence[_Piece], language: str) -> list[_Attempt]:
        """The same for each piece. TesseractFailed when the language is not there, or it fails."""
        if pieces and language not in self._languages:
            package = f"tesseract-ocr-{language}"
            raise tesseract.TesseractFailed(f"its language is not installed here: apt-get install {package}")
        order = [(number, turned) for number, piece in enumerate(pieces) for turned in piece.ways]
        read = tesseract.read([pieces[number].picture(turned) for number, turned in order], language)
        attempts: list[list[_Attempt]] = [[] for _ in pieces]
        for (number, turned), letters in zip(order, read, strict=True):
            attempts[number].append(_Attempt(letters, turned, f"tesseract-{language}"))
        return [max(each, key=lambda one: one.amount) for each in attempts]


@dataclass(frozen=True, slots=True)
class _Language:
    """A language of Tesseract: what it is asked for, and which reading then counts.

    `is_wanted` takes a piece and PP-OCR's reading of it, `choose` that reading and Tesseract's; `without` is what counts
    where Tesseract cannot be asked.
    """

    name: str
    script: str
    is_wanted: Callable[[_Piece, _Attempt | None], bool]
    choose: Callable[[_Attempt | None, _Attempt], _Attempt | None]
    without: Callable[[_Attempt | None], _Attempt | None]


def _may_be_cyrillic(piece: _Piece, latin: _Attempt | None) -> bool:
    """Whether a Latin reading has few letters for its length, unsure ones, or none but such as Cyrillic has too."""
    if piece.writing is not Writing.ALPHABET or latin is None:
        return False
    height, width = piece.pixels.shape
    count = sum(character.isalnum() for character in latin.letters.text)
    has_few = count * height < _LETTERS_PER_HEIGHT * width
    return has_few or latin.letters.mean_score < _SURELY_LATIN or as_cyrillic(latin.letters.text) is not None


def _of_more_letters(latin: _Attempt | None, cyrillic: _Attempt) -> _Attempt | None:
    return cyrillic if latin is None or cyrillic.amount > latin.amount else latin


def _if_sure(latin: _Attempt | None) -> _Attempt | None:
    """A Latin reading that may be of Cyrillic, where nobody can tell."""
    is_sure = latin is not None and latin.letters.mean_score >= _SURELY_LATIN and not as_cyrillic(latin.letters.text)
    return latin if is_sure else None


def _may_have_tones(piece: _Piece, latin: _Attempt | None) -> bool:
    if piece.writing is not Writing.ALPHABET or latin is None or latin.engine != PpOcr.name:
        return False
    return latin.letters.mean_score < _SURELY_LATIN or has_accents(latin.letters.text)


def _if_toned(latin: _Attempt | None, vietnamese: _Attempt) -> _Attempt | None:
    """Tesseract's reading where it has the same letters but for their marks, and marks that only Vietnamese has."""
    if latin is None or vietnamese.amount == 0 or not has_tones(vietnamese.letters.text):
        return latin
    ours, theirs = without_marks(latin.letters.text), without_marks(vietnamese.letters.text)
    return vietnamese if alike(ours, theirs) >= _TONED else latin


LANGUAGES = (
    _Language("rus", "cyrillic", _may_be_cyrillic, _of_more_letters, _if_sure),
    _Language("vie", "vietnamese", _may_have_tones, _if_toned, lambda latin: latin),
    _Language(
        "ara",
        "arabic",
        lambda piece, _: piece.writing is Writing.ARABIC,
        lambda _, arabic: arabic,
        lambda _: None,
    ),
)


def _reading(piece: _Piece, best: _Attempt | None) -> Reading:
    """As the caller gets it; without text where no engine is sure of any."""
    if best is None or best.amount == 0:
        script = {Writing.HAN: Script.HAN, Writing.ARABIC: Script.ARABIC}.get(piece.writing, Script.OTHER)
        return Reading(piece.box, "", script, 0.0, 0.0, piece.ways[0], "")
    text, scores = best.letters.text.strip(), best.letters.scores
    confidence = probability(best.engine, scores)
    return Reading(piece.box, text, script_of(text), confidence, best.letters.mean_score, best.turned, best.engine)
