"""Trains an embedder on rendered crops: `python -m training.embedder.train --model tvae --crops DIR --work DIR`."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from pytorch_metric_learning.losses import SupConLoss
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from stamp2vec import hub
from stamp2vec.manifest import Preset, Task
from stamp2vec.models.stamp_lite import StampLite
from stamp2vec.models.tvae import Tvae
from training import imagenet
from training.crop_batches import framing, recolour, view
from training.embedder import evaluate
from training.embedder.loss import relation_loss, tvae_loss
from training.run import Draft, Run, parser
from training.synth.crop_shards import Crops, read

SIBLINGS, IMPRESSIONS = 4, 4
TEMPERATURE = 0.1


class Batches(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Endless batches of whole families, four sibling dies in four impressions each.

    A sibling is the hardest negative there is, so every batch is full of them.
    """

    def __init__(self, folder: Path, size: int, batch: int, seed: int) -> None:
        self.folder, self.size, self.batch, self.seed = folder, size, batch, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """uint8 (N, size, size, 3) crops, float (N, 64, 64) clean dies, int (N,) identities."""
        rng = np.random.default_rng(self.seed)
        torch.set_num_threads(1)
        while True:
            crops = read(self.folder)
            dies = np.unique(crops.die, axis=0, return_inverse=True)[1].reshape(-1)
            order = np.argsort(dies, kind="stable")
            families = np.split(order, np.flatnonzero(np.diff(crops.die[order, 0])) + 1)
            chosen: list[int] = []
            for index in rng.permutation(len(families)):
                members = families[index]
                for die in rng.permutation(np.unique(dies[members]))[:SIBLINGS]:
                    chosen += rng.permutation(members[dies[members] == die])[:IMPRESSIONS].tolist()
                if len(chosen) >= self.batch:
                    yield self.collate(crops, dies, np.array(chosen), rng)
                    chosen = []

    def collate(
        self, crops: Crops, dies: np.ndarray, chosen: np.ndarray, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The chosen crops, each turned and lit in its own way."""
        random = torch.Generator().manual_seed(int(rng.integers(2**31)))
        upright = rng.random(len(chosen)) < 0.5
        angles = np.where(upright, rng.normal(0, 0.15, len(chosen)), rng.uniform(-np.pi, np.pi, len(chosen)))
        views = []
        for index, angle in zip(chosen, angles):
            crop = np.asarray(crops.pixels[index])
            views.append(view(crop, framing(crop[..., 3], angle, rng.uniform(-0.03, 0.12)), self.size)[..., :3])
        return (
            recolour(torch.from_numpy(np.stack(views)), random),
            torch.from_numpy(crops.clean[chosen]).float() / 255.0,
            torch.from_numpy(dies[chosen]),
        )


def main() -> None:
    """Train, score on the held-out dies, write weights and manifest."""
    flags = parser(__doc__ or "")
    flags.add_argument("--model", choices=("tvae", "stamp-lite"), default="tvae", help="which embedder")
    flags.add_argument(
        "--crops", type=Path, required=True, help="folder with train/ and test/ of training.synth.crop_shards"
    )
    flags.add_argument("--teacher", help="embedder, a folder or a model's name, whose similarities tvae learns as well")
    args = flags.parse_args()
    torch.manual_seed(args.seed)
    if args.model == "tvae":
        train_tvae(args)
    else:
        train_lite(args)


def train_tvae(args: argparse.Namespace) -> None:
    """The fast one: reconstruction, KL, triplets and, with a teacher, its similarities."""
    size, vector = 128, 128
    run = Run(Tvae(vector_size=vector), args)
    teacher = None
    if args.teacher:
        manifest, weights = hub.load(args.teacher)
        teacher = StampLite(**manifest.config)
        teacher.load_state_dict(weights)
        teacher.eval().to(run.device)
    for pixels, clean, identity in batches(args, run, size if teacher is None else manifest.input_width):
        small = pixels if teacher is None else shrink(pixels, size)
        with run.autocast():
            mean, logvar = run.model.posterior(small)
            clean_logits = run.model.reconstruct(run.model.sample(mean, logvar))
        loss, figures = tvae_loss(mean.float(), logvar.float(), clean_logits.float(), clean, identity)
        if teacher is not None:
            with torch.no_grad():
                wanted = teacher(pixels)
            relation = relation_loss(F.normalize(mean.float(), dim=1), wanted)
            loss, figures = loss + relation, figures | {"relation": relation.item()}
        run.step(loss, figures)
    export(
        run,
        args,
        Draft(
            name="tvae",
            version="1.1.0",
            task=Task.EMBED,
            architecture="tvae",
            config={"vector_size": vector},
            presets=(Preset.FAST,),
            input_height=size,
            input_width=size,
            vector_size=vector,
        ),
    )


def train_lite(args: argparse.Namespace) -> None:
    """The accurate one: from ImageNet weights, every impression of a die against every other crop of the batch."""
    size, vector = 192, 384
    model = StampLite(vector_size=vector)
    imagenet.load(model.trunk, model.top)
    run = Run(model, args, imagenet.SOURCE)
    contrast = SupConLoss(temperature=TEMPERATURE)
    for pixels, _, identity in batches(args, run, size):
        # In float32: depthwise convolutions are slower in bfloat16 on CPUs.
        loss = contrast(run.model(pixels), identity)
        run.step(loss, {})
    export(
        run,
        args,
        Draft(
            name="stamp-lite",
            version="1.0.0",
            task=Task.EMBED,
            architecture="stamp-lite",
            config={"vector_size": vector},
            presets=(Preset.ACCURATE,),
            input_height=size,
            input_width=size,
            vector_size=vector,
        ),
    )


def batches(
    args: argparse.Namespace, run: Run[Tvae] | Run[StampLite], size: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Batches on the run's device for as long as it goes on."""
    data = Batches(args.crops / "train", size, args.batch, args.seed + run.steps)
    loader = iter(DataLoader(data, None, num_workers=1))
    while run.going():
        pixels, clean, identity = next(loader)
        yield pixels.to(run.device), clean.to(run.device), identity.to(run.device)


def shrink(pixels: Tensor, size: int) -> Tensor:
    """uint8 (N, H, W, 3) -> uint8 (N, size, size, 3), antialiased."""
    planes = pixels.permute(0, 3, 1, 2).float()
    small = F.interpolate(planes, (size, size), mode="bilinear", antialias=True)
    return small.round().byte().permute(0, 2, 3, 1)


def export(run: Run[Tvae] | Run[StampLite], args: argparse.Namespace, draft: Draft) -> None:
    """Scores the averaged weights on the held-out crops as they are, and writes them."""
    crops = read(args.crops / "test")
    vectors = []
    for pixels in crops.pixels:
        seen = shrink(torch.from_numpy(np.array(pixels[None, ..., :3])), draft.input_width)
        with torch.inference_mode():
            vectors.append(run.average(seen.to(run.device))[0].float().cpu().numpy())
    identity = np.unique(crops.die, axis=0, return_inverse=True)[1].reshape(-1)
    run.export(draft, evaluate.figures(np.stack(vectors), identity))


if __name__ == "__main__":
    main()
