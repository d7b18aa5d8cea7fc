"""Says which boxes are worth a look for ink: `python -m training.segmenter.calibrate FOLDER --detector NAME`.

A detector's threshold is for boxes that people read. A segmenter sees each box at a finer scale than its detector did,
and finds no ink where there is no stamp, so whole pages are segmented best from boxes of lower scores. The score that
gives the ink of held-out drawn pages the best intersection over union is written into the segmenter's manifest.
"""

import argparse
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from stamp2vec.errors import Stamp2vecError
from stamp2vec.files import write_whole
from stamp2vec.hub import MANIFEST
from stamp2vec.imaging import crop
from stamp2vec.pipelines import StampUnetPipeline, YoloStampPipeline
from training.segmenter.found import FIRST_SEED, LEAST
from training.segmenter.train import INK
from training.synth.backgrounds import DEFAULT_FOLDER, Backgrounds
from training.synth.fonts import Split
from training.synth.page import StampedPage, make_page

SCORES = (LEAST, 0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.5, 0.6)
FIRST_PAGE = FIRST_SEED[Split.TEST] + 1_000_000  # beyond those whose crops the segmenter was scored on


def counts(page: StampedPage, detector: YoloStampPipeline, segmenter: StampUnetPipeline) -> np.ndarray:
    """float (S, 2): for each of SCORES the pixels that are ink in truth and answer, and those that are in either."""
    truth = page.mask > INK * 255
    found = sorted(detector(page.image, min_score=LEAST), key=lambda stamp: -stamp.score)
    parts = [crop(page.image, stamp.box) for stamp in found]
    masks = segmenter([pixels for pixels, _ in parts])
    ink = np.zeros(truth.shape, bool)
    rows = []
    waiting = list(zip(found, parts, masks, strict=True))
    for least in sorted(SCORES, reverse=True):
        while waiting and waiting[0][0].score >= least:
            _, (_, (x1, y1, x2, y2)), mask = waiting.pop(0)
            ink[y1:y2, x1:x2] |= mask > 127
        rows.append([(ink & truth).sum(), (ink | truth).sum()])
    return np.array(rows[::-1], float)


def pages(count: int, backgrounds: Backgrounds) -> Iterator[StampedPage]:
    """Held-out drawn pages, those without stamps among them."""
    for number in range(count):
        yield make_page(FIRST_PAGE + number, Split.TEST, backgrounds)


def main() -> int:
    """Measure, print, and write the manifest: 0 when it is written, 2 when the input is at fault."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("model", type=Path, help="the segmenter's folder; its manifest.json is written anew")
    flags.add_argument("--detector", required=True, help="whose boxes: a folder or a model's name")
    flags.add_argument("--count", type=int, default=200, help="pages (200)")
    flags.add_argument("--backgrounds", type=Path, default=DEFAULT_FOLDER)
    args = flags.parse_args()
    try:
        detector = YoloStampPipeline.from_pretrained(args.detector)
        segmenter = StampUnetPipeline.from_pretrained(args.model)
        backgrounds = Backgrounds.cached(Split.TEST, args.backgrounds.expanduser())
        each = [counts(page, detector, segmenter) for page in pages(args.count, backgrounds)]
        both, either = np.sum(each, 0).T
        iou = both / np.maximum(either, 1)
        best = int(iou.argmax())
        metrics = dict(segmenter.manifest.metrics) | {"synthetic_iou_pages": round(float(iou[best]), 4)}
        complete = dataclasses.replace(segmenter.manifest, threshold=SCORES[best], metrics=metrics)
        write_whole(args.model / MANIFEST, complete.to_json().encode())
    except (OSError, ValueError, Stamp2vecError) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 2
    print(f"IoU of the ink of {args.count} pages by the least score of {detector.manifest.reference}'s boxes")
    for score, value in zip(SCORES, iou, strict=True):
        print(f"{score:5.2f} {value:.4f}{' <- written' if score == SCORES[best] else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
