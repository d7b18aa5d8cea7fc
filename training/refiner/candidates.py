"""What a detector finds on stored pages, kept beside them.

`python -m training.refiner.candidates --shards DIR --detector NAME` writes a line a page, in the order of
its labels; a run that was stopped goes on there.
"""

import argparse
import json
from pathlib import Path

import torch

from stamp2vec import engines
from stamp2vec.detection.candidates import SCORE_FLOOR
from stamp2vec.pipelines import DetectionPipeline
from stamp2vec.values import Detection, StampType, Task
from training.evaluate.truth import TruePage, read_shards


def read(shards: Path, detector: str) -> list[tuple[TruePage, list[Detection]]]:
    """The pages with what was found on each, best first. ValueError for pages that were not searched."""
    pages = read_shards(shards)
    lines = stored(shards, detector).read_text(encoding="utf-8").splitlines()
    if len(lines) != len(pages):
        raise ValueError(f"{detector} has searched {len(lines)} of {len(pages)} pages in {shards}: let it search all")
    found = [
        [Detection(tuple(box), score, StampType(kind), angle, None) for box, score, kind, angle in json.loads(line)]
        for line in lines
    ]
    return list(zip(pages, found, strict=True))


def stored(shards: Path, detector: str) -> Path:
    """Where what a detector has found is kept."""
    return shards / f"candidates-{detector}.jsonl"


def main() -> None:
    """Search."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--shards", type=Path, required=True, help="pages of training.synth.shards")
    parser.add_argument("--detector", required=True, help="a bundled model")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pipeline = DetectionPipeline(engines.load(options.detector, Task.DETECT))
    with stored(options.shards, options.detector).open("a+", encoding="utf-8") as file:
        file.seek(0)
        for page in read_shards(options.shards)[len(file.readlines()) :]:
            found = pipeline(page.path, min_score=SCORE_FLOOR)
            rows = [
                [[round(edge, 2) for edge in d.box], round(d.score, 5), d.type, round(d.angle_degrees, 1)]
                for d in found
            ]
            file.write(json.dumps(rows) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
