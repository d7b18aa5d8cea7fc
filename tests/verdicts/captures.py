"""One impression of a seal on paper, and what a scanner or a fax makes of it."""

from dataclasses import dataclass
from enum import Enum
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from tests.verdicts.seals import face_of
from training.synth.fonts import Script

Field = npt.NDArray[np.float32]
Rgb = tuple[int, int, int]

DIE_DPI = 300  # of coverage
LEAN_DEGREES = 9.0  # nobody strikes straight
PRINT = "The goods described above were received in good order and condition by "
PRINT_POINTS = 11
BLACK_AND_WHITE_AT = 165  # the grey level at which a fax takes paper for ink

BLUE: Rgb = (38, 62, 158)
VIOLET: Rgb = (92, 48, 132)
RED: Rgb = (192, 36, 48)
BLACK: Rgb = (40, 40, 46)
INKS = (BLUE, VIOLET, RED, BLACK)


class Scan(Enum):
    """How the paper came into a file."""

    COLOUR = "colour"
    GREY = "grey"
    FAX = "fax"


@dataclass(frozen=True, slots=True)
class Capture:
    """How a seal was struck and read.

    `degrees` are added to a small lean; `density` is the share of light that the ink takes, of which `lost_at_one_side`
    is missing at the end that was pressed lightly; `kept` is the share of the width, from the left, that was read.
    Without an `ink` the seed chooses one.
    """

    degrees: float = 0.0
    dpi: int = 300
    ink: Rgb | None = None
    density: float = 0.92
    lost_at_one_side: float = 0.25
    kept: float = 1.0
    mirrored: bool = False
    printed_over: bool = False
    scan: Scan = Scan.COLOUR


def strike(coverage: Field, seed: int, capture: Capture) -> npt.NDArray[np.uint8]:
    """The crop of one impression, uint8 (H, W, 3); the same seed gives the same crop."""
    rng = np.random.default_rng(seed)
    ink = capture.ink or INKS[rng.integers(len(INKS))]
    plate = _placed(coverage, rng, capture)
    density = np.asarray(plate, np.float32) / 255 * _deposit(plate.size, rng, capture)
    light = _paper(plate.size, rng) * (1 - density[..., None] * (1 - np.array(ink, np.float32) / 255))
    if capture.printed_over:
        light = light * (1 - 0.9 * _print(plate.size, rng, capture.dpi)[..., None])
    light = light[:, : round(capture.kept * plate.width)]
    return _read(light.astype(np.float32), rng, capture.scan)


def _placed(coverage: Field, rng: np.random.Generator, capture: Capture) -> Image.Image:
    """The die rotated, at the resolution of the scan, with a little paper around it."""
    plate = Image.fromarray((255 * coverage).astype(np.uint8))
    if capture.mirrored:
        plate = ImageOps.mirror(plate)
    degrees = capture.degrees + rng.uniform(-LEAN_DEGREES, LEAN_DEGREES)
    plate = plate.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    plate = ImageOps.expand(plate.crop(plate.getbbox()), border=round(rng.uniform(0.02, 0.07) * plate.width))
    stretch = capture.dpi / DIE_DPI * rng.uniform(0.98, 1.02, 2)  # rubber and rollers
    size = (round(plate.width * stretch[0]), round(plate.height * stretch[1]))
    blur = rng.uniform(0.5, 0.9) * max(1.0, capture.dpi / DIE_DPI)
    return plate.resize(size, Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(blur))


def _deposit(size: tuple[int, int], rng: np.random.Generator, capture: Capture) -> Field:
    """How much of the ink reached the paper, (H, W): a slope across the seal, patches, and the grain of the paper."""
    width, height = size
    angle = rng.uniform(0, 2 * np.pi)
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, width), np.linspace(-0.5, 0.5, height))
    slope = np.clip(0.5 + x * np.cos(angle) + y * np.sin(angle), 0, 1)
    pressure = 1 - capture.lost_at_one_side * slope**2
    grain = _patches(size, rng, (width // 2 + 1, height // 2 + 1), 0.65, 1.1)
    deposit = capture.density * pressure * _patches(size, rng, (6, 6), 0.8, 1.0) * grain
    return np.asarray(deposit.clip(0, 1), np.float32)


def _patches(size: tuple[int, int], rng: np.random.Generator, cells: tuple[int, int], low: float, high: float) -> Field:
    """Smooth noise (H, W) from `low` to `high`; `size` and `cells` are (width, height)."""
    noise = Image.fromarray(rng.uniform(low, high, cells[::-1]).astype(np.float32))
    return np.asarray(noise.resize(size, Image.Resampling.BILINEAR), np.float32)


def _paper(size: tuple[int, int], rng: np.random.Generator) -> Field:
    """A sheet (H, W, 3), 1 for white: nearly white, a little warm, a little uneven."""
    shade = rng.uniform(0.9, 1.0) * np.array([1, 1, rng.uniform(0.94, 1)])
    return (_patches(size, rng, (3, 3), 0.96, 1.0)[..., None] * shade).astype(np.float32)


def _print(size: tuple[int, int], rng: np.random.Generator, dpi: int) -> Field:
    """Lines of a letter, (H, W), 1 for black."""
    sheet = Image.new("L", size, 0)
    em = PRINT_POINTS * dpi // 72
    font = face_of("tinos", Script.LATIN, bold=False).at(em)
    for row in range(size[1] // (2 * em) + 1):
        start = -float(rng.uniform(0, font.getlength(PRINT)))
        ImageDraw.Draw(sheet).text((start, (2 * row + 0.5) * em), 3 * PRINT, fill=255, font=font)
    return (np.asarray(sheet) / 255).astype(np.float32)


def _read(light: Field, rng: np.random.Generator, scan: Scan) -> npt.NDArray[np.uint8]:
    """What the scanner writes: uint8 (H, W, 3), a JPEG with noise, or black and white."""
    noisy = 255 * light + rng.normal(0, 3, light.shape)
    image = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    if scan is Scan.FAX:
        return np.asarray(image.convert("L").point(lambda level: 255 * (level > BLACK_AND_WHITE_AT)).convert("RGB"))
    if scan is Scan.GREY:
        image = image.convert("L")
    file = BytesIO()
    image.save(file, "JPEG", quality=int(rng.integers(70, 92)))
    return np.asarray(Image.open(file).convert("RGB"))
