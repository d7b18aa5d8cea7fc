"""Drawn pages of which is known how they looked before they were stamped, and what is written on them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pypdfium2

from training.synth.backgrounds import print_pages
from training.synth.capture import capture, transform_points
from training.synth.die import DieKind, die_spec, render
from training.synth.fonts import Script, Split
from training.synth.impression import SPECTRA, Ink, strike
from training.synth.page import captured, stamp_on
from training.synth.placing import Placed
from training.synth.templates import business
from training.synth.templates.draft import Draft, FontFaces
from training.synth.templates.lexicon import LANGUAGES

DPI = 300  # text of a usual size cannot be read from pages of half of it
INKS = tuple(SPECTRA)
_KINDS = (DieKind.ROUND, DieKind.RECTANGLE, DieKind.OVAL, DieKind.DATE, DieKind.WORD, DieKind.STAR_ROUND)
_STAMPS = 4
_ATTEMPTS = 40
_CSS = (
    "@page{size:210mm 297mm;margin:0}body{margin:0}"
    "section{position:relative;width:210mm;height:296mm;page-break-after:always}p{margin:.5em 0}"
)

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Word:
    """A printed word and its box, in pixels of the captured page."""

    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class Imprint:
    """A stamp's box in pixels of the captured page, and its ink's name."""

    box: Box
    ink: str


@dataclass(frozen=True, slots=True)
class Case:
    """A page that was captured with its stamps and, by the same chain, without: ``stamped`` and ``clean``, uint8
    (H, W, 3). ``ink`` is the true coverage, uint8 (H, W); ``capture`` names the chain.
    """

    stamped: Pixels
    clean: Pixels
    ink: Pixels
    words: tuple[Word, ...]
    stamps: tuple[Imprint, ...]
    capture: str


def cases(count: int, seed: int, split: Split = Split.TEST, inks: Sequence[str] = INKS) -> Iterator[Case]:
    """Print English letters with the fonts of a split and stamp them where their text is, a page a case.

    Pages are captured by the chains of both splits in turn. RuntimeError without Chromium.
    """
    rng = np.random.default_rng([seed, 41])
    with tempfile.TemporaryDirectory() as folder:
        document = pypdfium2.PdfDocument(print_pages(_html(rng, count, split), Path(folder)))
        for index in range(count):
            page = document[index]
            pixels = np.array(page.render(scale=DPI / 72).to_pil().convert("RGB"))
            chance, chain = np.random.default_rng([seed, 42, index]), list(Split)[index % 2]
            yield _case(chance, pixels, _words(page), split, inks, chain)
        document.close()


def _html(rng: np.random.Generator, count: int, split: Split) -> str:
    faces = FontFaces()
    letters = [business.letter(Draft(rng, split, faces, LANGUAGES["en"])) for _ in range(count)]
    return f"<!doctype html><meta charset=utf-8><style>{_CSS}{faces.css()}</style>{''.join(letters)}"


def _words(page: pypdfium2.PdfPage) -> list[Word]:
    """What is printed, with boxes in pixels of the page at DPI."""
    text, height = page.get_textpage(), page.get_height()
    words: list[Word] = []
    letters: list[tuple[str, Box]] = []
    for index in range(text.count_chars() + 1):
        letter = text.get_text_range(index, 1) if index < text.count_chars() else " "
        if letter.strip():
            left, bottom, right, top = text.get_charbox(index)
            letters.append((letter, (left, height - top, right, height - bottom)))
        elif letters:
            boxes = np.array([box for _, box in letters]) * DPI / 72
            (x1, y1), (x2, y2) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
            words.append(Word("".join(each for each, _ in letters), (x1, y1, x2, y2)))
            letters = []
    return words


def _case(
    rng: np.random.Generator, page: Pixels, words: list[Word], split: Split, inks: Sequence[str], chain: Split
) -> Case:
    before = page.copy()
    placed: list[Placed] = []
    for _ in range(_STAMPS):
        stamp = _on_text(rng, page.shape[:2], words, placed, split, inks)
        if stamp is not None:
            stamp_on(page, stamp)
            placed.append(stamp)
    chance = int(rng.integers(2**31))
    shot = capture(page, np.random.default_rng(chance), chain)
    clean = capture(before, np.random.default_rng(chance), chain)
    truth = captured(placed, shot)
    stamps = tuple(Imprint(each.box, each.ink) for each in truth.stamps)
    moved = tuple(Word(word.text, _moved(word.box, shot.homography)) for word in words)
    return Case(shot.image, clean.image, truth.mask, moved, stamps, shot.name)


def _on_text(
    rng: np.random.Generator,
    shape: tuple[int, int],
    words: list[Word],
    placed: list[Placed],
    split: Split,
    inks: Sequence[str],
) -> Placed | None:
    """A stamp around some word, apart from those that are placed; None where there is no room for it."""
    kind = _KINDS[int(rng.integers(len(_KINDS)))]
    spec = die_spec(int(rng.integers(2**31)), 0, split, kind, Script.LATIN)
    relief = render(spec, DPI / 25.4)
    name = inks[int(rng.integers(len(inks)))]
    spectrum = np.clip(np.array(SPECTRA[name]) * rng.normal(1.0, 0.05, 3), 0.02, 1.15)
    ink = Ink(name, (float(spectrum[0]), float(spectrum[1]), float(spectrum[2])))
    wear = float(rng.beta(1.5, 2.6))
    impression = strike(relief, rng, wear, spec=spec, px_per_mm=DPI / 25.4, ink=ink)
    height, width = impression.coverage.shape
    for _ in range(_ATTEMPTS):
        x1, y1, x2, y2 = words[int(rng.integers(len(words)))].box
        left, top = round((x1 + x2 - width) / 2), round((y1 + y2 - height) / 2)
        fits = left >= 0 and top >= 0 and left + width <= shape[1] and top + height <= shape[0]
        if fits and not any(_touch((left, top, width, height), other) for other in placed):
            return Placed(impression, left, top)
    return None


def _touch(one: tuple[int, int, int, int], other: Placed) -> bool:
    left, top, width, height = one
    high, wide = other.impression.coverage.shape
    return left < other.x + wide and other.x < left + width and top < other.y + high and other.y < top + height


def _moved(box: Box, homography: npt.NDArray[np.float64]) -> Box:
    x1, y1, x2, y2 = box
    corners = transform_points(homography, np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]]))
    (left, top), (right, bottom) = corners.min(0), corners.max(0)
    return float(left), float(top), float(right), float(bottom)
