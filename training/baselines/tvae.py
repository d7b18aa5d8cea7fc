"""Trains the published TVAE: `python -m training.baselines.tvae --crops DIR --work DIR --minutes N`.

Ishfaq, Hoogi, Rubin 2018, arXiv 1802.04403, is the idea; github.com/stamps-labs/stamp2vec publishes the recipe for
stamps. Its facts taken here: the layers of encoder and decoder, crops of 118 px in 0..1, 128 numbers, mirroring
either way, binary cross-entropy with the crop itself + KL divergence + 0.001 triplets of Euclidean distance with the
hardest of the batch and a margin of 1, all three summed; AdamW with a learning rate of 3e-4, and batches of 256.

Repaired, as these are slips, not design: the hardest negative is taken among negatives (there, among zeros that
stand for the positives, so that the nearest is always at 0 and the triplets only draw together); the deviation is the
square root of what is called the variance.

Taken: batches of random dies in four impressions each (there, of random crops of few stamps, so that a batch holds many
of each; of 20,000 dies it would hold hardly two of any); crops letterboxed, as our embedders have them; weights
averaged, and a learning rate that falls with the time, as for our embedders; the loss divided by the number of values
in a batch, which AdamW does not mind, so that gradients stay below where they would be clipped. The triplets' weight is
kept. Beside two sums over all values it is next to nothing: what is published is in effect a plain VAE.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import IterableDataset, get_worker_info

from stamp2vec.values import Preset, Task
from training.embedder.evaluate import figures
from training.run import Draft, Run, parser
from training.synth.crop_shards import read

NAME = "published-tvae"
SIZE, VECTOR = 118, 128
IMPRESSIONS = 4
MARGIN, TRIPLET_WEIGHT = 1.0, 1e-3


class PublishedTvae(nn.Module):
    """uint8 (N, 118, 118, 3) -> unit vectors (N, 128): the mean of the posterior."""

    def __init__(self) -> None:
        super().__init__()
        down = (3, 16, 32, 64, 128)
        self.encoder = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(c_in, c_out, 4, 2), nn.BatchNorm2d(c_out), nn.LeakyReLU(0.2))
                for c_in, c_out in pairwise(down)
            ),
            nn.Conv2d(down[-1], 2 * VECTOR, 4, 2),
        )
        up = ((VECTOR, 1024, 3, 2), (1024, 512, 4, 1), (512, 256, 3, 2), (256, 128, 4, 2), (128, 64, 4, 2))
        self.decoder = nn.Sequential(
            *(
                nn.Sequential(nn.ConvTranspose2d(c_in, c_out, kernel, stride), nn.BatchNorm2d(c_out), nn.ReLU())
                for c_in, c_out, kernel, stride in up
            ),
            nn.ConvTranspose2d(up[-1][1], 3, 4, 2),
        )

    def posterior(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, 118, 118) in 0..1 -> mean and log variance, (N, 128) each."""
        mean, logvar = self.encoder(pixels).flatten(1).chunk(2, 1)
        return mean, logvar

    def reconstruct(self, latent: Tensor) -> Tensor:
        """(N, 128) -> logits (N, 3, 118, 118) of the crop's pixels."""
        return self.decoder(latent[:, :, None, None])  # type: ignore[no-any-return]

    def forward(self, images: Tensor) -> Tensor:
        """The vectors that are compared."""
        return F.normalize(self.posterior(images.permute(0, 3, 1, 2).float() / 255)[0], dim=1)


class Batches(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless batches of dies drawn at random, each in up to four impressions."""

    def __init__(self, folder: Path, batch: int, seed: int) -> None:
        self.folder, self.dies, self.seed = folder, batch // IMPRESSIONS, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """uint8 (N, 118, 118, 3) crops and int (N,) identities. ValueError when there are too few dies for a batch."""
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, 0 if worker is None else worker.id])
        while True:
            crops = read(self.folder)
            identity = np.unique(crops.die, axis=0, return_inverse=True)[1].reshape(-1)
            order = np.argsort(identity, kind="stable")
            dies = np.split(order, np.flatnonzero(np.diff(identity[order])) + 1)
            if len(dies) < self.dies:
                raise ValueError(f"{self.folder} has {len(dies)} dies: render more crops, or lower --batch")
            queue = rng.permutation(len(dies))
            for start in range(0, len(queue) - self.dies + 1, self.dies):
                part = [rng.permutation(dies[die])[:IMPRESSIONS] for die in queue[start : start + self.dies]]
                chosen = np.concatenate(part)
                yield fitted([crops.pixels[index] for index in chosen]), torch.from_numpy(identity[chosen])


def fitted(crops: list[np.ndarray]) -> Tensor:
    """N crops with their masks, uint8 (256, 256, 4) -> uint8 (N, 118, 118, 3), antialiased."""
    planes = torch.from_numpy(np.stack([crop[..., :3] for crop in crops])).permute(0, 3, 1, 2)
    return F.interpolate(planes, (SIZE, SIZE), mode="bilinear", antialias=True).permute(0, 2, 3, 1)


def mirrored(pixels: Tensor) -> Tensor:
    """Each crop (N, C, H, W) mirrored or not, both ways."""
    for axis in (2, 3):
        coin = torch.rand((len(pixels), 1, 1, 1), device=pixels.device) < 0.5
        pixels = torch.where(coin, pixels.flip(axis), pixels)
    return pixels


def triplets(vectors: Tensor, identity: Tensor) -> Tensor:
    """Sum over (N, D) of how far the farthest positive is beyond the nearest negative, with the margin."""
    distance = torch.cdist(vectors, vectors, compute_mode="donot_use_mm_for_euclid_dist")
    same = identity[:, None] == identity
    farthest = distance.masked_fill(~same, 0.0).amax(1)
    nearest = distance.masked_fill(same, torch.inf).amin(1)
    return F.relu(farthest - nearest + MARGIN).sum()


def loss(
    mean: Tensor, logvar: Tensor, logits: Tensor, pixels: Tensor, identity: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Reconstruction, divergence from N(0, 1) and triplets of a batch: (N, 128) twice, (N, 3, 118, 118) twice, (N,)."""
    parts = {
        "pixels": F.binary_cross_entropy_with_logits(logits, pixels, reduction="sum"),
        "kl": 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(),
        "triplet": TRIPLET_WEIGHT * triplets(mean, identity),
    }
    each = torch.stack(list(parts.values())) / pixels.numel()
    return each.sum(), dict(zip(parts, each.tolist(), strict=True))


def main() -> None:
    """Train, score on the held-out dies, write weights and manifest."""
    flags = parser(__doc__ or "")
    flags.add_argument(
        "--crops", type=Path, required=True, help="folder with train/ and test/ of training.synth.crop_shards"
    )
    flags.set_defaults(batch=256, lr=3e-4, out=Path("out/baselines"))
    args = flags.parse_args()
    torch.manual_seed(args.seed)
    run = Run(PublishedTvae(), args)
    for crops, identity in run.batches(Batches(args.crops / "train", args.batch, args.seed + run.steps)):
        pixels = mirrored(crops.to(run.device, non_blocking=True).permute(0, 3, 1, 2).float() / 255)
        with run.autocast():
            mean, logvar = run.model.posterior(pixels)
            mean, logvar = mean.float(), logvar.float()
            logits = run.model.reconstruct(mean + torch.randn_like(mean) * (logvar / 2).exp())
        run.step(*loss(mean, logvar, logits.float(), pixels, identity.to(run.device)))
    held_out = read(args.crops / "test")
    with torch.inference_mode():
        vectors = [run.average(fitted([crop]).to(run.device))[0].cpu().numpy() for crop in held_out.pixels]
    labels = np.unique(held_out.die, axis=0, return_inverse=True)[1].reshape(-1)
    draft = Draft(
        name=NAME,
        version="1.0.0",
        task=Task.EMBED,
        architecture=NAME,
        presets=(Preset.FAST,),
        input_height=SIZE,
        input_width=SIZE,
        vector_size=VECTOR,
    )
    run.export(draft, figures(np.stack(vectors), labels))


if __name__ == "__main__":
    main()
