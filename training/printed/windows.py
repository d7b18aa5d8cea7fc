"""What stamp-print learns from: `python -m training.printed.windows --split train --pages 350 --out DIR`.

Letters are stamped and captured as `training.evaluate erase` does it, with and without their stamps, and with other
fonts, letters and dies. A file holds one stamp that has no colour on its page, with the page around it as erasing sees
it: the densities of the page and of the page without stamps, and the mask of a segmenter. Needs Chromium.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stamp2vec.erasing.marks import Mark, window
from stamp2vec.imaging.windows import Plane
from stamp2vec.ink.erasing import seen
from stamp2vec.ink.paper import light
from stamp2vec.pipelines import SegmentationPipeline
from training.evaluate.unstamped import Box, Case, cases
from training.synth.fonts import Split

SEGMENTERS = {"stamp-unet-lite": 0.7, "stamp-unet": 0.3}
_INKS = ("black", "grey", "black", "grey", "violet")  # a grey scan takes the colour of the last
_AT_ONCE = 10  # pages that Chromium prints
_JITTER = 0.03  # of a box's sides
_LEAST_PX = 20
_STEP = 1 / 64  # of a density, as it is kept
_ZERO = 16


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """`level` and `clean` are densities, float32 (H, W), with the stamp and without; `mask` is uint8 (H, W)."""

    level: Plane
    clean: Plane
    mask: NDArray[np.uint8]


def main() -> None:
    """Draws and writes windows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", type=Split, choices=list(Split), required=True)
    parser.add_argument("--pages", type=int, default=350, help="of four stamps each")
    parser.add_argument("--seed", type=int, default=7000, help="of the first ten pages; the next have the next")
    parser.add_argument("--out", type=Path, required=True, help="folder")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    segmenters = {name: SegmentationPipeline.from_pretrained(name) for name in SEGMENTERS}
    for seed in range(args.seed, args.seed + args.pages // _AT_ONCE):
        rng = np.random.default_rng([seed, 7])
        drawn = (each for case in cases(_AT_ONCE, seed, args.split, _INKS) for each in windows(case, rng, segmenters))
        for number, each in enumerate(drawn):
            save(args.out / f"{seed}-{number}.npz", each)


def windows(case: Case, rng: np.random.Generator, segmenters: dict[str, SegmentationPipeline]) -> Iterator[Window]:
    """The stamps of a page whose ink has no colour there."""
    for stamp in case.stamps:
        box = _shaken(stamp.box, rng, case.ink.shape)
        if box is None:
            continue
        x1, y1, x2, y2 = box
        name = str(rng.choice(list(SEGMENTERS), p=list(SEGMENTERS.values())))
        mark = Mark(box, segmenters[name](np.ascontiguousarray(case.stamped[y1:y2, x1:x2])))
        part, mask = window(case.ink.shape, mark)
        stamped = seen(case.stamped[part], mask)
        if stamped is None or stamped.colour is not None:
            continue
        clean = (stamped.paper - light(case.clean[part])).mean(2)
        yield Window(stamped.densities.mean(2), clean, mask)


def _shaken(box: Box, rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """A box as a detector might give it, in whole pixels; None where it is too small."""
    width, height = box[2] - box[0], box[3] - box[1]
    shift = rng.normal(0, _JITTER, 4) * (width, height, width, height)
    x1, y1, x2, y2 = (int(value) for value in np.clip(np.add(box, shift), 0, np.tile(shape[1::-1], 2)))
    return (x1, y1, x2, y2) if min(x2 - x1, y2 - y1) >= _LEAST_PX else None


def save(path: Path, each: Window) -> None:
    """As bytes: densities from -0.25 to 3.73."""
    level, clean = (
        np.clip(np.rint(plane / _STEP) + _ZERO, 0, 255).astype(np.uint8) for plane in (each.level, each.clean)
    )
    np.savez_compressed(path, level=level, clean=clean, mask=each.mask)


def load(path: Path) -> Window:
    """What `save` wrote."""
    with np.load(path) as file:
        level, clean = ((file[name].astype(np.float32) - _ZERO) * np.float32(_STEP) for name in ("level", "clean"))
        return Window(level, clean, file["mask"])


if __name__ == "__main__":
    main()
