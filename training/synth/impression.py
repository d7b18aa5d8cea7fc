"""One strike of a die: where its ink lands, how thick it lies, and what that does to the paper's colour."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.synth.die import DieKind, DieSpec
from training.synth.fonts import Script

TILE = 512
FULLEST = 0.18  # the lowest threshold: below it, paper that the die never touched would take ink
HALO = 0.12
THICKEST = 4.5  # optical density to base e of the fattest ink
FREE_ANGLE_KINDS = (DieKind.ROUND, DieKind.STAR_ROUND, DieKind.NOTARY, DieKind.POSTMARK, DieKind.MOTIF)
LOOSE_ANGLE_KINDS = (DieKind.OVAL, DieKind.TRIANGLE)
LINE_KINDS = (DieKind.WORD, DieKind.DATE)


@dataclass(frozen=True, slots=True)
class Ink:
    """`absorption` is the share of the optical density that each of R, G, B gets; the largest is about 1."""

    name: str
    absorption: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Impression:
    """One strike.

    Attributes:
        density: float32 (H, W), optical density to base e, 0 (bare paper) to about 2.5.
        coverage: float32 (H, W), 0..1, how far each pixel is covered by ink: the truth for masks and boxes.
        angle_deg: rotation of the die, clockwise.
        centre: where the centre of the relief lies, x and y in pixels of `density`, (0, 0) its top left corner.
        stretch: how many times as wide and as high the rubber stood as it was cut.
    """

    density: np.ndarray
    coverage: np.ndarray
    ink: Ink
    angle_deg: float
    kind: DieKind
    family: int
    sibling: int
    script: Script
    centre: tuple[float, float] = (0.0, 0.0)
    stretch: tuple[float, float] = (1.0, 1.0)


# Measured by eye from scans: -ln(R, G, B) of solid ink, scaled to a largest value of 1.
SPECTRA: dict[str, tuple[float, float, float]] = {
    "black": (1.0, 0.99, 0.95),
    "blue": (1.0, 0.84, 0.22),
    "violet": (0.66, 1.0, 0.3),
    "red": (0.12, 1.0, 0.88),
    "green": (1.0, 0.33, 0.62),
    "grey": (0.98, 1.0, 0.96),
}
FREQUENCY: dict[str, float] = {"black": 0.17, "blue": 0.35, "violet": 0.13, "red": 0.22, "green": 0.08, "grey": 0.05}
LINE_FREQUENCY: dict[str, float] = {
    "black": 0.13,
    "blue": 0.42,
    "violet": 0.15,
    "red": 0.2,
    "green": 0.07,
    "grey": 0.03,
}
CINNABAR_KINDS = (DieKind.STAR_ROUND, DieKind.NAME_SEAL)


def pick_ink(rng: np.random.Generator, kind: DieKind, names: tuple[str, ...] = ()) -> Ink:
    """An ink of the trade, or of `names`, its hue a little off: pads age, mix, fade. Chinese seals are mostly red."""
    shares = LINE_FREQUENCY if kind in LINE_KINDS else FREQUENCY
    name = str(rng.choice(list(shares), p=list(shares.values())))
    if kind in CINNABAR_KINDS and rng.random() < 0.8:
        name = "red"
    if kind is DieKind.POSTMARK and rng.random() < 0.6:
        name = "black"
    if names:
        name = names[int(rng.integers(len(names)))]
    spectrum = np.array(SPECTRA[name]) * rng.normal(1.0, 0.07, 3) + rng.normal(0.0, 0.03, 3)
    if name == "blue":
        spectrum[1] *= rng.uniform(0.82, 1.14)  # from cornflower to ultramarine
    red, green, blue = np.clip(spectrum, 0.02, 1.15)
    return Ink(name, (float(red), float(green), float(blue)))


def pick_angle(rng: np.random.Generator, kind: DieKind) -> float:
    """Degrees clockwise. A round die has no upright handle; a straight one is mostly put down along the lines."""
    shape = rng.random()
    if kind in FREE_ANGLE_KINDS or kind in LOOSE_ANGLE_KINDS:
        if shape < (0.4 if kind in FREE_ANGLE_KINDS else 0.15):
            return float(rng.uniform(-180, 180))
        return float(np.clip(rng.normal(0, 20), -180, 180))
    if shape < 0.6:
        return float(rng.normal(0, 2.5))
    if shape < 0.84:
        return float(rng.normal(0, 9))
    if shape < 0.94:
        return float(rng.uniform(-45, 45))
    return float(rng.uniform(-180, 180))


@lru_cache(maxsize=8)
def _tile(cells: int) -> np.ndarray:
    """Smooth noise, float32 (TILE, TILE), about normal, with `cells` features a side. The same in every process."""
    grain = np.random.default_rng([7, cells]).normal(size=(cells, cells)).astype(np.float32)
    grain = np.pad(grain, 2, mode="wrap")
    scale = TILE / cells
    size, margin = round((cells + 4) * scale), round(2 * scale)
    wide = Image.fromarray(grain).resize((size, size), Image.Resampling.BICUBIC)
    smooth = np.asarray(wide.crop((margin, margin, margin + TILE, margin + TILE)))
    return np.ascontiguousarray((smooth - smooth.mean()) / smooth.std())


def texture(rng: np.random.Generator, shape: tuple[int, int], cell_px: float) -> np.ndarray:
    """Noise of mean 0 and deviation 1, float32 `shape`, whose grains are about `cell_px` wide.

    Cut at random from a tile, which is mirrored at its edges where `shape` is larger.
    """
    cells = min(TILE, max(4, 2 ** round(math.log2(TILE / max(1.0, cell_px)))))
    tile = _tile(cells)
    quarter = int(rng.integers(4))
    tile = np.rot90(tile, quarter)
    y, x = (int(v) for v in rng.integers(0, TILE, 2))
    rows = np.arange(y, y + shape[0]) % TILE
    columns = np.arange(x, x + shape[1]) % TILE
    return tile[rows[:, None], columns[None, :]]


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of a float32 (H, W) array in 0..1, to 1/255: Pillow's 8-bit filter is five times the speed."""
    if sigma < 0.2:
        return image
    eight_bit = Image.fromarray((image * 255 + 0.5).astype(np.uint8))
    return np.asarray(eight_bit.filter(ImageFilter.GaussianBlur(sigma)), np.float32) / 255


def place(relief: np.ndarray, angle_deg: float, stretch: tuple[float, float], pad: float) -> np.ndarray:
    """The relief stretched by (x, y), rotated clockwise and padded. A rotation and a positive scale: never a mirror."""
    height, width = relief.shape
    angle = math.radians(angle_deg)
    cosine, sine = math.cos(angle), math.sin(angle)
    wide, high = width * stretch[0], height * stretch[1]
    out_w = math.ceil(abs(cosine) * wide + abs(sine) * high + 2 * pad)
    out_h = math.ceil(abs(sine) * wide + abs(cosine) * high + 2 * pad)
    # From output to source: rotate back about the centre, then undo the stretch.
    a, b = cosine / stretch[0], sine / stretch[0]
    d, e = -sine / stretch[1], cosine / stretch[1]
    c = width / 2 - a * out_w / 2 - b * out_h / 2
    f = height / 2 - d * out_w / 2 - e * out_h / 2
    source = Image.fromarray((np.clip(relief, 0, 1) * 255 + 0.5).astype(np.uint8))
    matrix = (a, b, c, d, e, f)
    rotated = source.transform((out_w, out_h), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return np.asarray(rotated, np.float32) / 255


def _smoothstep(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return np.asarray(x * x * (3 - 2 * x), np.float32)


def _bowed(rng: np.random.Generator, relief: np.ndarray, px_per_mm: float) -> np.ndarray:
    """The relief with its lines a little wavy, as rubber type stands that was glued down by hand."""
    reach = rng.uniform(0.08, 0.4) * px_per_mm
    pad = math.ceil(reach)
    padded = np.pad(relief, ((pad, pad), (0, 0)))
    phase = np.arange(relief.shape[1]) * (2 * math.pi / (px_per_mm * rng.uniform(22, 90))) + rng.uniform(0, 6.3)
    rows = np.arange(padded.shape[0])[:, None] - np.rint(reach * np.sin(phase)).astype(np.int64)
    return np.take_along_axis(padded, np.clip(rows, 0, padded.shape[0] - 1), axis=0)


def _supply(rng: np.random.Generator, shape: tuple[int, int], wear: float, px_per_mm: float) -> np.ndarray:
    """How much ink each part of the die has taken from the pad, 1 being right: some letters drown, others starve."""
    uneven = rng.uniform(0.06, 0.22) + 0.3 * wear * rng.random()
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    field = 1 + uneven * texture(rng, shape, rng.uniform(2.5, 14) * px_per_mm)
    field = field + rng.normal(0, 0.7 * uneven) * x + rng.normal(0, 0.5 * uneven) * y
    return np.asarray(np.clip(field, 0.3, 1.6), np.float32)


def _pressure(rng: np.random.Generator, shape: tuple[int, int], wear: float) -> np.ndarray:
    """How hard each spot was pressed, 1 being right: a tilt, an uneven bed, and at times a part that never touched."""
    height, width = shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    level = 1.0 + rng.normal(0.02, 0.16) * (0.5 + wear) - 0.28 * wear * rng.random()
    direction = rng.uniform(0, 2 * math.pi)
    across = x * math.cos(direction) + y * math.sin(direction)
    pressure = level + rng.uniform(0, 0.08 + 0.3 * wear) * across
    pressure = pressure + texture(rng, shape, max(shape) / rng.uniform(1.5, 4)) * (0.03 + 0.13 * wear)
    if rng.random() < 0.05 + 0.35 * wear:
        edge = rng.uniform(0.15, 0.9)
        pressure = pressure - np.maximum(0, across - edge) * rng.uniform(1.0, 6.0)
    return np.asarray(pressure, np.float32)


def _shifted(image: np.ndarray, dy: int, dx: int) -> np.ndarray:
    height, width = image.shape
    out = np.zeros_like(image)
    target = (slice(max(0, dy), height + min(0, dy)), slice(max(0, dx), width + min(0, dx)))
    source = (slice(max(0, -dy), height + min(0, -dy)), slice(max(0, -dx), width + min(0, -dx)))
    out[target] = image[source]
    return out


def _offset(rng: np.random.Generator, low_px: float, high_px: float) -> tuple[int, int]:
    direction, reach = rng.uniform(0, 2 * math.pi), rng.uniform(low_px, high_px)
    return round(reach * math.sin(direction)), round(reach * math.cos(direction))


def _contact(
    rng: np.random.Generator, face: np.ndarray, supply: np.ndarray, wear: float, px_per_mm: float
) -> np.ndarray:
    """Coverage of one touch of the inked face, 0..1: a threshold on the softened relief.

    It is lower where the die was pressed harder and where it carried more ink.
    """
    heavy = rng.random() < 0.12 + 0.1 * wear
    spread = rng.uniform(0.03, 0.09) + (rng.uniform(0.05, 0.16) if heavy else 0.0)
    soft = blur(face, spread * px_per_mm)
    pressure = _pressure(rng, face.shape, wear) + 0.3 * (supply - 1) + (rng.uniform(0.1, 0.45) if heavy else 0.0)
    fibre = texture(rng, face.shape, rng.uniform(0.12, 0.3) * px_per_mm)
    pad = texture(rng, face.shape, rng.uniform(0.5, 1.5) * px_per_mm)
    rough = 0.03 + 0.2 * wear * rng.random()
    threshold = 0.46 + 0.75 * (1 - pressure) + rough * (0.7 * fibre + 0.6 * pad)
    coverage = _smoothstep((soft - np.maximum(threshold, FULLEST)) / 0.3 + 0.5)
    if rng.random() < 0.1 + 0.45 * wear:
        # A dry pad leaves the hollows of the paper bare.
        dryness = rng.uniform(-1.9, -0.2 - 0.6 * (1 - wear))
        coverage = coverage * _smoothstep((fibre + 0.5 * pad - dryness) / 0.9 + 0.5)
    return coverage


def _film(
    rng: np.random.Generator, face: np.ndarray, supply: np.ndarray, ink: Ink, wear: float, px_per_mm: float
) -> np.ndarray:
    """Optical density of the ink film where there is ink: darker at the squeezed-out rim, mottled in solid areas."""
    solid = float(rng.uniform(0.75, 2.1)) * (1 - 0.45 * wear * float(rng.random()))
    if ink.name == "black":
        solid *= 1.35
    if ink.name == "grey":
        solid *= 0.5
    if rng.random() < 0.15:
        solid *= rng.uniform(0.22, 0.6)  # the third or fourth strike on one inking
    wide = blur(face, rng.uniform(0.2, 0.45) * px_per_mm)
    rim = rng.uniform(0.0, 0.45) if rng.random() < 0.85 else rng.uniform(0.5, 1.4)
    core = wide**3
    film = solid * (1 + rim * (0.5 - core))
    mottle = rng.uniform(0.02, 0.1 + 0.2 * wear)
    grain = texture(rng, face.shape, rng.uniform(0.12, 0.4) * px_per_mm)
    cloud = texture(rng, face.shape, rng.uniform(1.0, 5.0) * px_per_mm)
    film = film * supply * (1 + mottle * (0.3 + core) * grain + 0.8 * mottle * cloud)
    return np.asarray(np.clip(film, 0.12 * solid, THICKEST), np.float32)


def _shoulder(rng: np.random.Generator, relief: np.ndarray, px_per_mm: float, kind: DieKind) -> np.ndarray:
    """The relief with a rough trace of the mount's edge, which touches the paper where the stamp is tilted."""
    gap = rng.uniform(0.8, 3.0) * px_per_mm
    pad = math.ceil(gap) + 2
    height, width = (side + 2 * pad for side in relief.shape)
    image = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(image)
    thickness = max(1, round(rng.uniform(0.25, 0.9) * px_per_mm))
    box = (pad - gap, pad - gap, width - pad + gap, height - pad + gap)
    start, length = rng.random(), rng.uniform(0.06, 0.3)
    if kind in FREE_ANGLE_KINDS:
        draw.arc(box, 360 * start, 360 * (start + length), 255, thickness)
    else:
        left, top, right, bottom = box
        x = left if rng.random() < 0.5 else right
        y = top if rng.random() < 0.5 else bottom
        reach = (left + right) / 2 - x
        draw.line([(x + 2 * reach * length, y), (x, y), (x, y + ((top + bottom) / 2 - y) * 2 * length)], 255, thickness)
    trace = np.asarray(image, np.float32) / 255
    trace = trace * (texture(rng, trace.shape, rng.uniform(0.3, 1.0) * px_per_mm) > rng.uniform(-0.8, 0.8))
    return np.asarray(np.maximum(np.pad(relief, pad), trace), np.float32)


def strike(
    relief: np.ndarray,
    rng: np.random.Generator,
    wear: float,
    *,
    spec: DieSpec,
    px_per_mm: float = 6.0,
    ink: Ink | None = None,
    angle_deg: float | None = None,
) -> Impression:
    """One impression of a die.

    Args:
        relief: float32 (H, W) 0..1, what `render(spec, px_per_mm)` gave.
        rng: the stream of this impression.
        wear: 0 a fresh die on a good pad, 1 a worn or dry or badly put one.
        spec: the die.
        px_per_mm: resolution of `relief`, and of the result.
        ink: drawn with `pick_ink` unless given.
        angle_deg: clockwise; drawn with `pick_angle` unless given.

    The result is cropped to where coverage exceeds 0.02, and never empty: where almost nothing would have printed,
    the die is struck again with half the wear.
    """
    ink = ink or pick_ink(rng, spec.kind)
    angle = pick_angle(rng, spec.kind) if angle_deg is None else angle_deg
    if rng.random() < 0.12 * wear:
        relief = _shoulder(rng, relief, px_per_mm, spec.kind)
    if spec.kind in LINE_KINDS and rng.random() < 0.6:
        relief = _bowed(rng, relief, px_per_mm)
    stretch = tuple(float(v) for v in 1 + rng.normal(0, 0.004 + 0.006 * wear, 2))
    face = place(relief, angle, (stretch[0], stretch[1]), 1.6 * px_per_mm)
    wanted = 0.12 * float(face.sum())
    supply = _supply(rng, face.shape, wear, px_per_mm)
    coverage = _contact(rng, face, supply, wear, px_per_mm)
    calmer = wear
    while float(coverage.sum()) < wanted and calmer > 0.01:
        calmer /= 2
        coverage = _contact(rng, face, supply, calmer, px_per_mm)
    if float(coverage.sum()) < wanted:
        coverage = face
    film = _film(rng, face, supply, ink, wear, px_per_mm)
    if rng.random() < 0.04 + 0.14 * wear:
        ghost = _shifted(coverage, *_offset(rng, 0.25 * px_per_mm, 1.5 * px_per_mm))
        if rng.random() < 0.5:
            # The die rocked: only one end of it touched twice.
            fading = np.linspace(-1.2, 2.0, ghost.shape[1], dtype=np.float32)
            ghost = ghost * _smoothstep(fading if rng.random() < 0.5 else fading[::-1])
        coverage = np.maximum(coverage, ghost * rng.uniform(0.25, 0.9))
    if rng.random() < 0.03 + 0.1 * wear:
        dy, dx = _offset(rng, 0.12 * px_per_mm, 0.3 * px_per_mm)
        trail = coverage
        for step in range(1, 6):
            trail = np.maximum(trail, _shifted(coverage, step * dy, step * dx) * (0.55 - 0.09 * step))
        coverage = trail
    if rng.random() < 0.08:
        # The oil of the ink creeps into the paper; the halo is too faint to count as ink.
        coverage = np.maximum(coverage, HALO * blur(coverage, rng.uniform(0.4, 0.9) * px_per_mm))
    rows = np.flatnonzero(coverage.max(axis=1) > 0.02)
    columns = np.flatnonzero(coverage.max(axis=0) > 0.02)
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    centre = (face.shape[1] / 2 - float(columns[0]), face.shape[0] / 2 - float(rows[0]))
    coverage = np.ascontiguousarray(coverage[window], np.float32)
    density = coverage * film[window]
    return Impression(
        density,
        coverage,
        ink,
        angle,
        spec.kind,
        spec.family,
        spec.sibling,
        spec.script,
        centre,
        (stretch[0], stretch[1]),
    )


def composite(page_rgb: np.ndarray, density: np.ndarray, ink: Ink, y: int, x: int) -> None:
    """Lay the ink on a page in place, top left at (y, x), clipped to the page: `paper * exp(-density * absorption)`.

    `page_rgb` is float32 (H, W, 3), 0..1. Print below stays dark, as it does under real, transparent ink.
    """
    height, width = page_rgb.shape[:2]
    top, left = max(0, y), max(0, x)
    bottom, right = min(height, y + density.shape[0]), min(width, x + density.shape[1])
    if bottom <= top or right <= left:
        return
    part = density[top - y : bottom - y, left - x : right - x, None]
    page_rgb[top:bottom, left:right] *= np.exp(-part * np.asarray(ink.absorption, np.float32))
