"""Elements to pixels: drawn at about three times the wanted resolution, then averaged down."""

import math
from dataclasses import replace

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from training.synth.dies.elements import ArcText, Area, Design, Disc, Element, LineText, Pattern, Ring, Stroke
from training.synth.dies.text import arc_pixels, line_pixels

DRAWING_PX_PER_MM = 17.0


class Canvas:
    """An L image with the die's origin at its centre."""

    def __init__(self, design: Design, px_per_mm: float) -> None:
        self.scale = px_per_mm
        self.width, self.height = math.ceil(design.width * px_per_mm), math.ceil(design.height * px_per_mm)
        self.image = Image.new("L", (self.width, self.height), 0)
        self.draw = ImageDraw.Draw(self.image)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixel position of a point in millimetres."""
        return self.width / 2 + x * self.scale, self.height / 2 + y * self.scale

    def box(self, x: float, y: float, rx: float, ry: float) -> tuple[float, float, float, float]:
        """Pixel bounds of an ellipse around (x, y)."""
        return *self.at(x - rx, y - ry), *self.at(x + rx, y + ry)


def _ring(canvas: Canvas, ring: Ring) -> None:
    width = max(1, round(ring.width * canvas.scale))
    half = ring.width / 2
    outer = canvas.box(ring.x, ring.y, ring.rx + half, ring.ry + half)
    steps = np.arange(ring.count) * (2 * math.pi / ring.count)
    match ring.pattern:
        case Pattern.SOLID:
            canvas.draw.ellipse(outer, outline=255, width=width)
        case Pattern.DASHED:
            for start in np.degrees(steps):
                canvas.draw.arc(outer, start, start + 230 / ring.count, fill=255, width=width)
        case Pattern.DOTTED:
            for angle in steps:
                x, y = ring.x + ring.rx * math.cos(angle), ring.y + ring.ry * math.sin(angle)
                canvas.draw.ellipse(canvas.box(x, y, half, half), fill=255)
        case Pattern.ROPE:
            lean = 1.1 * 2 * math.pi / ring.count
            for angle in steps:
                inner_x, inner_y = (ring.rx - half) * math.cos(angle), (ring.ry - half) * math.sin(angle)
                outer_x, outer_y = (ring.rx + half) * math.cos(angle + lean), (ring.ry + half) * math.sin(angle + lean)
                ends = [canvas.at(ring.x + inner_x, ring.y + inner_y), canvas.at(ring.x + outer_x, ring.y + outer_y)]
                canvas.draw.line(ends, 255, max(2, round(ring.width * canvas.scale / 2.6)))
        case Pattern.TEETH:
            radii = np.where(np.arange(2 * ring.count) % 2 == 0, half, -half)
            angles = np.arange(2 * ring.count) * (math.pi / ring.count)
            points = [
                canvas.at(ring.x + (ring.rx + r) * math.cos(t), ring.y + (ring.ry + r) * math.sin(t))
                for r, t in zip(radii, angles, strict=True)
            ]
            canvas.draw.line([*points, points[0]], 255, max(2, round(0.28 * canvas.scale)))


def _blend(canvas: Canvas, pixels: Image.Image, left: int, top: int, cut: bool) -> None:
    box = (left, top, left + pixels.width, top + pixels.height)
    below = canvas.image.crop(box)
    merged = ImageChops.subtract(below, pixels) if cut else ImageChops.lighter(below, pixels)
    canvas.image.paste(merged, (left, top))


def _line_text(canvas: Canvas, line: LineText) -> None:
    x, y = canvas.at(line.x, line.y)
    layers = [(line, line.cut)]
    if line.outline:
        layers.append((replace(line, weight=0.0, outline=False), True))
    for layer, cut in layers:
        pixels = line_pixels(layer, canvas.scale)
        _blend(canvas, pixels, round(x - pixels.width / 2), round(y - pixels.height / 2), cut)


def _arc_text(canvas: Canvas, arc: ArcText) -> None:
    where, values = arc_pixels(arc, canvas.scale, (canvas.height, canvas.width))
    pixels = np.asarray(canvas.image).copy()
    flat = pixels.reshape(-1)
    flat[where] = np.maximum(flat[where], values)
    canvas.image.paste(Image.fromarray(pixels))


def _draw(canvas: Canvas, element: Element) -> None:
    match element:
        case Ring():
            _ring(canvas, element)
        case Disc(x, y, radius, cut):
            canvas.draw.ellipse(canvas.box(x, y, radius, radius), fill=0 if cut else 255)
        case Stroke(points, width, cut):
            path = [canvas.at(*point) for point in points]
            thickness = max(1, round(width * canvas.scale))
            canvas.draw.line(path, 0 if cut else 255, thickness, joint="curve" if thickness > 3 else None)
        case Area(points, cut):
            canvas.draw.polygon([canvas.at(*point) for point in points], fill=0 if cut else 255)
        case LineText():
            _line_text(canvas, element)
        case ArcText():
            _arc_text(canvas, element)


def rasterise(design: Design, px_per_mm: float) -> np.ndarray:
    """The design as float32 (H, W), 0..1 rubber coverage, cropped to what is drawn.

    Raises:
        ValueError: nothing was drawn.
    """
    return rasterise_placed(design, px_per_mm)[0]


def rasterise_placed(design: Design, px_per_mm: float) -> tuple[np.ndarray, tuple[float, float]]:
    """What `rasterise` gives, and where the die's origin lies on it: x and y in its pixels, (0, 0) its top left corner.

    Raises:
        ValueError: nothing was drawn.
    """
    oversampling = max(2, math.ceil(DRAWING_PX_PER_MM / px_per_mm))
    canvas = Canvas(design, px_per_mm * oversampling)
    for element in design.elements:
        _draw(canvas, element)
    small = canvas.image.reduce(oversampling)
    box = small.getbbox()
    if box is None:
        raise ValueError("the design draws nothing: give it at least one element within its width and height")
    origin_x, origin_y = (length / oversampling for length in canvas.at(0, 0))
    return np.asarray(small.crop(box), np.float32) / 255, (origin_x - box[0], origin_y - box[1])
