"""Pages with a drawn stamp of which everything is known: the page without it, and its mask."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from stamp2vec.erasing import Mark, Result, open_eraser
from stamp2vec.imaging.formats import Limits, Page, open_file

SIDE = 360
BOX = (90, 60, 270, 240)
AROUND = (40, 10, 320, 290)
"""Beyond it no pixel may change: BOX and a quarter of its side, and a little more."""
INKS = {"red": (200, 40, 50), "blue": (40, 60, 190), "green": (20, 140, 70), "violet": (120, 50, 170)}


def sheet(ink: str | None = None, grain: float = 2.0) -> Image.Image:
    """Cream paper that gets darker to the right, with grain and lines of print; a ring of ink on it."""
    rng = np.random.default_rng(3)
    shade = np.linspace(0, -25, SIDE)[None, :, None]
    pixels = np.array([246.0, 242.0, 230.0]) + shade + rng.normal(0, grain, (SIDE, SIDE, 1))
    for top in range(30, SIDE - 10, 22):
        for left in range(30, SIDE - 40, 26):
            pixels[top : top + 9, left : left + 3] = 30
            pixels[top : top + 3, left : left + 14] = 30
    if ink is not None:
        density = -np.log((np.array(INKS[ink]) + 1) / 256)
        pixels = pixels * np.exp(-density * (ring()[..., None] / 255.0))
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def ring() -> NDArray[np.uint8]:
    """The coverage of the ink, uint8 (SIDE, SIDE)."""
    image = Image.new("L", (SIDE, SIDE), 0)
    ImageDraw.Draw(image).ellipse((100, 70, 260, 230), outline=255, width=9)
    ImageDraw.Draw(image).rectangle((140, 130, 220, 142), fill=255)
    return np.asarray(image)


def mark(image: NDArray[np.uint8] | None = None, **more: Any) -> Mark:
    x1, y1, x2, y2 = BOX
    return Mark(BOX, (ring() if image is None else image)[y1:y2, x1:x2], **more)


def outside() -> NDArray[np.bool_]:
    """Where nothing may change."""
    x1, y1, x2, y2 = AROUND
    result = np.ones((SIDE, SIDE), np.bool_)
    result[y1:y2, x1:x2] = False
    return result


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def pages(data: bytes, password: str | None = None) -> list[Page]:
    reader = open_file(io.BytesIO(data), Limits(), "document", password)
    try:
        return [reader.read(index) for index in range(reader.page_count)]
    finally:
        reader.close()


def rewritten(
    data: bytes, *marks: Mark, index: int = 0, password: str | None = None
) -> tuple[list[Result], bytes, str, tuple[str, ...]]:
    """What became of the marks, the new file, its media type, and what it has or lacks other than them."""
    file = io.BytesIO(data)
    reader = open_file(file, Limits(), "document", password)
    try:
        eraser = open_eraser(file, reader, Limits(), "document", password)
        results = eraser.erase(index, marks or (mark(),))
        target = io.BytesIO()
        media_type = eraser.save(target)
        return results, target.getvalue(), media_type, eraser.warnings
    finally:
        reader.close()


def coloured(image: NDArray[np.uint8]) -> int:
    """How many pixels have a colour that is not the paper's."""
    chroma = image.max(2).astype(int) - image.min(2)
    return int((chroma > 45).sum())
