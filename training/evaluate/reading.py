"""How well a page is read where it was stamped: Tesseract on the lines of print that a stamp touches."""

from __future__ import annotations

import itertools
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from training.evaluate.unstamped import Box, Case, Pixels, Word

_TOUCHED = 0.03  # share of a word's box that has ink
_INK = 40  # of 255
_PAD = 0.3  # of a word's height
_LEAST_HEIGHT_PX = 8
_MODE = "7"  # one line of text


@dataclass(frozen=True, slots=True)
class Line:
    """Words beside each other that a stamp touches, and the box around them in whole pixels."""

    text: str
    box: tuple[int, int, int, int]


def touched_lines(case: Case, stamp: Box) -> list[Line]:
    """The lines of print under one stamp; none of a page that was captured sideways or upside-down."""
    if not _is_upright(case.words):
        return []
    lines: list[list[Word]] = []
    for word in case.words:
        if not _touches(case.ink, word.box, stamp):
            continue
        last = lines[-1][-1] if lines else None
        if last is not None and _continues(last.box, word.box):
            lines[-1].append(word)
        else:
            lines.append([word])
    height, width = case.ink.shape
    return [_line(words, height, width) for words in lines]


def _is_upright(words: Sequence[Word]) -> bool:
    """Words lie beside each other from left to right, and most are longer than high."""
    shapes = [(box[2] - box[0]) / max(box[3] - box[1], 1.0) for box in (word.box for word in words)]
    steps = [b.box[0] - a.box[0] for a, b in itertools.pairwise(words) if _continues(a.box, b.box)]
    return bool(shapes) and float(np.median(shapes)) > 1 and bool(steps) and float(np.median(steps)) > 0


def _touches(ink: Pixels, box: Box, stamp: Box) -> bool:
    x1, y1, x2, y2 = max(box[0], stamp[0]), max(box[1], stamp[1]), min(box[2], stamp[2]), min(box[3], stamp[3])
    if x1 >= x2 or y1 >= y2 or box[3] - box[1] < _LEAST_HEIGHT_PX:
        return False
    part = ink[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))]
    return bool((part > _INK).sum() > _TOUCHED * (box[2] - box[0]) * (box[3] - box[1]))


def _continues(before: Box, box: Box) -> bool:
    height = max(before[3] - before[1], box[3] - box[1])
    common = min(before[3], box[3]) - max(before[1], box[1])
    return common > 0.4 * height and 0 <= box[0] - before[2] + 0.2 * height < 1.2 * height


def _line(words: Sequence[Word], height: int, width: int) -> Line:
    boxes = np.array([word.box for word in words])
    (x1, y1), (x2, y2) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    pad = _PAD * (y2 - y1)
    box = (max(0, int(x1 - pad)), max(0, int(y1 - pad)), min(width, int(x2 + pad)), min(height, int(y2 + pad)))
    return Line(" ".join(word.text for word in words), box)


def read(crops: Sequence[Pixels]) -> list[str]:
    """What Tesseract reads on each picture of a line, uint8 (h, w, 3), in English.

    RuntimeError when it is not installed, or fails.
    """
    if not crops:
        return []
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for number, crop in enumerate(crops):
            names.append(f"{folder}/{number}.png")
            Image.fromarray(crop).save(names[-1])
        listed = Path(folder) / "list.txt"
        listed.write_text("\n".join(names))
        command = ["tesseract", str(listed), f"{folder}/read", "--psm", _MODE, "-l", "eng"]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except FileNotFoundError as error:
            raise RuntimeError("tesseract is not installed: apt-get install tesseract-ocr") from error
        except subprocess.CalledProcessError as error:
            raise RuntimeError(f"tesseract failed: {error.stderr.decode()[-500:]}") from error
        texts = (Path(folder) / "read.txt").read_text(encoding="utf-8").split("\f")
    return [" ".join(text.split()) for text in texts[: len(crops)]]


def edits(text: str, truth: str) -> int:
    """Insertions, deletions and substitutions that take one text to the other (Levenshtein 1966)."""
    row = list(range(len(truth) + 1))
    for count, letter in enumerate(text, 1):
        before, row[0] = row[0], count
        for index, wanted in enumerate(truth, 1):
            before, row[index] = row[index], min(row[index] + 1, row[index - 1] + 1, before + (letter != wanted))
    return row[-1]
