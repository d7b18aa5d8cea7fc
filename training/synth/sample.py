"""The page of the README: a letter with five stamps, two of them impressions of one die, none of them in training.

python -m training.synth.sample --out docs/sample/page.jpg
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from training.synth.backgrounds import DPI, print_pages, rasterise
from training.synth.die import DieKind, die_spec, render
from training.synth.fonts import Script, Split
from training.synth.impression import SPECTRA, Ink, strike
from training.synth.page import stamp_on
from training.synth.placing import Placed
from training.synth.templates import business
from training.synth.templates.draft import Draft, FontFaces
from training.synth.templates.lexicon import LANGUAGES

SEED = 8
QUALITY = 88
_CSS = (
    "@page{size:210mm 297mm;margin:0}body{margin:0}section{position:relative;width:210mm;height:296mm}p{margin:.5em 0}"
)


@dataclass(frozen=True, slots=True)
class Strike:
    """One impression to draw: its die, ink, rotation and centre on the page."""

    kind: DieKind
    family: int
    ink: str
    angle_deg: float
    x_mm: float
    y_mm: float


STRIKES = (
    Strike(DieKind.ROUND, 10, "blue", -14.0, 62, 238),
    Strike(DieKind.ROUND, 10, "blue", 41.0, 160, 66),
    Strike(DieKind.RECTANGLE, 2, "red", 4.0, 150, 196),
    Strike(DieKind.OVAL, 8, "violet", -7.0, 148, 247),
    Strike(DieKind.DATE, 2, "black", -3.0, 55, 190),
)


def sample(seed: int = SEED) -> Image.Image:
    """The page, A4 at 150 dpi; the same seed and the same fonts give the same pixels. RuntimeError without Chromium."""
    rng = np.random.default_rng([seed, 31])
    faces = FontFaces()
    letter = business.letter(Draft(rng, Split.TEST, faces, LANGUAGES["en"]))
    html = f"<!doctype html><meta charset=utf-8><style>{_CSS}{faces.css()}</style>{letter}"
    with tempfile.TemporaryDirectory() as folder:
        page = np.array(next(rasterise(print_pages(html, Path(folder)))))
    px_per_mm = DPI / 25.4
    for each in STRIKES:
        spec = die_spec(each.family, 0, Split.TEST, each.kind, Script.LATIN)
        relief = render(spec, px_per_mm)
        ink = Ink(each.ink, SPECTRA[each.ink])
        impression = strike(relief, rng, wear=0.15, spec=spec, px_per_mm=px_per_mm, ink=ink, angle_deg=each.angle_deg)
        height, width = impression.coverage.shape
        left, top = round(each.x_mm * px_per_mm - width / 2), round(each.y_mm * px_per_mm - height / 2)
        stamp_on(page, Placed(impression, left, top))
    return Image.fromarray(page)


def main() -> None:
    """Write the page as a JPEG file."""
    parser = argparse.ArgumentParser(prog="python -m training.synth.sample", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    sample(arguments.seed).save(arguments.out, quality=QUALITY, dpi=(DPI, DPI))


if __name__ == "__main__":
    main()
