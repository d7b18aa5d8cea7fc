"""The reader: finds the pieces of text on a strip, tells their script, and has each read by the engine that knows it.

What kind of script a piece is of is told before it is read, since engines do not notice foreign ones. Latin and
Cyrillic alone are told apart by what is read: PP-OCRv6 reads Cyrillic as blanks and as the Latin letters that look
alike, and so reads less of it than Tesseract does.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stamp2vec.engines import Engine
from stamp2vec.engines.reading import tesseract
from stamp2vec.engines.reading.confidence import probability
from stamp2vec.engines.reading.languages import LANGUAGES, Language
from stamp2vec.engines.reading.letters import Letters
from stamp2vec.engines.reading.pieces import Attempt, Piece, same_states, words
from stamp2vec.engines.reading.ppocr import Box, PpOcr
from stamp2vec.hub.manifest import Manifest
from stamp2vec.reading.canvas import classifier_input, from_canvas
from stamp2vec.reading.encoding import readings_to_array
from stamp2vec.reading.scripts import has_greek, script_of
from stamp2vec.texts import Reading, Script, StripReadings, Writing

_WRITINGS = tuple(Writing)
_NO_TEXT = 0.9  # probability of NONE from which a piece is none
_NOT_READ = 0.7  # probability of OTHER below which the engine that is next likely tries: few texts are of others
_UNSURE_WAY = 2.0  # log-odds below which a piece is read both ways up
_SURE_WIDTH = 2.5  # heights, from which on a word tells which way up it stands
_LETTER = 2.0  # log-odds of the way up for each letter more that is surely read
_FAR = 1.5  # heights, by which words of one line are seldom apart
_SURE = 0.93  # mean score from which PP-OCR is right about the script, and the way up

Grey = NDArray[np.uint8]


class ReaderEngine:
    """An Engine: canvases of strips in, see reading.canvas; readings out, see reading.encoding."""

    def __init__(self, scripts: Engine) -> None:
        """`scripts` runs stamp-script. ImportError and WeightsError as for PpOcr."""
        self._scripts = scripts
        self._ppocr = PpOcr()
        self._languages = tesseract.languages()

    @property
    def manifest(self) -> Manifest:
        """That of stamp-script."""
        return self._scripts.manifest

    def infer(self, batch: np.ndarray) -> list[np.ndarray]:
        """See Infer. Strips are read one by one, but the pieces for Tesseract in one process for each language."""
        pieces = [piece for number, canvas in enumerate(batch) for piece in self._pieces(number, from_canvas(canvas))]
        best: list[Attempt | None] = [self._by_ppocr(piece) for piece in pieces]
        warnings: list[dict[str, None]] = [{} for _ in batch]  # by strip, each once
        for language in LANGUAGES:
            numbers = [number for number, piece in enumerate(pieces) if language.is_wanted(piece, best[number])]
            try:
                found = self._by_tesseract([pieces[number] for number in numbers], language)
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

    def _pieces(self, number: int, strip: NDArray[np.uint8]) -> list[Piece]:
        """What is text on a strip, uint8 (64, W, 3)."""
        grey = np.ascontiguousarray(strip.min(2))  # ink of any colour is dark in one channel
        boxes = [
            (x1 + left, y1, x1 + right, y2)
            for x1, y1, x2, y2 in self._ppocr.find(grey)
            for left, right in self._same_way(grey[y1:y2, x1:x2])
        ]
        seen = [self._seen(number, box, grey) for box in boxes]
        return [piece for piece in seen if piece is not None]

    def _same_way(self, line: Grey) -> list[tuple[int, int]]:
        """A line of text in parts whose words stand the same way up, from and to, in pixels.

        Where PP-OCR is not sure of a part as the small network sees it, each of its words is read both ways up.
        """
        found = words(line)
        if len(found) < 2:
            return found
        ways = [self._turned_by_look(line[:, first:last]) for first, last in found]
        parts = []
        for first, last, state in _grouped(found, ways, len(line)):
            part = found[first:last]
            piece = line[:, part[0][0] : part[-1][1]]
            writing = self._writing(piece)
            is_known = writing in (Writing.ALPHABET, Writing.HAN)
            if len(part) == 1 or not is_known or self._read(piece, state, writing).mean_score >= _SURE:
                parts.append((part[0][0], part[-1][1]))
                continue
            odds = [
                way + self._turned_by_reading(line[:, left:right], writing)
                for (left, right), way in zip(part, ways[first:last], strict=True)
            ]
            parts += [(part[a][0], part[b - 1][1]) for a, b, _ in _grouped(part, odds, len(line))]
        return parts

    def _turned_by_look(self, word: Grey) -> float:
        """Log-odds that a word stands on its head. Of few characters many are some others upside down."""
        share: float = min(1.0, word.shape[1] / (_SURE_WIDTH * word.shape[0]))
        return float(self._logits(word)[-1]) * share

    def _turned_by_reading(self, word: Grey, writing: Writing) -> float:
        """The same by how much of it can be read each way up."""
        upright, turned = (self._read(word, way, writing) for way in (False, True))
        return _LETTER * (turned.sure_letters - upright.sure_letters)

    def _read(self, line: Grey, turned: bool, writing: Writing) -> Letters:
        return self._ppocr.read(np.ascontiguousarray(line[::-1, ::-1]) if turned else line, writing)

    def _writing(self, line: Grey) -> Writing:
        """What it is most likely in."""
        return _WRITINGS[int(self._logits(line)[:-1].argmax())]

    def _seen(self, number: int, box: Box, strip: Grey) -> Piece | None:
        """A piece and what it is taken for; None where it is no text."""
        x1, y1, x2, y2 = box
        pixels = np.ascontiguousarray(strip[y1:y2, x1:x2])
        logits = self._logits(pixels)
        chances = np.exp(logits[:-1] - logits[:-1].max())
        chances = chances / chances.sum()
        if chances[_WRITINGS.index(Writing.NONE)] > _NO_TEXT:
            return None
        if chances[_WRITINGS.index(Writing.OTHER)] < _NOT_READ:
            chances[_WRITINGS.index(Writing.OTHER)] = 0
        writing = _WRITINGS[int(chances[:-1].argmax())]
        way = float(logits[-1])
        return Piece(number, box, pixels, writing, (way > 0,) if abs(way) > _UNSURE_WAY else (False, True))

    def _logits(self, line: Grey) -> NDArray[np.float32]:
        """Of each Writing, and of standing on its head: (6,)."""
        (logits,) = self._scripts.infer(classifier_input(line)[None])
        return logits

    def _by_ppocr(self, piece: Piece) -> Attempt | None:
        """The way up of which it reads the most; None where it knows nothing of the script.

        It is hardly ever sure of what it does not know, but for Greek, of which it reads some letters as Latin.
        """
        writing = Writing.HAN if piece.writing is Writing.HAN else Writing.ALPHABET

        def read(turned: bool) -> Attempt:
            return Attempt(self._ppocr.read(piece.picture(turned), writing), turned, PpOcr.name)

        attempts = list(map(read, piece.ways))
        if len(attempts) == 1 and attempts[0].letters.mean_score < _SURE:
            attempts.append(read(not attempts[0].turned))
        best = max(attempts, key=lambda each: each.amount)
        is_known = piece.writing in (Writing.ALPHABET, Writing.HAN) or best.letters.mean_score >= _SURE
        return best if is_known and not has_greek(best.letters.text) else None

    def _by_tesseract(self, pieces: Sequence[Piece], language: Language) -> list[Attempt]:
        """The same for each piece. TesseractFailed when the language is not there, or it fails."""
        if pieces and language.name not in self._languages:
            package = f"tesseract-ocr-{language.name}"
            raise tesseract.TesseractFailed(f"its language is not installed here: apt-get install {package}")
        order = [(number, turned) for number, piece in enumerate(pieces) for turned in piece.ways]
        read = tesseract.read([pieces[number].picture(turned) for number, turned in order], language.name)
        attempts: list[list[Attempt]] = [[] for _ in pieces]
        for (number, turned), letters in zip(order, read, strict=True):
            attempts[number].append(Attempt(letters, turned, language.engine))
        return [max(each, key=lambda one: one.amount) for each in attempts]


def _grouped(found: Sequence[tuple[int, int]], ways: Sequence[float], height: int) -> list[tuple[int, int, bool]]:
    """Words, from and to in pixels, in parts that stand the same way up.

    Of each part from and to among the words, and whether it is turned.
    """
    gaps = [(after[0] - before[1]) / height for before, after in pairwise(found)]
    states = same_states(np.array(ways), gaps)
    firsts = [0, *(n for n, gap in enumerate(gaps, 1) if states[n] != states[n - 1] or gap >= _FAR)]
    return [(first, last, states[first]) for first, last in pairwise([*firsts, len(found)])]


def _reading(piece: Piece, best: Attempt | None) -> Reading:
    """As the caller gets it; without text where no engine is sure of any."""
    if best is None or not best.is_sure:
        script = {Writing.HAN: Script.HAN, Writing.ARABIC: Script.ARABIC}.get(piece.writing, Script.OTHER)
        return Reading(piece.box, "", script, 0.0, 0.0, piece.ways[0], "")
    text, scores = best.letters.text.strip(), best.letters.scores
    confidence = probability(best.engine, scores)
    return Reading(piece.box, text, script_of(text), confidence, best.letters.mean_score, best.turned, best.engine)
