"""The reader: finds the pieces of text on a strip, tells their script, and has each read by the engine that knows it.

Scripts are told before anything is read, since engines do not notice foreign ones: PP-OCRv6 reads Cyrillic as blanks,
or as the Latin letters that look alike, and both with high scores.
"""

from collections.abc import Mapping, Sequence
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
from stamp2vec.reading.scripts import script_of
from stamp2vec.texts import Reading, StripReadings, Writing

_LANGUAGES: Mapping[Writing, str] = {Writing.CYRILLIC: "rus", Writing.VIETNAMESE: "vie", Writing.ARABIC: "ara"}
_OF_PPOCR = (Writing.LATIN, Writing.VIETNAMESE, Writing.HAN)  # of Vietnamese it lacks the tones
_WRITINGS = tuple(Writing)
_READABLE = (*_OF_PPOCR, Writing.CYRILLIC, Writing.ARABIC)
_LIKELY = 0.05  # probability from which a writing is tried: the wrong engine reads less of it, and is less sure
_PRIOR_POWER = 0.5  # of the probability: what was read counts for more
_NOT_READABLE = 0.5  # probability of OTHER and of NONE from which nothing is tried
_UNSURE_WAY = 1.5  # log-odds below which a piece is read both ways up
_WINDOW = 4  # heights: so much of a line tells which way up it stands
_LEAST_SCORE = 0.5  # mean of a text's characters, below which it is no reading

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A piece of a strip, what it may be written in, with probabilities, and the ways up to try: True is turned."""

    strip: int
    box: Box
    pixels: Grey
    writings: Mapping[Writing, float]
    ways: tuple[bool, ...]

    def picture(self, turned: bool) -> Grey:
        return np.ascontiguousarray(self.pixels[::-1, ::-1]) if turned else self.pixels


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What one engine reads of a piece that is taken for a writing, one way up."""

    letters: Letters
    writing: Writing
    turned: bool
    engine: str


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
        attempts = [self._by_ppocr(piece) for piece in pieces]
        warnings: list[dict[str, None]] = [{} for _ in batch]  # by strip, each once
        for writing in _LANGUAGES:
            numbers = [number for number, piece in enumerate(pieces) if writing in piece.writings]
            try:
                found = self._by_tesseract([pieces[number] for number in numbers], writing)
            except tesseract.TesseractFailed as error:
                for number in numbers:
                    warnings[pieces[number].strip][f"{writing} text was not read: {error}"] = None
            else:
                for number, attempt in zip(numbers, found, strict=True):
                    attempts[number] += attempt
        read = [(piece.strip, _reading(piece, each)) for piece, each in zip(pieces, attempts, strict=True)]
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
        """What a piece may be written in; None where it is no text."""
        (logits,) = self._scripts.infer(classifier_input(pixels)[None])
        odds = np.exp(logits[:-1] - logits[:-1].max())
        chances = dict(zip(_WRITINGS, (odds / odds.sum()).tolist(), strict=True))
        if chances[Writing.NONE] > _NOT_READABLE:
            return None
        likely = {writing: chances[writing] for writing in _READABLE if chances[writing] >= _LIKELY}
        if chances[Writing.OTHER] > _NOT_READABLE:
            likely = {}
        way = float(logits[-1])
        ways = (way > 0,) if abs(way) > _UNSURE_WAY else (False, True)
        return _Piece(number, box, pixels, likely, ways)

    def _by_ppocr(self, piece: _Piece) -> list[_Attempt]:
        return [
            _Attempt(self._ppocr.read(piece.picture(turned), writing), writing, turned, PpOcr.name)
            for writing in _OF_PPOCR
            if writing in piece.writings
            for turned in piece.ways
        ]

    def _by_tesseract(self, pieces: Sequence[_Piece], writing: Writing) -> list[list[_Attempt]]:
        """What each piece says, all ways up. TesseractFailed when the language is not there, or it fails."""
        language = _LANGUAGES[writing]
        if pieces and language not in self._languages:
            package = f"tesseract-ocr-{language}"
            raise tesseract.TesseractFailed(f"its language is not installed here: apt-get install {package}")
        order = [(number, turned) for number, piece in enumerate(pieces) for turned in piece.ways]
        read = tesseract.read([pieces[number].picture(turned) for number, turned in order], language)
        attempts: list[list[_Attempt]] = [[] for _ in pieces]
        for (number, turned), letters in zip(order, read, strict=True):
            attempts[number].append(_Attempt(letters, writing, turned, f"tesseract-{language}"))
        return attempts


def _reading(piece: _Piece, attempts: Sequence[_Attempt]) -> Reading:
    """The best attempt at a piece; one without text where no engine is sure of any."""
    sure = [each for each in attempts if each.letters.mean_score >= _LEAST_SCORE]
    if any(each.engine != PpOcr.name and each.writing is Writing.VIETNAMESE for each in sure):
        sure = [each for each in sure if each.engine != PpOcr.name or each.writing is not Writing.VIETNAMESE]
    if not sure:
        writing = max(piece.writings, key=piece.writings.__getitem__, default=Writing.OTHER)
        return Reading(piece.box, "", writing.script, 0.0, 0.0, piece.ways[0], "")
    best = max(sure, key=lambda each: piece.writings[each.writing] ** _PRIOR_POWER * sum(each.letters.scores))
    text, score = best.letters.text.strip(), best.letters.mean_score
    confidence = probability(best.engine, best.letters.scores)
    return Reading(piece.box, text, script_of(text), confidence, score, best.turned, best.engine)
