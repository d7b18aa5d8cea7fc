"""What the pages of the tests show."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from stamp2vec.imaging import decode_pages
from stamp2vec.imaging.formats import Page

Pixels = NDArray[np.uint8]


def colours(height: int = 60, width: int = 90) -> Pixels:
    """A smooth picture, red in the upper left corner: it survives JPEG, and it shows which way is up."""
    y, x = np.mgrid[:height, :width]
    picture = np.stack([y * 0 + 200, 60 + 120 * x / width, 60 + 120 * y / height], axis=2).astype(np.uint8)
    picture[: height // 3, : width // 3] = (250, 10, 10)
    return picture


def greys(height: int = 60, width: int = 90) -> Pixels:
    """Levels from 0 to 255, of which no two rows are the same."""
    y, x = np.mgrid[:height, :width]
    levels: Pixels = ((x * 255 // (width - 1) + y * 2) % 256).astype(np.uint8)
    return levels


def fax_page(height: int = 220, width: int = 300) -> Image.Image:
    """Mode 1, white is True: rings, lines and specks."""
    image = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(image)
    draw.ellipse((30, 20, 130, 120), outline=0, width=5)
    draw.ellipse((45, 35, 115, 105), outline=0, width=2)
    for row in range(130, height, 11):
        draw.line((10, row, width - 10, row), fill=0)
    pixels = np.asarray(image).copy()
    pixels[np.random.default_rng(3).random(pixels.shape) < 0.01] = 0
    return Image.fromarray(pixels).convert("1")


def only_page(data: bytes) -> Page:
    """The page of a file that has one, which can be decoded."""
    (page,) = decode_pages(data)
    assert isinstance(page, Page), page
    return page


def grey(pixels: Pixels) -> Pixels:
    """(H, W) as grey pages (H, W, 3)."""
    return np.repeat(pixels[..., None], 3, axis=2)


def far_apart(a: Pixels, b: Pixels) -> float:
    """The mean difference of levels; infinite for shapes that differ."""
    return float(np.abs(a.astype(float) - b.astype(float)).mean()) if a.shape == b.shape else float("inf")
