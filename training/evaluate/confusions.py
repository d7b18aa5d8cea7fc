"""A picture of what an embedder confuses: pairs of stamps side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stamp2vec.imaging import letterbox

TILE = 160
GAP = 12
CAPTION = 20
COLUMNS = 4
GOOD, BAD, INK, PAPER = (0, 150, 80), (220, 30, 30), (30, 30, 30), (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Confusion:
    """Two stamps, by their places in the set, and the similarity of their vectors."""

    a: int
    b: int
    similarity: float


def picture(
    confusions: Sequence[Confusion], pictures: Sequence[Callable[[], np.ndarray]], identity: np.ndarray
) -> Image.Image:
    """Rows of pairs: framed green where both are of one die, which the model took for two, else red."""
    font = ImageFont.load_default(size=12)
    width, height = 2 * TILE + GAP, TILE + CAPTION
    rows = max(1, -(-len(confusions) // COLUMNS))
    sheet = Image.new("RGB", (COLUMNS * width, rows * height), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, pair in enumerate(confusions):
        x, y = number % COLUMNS * width, number // COLUMNS * height
        for offset, place in ((0, pair.a), (TILE, pair.b)):
            pixels, _ = letterbox(pictures[place](), (TILE - 4, TILE - 4))
            sheet.paste(Image.fromarray(pixels), (x + offset + 2, y + 2))
        same = bool(identity[pair.a] == identity[pair.b])
        draw.rectangle((x, y, x + 2 * TILE, y + TILE), outline=GOOD if same else BAD, width=2)
        draw.text((x + 4, y + TILE + 3), f"{'one die' if same else 'two dies'}, {pair.similarity:.3f}", INK, font)
    return sheet
