"""What unrolling a stamp and lifting its ink cost: `python -m bench.strips`.

CPU time of one core for the stamps of the sample page, by part, beside that of segmenting a crop, which both need;
then for crops of 20 megapixels, and for print that a detector calls a round stamp, on which every fit is tried in vain.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np
import torch
from PIL import Image

from stamp2vec.ink.lifting import lift, on_white
from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.reading import unroll
from stamp2vec.values import Preset, Stamp, StampType
from stamp2vec.wire.png import encode_png

SAMPLE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
LARGE_PX = 4500  # a side of a crop of 20 megapixels

R = TypeVar("R")


def main() -> None:
    """Print the table."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--rounds", type=int, default=5, help="how often each stamp is worked on")
    args = flags.parse_args()
    torch.set_num_threads(1)
    pipeline = DocumentPipeline.from_preset(Preset.FAST)
    result = pipeline(SAMPLE.read_bytes(), include_vectors=False, include_crops=True, include_masks=True)
    stamps = [stamp for page in result.pages for stamp in page.stamps]
    spent: dict[str, list[float]] = {}

    def timed(part: str, work: Callable[[], R]) -> R:
        began = time.process_time()
        done = work()
        spent.setdefault(part, []).append(1000 * (time.process_time() - began))
        return done

    for stamp in stamps * args.rounds:
        crop, mask = pictures(stamp)
        timed("segmenting a crop", partial(pipeline.segmenter, crop))
        strips = timed(f"unrolling: {stamp.type}", partial(unroll, crop, mask, stamp.type, stamp.angle_degrees))
        timed("its strips as PNG", partial(list, map(encode_png, (part for s in strips for part in (s.pixels, s.ink)))))
        clean = timed("lifting", partial(lift, crop, mask))
        timed("the stamp as two PNG", partial(list, map(encode_png, (clean, on_white(clean)))))
    for stamp in stamps:
        crop, mask = (np.asarray(Image.fromarray(one).resize((LARGE_PX, LARGE_PX))) for one in pictures(stamp))
        timed("20 megapixels: unrolling", partial(unroll, crop, mask, stamp.type, stamp.angle_degrees))
        timed("20 megapixels: lifting", partial(lift, crop, mask))
    page = np.asarray(Image.open(SAMPLE).convert("RGB"))[600:1000, 100:500]
    print_mask = np.where(page.min(2) < 128, 255, 0).astype(np.uint8)
    for _ in range(args.rounds):
        timed("print called a round stamp: unrolling", partial(unroll, page, print_mask, StampType.ROUND, 0.0))
    print("| part | CPU ms, median | most |\n|---|---|---|")
    for part, values in spent.items():
        print(f"| {part} | {median(values):.1f} | {max(values):.1f} |")


def pictures(stamp: Stamp) -> tuple[np.ndarray, np.ndarray]:
    """Crop and mask. ValueError where one is missing."""
    if stamp.crop is None or stamp.mask is None:
        raise ValueError("the stamp has no crop or no mask")
    return stamp.crop, stamp.mask


if __name__ == "__main__":
    main()
