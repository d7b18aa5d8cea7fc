"""Trains an embedder on rendered crops: `python -m training.embedder.train --model tvae --crops DIR --work DIR`."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_metric_learning.losses import SupConLoss
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import IterableDataset, get_worker_info

from stamp2vec.models.stamp_lite import StampLite
from stamp2vec.models.tvae import Tvae
from stamp2vec.values import Preset, Task
from training import imagenet
from training.crop_batches import framing, leaning, recolour, shrink, uniform, view
from training.embedder import evaluate
from training.embedder.loss import relation_loss, tvae_loss
from training.run import Draft, Run, begin, parser
from training.synth.crop_shards import Crops, read

SIBLINGS, IMPRESSIONS = 4, 4
TEMPERATURE = 0.07
UPRIGHT = 0.6  # share of the crops that are left nearly upright; the others get any rotation
SIZES = {"tvae": 128, "stamp-lite": 224}
EVALUATION_BATCH = 64


Batch = tuple[Tensor, Tensor, Tensor, Tensor | None]


class Batches(IterableDataset[Batch]):
    """Endless batches of whole families, four sibling dies in four impressions each.

    Siblings are the hardest negatives.
    """

    def __init__(self, folder: Path, batch: int, seed: int) -> None:
        self.folder, self.batch, self.seed = folder, batch, seed

    def __iter__(self) -> Iterator[Batch]:
        """uint8 (N, 256, 256, 4) crops with their ink, uint8 (N, 64, 64) clean dies, int (N,) identities.

        And the teacher's float32 (N, D) vectors, once training.embedder.teach has written all of them. The folder is
        read again each epoch, as more may have been rendered. ValueError when it has too few crops.
        """
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, 0 if worker is None else worker.id])
        while True:
            crops = read(self.folder)
            if len(crops.pixels) < self.batch:
                raise ValueError(f"{self.folder} has {len(crops.pixels)} crops: render more, or lower --batch")
            dies = np.unique(crops.die, axis=0, return_inverse=True)[1].reshape(-1)
            order = np.argsort(dies, kind="stable")
            families = np.split(order, np.flatnonzero(np.diff(crops.die[order, 0])) + 1)
            chosen: list[int] = []
            for index in rng.permutation(len(families)):
                members = families[index]
                for die in rng.permutation(np.unique(dies[members]))[:SIBLINGS]:
                    chosen += rng.permutation(members[dies[members] == die])[:IMPRESSIONS].tolist()
                if len(chosen) >= self.batch:
                    yield gather(crops, dies, chosen)
                    chosen = []


def gather(crops: Crops, dies: np.ndarray, chosen: list[int]) -> Batch:
    """The chosen crops, their clean dies, identities and, if any, the teacher's vectors, from disk."""
    return (
        torch.from_numpy(np.stack([crops.pixels[index] for index in chosen])),
        torch.from_numpy(np.stack([crops.clean[index] for index in chosen])),
        torch.from_numpy(dies[chosen]),
        None if crops.teacher is None else torch.from_numpy(crops.teacher[chosen]),
    )


def batches(args: argparse.Namespace, run: Run[Any]) -> Iterator[Batch]:
    """What Batches yields, on the run's device: crops augmented, (N, size, size, 3), and clean dies float 0..1."""
    random = torch.Generator(run.device).manual_seed(args.seed + run.steps)
    for crops, clean, identity, teacher in run.batches(
        Batches(args.crops / "train", args.batch, args.seed + run.steps)
    ):
        seen = augmented(crops.to(run.device, non_blocking=True), args.size, random)
        vectors = None if teacher is None else teacher.to(run.device)
        yield seen, clean.to(run.device).float() / 255, identity.to(run.device), vectors


def augmented(crops: Tensor, size: int, random: torch.Generator) -> Tensor:
    """Crops uint8 (N, 256, 256, 4), each with a random rotation, frame and lighting: uint8 (N, size, size, 3)."""
    count = len(crops)
    upright = 0.15 * torch.randn(count, generator=random, device=random.device)
    any_angle = uniform(-torch.pi, torch.pi, count, random)
    angles = torch.where(uniform(0, 1, count, random) < UPRIGHT, upright, any_angle)
    frames = leaning(framing(crops[..., 3], angles, uniform(-0.03, 0.12, count, random)), random)
    return recolour(view(crops[..., :3], frames, size), random)


def main() -> None:
    """Train, score on the held-out dies, write weights and manifest."""
    flags = parser(__doc__ or "")
    flags.add_argument("--model", choices=SIZES, default="tvae", help="which embedder")
    flags.add_argument(
        "--crops", type=Path, required=True, help="folder with train/ and test/ of training.synth.crop_shards"
    )
    flags.add_argument("--size", type=int, help="pixels a side, a multiple of 32; the model's own unless given")
    flags.add_argument(
        "--start", help="embedder whose weights training starts from; else ImageNet's where the model can"
    )
    args = flags.parse_args()
    args.size = args.size or SIZES[args.model]
    torch.manual_seed(args.seed)
    if args.model == "tvae":
        train_tvae(args)
    else:
        train_lite(args)


def train_tvae(args: argparse.Namespace) -> None:
    """The fast embedder: reconstruction, KL, triplets and, with teacher vectors, relational distillation."""
    model = Tvae(half_turn=1)
    run = Run(model, args, begin(model, args.start) or "random")
    for pixels, clean, identity, teacher in batches(args, run):
        with run.autocast():
            mean, logvar = run.model.posterior(pixels)
            clean_logits = run.model.reconstruct(run.model.sample(mean, logvar))
        loss, figures = tvae_loss(mean.float(), logvar.float(), clean_logits.float(), clean, identity)
        if teacher is not None:
            relation = relation_loss(F.normalize(mean.float(), dim=1), teacher)
            loss, figures = loss + relation, figures | {"relation": relation.item()}
        run.step(loss, figures)
    export(run, args, "1.5.0", Preset.FAST, vector_size=128)


def train_lite(args: argparse.Namespace) -> None:
    """The accurate embedder: from ImageNet weights, each impression of a die contrasted with all other crops.

    No weight on siblings is needed: once families lie apart, the softmax at this temperature leaves the other families
    e to the power of -14 times a sibling's share, so nearly all of the gradient is of siblings.
    """
    model = StampLite(half_turn=1)
    start = begin(model, args.start)
    if start is None:
        imagenet.load(model.trunk, model.top)
    run = Run(model, args, start or imagenet.SOURCE)
    contrast = SupConLoss(temperature=TEMPERATURE)
    for pixels, _, identity, _ in batches(args, run):
        with on_gpus_bfloat16(run):
            vectors = run.model.one_look(pixels)
        run.step(contrast(vectors.float(), identity), {})
    export(run, args, "1.3.0", Preset.ACCURATE, vector_size=384)


def on_gpus_bfloat16(run: Run[Any]) -> torch.autocast:
    """bfloat16 on a GPU alone: depthwise convolutions are slower that way on CPUs."""
    return torch.autocast(run.device.type, torch.bfloat16, enabled=run.device.type == "cuda")


def export(run: Run[Any], args: argparse.Namespace, version: str, preset: Preset, vector_size: int) -> None:
    """Scores the averaged weights on the held-out crops as they are, and writes them."""
    crops = read(args.crops / "test")
    vectors = []
    for start in range(0, len(crops.pixels), EVALUATION_BATCH):
        pixels = np.stack(crops.pixels[start : start + EVALUATION_BATCH])
        seen = shrink(torch.from_numpy(pixels).to(run.device)[..., :3], args.size)
        with torch.inference_mode():
            vectors.append(run.average(seen).float().cpu().numpy())
    identity = np.unique(crops.die, axis=0, return_inverse=True)[1].reshape(-1)
    draft = Draft(
        name=args.model,
        version=version,
        task=Task.EMBED,
        architecture=args.model,
        config={"half_turn": 1, "vector_size": vector_size},
        presets=(preset,),
        input_height=args.size,
        input_width=args.size,
        vector_size=vector_size,
    )
    run.export(draft, evaluate.figures(np.concatenate(vectors), identity))


if __name__ == "__main__":
    main()
