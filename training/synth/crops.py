"""Training samples for the segmenter and the embedder: one stamp as a detector's crop would show it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from training.synth import words
from training.synth.chains import draw_chain
from training.synth.die import DieKind, DieSpec, die_spec, render
from training.synth.fonts import Script, Split, pick
from training.synth.impression import Impression, composite, strike, texture

CLEAN_SIZE = 64
RENDER_PX_PER_MM = 9.0
SMALLEST_PX, LARGEST_PX = 40, 600


@dataclass(frozen=True, slots=True)
class CropSample:
    """One crop.

    Attributes:
        image: uint8 (H, W, 3) RGB, sides of about 40 to 600 pixels.
        mask: uint8 (H, W), 0..255, the ink of this stamp alone.
        clean: float32 (64, 64), 0..1, the die itself: upright, unworn, centred, its longer side filling the square.
        capture: the chain that it went through; `bilevel` for ink alone, `none` for a page that met no camera.
        visible: 0..1, the share of the die's area that left ink on the crop; bleeding counts for it, never above 1.
    """

    image: np.ndarray
    mask: np.ndarray
    clean: np.ndarray
    family: int
    sibling: int
    kind: DieKind
    capture: str
    visible: float


@lru_cache(maxsize=64)
def _die(family: int, sibling: int, split: Split) -> tuple[DieSpec, np.ndarray]:
    spec = die_spec(family, sibling, split)
    return spec, render(spec, RENDER_PX_PER_MM)


def _resized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """float32 (H, W) resampled, antialiased when it shrinks."""
    return np.asarray(Image.fromarray(image).resize((max(1, width), max(1, height)), Image.Resampling.BICUBIC))


def clean_die(relief: np.ndarray, size: int = CLEAN_SIZE) -> np.ndarray:
    """The relief, its longer side scaled to `size` and centred on a float32 (size, size) of zeros."""
    height, width = relief.shape
    scale = size / max(height, width)
    small = np.clip(_resized(relief, round(width * scale), round(height * scale)), 0, 1)
    square = np.zeros((size, size), np.float32)
    top, left = (size - small.shape[0]) // 2, (size - small.shape[1]) // 2
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square


def _paper(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Bare paper, float32 (H, W, 3): mostly white, sometimes tinted, unevenly lit, with a grain."""
    tint = np.array([1.0, 1.0, 1.0], np.float32) * rng.uniform(0.93, 1.0)
    if rng.random() < 0.35:
        tint *= rng.uniform(0.8, 1.0, 3).astype(np.float32)
    light = 1 + rng.uniform(0, 0.06) * texture(rng, (height, width), max(height, width))
    grain = rng.uniform(0, 0.012) * texture(rng, (height, width), rng.uniform(1, 3))
    return np.asarray(np.clip(tint * (light + grain)[..., None], 0, 1), np.float32)


def _print_text(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, split: Split, size: tuple[int, int], mm: float
) -> None:
    """Lines of a typeset page, cut off by the crop on both sides."""
    width, height = size
    script = list(Script)[int(rng.choice(4, p=[0.6, 0.16, 0.16, 0.08]))]
    line = words.sentence(rng, script, 12)
    face = pick(rng, script, split, None, line)
    em = max(6, round(rng.uniform(2.4, 4.6) * mm))
    pitch = em * rng.uniform(1.15, 2.2)
    y = -em * rng.random()
    shade = int(rng.integers(0, 90))
    while y < height:
        if rng.random() < 0.8:
            text = words.sentence(rng, script, 12)
            if face.covers(text):
                draw.text((-rng.uniform(0, 0.5 * width), y), text, (shade,) * 3, face.at(em))
        y += pitch


def _rule(rng: np.random.Generator, draw: ImageDraw.ImageDraw, size: tuple[int, int], mm: float) -> None:
    """Rules of a table or a form, or the dotted line that people stamp on."""
    width, height = size
    shade = int(rng.integers(0, 170))
    thickness = max(1, round(rng.uniform(0.1, 0.5) * mm))
    for _ in range(int(rng.integers(1, 4))):
        at = rng.random()
        if rng.random() < 0.7:
            draw.line([(0, at * height), (width, at * height)], (shade,) * 3, thickness)
        else:
            draw.line([(at * width, 0), (at * width, height)], (shade,) * 3, thickness)


def _signature(rng: np.random.Generator, size: tuple[int, int], mm: float) -> np.ndarray:
    """Pen strokes as transmitted light, float32 (H, W, 3)."""
    width, height = size
    canvas = Image.new("L", (width * 2, height * 2), 0)
    draw = ImageDraw.Draw(canvas)
    count = int(rng.integers(5, 16))
    x = np.cumsum(rng.normal(0.7, 0.8, count))
    x = (x - x.min()) / max(0.1, float(np.ptp(x))) * rng.uniform(0.4, 1.2) + rng.uniform(-0.2, 0.4)
    y = 0.5 + rng.normal(0, 0.22, count) + rng.uniform(-0.2, 0.2)
    fine = np.linspace(0, count - 1, count * 14)
    smooth = np.ones(19) / 19
    x = np.convolve(np.pad(np.interp(fine, np.arange(count), x), 9, mode="edge"), smooth, "valid")
    y = np.convolve(np.pad(np.interp(fine, np.arange(count), y), 9, mode="edge"), smooth, "valid")
    path = [(float(a) * 2 * width, float(b) * 2 * height) for a, b in zip(x, y, strict=True)]
    draw.line(path, 255, max(2, round(rng.uniform(0.35, 0.9) * mm * 2)), joint="curve")
    cover = np.asarray(canvas.reduce(2), np.float32) / 255
    pens = ((1.0, 0.95, 0.9), (1.0, 0.85, 0.3), (1.0, 0.7, 0.15), (0.2, 1.0, 0.9))
    pen = np.array(pens[int(rng.integers(len(pens)))], np.float32) * rng.uniform(0.8, 2.4)
    return np.asarray(np.exp(-cover[..., None] * pen), np.float32)


def _window(rng: np.random.Generator, height: int, width: int) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of a detector's box around ink of that size: 0..15 % margin, at times cutting in."""
    low = -0.06 if rng.random() < 0.2 else 0.0
    top, bottom = rng.uniform(low, 0.15, 2) * height
    left, right = rng.uniform(low, 0.15, 2) * width
    return -round(top), -round(left), height + round(bottom), width + round(right)


def _pasted(plane: np.ndarray, window: tuple[int, int, int, int]) -> np.ndarray:
    """`plane` seen through the window, zeros where the window reaches beyond it."""
    top, left, bottom, right = window
    out = np.zeros((bottom - top, right - left), np.float32)
    y0, x0, y1, x1 = max(0, top), max(0, left), min(plane.shape[0], bottom), min(plane.shape[1], right)
    out[y0 - top : y1 - top, x0 - left : x1 - left] = plane[y0:y1, x0:x1]
    return out


def _scene(
    rng: np.random.Generator, impression: Impression, density: np.ndarray, split: Split, mm: float
) -> np.ndarray:
    """The crop before the camera, float32 (H, W, 3): paper, print, ink, pen, in the order in which they were laid."""
    height, width = density.shape
    size = (width, height)
    page = _paper(rng, height, width)
    printed = Image.new("RGB", size, (255, 255, 255))
    draw = ImageDraw.Draw(printed)
    if rng.random() < 0.5:
        _print_text(rng, draw, split, size, mm)
    if rng.random() < 0.25:
        _rule(rng, draw, size, mm)
    page *= np.asarray(printed, np.float32) / 255
    composite(page, density, impression.ink, 0, 0)
    if rng.random() < 0.2:
        page *= _signature(rng, size, mm)
    return page


def _camera(rng: np.random.Generator, page: np.ndarray, split: Split) -> tuple[np.ndarray, str]:
    """What a scanner or a phone makes of it, without moving a pixel: uint8 (H, W, 3), and the chain's name."""
    if rng.random() < 0.3:
        page = (page - 0.5) * rng.uniform(0.7, 1.25) + rng.uniform(0.4, 0.6)
    image = (np.clip(page, 0, 1) * 255 + 0.5).astype(np.uint8)
    if rng.random() < 0.18:
        image = np.repeat(np.asarray(Image.fromarray(image).convert("L"))[..., None], 3, axis=2)
    if rng.random() >= 0.85:
        return image, "none"
    name, chain = draw_chain(rng, split)
    return np.array(chain(Image.fromarray(image), rng).convert("RGB")), name


def _bilevel(rng: np.random.Generator, page: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """Ink as black on white, uint8 (H, W, 3): a thresholded scan, or an ink mask with some of the page's dark in it."""
    if rng.random() < 0.5:
        dark = coverage
    else:
        brightness = page.min(axis=2)
        dark = (float(np.quantile(brightness, 0.9)) - brightness) * 2
    dark = dark + rng.uniform(0, 0.12) * texture(rng, coverage.shape, rng.uniform(1, 3))
    softness = 0.02 if rng.random() < 0.6 else 0.25
    level = np.clip((dark - rng.uniform(0.25, 0.6)) / softness + 0.5, 0, 1)
    return np.repeat(((1 - level) * 255).astype(np.uint8)[..., None], 3, axis=2)


def make_crop(family: int, sibling: int, split: Split, seed: int) -> CropSample:
    """One impression of the die (family, sibling) on some page, cut out by some detector; deterministic."""
    rng = np.random.default_rng([list(Split).index(split), family, sibling, seed, 1])
    spec, relief = _die(family, sibling, split)
    clean = clean_die(relief)
    longest = max(relief.shape)
    target = float(np.exp(rng.uniform(np.log(SMALLEST_PX), np.log(LARGEST_PX / 1.3))))
    scale = target / longest
    # Below 4 px/mm the grain of the ink is finer than a pixel: it is struck finer, then averaged down.
    working = max(scale, min(1.0, 4 / RENDER_PX_PER_MM))
    if working != 1.0:
        relief = np.clip(_resized(relief, round(relief.shape[1] * working), round(relief.shape[0] * working)), 0, 1)
    wear = float(rng.beta(1.1, 1.9))
    impression = strike(relief, rng, wear, spec=spec, px_per_mm=RENDER_PX_PER_MM * working)
    shrink = scale / working
    height, width = (max(8, round(side * shrink)) for side in impression.density.shape)
    density, coverage = impression.density, impression.coverage
    if shrink != 1.0:
        density, coverage = _resized(density, width, height), _resized(coverage, width, height)
    struck = float(coverage.sum())
    window = _window(rng, height, width)
    density, coverage = np.maximum(_pasted(density, window), 0), np.clip(_pasted(coverage, window), 0, 1)
    page = _scene(rng, impression, density, split, max(1.0, RENDER_PX_PER_MM * scale))
    bilevel = rng.random() < 0.1
    image, capture = (_bilevel(rng, page, coverage), "bilevel") if bilevel else _camera(rng, page, split)
    mask = (coverage * 255 + 0.5).astype(np.uint8)
    kept = float(coverage.sum()) / max(struck, 1e-6)
    visible = min(1.0, kept * float(impression.coverage.sum()) / max(float(relief.sum()), 1e-6))
    return CropSample(image, mask, clean, family, sibling, spec.kind, capture, visible)
