"""Lines of text as strips of pixels, straight or bent along an ellipse."""

import math

import numpy as np
from PIL import Image, ImageDraw

from training.synth.dies.elements import ArcText, Facing, LineText
from training.synth.fonts import FontFace, Script, Style

SQUEEZE_LIMIT = 0.65  # letters are made this much narrower before they are made smaller
BENT_SCRIPTS = (Script.ARABIC,)  # joined letters cannot be rotated one by one, so the whole strip is bent


class Strip:
    """A rendered line: `pixels` uint8 (h, w), the row of its optical middle, and the columns between letter cells."""

    __slots__ = ("edges", "middle", "pixels")

    def __init__(self, pixels: np.ndarray, middle: float, edges: np.ndarray) -> None:
        self.pixels, self.middle, self.edges = pixels, middle, edges

    @property
    def centre(self) -> float:
        """The column half-way along the letters."""
        return float(self.edges[0] + self.edges[-1]) / 2


def natural_width(text: str, face: FontFace, em_px: float) -> float:
    """Advance width of `text` in pixels, read off a mid-size face: advances grow in proportion."""
    return float(face.at(64).getlength(text)) * em_px / 64


def set_strip(text: str, face: FontFace, em_px: float, weight_px: float, tracking_px: float, width: float) -> Strip:
    """`text` at `em_px`, tracked, then squeezed or stretched sideways to `width` pixels."""
    font = face.at(round(em_px))
    stroke = max(0.0, weight_px / 2)
    pad = math.ceil(stroke) + 2
    # Not the face's own metrics: some old Arabic faces state an ascent far below their letters' tops.
    _, highest, _, lowest = font.getbbox(text, anchor="ls")
    ascent, descent = math.ceil(max(0.0, -highest)), math.ceil(max(0.0, lowest))
    joined = face.script in BENT_SCRIPTS
    cells = [text] if joined else list(text)
    advances = np.array([font.getlength(cell) for cell in cells]) + (0.0 if joined else tracking_px)
    edges = pad + np.concatenate([[0.0], np.cumsum(advances)])
    image = Image.new("L", (math.ceil(edges[-1]) + pad, ascent + descent + 2 * pad), 0)
    draw = ImageDraw.Draw(image)
    baseline = ascent + pad
    if joined or tracking_px == 0:
        draw.text((pad, baseline), text, 255, font, anchor="ls", stroke_width=stroke)
    else:
        for left, cell in zip(edges[:-1], cells, strict=True):
            draw.text((left + tracking_px / 2, baseline), cell, 255, font, anchor="ls", stroke_width=stroke)
    capitals = face.script in (Script.LATIN, Script.CYRILLIC) and face.style is not Style.SYMBOL
    probe = "H" if capitals else text
    _, top, _, bottom = font.getbbox(probe, anchor="ls")
    scale = width / max(1.0, float(edges[-1] - edges[0]))
    if abs(scale - 1) > 0.01:
        image = image.resize((max(1, round(image.width * scale)), image.height), Image.Resampling.BILINEAR)
    return Strip(np.asarray(image), baseline + (top + bottom) / 2, edges * scale)


def fit(natural: float, stretch: float, available: float) -> tuple[float, float]:
    """(em scale, horizontal stretch) that bring a line of `natural` width within `available`."""
    wanted = natural * stretch
    if wanted <= available:
        return 1.0, stretch
    squeezed = max(SQUEEZE_LIMIT * stretch, available / natural)
    return min(1.0, available / (natural * squeezed)), squeezed


def set_line(line: LineText, px_per_mm: float) -> Strip:
    """The letters of a straight line, squeezed and shrunk to fit."""
    em = line.em * px_per_mm
    tracking = line.tracking * em * max(0, len(line.text))
    natural = natural_width(line.text, line.face, em) + tracking
    scale, stretch = fit(natural, line.stretch, line.max_width * px_per_mm)
    weight = line.weight * px_per_mm
    return set_strip(line.text, line.face, em * scale, weight, line.tracking * em * scale, natural * scale * stretch)


def line_pixels(line: LineText, px_per_mm: float) -> Image.Image:
    """The line as an L image, 255 where there is rubber, whose middle is the line's (x, y)."""
    strip = set_line(line, px_per_mm)
    half = math.ceil(max(strip.middle, strip.pixels.shape[0] - strip.middle))
    pixels = np.zeros((2 * half, strip.pixels.shape[1]), np.uint8)
    top = half - round(strip.middle)
    pixels[top : top + strip.pixels.shape[0]] = strip.pixels[: 2 * half - top]
    image = Image.fromarray(pixels)
    if line.angle:
        image = image.rotate(-line.angle, Image.Resampling.BILINEAR, expand=True)
    return image


class Bend:
    """The way of a bent line along its ellipse.

    `strip` has its letters; `length` is how far along, in pixels from its middle, each parametric angle `parameter`
    lies, in radians from its middle, in the direction of reading.
    """

    __slots__ = ("length", "parameter", "strip")

    def __init__(self, arc: ArcText, px_per_mm: float) -> None:
        rx, ry, em = arc.rx * px_per_mm, arc.ry * px_per_mm, arc.em * px_per_mm
        self.parameter = np.linspace(-math.pi, math.pi, 721)
        start = math.radians(arc.centre)
        step = np.hypot(rx * np.cos(start + self.parameter), ry * np.sin(start + self.parameter))
        length = np.concatenate([[0.0], np.cumsum((step[1:] + step[:-1]) / 2 * np.diff(self.parameter))])
        length -= np.interp(0.0, self.parameter, length)
        spread = math.radians(arc.spread) / 2
        ends = np.interp([-spread, spread], self.parameter, length)
        available = float(ends[1] - ends[0])
        natural = natural_width(arc.text, arc.face, em)
        scale, stretch = fit(natural, arc.stretch, available)
        spare = max(0.0, available - natural * scale * stretch) if arc.even else 0.0
        tracking = min(spare / max(1, len(arc.text)) / stretch, 1.4 * em)
        tracking = 0.0 if arc.face.script in BENT_SCRIPTS else tracking
        width = (natural * scale + tracking * len(arc.text)) * stretch
        self.strip = set_strip(arc.text, arc.face, em * scale, arc.weight * px_per_mm, tracking, width)
        self.length = -length[::-1] if arc.facing is Facing.INWARD else length


def arc_pixels(arc: ArcText, px_per_mm: float, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Flat indices into a canvas of `shape` and the uint8 values that the bent line puts there."""
    bend = Bend(arc, px_per_mm)
    strip, parameter, length = bend.strip, bend.parameter, bend.length
    rx, ry, start = arc.rx * px_per_mm, arc.ry * px_per_mm, math.radians(arc.centre)
    height, canvas_width = shape
    y = (np.arange(height, dtype=np.float32) - (height - 1) / 2)[:, None]
    x = (np.arange(canvas_width, dtype=np.float32) - (canvas_width - 1) / 2)[None, :]
    above, below = strip.middle, strip.pixels.shape[0] - strip.middle
    reach_out, reach_in = (above, below) if arc.facing is Facing.OUTWARD else (below, above)
    rho_squared = (x / rx) ** 2 + (y / ry) ** 2
    outer, inner = 1 + reach_out / min(rx, ry), max(0.05, 1 - reach_in / min(rx, ry))
    band = np.flatnonzero((rho_squared < outer * outer) & (rho_squared > inner * inner))
    y_band, x_band = y[band // canvas_width, 0], x[0, band % canvas_width]
    angle = np.arctan2(x_band / rx, -y_band / ry) - start
    angle = (angle + math.pi) % (2 * math.pi) - math.pi
    if arc.facing is Facing.INWARD:
        angle = -angle
    along = np.interp(angle, parameter, length) + strip.centre
    inside = (along >= 0) & (along < strip.pixels.shape[1])
    band, along, y_band, x_band = band[inside], along[inside], y_band[inside], x_band[inside]
    rho = np.sqrt(rho_squared.ravel()[band])
    radius = np.hypot(x_band, y_band)
    out = radius - radius / rho
    if rx == ry and arc.face.script not in BENT_SCRIPTS:
        # Each letter stays rigid and is rotated to the tangent at its own middle.
        cell = np.clip(np.searchsorted(strip.edges, along, side="right") - 1, 0, len(strip.edges) - 2)
        middle = (strip.edges[cell] + strip.edges[cell + 1]) / 2
        delta = (along - middle) / rx
        along, out = middle + radius * np.sin(delta), radius * np.cos(delta) - rx
    up = out if arc.facing is Facing.OUTWARD else -out
    column = np.rint(along).astype(np.int32)
    row = np.rint(strip.middle - up).astype(np.int32)
    rows, columns = strip.pixels.shape
    valid = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    return band[valid], strip.pixels[row[valid], column[valid]]
