"""Trains tvae on rendered crops: `python -m training.embedder.train --crops DIR --work DIR --minutes 30`."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from stamp2vec.manifest import Preset, Task
from stamp2vec.models.tvae import Tvae
from training.crop_batches import framing, recolour, view
from training.embedder import evaluate
from training.embedder.loss import tvae_loss
from training.run import Draft, Run, parser
from training.synth.crop_shards import Crops, read

SIZE = 128
VECTOR = 128
IMPRESSIONS = 2


class Batches(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Endless batches of families: all siblings of a family come together, each in two impressions.

    A sibling is the hardest negative there is, so every batch is full of them.
    """

    def __init__(self, folder: Path, batch: int, seed: int) -> None:
        self.folder, self.batch, self.seed = folder, batch, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """uint8 (N, 128, 128, 3) crops, float (N, 64, 64) clean dies, int (N,) identities."""
        rng = np.random.default_rng(self.seed)
        torch.set_num_threads(1)
        while True:
            crops = read(self.folder)
            dies = np.unique(crops.die, axis=0, return_inverse=True)[1].reshape(-1)
            families = [np.flatnonzero(crops.die[:, 0] == family) for family in np.unique(crops.die[:, 0])]
            rng.shuffle(families)
            chosen: list[int] = []
            for members in families:
                for die in np.unique(dies[members]):
                    chosen += rng.permutation(members[dies[members] == die])[:IMPRESSIONS].tolist()
                if len(chosen) >= self.batch:
                    yield self.collate(crops, dies, np.array(chosen), rng)
                    chosen = []

    def collate(
        self, crops: Crops, dies: np.ndarray, chosen: np.ndarray, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The chosen crops, each turned and lit in its own way."""
        random = torch.Generator().manual_seed(int(rng.integers(2**31)))
        upright = rng.random(len(chosen)) < 0.6
        angles = np.where(upright, rng.normal(0, 0.15, len(chosen)), rng.uniform(-np.pi, np.pi, len(chosen)))
        views = []
        for index, angle in zip(chosen, angles):
            crop = np.asarray(crops.pixels[index])
            views.append(view(crop, framing(crop[..., 3], angle, rng.uniform(-0.03, 0.12)), SIZE)[..., :3])
        return (
            recolour(torch.from_numpy(np.stack(views)), random),
            torch.from_numpy(crops.clean[chosen]).float() / 255.0,
            torch.from_numpy(dies[chosen]),
        )


def main() -> None:
    """Train, score on the held-out dies, write weights and manifest."""
    flags = parser(__doc__ or "")
    flags.add_argument(
        "--crops", type=Path, required=True, help="folder with train/ and test/ of training.synth.crop_shards"
    )
    args = flags.parse_args()
    torch.manual_seed(args.seed)
    run = Run(Tvae(vector_size=VECTOR), args)
    batches = iter(DataLoader(Batches(args.crops / "train", args.batch, args.seed + run.steps), None, num_workers=1))
    while run.going():
        pixels, clean, identity = (part.to(run.device) for part in next(batches))
        with run.autocast():
            mean, logvar = run.model.posterior(pixels)
            clean_logits = run.model.reconstruct(run.model.sample(mean, logvar))
        run.step(*tvae_loss(mean.float(), logvar.float(), clean_logits.float(), clean, identity))
    metrics = score(run, read(args.crops / "test"))
    draft = Draft(
        name="tvae",
        version="1.0.0",
        task=Task.EMBED,
        architecture="tvae",
        config={"vector_size": VECTOR},
        presets=(Preset.FAST,),
        input_height=SIZE,
        input_width=SIZE,
        vector_size=VECTOR,
    )
    run.export(draft, metrics)


def score(run: Run[Tvae], crops: Crops) -> dict[str, float]:
    """Figures of the averaged weights on crops as they are."""
    vectors = []
    for pixels in crops.pixels:
        seen = np.asarray(pixels)[None, ..., :3].reshape(1, SIZE, 2, SIZE, 2, 3).mean((2, 4)).round().astype(np.uint8)
        with torch.inference_mode():
            vectors.append(run.average(torch.from_numpy(seen).to(run.device))[0].float().cpu().numpy())
    return evaluate.figures(np.stack(vectors), np.unique(crops.die, axis=0, return_inverse=True)[1].reshape(-1))


if __name__ == "__main__":
    main()
