"""The reader: stamp-text reads a strip both ways up, and says which parts of it are in a writing of another engine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.engines import Engine
from stamp2vec.engines.reading import tesseract
from stamp2vec.engines.reading.confidence import probability
from stamp2vec.engines.reading.languages import LANGUAGES, Language, is_latin
from stamp2vec.engines.reading.letters import Letters, with_marks
from stamp2vec.engines.reading.ppocr import PpOcr
from stamp2vec.engines.reading.transcript import FOREIGN_LETTER, Span, both_ways
from stamp2vec.hub.manifest import Manifest
from stamp2vec.reading.canvas import LINE_PX, STEP_PX, from_canvas
from stamp2vec.reading.encoding import readings_to_array
from stamp2vec.reading.scripts import alike, has_greek, is_toned, plain, script_of
from stamp2vec.texts import Reading, Script, StripReadings, Writing

STAMP_TEXT = "stamp-text"
# Mean scores of the characters below which a text is no reading, found on drawn lines of writings that nobody reads.
_LEAST_SCORES = {STAMP_TEXT: 0.6, PpOcr.name: 0.65, **{language.engine: 0.4 for language in LANGUAGES}}
_SURE = 0.9  # mean score from which PP-OCR is believed whatever stamp-text reads,
_SURE_TESSERACT = 0.85  # that of Tesseract,
_SURE_NUMBER = 0.95  # and that of a number where stamp-text sees an unknown writing
_AGREED = 0.3  # and share of the letters that both read alike where it is below
_LINE = 0.85  # share of a row that is inked, from which on it is a line along the strip
_INK_WITHIN = (0.02, 0.98)  # of the ink, the part that is within the rows of a piece
_BESIDE = 0.15  # of the height of a strip, of the paper on each side of a span

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A span of a strip as it is read: uint8 (h, w), the right way up."""

    strip: int
    box: tuple[int, int, int, int]
    pixels: Grey
    span: Span
    turned: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one engine reads of a piece."""

    letters: Letters
    engine: str

    @property
    def amount(self) -> float:
        """How much it reads: of two readings the one with more letters is not to lose for being less likely right."""
        return sum(score**2 for score in self.letters.scores)


class ReaderEngine:
    """An Engine: canvases of strips in, see reading.canvas; readings out, see reading.encoding."""

    def __init__(self, text: Engine) -> None:
        """`text` runs stamp-text. ImportError and WeightsError as for PpOcr."""
        self._text = text
        self._ppocr = PpOcr()
        self._languages = tesseract.languages()

    @property
    def manifest(self) -> Manifest:
        """That of stamp-text."""
        return self._text.manifest

    def infer(self, batch: np.ndarray) -> list[np.ndarray]:
        """See Infer."""
        warnings: list[dict[str, None]] = [{} for _ in batch]  # by strip, each once
        readings = [(piece.strip, _reading(piece, attempts)) for piece, attempts in self.attempts(batch, warnings)]
        return [
            readings_to_array(
                StripReadings(tuple(each for strip, each in readings if strip == number), tuple(of_strip))
            )
            for number, of_strip in enumerate(warnings)
        ]

    def attempts(self, batch: np.ndarray, warnings: Sequence[dict[str, None]]) -> list[tuple[Piece, list[Attempt]]]:
        """The pieces of text on canvases, and what each engine reads of them; adds to the warnings of strips.

        Strips are read one by one, but the pieces for Tesseract in one process for each language.
        """
        pieces = [piece for number, canvas in enumerate(batch) for piece in self._pieces(number, from_canvas(canvas))]
        read = {piece: self._read(piece) for piece in pieces}
        for language in LANGUAGES:
            wanted = [piece for piece in pieces if language.is_wanted(piece.span)]
            try:
                found = self._by_tesseract([piece.pixels for piece in wanted], language)
            except tesseract.TesseractFailed as error:
                for piece in wanted:
                    warnings[piece.strip][f"{language.script} text was not read by Tesseract: {error}"] = None
            else:
                for piece, letters in zip(wanted, found, strict=True):
                    read[piece].append(Attempt(letters, language.engine))
        return list(read.items())

    def _pieces(self, number: int, strip: NDArray[np.uint8]) -> list[Piece]:
        """What is text on a strip, uint8 (64, W, 3)."""
        grey = np.ascontiguousarray(strip.min(2))  # ink of any colour is dark in one channel
        height, width = grey.shape
        columns = max(1, round(width * LINE_PX / height / STEP_PX))
        line = np.asarray(Image.fromarray(grey).resize((columns * STEP_PX, LINE_PX), Image.Resampling.BILINEAR))
        upright, turned = self._text.infer(np.stack([line, line[::-1, ::-1]])[..., None])
        return [_piece(number, grey, span, way, width / columns) for span, way in both_ways(upright, turned)]

    def _read(self, piece: Piece) -> list[Attempt]:
        """What stamp-text reads, and PP-OCR, which knows Chinese and reads Latin well."""
        writing, letters = piece.span.writing, piece.span.letters
        if writing is Writing.ARABIC:
            return []
        other = self._ppocr.read(piece.pixels, Writing.HAN if writing is Writing.HAN else Writing.ALPHABET)
        attempt = Attempt(other, PpOcr.name)
        if writing is Writing.HAN:
            return [attempt]
        if writing is Writing.OTHER:  # numbers are taken for letters of unknown writings at times
            is_number = script_of(other.text) is None and other.mean_score >= _SURE_NUMBER
            return [attempt] if is_number else []
        if has_greek(other.text):
            return []
        if any(map(is_toned, letters.text)):
            attempt = replace(attempt, letters=with_marks(other, letters))
        return [Attempt(letters, STAMP_TEXT), attempt]

    def _by_tesseract(self, pieces: Sequence[Grey], language: Language) -> list[Letters]:
        """TesseractFailed when the language is not there, or it fails."""
        if pieces and language.name not in self._languages:
            package = f"tesseract-ocr-{language.name}"
            raise tesseract.TesseractFailed(f"its language is not installed here: apt-get install {package}")
        return tesseract.read(pieces, language.name)


def _piece(number: int, strip: Grey, span: Span, turned: bool, scale: float) -> Piece:
    """`scale` is the pixels of the strip for a column of the span."""
    height, width = strip.shape
    left, right = max(0, int(span.first * scale)), min(width, int(np.ceil(span.end * scale)))
    top, bottom = _rows(strip[:, left:right])
    beside = round(_BESIDE * height)
    pixels = strip[:, max(0, left - beside) : right + beside]
    pixels = np.ascontiguousarray(pixels[::-1, ::-1] if turned else pixels)
    return Piece(number, (left, top, right, bottom), pixels, span, turned)


def _rows(part: Grey) -> tuple[int, int]:
    """The rows of a part of a strip that hold its ink, but for lines along it."""
    ink = 255.0 - part
    marked = ink > ink.max() / 2
    amount = np.where(marked.mean(1) > _LINE, 0.0, ink.sum(1)).cumsum()
    if amount[-1] <= 0:
        return 0, len(part)
    first, last = np.searchsorted(amount, np.array(_INK_WITHIN) * amount[-1])
    return int(first), int(last) + 1


def _reading(piece: Piece, attempts: Sequence[Attempt]) -> Reading:
    """As the caller gets it; without text where no engine is sure of any."""
    sure = [each for each in attempts if _is_sure(each, piece.span.letters)]
    if not sure:
        script = {Writing.HAN: Script.HAN, Writing.ARABIC: Script.ARABIC}.get(piece.span.writing, Script.OTHER)
        return Reading(piece.box, "", script, 0.0, 0.0, piece.turned, "")
    best = max(sure, key=_rank)
    text, scores = best.letters.text.strip(), best.letters.scores
    confidence = probability(best.engine, scores)
    return Reading(piece.box, text, script_of(text), confidence, best.letters.mean_score, piece.turned, best.engine)


def _rank(attempt: Attempt) -> tuple[bool, float]:
    """An engine of others is right where it is sure, PP-OCR of Latin; and else the one that reads the most."""
    letters = attempt.letters
    least = {STAMP_TEXT: 1.0, PpOcr.name: _SURE}.get(attempt.engine, _SURE_TESSERACT)
    return letters.mean_score >= least and (attempt.engine != PpOcr.name or is_latin(letters.text)), attempt.amount


def _is_sure(attempt: Attempt, own: Letters) -> bool:
    """Whether it is a reading: what is no text, or of an unknown writing, each engine takes for other letters."""
    score = attempt.letters.mean_score
    if score < _LEAST_SCORES[attempt.engine]:
        return False
    if attempt.engine != PpOcr.name or score >= _SURE or FOREIGN_LETTER in own.text:
        return True
    return alike(plain(attempt.letters.text), plain(own.text)) >= _AGREED
