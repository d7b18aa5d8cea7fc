"""What scanners, faxes, copiers and cameras do to tone: every chain maps a picture to one of the same size."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter

from training.synth.fonts import Split

Array = npt.NDArray[np.uint8]
Chain = Callable[[Image.Image, np.random.Generator], Image.Image]


def smooth_field(rng: np.random.Generator, size: tuple[int, int], low: float, high: float, cell: int) -> Image.Image:
    """Return a smooth grey field of ``size`` (w, h) between two levels, with blobs of about ``cell`` px."""
    coarse = rng.uniform(low, high, (max(size[1] // cell, 2) + 1, max(size[0] // cell, 2) + 1)).astype(np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def _multiply(image: Image.Image, field: Image.Image) -> Image.Image:
    return ImageChops.multiply(image, field.convert(image.mode))


def _tint(image: Image.Image, colour: tuple[float, float, float]) -> Image.Image:
    """Scale the channels of an RGB image, like a filter in front of it."""
    return image.point([min(255, round(level * gain)) for gain in colour for level in range(256)])


def _tone(image: Image.Image, gain: float, lift: float, gamma: float) -> Image.Image:
    """Map level v to 255 * (gain * (v / 255) ** gamma) + lift in every channel."""
    curve = [min(255, max(0, round(255 * gain * (level / 255) ** gamma + lift))) for level in range(256)]
    return image.point(curve * len(image.getbands()))


def _grain(image: Image.Image, rng: np.random.Generator, sigma: float) -> Image.Image:
    """Add sensor noise of ``sigma`` grey levels: one drawn tile, repeated, as full-page noise costs too much."""
    bands = len(image.getbands())
    tile = np.clip(rng.normal(128, sigma, (311, 293, bands)), 0, 255).astype(np.uint8)
    repeats = (-(-image.height // 311), -(-image.width // 293), 1)
    noise = np.tile(tile, repeats)[: image.height, : image.width]
    if bands == 1:
        noise = noise[..., 0]
    return ImageChops.add(image, Image.fromarray(noise), 1.0, -128)


def _encode(image: Image.Image, kind: str, quality: int) -> Image.Image:
    stream = BytesIO()
    image.save(stream, kind, quality=quality)
    return Image.open(stream).convert("RGB")


def _otsu(levels: Array) -> int:
    """Return Otsu's threshold (IEEE Trans. SMC 9 (1979) 62-66) of a grey image."""
    counts = np.bincount(levels[::2, ::2].ravel(), minlength=256).astype(np.float64)
    weight = np.cumsum(counts)
    moment = np.cumsum(counts * np.arange(256))
    between = (moment[-1] * weight / weight[-1] - moment) ** 2 / np.maximum(weight * (weight[-1] - weight), 1)
    return int(np.argmax(between))


def _specks(levels: Array, rng: np.random.Generator, share: float) -> None:
    """Sprinkle black and white dust of one to four pixels on a grey image, in place."""
    height, width = levels.shape
    count = int(share * levels.size)
    for value in (0, 0, 255):
        ys, xs = rng.integers(0, height, count), rng.integers(0, width, count)
        levels[ys, xs] = value
        few = slice(0, count // 4)
        levels[ys[few], np.minimum(xs[few] + 1, width - 1)] = value
        levels[np.minimum(ys[few] + 1, height - 1), xs[few]] = value


def _dark_edges(levels: Array, rng: np.random.Generator) -> None:
    """Blacken what lay beyond the paper at one or two sides: bands with a ragged border, in place."""
    height, width = levels.shape
    for side in rng.choice(4, int(rng.integers(1, 3)), replace=False):
        length, depth = (height, width) if side < 2 else (width, height)
        drift = np.cumsum(rng.normal(0, 0.25, length)) + rng.uniform(0.002, 0.018) * depth
        band = np.arange(max(int(0.04 * depth), 1))[None, :] < drift[:, None]
        view = levels if side < 2 else levels.T
        view = view if side % 2 == 0 else view[:, ::-1]
        view[:, : band.shape[1]][band] = rng.integers(0, 50)


def _bilevel(image: Image.Image, rng: np.random.Generator, threshold: float) -> Image.Image:
    levels = np.array(image.convert("L"))
    bits = ((levels > threshold) * np.uint8(255)).astype(np.uint8)
    if rng.random() < 0.6:
        _specks(bits, rng, 10 ** rng.uniform(-5, -3.3))
    return Image.fromarray(bits)


def _clean(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    image = _tone(image, rng.uniform(0.95, 1.03), rng.uniform(-4, 6), rng.uniform(0.9, 1.15))
    return _grain(image, rng, rng.uniform(0.5, 3)) if rng.random() < 0.5 else image


def _scan(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    white = (0.93, 1.0) if rng.random() < 0.7 else (0.84, 0.93)  # most scanners lighten paper until it is gone
    red, green, blue = np.minimum(rng.uniform(*white) + rng.normal(0, 0.012, 3), 1.0)
    image = _tint(image, (red, green, blue))
    image = _tone(image, 1.0, rng.uniform(-6, 10), rng.uniform(0.85, 1.3))
    if rng.random() < 0.4:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))
    return _grain(image, rng, rng.uniform(0.5, 5))


def _jpeg(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return _encode(_scan(image, rng), "JPEG", int(rng.integers(30, 96)))


def _grey(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    grey = _tone(image.convert("L"), rng.uniform(0.9, 1.05), rng.uniform(-10, 12), rng.uniform(0.7, 1.5))
    grey = _grain(grey, rng, rng.uniform(0.5, 7))
    if rng.random() < 0.25:
        levels = np.array(grey)
        _dark_edges(levels, rng)
        grey = Image.fromarray(levels)
    return _encode(grey, "JPEG", int(rng.integers(40, 96))) if rng.random() < 0.6 else grey


def _fax(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Standard or fine resolution of ITU-T T.4: the lines are 98 or 196 to the inch, a column 204."""
    coarse = image.resize((image.width, max(int(image.height * (0.48 if rng.random() < 0.6 else 0.96)), 1)))
    bits = _bilevel(coarse, rng, rng.uniform(120, 205))
    return bits.resize(image.size, Image.Resampling.BILINEAR)


def _binarised(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A black-and-white scan, often of a copy: strokes thickened or thinned and frayed, dust, dark edges."""
    grey = image.convert("L")
    if rng.random() < 0.45:
        grey = Image.blend(grey, grey.filter(ImageFilter.MinFilter(3)), rng.uniform(0.4, 1.0))
    if rng.random() < 0.5:
        grey = _grain(grey.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.0))), rng, rng.uniform(8, 30))
    levels = np.array(grey)
    # A scanner's own threshold is set lighter than Otsu's, or coloured ink would be lost.
    threshold = min(_otsu(levels) + rng.uniform(-5, 70), 215)
    if rng.random() < 0.35:
        _dark_edges(levels, rng)
    return _bilevel(Image.fromarray(levels), rng, threshold)


def _low_dpi(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    factor = rng.uniform(0.45, 0.7)
    small = image.resize((max(int(image.width * factor), 8), max(int(image.height * factor), 8)), Image.Resampling.BOX)
    small = _encode(small, "JPEG", int(rng.integers(40, 90)))
    return small.resize(image.size, Image.Resampling.BICUBIC if rng.random() < 0.7 else Image.Resampling.NEAREST)


def _drop_out(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Grey scan under a coloured lamp: ink of the lamp's colour fades, but never to nothing."""
    lamp = image.getchannel(int(rng.integers(3)))
    return _grain(Image.blend(image.convert("L"), lamp, rng.uniform(0.3, 0.75)), rng, rng.uniform(0.5, 4))


_PAPERS = (
    (1.0, 0.98, 0.9),
    (0.97, 0.93, 0.82),
    (0.95, 0.97, 1.0),
    (0.93, 0.93, 0.92),
    (0.92, 0.98, 0.93),
    (1.0, 0.93, 0.93),
)


def _old_paper(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    if rng.random() < 0.5:
        other = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).filter(ImageFilter.GaussianBlur(1.5))
        image = ImageChops.multiply(image, _tone(other, rng.uniform(0.05, 0.12), 228, 1.0))
    paper = _PAPERS[int(rng.integers(len(_PAPERS)))]
    image = _tint(image, paper)
    image = _multiply(image, smooth_field(rng, image.size, 240, 255, int(rng.integers(40, 400))))
    image = _multiply(image, smooth_field(rng, image.size, 235, 255, int(rng.integers(2, 5))))
    if rng.random() < 0.4:
        position = int(rng.uniform(0.3, 0.7) * image.height)
        fold = np.full(image.height, 255, np.uint8)
        fold[position : position + 3] = rng.integers(170, 235)
        image = _multiply(image, Image.fromarray(fold[:, None]).resize(image.size))
    return _jpeg(image, rng)


def _moire(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    period, angle = rng.uniform(3, 14), rng.uniform(0, np.pi)
    ys, xs = np.ogrid[0:311, 0:293]
    wave = 245 + 10 * np.sin(2 * np.pi / period * (xs * np.cos(angle) + ys * np.sin(angle)))
    repeats = (-(-size[1] // 311), -(-size[0] // 293))
    return Image.fromarray(np.tile(wave.astype(np.uint8), repeats)[: size[1], : size[0]])


def _photo(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Uneven light, a soft shadow, white balance, blur, screen moire, noise, JPEG."""
    image = _multiply(image, smooth_field(rng, image.size, rng.uniform(120, 215), 255, max(image.size) // 2))
    if rng.random() < 0.35:
        image = _multiply(image, _shadow(image.size, rng))
    image = _tint(image, tuple(rng.uniform(0.82, 1.05, 3)))
    image = _tone(image, 1.0, rng.uniform(-12, 18), rng.uniform(0.75, 1.25))
    if rng.random() < 0.6:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.3)))
    if rng.random() < 0.15:
        image = _multiply(image, _moire(image.size, rng))
    return _encode(_grain(image, rng, rng.uniform(1, 9)), "JPEG", int(rng.integers(45, 95)))


def _shadow(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Return the shadow of a hand or a telephone: one soft-edged half-plane or blob."""
    width, height = max(size[0] // 16, 4), max(size[1] // 16, 4)
    ys, xs = np.mgrid[0:height, 0:width] / max(width, height)
    angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 0.7)
    along = (xs - rng.uniform(0.2, 0.6)) * np.cos(angle) + (ys - rng.uniform(0.2, 0.6)) * np.sin(angle)
    field = 255 * (1 - depth / (1 + np.exp(-along * rng.uniform(12, 60))))
    return Image.fromarray(field.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)


def _copier(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A photocopy of a photocopy: hard grey tone, toner dust, dark edges."""
    grey = image.convert("L").filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.0)))
    levels = np.array(_tone(grey, 1.25, rng.uniform(-45, -20), rng.uniform(1.2, 2.2)))
    _specks(levels, rng, 10 ** rng.uniform(-4.2, -3.2))
    _dark_edges(levels, rng)
    return Image.fromarray(levels)


def _halftone(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Error-diffused to black and white (Floyd and Steinberg 1976), as old document scanners do in picture mode."""
    return _tone(image.convert("L"), rng.uniform(1.0, 1.15), 0, rng.uniform(0.8, 1.2)).convert("1").convert("L")


def _handheld(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A telephone that moved: motion blur along one direction, warm light, WebP."""
    dx, dy = rng.uniform(-3, 3, 2)
    blurred = image
    for step in (1, 2):
        shifted = ImageChops.offset(image, round(dx * step / 2), round(dy * step / 2))
        blurred = Image.blend(blurred, shifted, 1 / (step + 1))
    blurred = _tint(
        _multiply(blurred, smooth_field(rng, image.size, 170, 255, max(image.size) // 3)), (1.0, 0.95, 0.85)
    )
    return _encode(blurred, "WEBP", int(rng.integers(30, 80)))


_CHAINS: MappingProxyType[Split, MappingProxyType[str, tuple[float, Chain]]] = MappingProxyType(
    {
        Split.TRAIN: MappingProxyType(
            {
                "clean": (15.0, _clean),
                "jpeg": (24.0, _jpeg),
                "grey": (12.0, _grey),
                "fax": (5.0, _fax),
                "otsu": (9.0, _binarised),
                "low dpi": (7.0, _low_dpi),
                "drop-out": (4.0, _drop_out),
                "old paper": (10.0, _old_paper),
                "photo": (14.0, _photo),
            }
        ),
        Split.TEST: MappingProxyType(
            {
                "copier": (1.0, _copier),
                "halftone": (1.0, _halftone),
                "handheld": (1.0, _handheld),
                "webp": (2.0, lambda image, rng: _encode(_scan(image, rng), "WEBP", int(rng.integers(20, 90)))),
            }
        ),
    }
)


def chains(split: Split) -> tuple[str, ...]:
    """Return the names of the capture chains of ``split``; the two splits share none."""
    return tuple(_CHAINS[split])


def draw_chain(rng: np.random.Generator, split: Split) -> tuple[str, Chain]:
    """Draw a chain of ``split`` by its weight: its name and the function."""
    table = _CHAINS[split]
    weights = np.array([weight for weight, _ in table.values()])
    name = list(table)[int(rng.choice(len(table), p=weights / weights.sum()))]
    return name, table[name][1]


def degrade(image: Array, rng: np.random.Generator, split: Split = Split.TRAIN) -> Array:
    """Degrade a page or a crop, uint8 (H, W, 3), without moving a pixel; same shape and dtype."""
    _, chain = draw_chain(rng, split)
    return np.array(chain(Image.fromarray(image), rng).convert("RGB"))
