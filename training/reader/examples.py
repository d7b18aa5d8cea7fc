"""Lines to what stamp-text learns: parts of them, varied, with the class of each of its columns and the text."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.reading.alphabet import BLANK, CHARACTERS, class_of
from stamp2vec.reading.canvas import LINE_PX, STEP_PX
from training.reader.lines import Letter, Line
from training.synth.impression import blur, texture

UNKNOWN = -1  # class of a column that teaches nothing
_CORE = 0.25  # share of a letter's width on each side that is blank, so that each letter is seen once
_SAYS = 0.8  # share of the parts that have letters, of lines that have any
_SPACE = class_of(" ")


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """uint8 (40, W), int64 (W / 4,) and the classes of the text; no text where a letter is cut or no letter is read."""

    pixels: NDArray[np.uint8]
    columns: NDArray[np.int64]
    text: tuple[int, ...] | None


def example(rng: np.random.Generator, line: Line, width: int) -> Example:
    """A part of a line, `width` columns wide, squeezed, shifted, blurred and worn."""
    height, whole = line.pixels.shape
    squeeze = float(np.exp(rng.normal(0, 0.15)))
    top, foot = rng.uniform(-0.06, 0.06, 2) * height
    scale = LINE_PX / height * squeeze  # columns of the example for one of the line
    span = width / scale
    left = rng.uniform(-0.15 * span, max(0.0, whole - 0.85 * span))
    said = [letter for letter in line.letters if not letter.upside_down]
    if said and rng.random() < _SAYS:
        left = said[int(rng.integers(len(said)))].left - span * rng.uniform(0.05, 0.6)
    pixels = _cut(line.pixels, left, span, top, foot, width)
    pixels = _varied(rng, pixels)
    letters = [_moved(letter, left, scale) for letter in line.letters]
    return Example(pixels, _columns(letters, width), _text(letters, width))


def whole(line: Line) -> NDArray[np.uint8]:
    """A line as the network gets it: uint8 (40, W), W a multiple of 4."""
    height, width = line.pixels.shape
    width = max(1, round(width * LINE_PX / height / STEP_PX)) * STEP_PX
    return np.array(Image.fromarray(line.pixels).resize((width, LINE_PX), Image.Resampling.BILINEAR))


def _cut(pixels: NDArray[np.uint8], left: float, span: float, top: float, foot: float, width: int) -> NDArray[np.uint8]:
    height, whole = pixels.shape
    before, after = max(0, int(np.ceil(-left))), max(0, int(np.ceil(left + span - whole)))
    above = int(np.ceil(max(0.0, -top, foot)))
    paper = int(np.quantile(pixels[:: max(1, height // 8), :: max(1, whole // 64)], 0.8))
    padded = np.pad(pixels, ((above, above), (before, after)), constant_values=paper)
    box = (left + before, top + above, left + before + span, height + foot + above)
    box = (max(0.0, box[0]), max(0.0, box[1]), min(box[2], padded.shape[1]), min(box[3], padded.shape[0]))
    return np.asarray(Image.fromarray(padded).resize((width, LINE_PX), Image.Resampling.BILINEAR, box), np.uint8)


def _varied(rng: np.random.Generator, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    ink = 1 - pixels.astype(np.float32) / np.float32(255)
    shape = ink.shape
    if rng.random() < 0.15:
        missing = rng.uniform(0.03, 0.35)
        field = texture(rng, shape, rng.uniform(1.2, 4)) + 0.8 * texture(rng, shape, rng.uniform(8, 30))
        level = float(np.quantile(field, missing))
        ink = ink * np.clip((field - level) * 3 + 0.5, 0, 1)
    if rng.random() < 0.2:
        ink = blur(ink, rng.uniform(0.3, 0.9))
    if rng.random() < 0.3:
        ink = np.clip((ink - rng.uniform(0, 0.3)) * rng.uniform(1, 3), 0, 1)
    ink = ink * rng.uniform(0.6, 1.1) + rng.normal(0, rng.uniform(0, 0.04) * float(rng.random() < 0.5), shape)
    return np.asarray(np.clip(1 - ink, 0, 1) * 255, np.uint8)


def _moved(letter: Letter, left: float, scale: float) -> Letter:
    return Letter(
        letter.character, (letter.left - left) * scale, (letter.right - left) * scale, letter.upside_down, letter.cut
    )


def _columns(letters: Sequence[Letter], width: int) -> NDArray[np.int64]:
    columns = np.full(width // STEP_PX, BLANK, np.int64)
    middles = (np.arange(len(columns)) + 0.5) * STEP_PX
    upright = [letter for letter in letters if not letter.upside_down]
    for letter in upright:
        wide = letter.right - letter.left
        kind = class_of(letter.character[0])
        inside = (middles >= letter.left) & (middles < letter.right)
        if letter.cut:
            columns[inside] = UNKNOWN
        elif kind != BLANK:
            is_writing = kind >= len(CHARACTERS)
            margin = (0.05 if is_writing else _CORE) * wide
            core = (middles >= letter.left + margin) & (middles < letter.right - margin)
            if not core.any():
                core = np.zeros(len(columns), bool)
                nearest = int(np.clip((letter.left + letter.right) / 2 / STEP_PX, -1, len(columns)))
                if 0 <= nearest < len(columns):
                    core[nearest] = True
            columns[core] = kind
    return columns


def _text(letters: Sequence[Letter], width: int) -> tuple[int, ...] | None:
    text: list[int] = []
    for letter in letters:
        if letter.upside_down or letter.right <= 0 or letter.left >= width:
            continue
        kind = class_of(letter.character[0])
        if letter.cut or kind >= len(CHARACTERS):
            return None
        inside = min(letter.right, width) - max(letter.left, 0)
        if (
            kind != BLANK
            and inside > 0.55 * (letter.right - letter.left)
            and not (kind == _SPACE and (not text or text[-1] == _SPACE))
        ):
            text.append(kind)
    while text and text[-1] == _SPACE:
        text.pop()
    return tuple(text) or None
