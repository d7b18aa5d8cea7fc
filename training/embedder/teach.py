"""Writes down a teacher's vectors of crops: `python -m training.embedder.teach --model stamp-lite --crops DIR`.

Each shard then has a part `taught`, whose similarities training.embedder.train makes tvae learn as well. They are of
the crops as they were struck, however tvae sees them, so one pass over the crops does for all of a training.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from stamp2vec.pipelines import EmbeddingPipeline
from training.run import autocast
from training.synth.crop_shards import TAUGHT, complete, part, save

AT_ONCE = 64


def teach(pipeline: EmbeddingPipeline, folder: Path) -> None:
    """Adds the vectors to the shards that lack them."""
    for kind in complete(folder):
        if part(kind, TAUGHT).exists():
            continue
        crops = np.load(part(kind, "pixels"), mmap_mode="r")
        with autocast(torch.device("cpu")):
            vectors = [
                pipeline(list(np.ascontiguousarray(crops[start : start + AT_ONCE, ..., :3])))
                for start in range(0, len(crops), AT_ONCE)
            ]
        save(np.concatenate(vectors).astype(np.float32), part(kind, TAUGHT))
        print(f"taught {kind.name.partition('.')[0]}", flush=True)


def main() -> None:
    """Goes through the shards in order."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--model", required=True, help="the teacher: a folder or a model's name")
    flags.add_argument(
        "--crops", type=Path, required=True, help="a folder of training.synth.crop_shards, such as train"
    )
    args = flags.parse_args()
    teach(EmbeddingPipeline.from_pretrained(args.model), args.crops)


if __name__ == "__main__":
    main()
