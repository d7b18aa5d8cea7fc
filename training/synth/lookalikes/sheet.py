"""The page being composed, and how things are drawn on it: transparent ink, opaque things, text, pen lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from training.synth.fonts import FontFace, Script, Split, Style, pick

Page = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

PENS: tuple[Colour, ...] = (
    (20, 35, 140),
    (35, 60, 170),
    (15, 20, 70),
    (15, 15, 18),
    (40, 40, 45),
    (25, 25, 30),
    (170, 30, 40),
)
PRINTING: tuple[Colour, ...] = (
    (176, 24, 24),
    (226, 0, 26),
    (26, 79, 156),
    (0, 63, 135),
    (28, 126, 214),
    (46, 139, 87),
    (233, 131, 0),
    (217, 164, 0),
    (106, 27, 154),
    (0, 131, 143),
    (78, 52, 46),
    (20, 20, 20),
    (60, 60, 60),
    (216, 27, 96),
)
FINE = 3  # drawn at three times the resolution, then averaged down


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page being composed: uint8 (H, W, 3), its resolution, the generator and the split of fonts to draw from."""

    page: Page
    px_per_mm: float
    rng: np.random.Generator
    split: Split

    def px(self, low_mm: float, high_mm: float) -> int:
        """Return a random length in pixels, at least 1."""
        return max(int(self.rng.uniform(low_mm, high_mm) * self.px_per_mm), 1)

    def place(self, width: int, height: int) -> tuple[int, int]:
        """Return the top-left x, y of an object anywhere on the page."""
        page_height, page_width = self.page.shape[:2]
        return (
            int(self.rng.integers(0, max(page_width - width, 1))),
            int(self.rng.integers(0, max(page_height - height, 1))),
        )

    def blank(self, width: int, height: int, tries: int) -> tuple[int, int]:
        """Return the top-left x, y of the emptiest of ``tries`` places that are drawn at random."""
        places = [self.place(width, height) for _ in range(tries)]
        return max(places, key=lambda at: self.brightness(at[0], at[1], width, height))

    def brightness(self, x: int, y: int, width: int, height: int) -> float:
        """Return the mean level of a window: of two, the brighter has less on it."""
        window = self.page[max(y, 0) : y + height : 3, max(x, 0) : x + width : 3, 1]
        return float(window.mean()) if window.size else 0.0

    def is_blank(self, x: int, y: int, width: int, height: int) -> bool:
        """Whether a window is nearly blank."""
        paper = float(np.percentile(self.page[::16, ::16, 1], 80))
        return self.brightness(x, y, width, height) > paper - 5

    def colour(self, options: tuple[Colour, ...]) -> Colour:
        """Return one of ``options``."""
        return options[int(self.rng.integers(len(options)))]


def print_on(page: Page, coverage: Page, colour: Colour, x: int, y: int) -> None:
    """Multiply a transparent ink of ``colour`` onto the page where ``coverage`` (h, w) is, clipped to the page."""
    window, part = _overlap(page, coverage, x, y)
    absorbed = part[..., None].astype(np.uint16) * (255 - np.array(colour, np.uint16)) // 255
    window[...] = (window * (255 - absorbed) // 255).astype(np.uint8)


def paste_on(page: Page, picture: Page, alpha: Page, x: int, y: int) -> None:
    """Lay an opaque ``picture`` (h, w, 3) on the page where ``alpha`` (h, w) is, clipped to the page."""
    window, part = _overlap(page, np.dstack([picture, alpha]), x, y)
    opacity = part[..., 3:].astype(np.uint16)
    window[...] = ((window * (255 - opacity) + part[..., :3] * opacity) // 255).astype(np.uint8)


def _overlap(page: Page, layer: Page, x: int, y: int) -> tuple[Page, Page]:
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + layer.shape[1], page.shape[1]), min(y + layer.shape[0], page.shape[0])
    right, bottom = max(right, left), max(bottom, top)
    return page[top:bottom, left:right], layer[top - y : bottom - y, left - x : right - x]


def canvas(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Return an empty fine layer for an object of ``width`` x ``height`` page pixels, and its pencil."""
    layer = Image.new("L", (max(width, 2) * FINE, max(height, 2) * FINE))
    return layer, ImageDraw.Draw(layer)


def coverage_of(layer: Image.Image) -> Page:
    """Return a fine layer at page resolution, uint8 (h, w)."""
    return np.array(layer.reduce(FINE))


def bold(coverage: Page) -> Page:
    """Return print of which every stroke is a pixel wider."""
    return np.maximum(coverage, np.roll(coverage, 1, axis=1))


def frame(width: int, height: int, line: int) -> Page:
    """Return the coverage of an empty rectangle whose sides are ``line`` px thick."""
    coverage = np.full((height, width), 255, np.uint8)
    coverage[line:-line, line:-line] = 0
    return coverage


def a_script(sheet: Sheet) -> Script:
    """Return a script, Latin twice as often as each other."""
    return (Script.LATIN, Script.LATIN, Script.CYRILLIC, Script.CJK, Script.ARABIC)[int(sheet.rng.integers(5))]


def text_layer(
    sheet: Sheet, text: str, script: Script, style: Style, height_px: int, face: FontFace | None = None
) -> Image.Image:
    """Return ``text`` drawn fine, tight, in ``face`` where it has the letters, else in a font of the sheet's split."""
    if face is None or not face.covers(text):
        face = pick(sheet.rng, script, sheet.split, style, text)
    font = face.at(max(height_px * FINE, 8))
    left, top, right, bottom = font.getbbox(text)
    layer = Image.new("L", (int(right - left) + 8, int(bottom - top) + 8))
    ImageDraw.Draw(layer).text((4 - left, 4 - top), text, fill=255, font=font)
    return layer
