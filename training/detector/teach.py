"""Writes down what a teacher finds on pages: `python -m training.detector.teach --model stamp-yolo --shards DIR`.

`taught.jsonl` beside `labels.jsonl` then has a line a page, which training.detector.train blends into the truth
(distillation, Hinton et al. 2015, arXiv 1503.02531): a teacher's score says how plain a stamp is, and its false alarms
what looks most like one.
"""

import argparse
import json
import math
from pathlib import Path

import torch

from stamp2vec.pipelines import Detection, DetectionPipeline
from stamp2vec.values import StampType
from training.detector.pages import read_pages
from training.run import autocast

LEAST = 0.05  # what the teacher itself hardly believes teaches nothing


def row(found: Detection) -> list[float]:
    """A detection as the eight numbers of `pages.COLUMNS`."""
    turn = math.radians(found.angle_degrees)
    kind = list(StampType).index(found.type)
    return [*(round(side, 2) for side in found.box), math.cos(turn), math.sin(turn), kind, found.score]


def teach(pipeline: DetectionPipeline, shards: Path) -> None:
    """Adds to `taught.jsonl` the pages that it lacks."""
    target = shards / "taught.jsonl"
    done = set()
    if target.exists():
        done = {json.loads(line)["file"] for line in target.read_text(encoding="utf-8").splitlines()}
    with target.open("a", encoding="utf-8") as file, autocast(torch.device("cpu")):
        for page in read_pages(shards):
            name = str(page.path.relative_to(shards))
            if name not in done:
                stamps = [row(found) for found in pipeline(page.path, min_score=LEAST)]
                file.write(json.dumps({"file": name, "stamps": stamps}) + "\n")


def main() -> None:
    """Goes through the pages in order."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--model", required=True, help="the teacher: a folder or a model's name")
    flags.add_argument("--shards", type=Path, required=True, help="a folder of training.synth.shards, such as train")
    args = flags.parse_args()
    teach(DetectionPipeline.from_pretrained(args.model), args.shards)


if __name__ == "__main__":
    main()
