"""Writes a teacher's detections to distil: `python -m training.detector.teach --model stamp-yolo --shards DIR`.

`taught.jsonl` beside `labels.jsonl` then has a line a page, which training.detector.train blends into the truth (Hinton
et al. 2015, arXiv 1503.02531): the score is a soft label, and false positives are the hardest look-alikes.
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

LEAST = 0.05  # lower scores are noise


def row(found: Detection) -> list[float]:
    """A detection as the eight numbers of `pages.COLUMNS`."""
    rotation = math.radians(found.angle_degrees)
    kind = list(StampType).index(found.type)
    return [*(round(side, 2) for side in found.box), math.cos(rotation), math.sin(rotation), kind, found.score]


def teach(pipeline: DetectionPipeline, shards: Path) -> None:
    """Appends the detections of each page that `taught.jsonl` lacks."""
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
    """Write the detections of every page."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--model", required=True, help="the teacher: a folder or a model's name")
    flags.add_argument("--shards", type=Path, required=True, help="a folder of training.synth.shards, such as train")
    args = flags.parse_args()
    teach(DetectionPipeline.from_pretrained(args.model), args.shards)


if __name__ == "__main__":
    main()
