"""Writes a teacher's vectors to distil: `python -m training.embedder.teach --model stamp-lite --crops DIR`.

Each shard then has a part `taught`, whose similarities training.embedder.train distils into tvae. The teacher sees the
crops unaugmented, so one pass serves a whole training run.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from stamp2vec.pipelines import EmbeddingPipeline
from training.run import autocast
from training.synth.crop_shards import TEACHER, complete, part, save

BATCH = 64


def teach(pipeline: EmbeddingPipeline, folder: Path) -> None:
    """Writes the teacher's vectors, float32 (N, D), of each shard that lacks them."""
    for kind in complete(folder):
        if part(kind, TEACHER).exists():
            continue
        crops = np.load(part(kind, "pixels"), mmap_mode="r")
        with autocast(torch.device("cpu")):
            vectors = [
                np.stack(list(pipeline.run(np.ascontiguousarray(crops[start : start + BATCH, ..., :3]))))
                for start in range(0, len(crops), BATCH)
            ]
        save(np.concatenate(vectors).astype(np.float32), part(kind, TEACHER))
        print(f"taught {kind.name.partition('.')[0]}", flush=True)


def main() -> None:
    """Add the vectors to every complete shard."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--model", required=True, help="the teacher: a folder or a model's name")
    flags.add_argument(
        "--crops", type=Path, required=True, help="a folder of training.synth.crop_shards, such as train"
    )
    args = flags.parse_args()
    teach(EmbeddingPipeline.from_pretrained(args.model), args.crops)


if __name__ == "__main__":
    main()
