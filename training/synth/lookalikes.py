"""Everything on paper that is not a stamp but looks a little like one: pens, printed marks, codes and things.

Each drawer takes a `Sheet` and adds one object in place; `UNDER` lies below the stamps, `OVER` below or above them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from training.synth import words
from training.synth.fonts import Script, Split, Style, pick

Page = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

PENS: tuple[Colour, ...] = ((20, 35, 140), (35, 60, 170), (15, 20, 70), (15, 15, 18), (40, 40, 45), (25, 25, 30), (170, 30, 40))
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
_FINE = 3


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


def _canvas(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    layer = Image.new("L", (max(width, 2) * _FINE, max(height, 2) * _FINE))
    return layer, ImageDraw.Draw(layer)


def _coverage(layer: Image.Image) -> Page:
    return np.array(layer.reduce(_FINE))


def _spline(points: npt.NDArray[np.float64], steps: int = 12) -> npt.NDArray[np.float64]:
    """Return a Catmull-Rom curve through ``points`` (N, 2)."""
    padded = np.vstack([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    p0, p1, p2, p3 = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    curve = 0.5 * (
        2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    return np.vstack([curve.reshape(-1, 2), points[-1:]])


def _stroke(draw: ImageDraw.ImageDraw, curve: npt.NDArray[np.float64], width: float) -> None:
    """Draw a pen line whose width falls with speed."""
    speed = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    widths = width * np.clip(1.35 - 0.5 * speed / (speed.mean() + 1e-6), 0.45, 1.4)
    for (x0, y0), (x1, y1), pen in zip(curve[:-1], curve[1:], widths, strict=True):
        draw.line((x0, y0, x1, y1), fill=255, width=max(round(pen), 1))
        radius = pen / 2
        if pen > 3:
            draw.ellipse((x1 - radius, y1 - radius, x1 + radius, y1 + radius), fill=255)


def signature(sheet: Sheet, at: tuple[int, int] | None = None) -> None:
    """A signature: one running zigzag with loops and one or two flourishes, centred at ``at`` or anywhere."""
    rng = sheet.rng
    width, height = sheet.px(25, 75), sheet.px(9, 26)
    layer, draw = _canvas(width, height)
    w, h = layer.size
    letters = int(rng.integers(5, 16))
    x = np.linspace(0.06, rng.uniform(0.6, 0.92), letters) * w + rng.normal(0, 0.035 * w, letters)
    swing = np.where(np.arange(letters) % 2, 1, -1) * rng.uniform(0.08, 0.34, letters) * np.linspace(1.3, 0.5, letters)
    y = (0.5 + swing + rng.normal(0, 0.05, letters)) * h
    pen = rng.uniform(0.25, 0.8) * sheet.px_per_mm * _FINE
    _stroke(draw, _spline(np.column_stack([x, y])), pen)
    for _ in range(int(rng.integers(0, 3))):
        loop = np.column_stack([rng.uniform(0.05, 0.95, 5) * w, rng.uniform(0.1, 0.95, 5) * h])
        _stroke(draw, _spline(loop if rng.random() < 0.5 else loop[loop[:, 0].argsort()]), pen)
    turned = layer.rotate(rng.uniform(-3, 22), Image.Resampling.BILINEAR, expand=True)
    coverage = _coverage(turned)
    left, top = sheet.place(width, height)
    if at is not None:
        left, top = at[0] - coverage.shape[1] // 2, at[1] - coverage.shape[0] // 2
    print_on(sheet.page, coverage, sheet.colour(PENS), left, top)


def _script(sheet: Sheet) -> Script:
    return (Script.LATIN, Script.LATIN, Script.CYRILLIC, Script.CJK, Script.ARABIC)[int(sheet.rng.integers(5))]


def _text(sheet: Sheet, text: str, script: Script, style: Style, height_px: int) -> Image.Image:
    font = pick(sheet.rng, script, sheet.split, style, text).at(max(height_px * _FINE, 8))
    left, top, right, bottom = font.getbbox(text)
    layer = Image.new("L", (int(right - left) + 8, int(bottom - top) + 8))
    ImageDraw.Draw(layer).text((4 - left, 4 - top), text, fill=255, font=font)
    return layer


def handwriting(sheet: Sheet) -> None:
    """A note of one to five words in a hand font, each word with its own height and lean."""
    rng = sheet.rng
    script = (Script.LATIN, Script.LATIN, Script.CYRILLIC)[int(rng.integers(3))]
    colour, size = sheet.colour(PENS), sheet.px(4, 9)
    lean = rng.normal(0, 9) + (rng.choice([0, 0, 0, 90]))
    left, top = sheet.place(sheet.px(40, 60), sheet.px(15, 20))
    x, y = left, top
    for _ in range(int(rng.integers(1, 6))):
        makers = (words.date, words.family_name, words.serial, words.city, words.department)
        text = makers[int(rng.integers(len(makers)))](rng, script)
        layer = _text(sheet, text, script, Style.HAND, int(size * rng.uniform(0.85, 1.15)))
        coverage = _coverage(layer.rotate(lean + rng.normal(0, 2), Image.Resampling.BILINEAR, expand=True))
        print_on(sheet.page, coverage, colour, x, y + int(rng.normal(0, 2)))
        x += coverage.shape[1] + size // 2
        if x > left + 70 * sheet.px_per_mm:
            x, y = left, y + int(size * 1.4)


def pen_marks(sheet: Sheet) -> None:
    """A circle drawn around something, an underline, a tick or a cross-out."""
    rng = sheet.rng
    kind = int(rng.integers(4))
    width, height = sheet.px(12, 60), sheet.px(6, 22)
    layer, draw = _canvas(width, height)
    w, h = layer.size
    pen = rng.uniform(0.3, 0.9) * sheet.px_per_mm * _FINE
    if kind == 0:
        angle = np.linspace(0, rng.uniform(5.9, 7.4), 14) + rng.uniform(0, 6)
        radius = np.linspace(0.4, 0.46, 14) + rng.normal(0, 0.012, 14)
        points = np.column_stack([0.5 + radius * np.cos(angle), 0.5 + radius * np.sin(angle)])
    elif kind == 1:
        points = np.column_stack([np.linspace(0.03, 0.97, 6), 0.5 + rng.normal(0, 0.06, 6)])
    elif kind == 2:
        points = np.array([[0.2, 0.5], [0.4, 0.85], [0.55, 0.5], [0.9, 0.08]]) + rng.normal(0, 0.03, (4, 2))
    else:
        points = np.column_stack([np.linspace(0.05, 0.95, 9), np.where(np.arange(9) % 2, 0.2, 0.8)])
    _stroke(draw, _spline(points * (w, h)), pen)
    print_on(sheet.page, _coverage(layer), sheet.colour(PENS), *sheet.place(width, height))


def _star_points(tips: int, inner: float, radius: float, centre: float, turn: float) -> list[tuple[float, float]]:
    angles = np.arange(2 * tips) * np.pi / tips + turn
    radii = np.where(np.arange(2 * tips) % 2, inner * radius, radius)
    return [(centre + r * float(np.cos(a)), centre + r * float(np.sin(a))) for a, r in zip(angles, radii, strict=True)]


def _logo_shape(sheet: Sheet, size: int) -> Page:
    """Return the coverage of one flat shape: disc, ring, star, polygon, leaf, bars or letters."""
    rng = sheet.rng
    layer, draw = _canvas(size, size)
    s = layer.width
    kind = int(rng.integers(8))
    box = (0.06 * s, 0.06 * s, 0.94 * s, 0.94 * s)
    if kind == 0:
        draw.ellipse(box, fill=255)
        draw.pieslice(box, rng.integers(0, 360), rng.integers(360, 500), fill=0)
    elif kind == 1:
        draw.ellipse(box, outline=255, width=int(s * rng.uniform(0.04, 0.2)))
        draw.rectangle((0.3 * s, 0.42 * s, 0.7 * s, 0.58 * s), fill=255)
    elif kind == 2:
        draw.polygon(_star_points(int(rng.integers(4, 11)), rng.uniform(0.3, 0.8), 0.47 * s, s / 2, rng.uniform(0, 6)), fill=255)
    elif kind == 3:
        draw.polygon(_star_points(int(rng.integers(2, 5)), 1.0, 0.47 * s, s / 2, rng.uniform(0, 6)), fill=255)
    elif kind == 4:
        for i in range(int(rng.integers(2, 6))):
            draw.chord(box, 40 + i * 60, 100 + i * 60, fill=255)
    elif kind == 5:
        for i in range(4):
            draw.rectangle((s * (0.08 + 0.23 * i), s * rng.uniform(0.1, 0.7), s * (0.25 + 0.23 * i), 0.92 * s), fill=255)
    elif kind == 6:
        draw.rounded_rectangle(box, radius=s * rng.uniform(0, 0.4), fill=255)
        text = _text(sheet, words.family_name(rng, Script.LATIN)[: int(rng.integers(1, 3))], Script.LATIN, Style.SANS, size // 2)
        text.thumbnail((int(0.7 * s), int(0.6 * s)))
        layer.paste(0, ((s - text.width) // 2, (s - text.height) // 2), text)
    else:
        text = _text(sheet, words.family_name(rng, Script.LATIN)[:3].upper(), Script.LATIN, Style.SLAB, size // 2)
        text.thumbnail((s, s))
        layer.paste(255, ((s - text.width) // 2, (s - text.height) // 2), text)
    return _coverage(layer)


def logo(sheet: Sheet) -> None:
    """A printed logo: one to three flat shapes in one to three colours, mostly near the top edge, often with a name."""
    rng = sheet.rng
    size = sheet.px(10, 28)
    x, y = sheet.place(size, size)
    if rng.random() < 0.75:
        y = sheet.px(4, 35)
    for _ in range(int(rng.integers(1, 4))):
        colour, scale = sheet.colour(PRINTING), rng.uniform(0.5, 1.0)
        shift = rng.integers(-size // 4, size // 4 + 1, 2)
        print_on(sheet.page, _logo_shape(sheet, int(size * scale) + 2), colour, x + int(shift[0]), y + int(shift[1]))
    if rng.random() < 0.6:
        script = _script(sheet)
        name = _text(sheet, words.company_name(rng, script), script, Style.SANS, sheet.px(2.2, 5))
        below = rng.random() < 0.5
        left, top = (x, y + size + 4) if below else (x + size + 8, y + size // 3)
        print_on(sheet.page, _coverage(name), sheet.colour(PRINTING), left, top)


def coloured_heading(sheet: Sheet) -> None:
    """A bold printed heading in colour at the left margin or centred, dead straight; never a word that stamps say."""
    rng, script = sheet.rng, _script(sheet)
    maker = words.company_name if rng.random() < 0.6 else words.sentence
    text = maker(rng, script)[: int(rng.integers(8, 30))]
    layer = _text(sheet, text, script, (Style.SANS, Style.SLAB, Style.SERIF)[int(rng.integers(3))], sheet.px(4, 12))
    coverage = _coverage(layer)[:, : int(0.9 * sheet.page.shape[1])]
    height, width = sheet.page.shape[:2]
    x = (width - coverage.shape[1]) // 2 if rng.random() < 0.4 else sheet.px(12, 25)
    y = int(rng.uniform(0.02, 0.3 if rng.random() < 0.7 else 0.95) * height)
    print_on(sheet.page, coverage, sheet.colour(PRINTING), x, y)


def printed_box(sheet: Sheet) -> None:
    """A printed frame with a label and nothing or one line in it: a frame alone is no stamp."""
    rng = sheet.rng
    width, height = sheet.px(25, 90), sheet.px(10, 40)
    coverage = np.zeros((height, width), np.uint8)
    line = sheet.px(0.15, 0.9)
    coverage[:line], coverage[-line:], coverage[:, :line], coverage[:, -line:] = 255, 255, 255, 255
    x, y = sheet.place(width, height)
    colour = sheet.colour(PRINTING) if rng.random() < 0.4 else (15, 15, 15)
    if rng.random() < 0.5:
        sheet.page[y : y + height, x : x + width] = rng.integers(225, 256, 3)
    print_on(sheet.page, coverage, colour, x, y)
    for row in range(int(rng.integers(0, 3))):
        script = _script(sheet)
        text = _coverage(_text(sheet, words.department(rng, script), script, Style.SANS, sheet.px(1.8, 3.5)))
        print_on(sheet.page, text[:, : width - 2 * line - 4], colour, x + line + 4, y + 4 + int(row * height / 3))


def bates_number(sheet: Sheet) -> None:
    """The running number of an archive: bold digits at the right or lower edge, often on end."""
    rng = sheet.rng
    style = (Style.MONO, Style.SANS, Style.SLAB)[int(rng.integers(3))]
    layer = _text(sheet, words.digits(rng, int(rng.integers(6, 11))), Script.LATIN, style, sheet.px(2.8, 6))
    height, width = sheet.page.shape[:2]
    if rng.random() < 0.5:
        coverage = _coverage(layer.rotate(90 if rng.random() < 0.7 else 270, expand=True))
        x, y = width - sheet.px(8, 22), int(rng.uniform(0.25, 0.9) * height)
    else:
        coverage = _coverage(layer.rotate(rng.normal(0, 0.6), Image.Resampling.BILINEAR, expand=True))
        x, y = int(rng.uniform(0.45, 0.85) * width), height - sheet.px(10, 24)
    if rng.random() < 0.5:
        coverage = np.maximum(coverage, np.roll(coverage, 1, axis=1))
    print_on(sheet.page, coverage, (18, 18, 18), x, y)


def fax_header(sheet: Sheet) -> None:
    """The sender's line that a fax machine prints along the top edge."""
    rng = sheet.rng
    text = f"{words.date(rng, Script.LATIN)}  {words.digits(rng, 4)}  FAX {words.phone(rng, Script.LATIN)}   {words.company_name(rng, Script.LATIN)}   P.{rng.integers(1, 9):02d}"
    layer = _text(sheet, text, Script.LATIN, Style.MONO, sheet.px(2, 3.2))
    print_on(sheet.page, _coverage(layer)[:, : sheet.page.shape[1] - 10], (10, 10, 10), sheet.px(5, 25), sheet.px(1, 5))


def punched_holes(sheet: Sheet) -> None:
    """Two to four file holes at the left (or upper) edge, dark or light, some torn, some only crescents."""
    rng = sheet.rng
    radius, gap = sheet.px(2.4, 3.6), sheet.px(60, 110)
    height, width = sheet.page.shape[:2]
    along_top = rng.random() < 0.2
    level = int(rng.choice([5, 20, 60, 180, 235]))
    start = int((width if along_top else height) * rng.uniform(0.05, 0.45))
    for index in range(int(rng.integers(1, 5))):
        layer, draw = _canvas(2 * radius + 2, 2 * radius + 2)
        s = layer.width
        draw.ellipse((2, 2, s - 3, s - 3), fill=255)
        if rng.random() < 0.3:
            shift = rng.uniform(0.1, 0.3) * s
            draw.ellipse((2 + shift, 2 - shift / 3, s - 3 + shift, s - 3 - shift / 3), fill=0)
        alpha = _coverage(layer)
        along, across = start + index * gap, sheet.px(4, 12)
        hole = np.full((*alpha.shape, 3), level, np.uint8)
        paste_on(sheet.page, hole, alpha, *((along, across) if along_top else (across, along)))


def qr_code(sheet: Sheet) -> None:
    """A QR-like code with finder squares."""
    side = 4 * int(sheet.rng.integers(1, 7)) + 17
    modules = sheet.rng.random((side, side)) < 0.5
    for row, column in ((0, 0), (0, side - 7), (side - 7, 0)):
        modules[max(row - 1, 0) : row + 8, max(column - 1, 0) : column + 8] = False
        modules[row : row + 7, column : column + 7] = True
        modules[row + 1 : row + 6, column + 1 : column + 6] = False
        modules[row + 2 : row + 5, column + 2 : column + 5] = True
    size = sheet.px(14, 38)
    picture = Image.fromarray(np.pad(modules, 2).astype(np.uint8) * 255).resize((size, size), Image.Resampling.BOX)
    x, y = sheet.place(size, size)
    sheet.page[y : y + size, x : x + size] = 255
    print_on(sheet.page, np.array(picture), (10, 10, 10) if sheet.rng.random() < 0.8 else sheet.colour(PRINTING), x, y)


def barcode(sheet: Sheet) -> None:
    """A one-dimensional barcode with its number, upright or on end."""
    rng = sheet.rng
    module = max(sheet.px(0.2, 0.45), 1)
    widths = rng.integers(1, 4, 61) * module
    line = np.repeat(np.arange(61) % 2 == 0, widths).astype(np.uint8) * 255
    coverage = np.tile(line, (sheet.px(6, 18), 1))
    digits = _coverage(_text(sheet, words.digits(rng, 12), Script.LATIN, Style.SANS, sheet.px(2, 3)))
    digits = digits[:, : coverage.shape[1]]
    coverage = np.vstack([coverage, np.pad(digits, ((2, 0), (0, coverage.shape[1] - digits.shape[1])))])
    coverage = np.rot90(coverage) if rng.random() < 0.25 else coverage
    print_on(sheet.page, np.ascontiguousarray(coverage), (10, 10, 10), *sheet.place(coverage.shape[1], coverage.shape[0]))


def portrait_photo(sheet: Sheet) -> None:
    """A glued or printed portrait photograph: graded backdrop, shoulders, head with light from one side, noise."""
    rng = sheet.rng
    width = sheet.px(22, 40)
    height = int(width * 1.3)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32) / width
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = rng.uniform(120, 240, 3)
    picture *= 0.85 + 0.15 * ys[..., None]
    light = (0.8 + 0.4 * (xs if rng.random() < 0.5 else 1 - xs))[..., None]
    skin, hair, coat = rng.uniform(0.35, 1, 1) * np.array([240, 195, 165]), rng.uniform(10, 120, 3), rng.uniform(15, 200, 3)
    shoulders = ((xs - 0.5) / 0.48) ** 2 + ((ys - 1.35) / 0.42) ** 2 < 1
    crown = ((xs - 0.5) / 0.25) ** 2 + ((ys - 0.5) / 0.34) ** 2 < 1
    face = ((xs - 0.5) / rng.uniform(0.18, 0.22)) ** 2 + ((ys - 0.58) / rng.uniform(0.25, 0.3)) ** 2 < 1
    for region, paint in ((shoulders, coat), (crown, hair), (face, skin)):
        picture[region] = (light * paint)[region]
    for x, y in ((0.41, 0.55), (0.59, 0.55), (0.5, 0.73)):
        picture[((xs - x) / 0.045) ** 2 + ((ys - y) / 0.022) ** 2 < 1] *= 0.35
    picture += rng.normal(0, 6, picture.shape)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.2))
    if rng.random() < 0.4:
        image = image.convert("L").convert("RGB")
    paste_on(sheet.page, np.array(image), np.full((height, width), 255, np.uint8), *sheet.place(width, height))


def coffee_ring(sheet: Sheet) -> None:
    """The brown ring of a cup, darker at its rim, open on one side."""
    rng = sheet.rng
    radius = sheet.px(28, 45)
    side = 2 * radius + 20
    ys, xs = np.mgrid[0:side, 0:side] - side / 2
    distance = np.hypot(xs, ys) + 1.5 * np.sin(5 * np.arctan2(ys, xs) + rng.uniform(0, 6))
    rim = np.exp(-(((distance - radius) / rng.uniform(2, 7)) ** 2)) * np.clip(
        0.6 + 0.5 * np.cos(np.arctan2(ys, xs) - rng.uniform(0, 6)), 0.05, 1
    )
    x, y = sheet.place(radius, radius)
    print_on(sheet.page, (rim * rng.uniform(70, 190)).astype(np.uint8), (150, 105, 60), x - radius // 2, y - radius // 2)


def coin(sheet: Sheet) -> None:
    """A coin or a round sticker lying on the page: metallic gradient, rim, embossed figure."""
    rng = sheet.rng
    radius = sheet.px(8, 14)
    side = 2 * radius
    ys, xs = (np.mgrid[0:side, 0:side] - radius + 0.5) / radius
    distance = np.hypot(xs, ys)
    metal = np.array([(200, 170, 90), (190, 190, 195), (185, 120, 80), (210, 40, 40)][int(rng.integers(4))], np.float32)
    shade = 0.85 + 0.25 * np.cos(np.arctan2(ys, xs) * 2 + rng.uniform(0, 6)) * distance
    shade = np.where(distance > 0.88, shade * 0.75, shade)
    text = _text(sheet, words.digits(rng, int(rng.integers(1, 3))), Script.LATIN, Style.SERIF, radius).resize((radius, radius))
    raised = np.zeros((side, side), np.float32)
    raised[radius // 2 : radius // 2 + radius, radius // 2 : radius // 2 + radius] = np.array(text) / 255
    shade = shade + 0.25 * (raised - np.roll(raised, (2, 2), (0, 1)))
    picture = np.clip(metal * shade[..., None], 0, 255).astype(np.uint8)
    alpha = (np.clip((1 - distance) * radius, 0, 1) * 255).astype(np.uint8)
    paste_on(sheet.page, picture, alpha, *sheet.place(side, side))


def highlighter(sheet: Sheet) -> None:
    """One to three strokes of a fluorescent marker."""
    rng = sheet.rng
    colours: tuple[Colour, ...] = ((250, 245, 80), (120, 245, 120), (255, 150, 200), (120, 210, 255), (255, 190, 90))
    colour, height, width = sheet.colour(colours), sheet.px(3.5, 6), sheet.px(20, 120)
    x, y = sheet.place(width, height)
    for line in range(int(rng.integers(1, 4))):
        layer, draw = _canvas(width, height + 6)
        points = np.column_stack([np.linspace(0.02, 0.98, 5) * layer.width, (0.5 + rng.normal(0, 0.03, 5)) * layer.height])
        draw.line([tuple(p) for p in points], fill=int(rng.integers(170, 255)), width=height * _FINE)
        print_on(sheet.page, _coverage(layer), colour, x + int(rng.normal(0, 8)), y + line * int(height * 1.3))


def postage_stamp(sheet: Sheet) -> None:
    """A postage stamp: perforated edge, coloured printed picture, value and country name."""
    rng = sheet.rng
    width, height = sheet.px(20, 40), sheet.px(22, 34)
    tooth = max(int(0.9 * sheet.px_per_mm), 2)
    layer, draw = _canvas(width, height)
    w, h = layer.size
    draw.rectangle((0, 0, w, h), fill=255)
    step, radius = tooth * _FINE * 2, tooth * _FINE * 0.6
    for x in np.arange(0, w + 1, step):
        for y in (0, h):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
    for y in np.arange(0, h + 1, step):
        for x in (0, w):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
    picture = Image.new("RGB", (width, height), (250, 248, 240))
    hue = rng.integers(60, 240, 3)
    patches = np.clip(hue + rng.normal(0, 25, (4, 3, 3)), 0, 255).astype(np.uint8)
    inner = Image.fromarray(patches).resize((width - 4 * tooth, height - 4 * tooth), Image.Resampling.BICUBIC)
    picture.paste(inner, (2 * tooth, 2 * tooth))
    art = np.array(picture)
    print_on(art, _logo_shape(sheet, int(min(width, height) * 0.55)), sheet.colour(PRINTING), width // 4, height // 4)
    value = _coverage(_text(sheet, words.digits(rng, 2), Script.LATIN, Style.SERIF, height // 6))
    print_on(art, value, (20, 20, 20), 2 * tooth + 2, height - 2 * tooth - value.shape[0])
    x, y = sheet.place(width, height)
    if rng.random() < 0.7:
        x, y = sheet.page.shape[1] - width - sheet.px(4, 20), sheet.px(4, 25)
    paste_on(sheet.page, art, _coverage(layer), x, y)


def redaction(sheet: Sheet) -> None:
    """A blackened or hatched bar over a line, as in released files."""
    width, height = sheet.px(15, 80), sheet.px(3.5, 7)
    coverage = np.full((height, width), int(sheet.rng.integers(120, 256)), np.uint8)
    if sheet.rng.random() < 0.5:
        coverage[sheet.rng.random(coverage.shape) < 0.4] = 0
    print_on(sheet.page, coverage, (8, 8, 8), *sheet.place(width, height))


Drawer = Callable[[Sheet], None]
UNDER: tuple[tuple[float, Drawer], ...] = (
    (9.0, logo),
    (5.0, coloured_heading),
    (3.0, printed_box),
    (5.0, bates_number),
    (2.0, fax_header),
    (2.5, qr_code),
    (3.0, barcode),
    (2.0, portrait_photo),
    (1.0, redaction),
    (1.0, coin),
    (1.5, postage_stamp),
)
OVER: tuple[tuple[float, Drawer], ...] = (
    (8.0, signature),
    (7.0, handwriting),
    (5.0, pen_marks),
    (4.0, punched_holes),
    (1.5, highlighter),
    (1.0, coffee_ring),
)


def scatter(sheet: Sheet, drawers: tuple[tuple[float, Drawer], ...], count: int) -> None:
    """Add ``count`` objects drawn from a weighted table."""
    weights = np.array([weight for weight, _ in drawers])
    for index in sheet.rng.choice(len(drawers), count, p=weights / weights.sum()):
        drawers[int(index)][1](sheet)
