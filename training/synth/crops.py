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
LOWEST_DPI, HIGHEST_DPI = 110, 300
# Of the die's longer side. Models see crops in 256 px or less: more than twice that only costs time.
SMALLEST_PX, LARGEST_PX = 64, 480
COARSEST_PX_PER_MM = 4.0  # below it the grain of the ink is finer than a pixel
# Put down where the page is free; the others go where the signature is, over print or not.
FREE_SPACE_KINDS = (DieKind.WORD, DieKind.DATE, DieKind.MOTIF, DieKind.RECTANGLE)
# Siblings that differ in less, a dot or a line of 1 mm, are indistinguishable on a scan: about one pair in forty.
DISTINCT, COMPARED_SIZE, CANDIDATES = 0.025, 160, 8
NEIGHBOURS, FIRST_NEIGHBOUR = 24, 10_000_000  # families that lie beside a stamp, and are never a crop's own


@dataclass(frozen=True, slots=True)
class Shot:
    """One impression of a die on some page, cut out by some detector; the fields as in CropSample.

    `to_crop` is float64 (2, 3): from pixels of the relief, x and y from its top left corner, to those of the crop.
    """

    image: np.ndarray
    mask: np.ndarray
    capture: str
    visible: float
    to_crop: np.ndarray


@dataclass(frozen=True, slots=True)
class _Die:
    number: int  # of die_spec
    spec: DieSpec
    relief: np.ndarray
    clean: np.ndarray


@dataclass(frozen=True, slots=True)
class CropSample:
    """One crop.

    Attributes:
        image: uint8 (H, W, 3) RGB, its longer side about 70 to 700 pixels.
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


@lru_cache(maxsize=128)
def _die(family: int, sibling: int, split: Split) -> _Die:
    """The sibling-th die of the family that is distinguishable from those before it, or else the most different one."""
    before = [_die(family, earlier, split) for earlier in range(sibling)]
    taken = {die.number for die in before}
    best, most = None, -1.0
    for number in range(sibling + CANDIDATES):
        if number in taken:
            continue
        try:
            spec = die_spec(family, number, split)
        except ValueError:  # the family has no more
            break
        relief = render(spec, RENDER_PX_PER_MM)
        clean = clean_die(relief, COMPARED_SIZE)
        difference = min((_difference(clean, die.clean) for die in before), default=1.0)
        if difference > most:
            best, most = _Die(number, spec, relief, clean), difference
        if difference >= DISTINCT:
            break
    if best is None:
        raise ValueError(f"family {family} has {len(before)} dies: ask for sibling 0 to {len(before) - 1}")
    return best


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    """Share of the ink that two dies, float32 (H, W), do not have in common."""
    return float(np.abs(one - other).sum()) / max(float(one.sum()), float(other.sum()), 1e-6)


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
    """Some lines of a typeset page that end or begin on the crop, or run through all of it."""
    width, height = size
    script = list(Script)[int(rng.choice(4, p=[0.6, 0.16, 0.16, 0.08]))]
    line = words.sentence(rng, script, 12)
    face = pick(rng, script, split, None, line)
    em = max(6, round(rng.uniform(2.4, 4.2) * mm))
    pitch = em * rng.uniform(1.15, 2.4)
    first, last = np.sort(rng.uniform(-0.4, 1.4, 2)) * height
    start = rng.uniform(0.1, 0.8) * width if rng.random() < 0.25 else -rng.uniform(0, 0.5) * width
    y = first - em * rng.random()
    shade = int(rng.integers(0, 90))
    while y < min(last, height):
        if rng.random() < 0.8:
            text = words.sentence(rng, script, 12)
            if face.covers(text):
                draw.text((start, y), text, (shade,) * 3, face.at(em))
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
    """(top, left, bottom, right) of a detector's crop around ink of that size: `imaging.crop`, and the box's errors.

    The margin is a share of the mean side, so a line of letters shows the lines above and below. At times it cuts in.
    """
    low = -0.06 if rng.random() < 0.2 else 0.0
    shares = rng.uniform(low, 0.16, 4)
    top, bottom = (round(share * ((height + width) / 2 if share > 0 else height)) for share in shares[:2])
    left, right = (round(share * ((height + width) / 2 if share > 0 else width)) for share in shares[2:])
    return -top, -left, height + bottom, width + right


def _pasted(plane: np.ndarray, window: tuple[int, int, int, int]) -> np.ndarray:
    """`plane` seen through the window, zeros where the window reaches beyond it."""
    top, left, bottom, right = window
    out = np.zeros((bottom - top, right - left), np.float32)
    y0, x0, y1, x1 = max(0, top), max(0, left), min(plane.shape[0], bottom), min(plane.shape[1], right)
    out[y0 - top : y1 - top, x0 - left : x1 - left] = plane[y0:y1, x0:x1]
    return out


def _struck(
    rng: np.random.Generator, spec: DieSpec, relief: np.ndarray, scale: float, wear: float
) -> tuple[Impression, np.ndarray, np.ndarray]:
    """One strike at `scale` times RENDER_PX_PER_MM, and its density and coverage, float32 (H, W)."""
    working = max(scale, COARSEST_PX_PER_MM / RENDER_PX_PER_MM)
    face = np.clip(_resized(relief, round(relief.shape[1] * working), round(relief.shape[0] * working)), 0, 1)
    impression = strike(face, rng, wear, spec=spec, px_per_mm=RENDER_PX_PER_MM * working)
    density, coverage = impression.density, impression.coverage
    if working != scale:
        height, width = (max(8, round(side * scale / working)) for side in density.shape)
        density, coverage = _resized(density, width, height), _resized(coverage, width, height)
    return impression, density, coverage


def _lay_neighbour(rng: np.random.Generator, page: np.ndarray, split: Split, scale: float) -> None:
    """Another stamp that reaches into the crop from one of its sides, in place: its ink is not this stamp's."""
    die = _die(FIRST_NEIGHBOUR + int(rng.integers(NEIGHBOURS)), 0, split)
    impression, density, _ = _struck(rng, die.spec, die.relief, scale, float(rng.beta(1.1, 2.4)))
    height, width = page.shape[:2]
    high, wide = density.shape
    y, x = (int(rng.integers(-high // 2, height - high // 2 + 1)), int(rng.integers(-wide // 2, width - wide // 2 + 1)))
    reach = rng.uniform(0.04, 0.25)
    side = int(rng.integers(4))
    if side < 2:
        x = round(reach * width) - wide if side else round((1 - reach) * width)
    else:
        y = round(reach * height) - high if side == 2 else round((1 - reach) * height)
    composite(page, density, impression.ink, y, x)


def _scene(
    rng: np.random.Generator, impression: Impression, density: np.ndarray, split: Split, scale: float
) -> np.ndarray:
    """The crop before the camera, float32 (H, W, 3): paper, print, ink, pen, in the order in which they were laid."""
    height, width = density.shape
    size = (width, height)
    mm = RENDER_PX_PER_MM * scale
    page = _paper(rng, height, width)
    printed = Image.new("RGB", size, (255, 255, 255))
    draw = ImageDraw.Draw(printed)
    if rng.random() < (0.25 if impression.kind in FREE_SPACE_KINDS else 0.5):
        _print_text(rng, draw, split, size, mm)
    if rng.random() < 0.2:
        _rule(rng, draw, size, mm)
    page *= np.asarray(printed, np.float32) / 255
    if rng.random() < 0.1:
        _lay_neighbour(rng, page, split, scale)
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
    die = _die(family, sibling, split)
    clean = clean_die(die.relief)
    shot = shoot(rng, die.spec, die.relief, split, (LOWEST_DPI, HIGHEST_DPI))
    return CropSample(shot.image, shot.mask, clean, family, sibling, die.spec.kind, shot.capture, shot.visible)


def shoot(
    rng: np.random.Generator, spec: DieSpec, relief: np.ndarray, split: Split, dpi_range: tuple[float, float]
) -> Shot:
    """One impression of a die, whose relief has RENDER_PX_PER_MM, at a resolution within the range."""
    dpi = float(np.exp(rng.uniform(*np.log(dpi_range))))
    longest = max(relief.shape)
    scale = float(np.clip(dpi / 25.4 / RENDER_PX_PER_MM, SMALLEST_PX / longest, LARGEST_PX / longest))
    wear = float(rng.beta(1.1, 2.4))
    impression, density, coverage = _struck(rng, spec, relief, scale, wear)
    window = _window(rng, *density.shape)
    to_crop = _placement(
        impression, relief.shape, max(scale, COARSEST_PX_PER_MM / RENDER_PX_PER_MM), density.shape, window
    )
    density, coverage = np.maximum(_pasted(density, window), 0), np.clip(_pasted(coverage, window), 0, 1)
    page = _scene(rng, impression, density, split, scale)
    bilevel = rng.random() < 0.15
    image, capture = (_bilevel(rng, page, coverage), "bilevel") if bilevel else _camera(rng, page, split)
    mask = (coverage * 255 + 0.5).astype(np.uint8)
    visible = min(1.0, float(coverage.sum()) / max(float(relief.sum()) * scale**2, 1e-6))
    return Shot(image, mask, capture, visible, to_crop)


def _placement(
    impression: Impression,
    relief: tuple[int, ...],
    working: float,
    shown: tuple[int, ...],
    window: tuple[int, int, int, int],
) -> np.ndarray:
    """From pixels of a relief of that shape to those of the crop: turned, stretched, resized to `shown`, cut out."""
    turn = np.deg2rad(impression.angle_deg)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    struck = impression.density.shape
    resized = np.array([shown[1] / struck[1], shown[0] / struck[0]])
    # The face that was struck is the relief at the working resolution, which rounding makes a little wider or higher.
    linear = resized[:, None] * turned * np.array(impression.stretch) * working
    middle = np.array([relief[1], relief[0]]) / 2
    centre = resized * np.array(impression.centre) - np.array([window[1], window[0]])
    return np.column_stack([linear, centre - linear @ middle])
