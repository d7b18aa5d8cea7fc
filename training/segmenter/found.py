"""Crops as a detector cuts them out of drawn pages: `python -m training.segmenter.found --model NAME --out DIR`.

A segmenter that has seen nothing but stamps takes whatever else a detector believes in for ink: signatures, crests,
hand notes. Here it meets what the detector hardly believes as well, some of it stamps, most of it not.

A shard is two .npy files of the crops of 50 pages: `pixels` as in training.synth.crop_shards, and `kind` str (N,), a
stamp's DieKind or `nothing`.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from stamp2vec.imaging import crop, letterbox
from stamp2vec.pipelines import YoloStampPipeline
from training.run import autocast
from training.synth.backgrounds import DEFAULT_FOLDER, Backgrounds
from training.synth.crop_shards import SIZE, save
from training.synth.fonts import Split
from training.synth.page import StampedPage, make_page

PAGES = 50  # a shard
LEAST = 0.03  # the score from which a box is worth a look
MOST = 12  # boxes of one page: the best, as they are those that may come to be believed
MEANT = 1 / 3  # a box is of a stamp when they share so much of the smaller one
NOTHING = "nothing"
FIRST_SEED = {Split.TRAIN: 500_000_000, Split.TEST: 600_000_000}  # no page of the shards that detectors learn from


def cut(page: StampedPage, boxes: np.ndarray) -> Iterator[tuple[np.ndarray, str]]:
    """For each box of (K, 4): its crop with the ink of the stamps it is of, uint8 (256, 256, 4), and their kind."""
    for box in boxes:
        pixels, (x1, y1, x2, y2) = crop(page.image, box)
        meant = [stamp for stamp in page.stamps if shared(box, np.array(stamp.box)) >= MEANT]
        ink = np.zeros(page.mask.shape, np.uint8)
        for stamp in meant:
            left, top, right, bottom = (round(edge) for edge in stamp.box)
            ink[top:bottom, left:right] = page.mask[top:bottom, left:right]
        paper = np.repeat(255 - ink[y1:y2, x1:x2, None], 3, 2)  # inverted: the padding is no ink
        view = np.dstack([letterbox(pixels, (SIZE, SIZE))[0], 255 - letterbox(paper, (SIZE, SIZE))[0][..., :1]])
        yield view, meant[0].kind.value if meant else NOTHING


def shared(box: np.ndarray, other: np.ndarray) -> float:
    """What two boxes (4,) have in common, as a share of the smaller one."""
    both = np.clip(np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2]), 0, None).prod()
    return float(both / max(min((box[2:] - box[:2]).prod(), (other[2:] - other[:2]).prod()), 1e-6))


def write(folder: Path, split: Split, backgrounds: Backgrounds, pipeline: YoloStampPipeline, count: int) -> None:
    """Cuts the crops of so many pages, but for shards that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, count, PAGES):
        kinds_file = folder / f"{start:07d}.kind.npy"
        if kinds_file.exists():
            continue
        pixels, kinds = [], []
        for number in range(start, min(start + PAGES, count)):
            page = make_page(FIRST_SEED[split] + number, split, backgrounds)
            with autocast(pipeline.device):
                found = pipeline(page.image, min_score=LEAST)[:MOST]
            for view, kind in cut(page, np.array([stamp.box for stamp in found]).reshape(-1, 4)):
                pixels.append(view)
                kinds.append(kind)
        save(np.array(pixels, np.uint8).reshape(-1, SIZE, SIZE, 4), folder / f"{start:07d}.pixels.npy")
        save(np.array(kinds, str), kinds_file)
        nothing = kinds.count(NOTHING)
        print(f"{min(start + PAGES, count)} of {count} pages: {len(kinds) - nothing} stamps, {nothing} not", flush=True)


def main() -> None:
    """Go on where a former run stopped."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--model", required=True, help="the detector: a folder or a model's name")
    flags.add_argument("--out", type=Path, required=True, help="folder; shards that are there are kept")
    flags.add_argument("--count", type=int, required=True, help="pages")
    flags.add_argument("--split", type=Split, default=Split.TRAIN, help="train or test")
    flags.add_argument("--backgrounds", type=Path, default=DEFAULT_FOLDER)
    args = flags.parse_args()
    backgrounds = Backgrounds.cached(args.split, args.backgrounds.expanduser())
    write(args.out, args.split, backgrounds, YoloStampPipeline.from_pretrained(args.model), args.count)


if __name__ == "__main__":
    main()
