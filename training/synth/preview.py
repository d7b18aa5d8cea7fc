"""Contact sheets of synthetic pages, dies and impressions.

python -m training.synth.preview --kind pages --out sheet.png --count 24
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from training.synth.backgrounds import DEFAULT_FOLDER, Backgrounds
from training.synth.die import die_spec, render
from training.synth.fonts import Split
from training.synth.impression import composite, strike
from training.synth.page import make_page

_PX_PER_MM = 8.0


def pages(split: Split, seed: int, count: int, folder: Path) -> Iterator[Image.Image]:
    """Yield captured pages with the true boxes drawn in magenta."""
    backgrounds = Backgrounds.cached(split, folder)
    for index in range(count):
        page = make_page(seed + index, split, backgrounds)
        image = Image.fromarray(page.image)
        draw = ImageDraw.Draw(image)
        for stamp in page.stamps:
            draw.rectangle(stamp.box, outline=(255, 0, 255), width=2)
        yield image


def dies(split: Split, seed: int, count: int, _: Path) -> Iterator[Image.Image]:
    """Yield dies as black on white; every second one is the first sibling of the one before."""
    for index in range(count):
        relief = render(die_spec(seed + index // 2, index % 2, split), _PX_PER_MM)
        yield Image.fromarray((255 - 255 * relief).astype(np.uint8)).convert("RGB")


def impressions(split: Split, seed: int, count: int, _: Path) -> Iterator[Image.Image]:
    """Yield strikes on white paper, from no wear to full wear."""
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        spec = die_spec(seed + index, 0, split)
        stamp = strike(render(spec, _PX_PER_MM), rng, wear=index / count, spec=spec, px_per_mm=_PX_PER_MM)
        paper = np.ones((*stamp.density.shape, 3), np.float32)
        composite(paper, stamp.density, stamp.ink, 0, 0)
        yield Image.fromarray((paper * 255).astype(np.uint8))


_KINDS: dict[str, tuple[Callable[[Split, int, int, Path], Iterator[Image.Image]], tuple[int, int]]] = {
    "pages": (pages, (420, 594)),
    "dies": (dies, (300, 300)),
    "impressions": (impressions, (300, 300)),
}


def contact_sheet(images: Iterator[Image.Image], count: int, cell: tuple[int, int]) -> Image.Image:
    """Lay images, shrunk to fit ``cell`` (w, h), in rows of about the shape of a screen."""
    columns = min(count, max(1, round((1.6 * count * cell[1] / cell[0]) ** 0.5)))
    sheet = Image.new("RGB", (columns * (cell[0] + 6), -(-count // columns) * (cell[1] + 6)), (120, 120, 120))
    for index, image in enumerate(images):
        image.thumbnail(cell, Image.Resampling.BOX)
        sheet.paste(image, (index % columns * (cell[0] + 6), index // columns * (cell[1] + 6)))
    return sheet


def main() -> None:
    """Draw a contact sheet of pages, dies or impressions."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kind", choices=_KINDS, default="pages")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", type=Split, choices=list(Split), default=Split.TRAIN)
    parser.add_argument("--backgrounds", type=Path, default=DEFAULT_FOLDER)
    options = parser.parse_args()
    make, cell = _KINDS[options.kind]
    images = make(options.split, options.seed, options.count, options.backgrounds.expanduser())
    contact_sheet(images, options.count, cell).save(options.out)


if __name__ == "__main__":
    main()
