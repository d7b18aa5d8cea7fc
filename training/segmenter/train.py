"""Trains stamp-unet on rendered crops: `python -m training.segmenter.train --crops DIR --work DIR --minutes 30`."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import IterableDataset, get_worker_info

from stamp2vec.models.stamp_unet import StampUnet
from stamp2vec.values import Preset, Task
from training.crop_batches import framing, leaning, recolour, uniform, view
from training.run import Draft, Run, parser
from training.synth.crop_shards import SIZE, Crops, read

INK = 0.2  # least coverage of an ink pixel
WIDTH = 28
EVALUATION_BATCH = 64


class Batches(IterableDataset[Tensor]):
    """Endless batches of crops with their ink."""

    def __init__(self, folder: Path, batch: int, seed: int) -> None:
        self.folder, self.batch, self.seed = folder, batch, seed

    def __iter__(self) -> Iterator[Tensor]:
        """uint8 (N, 256, 256, 4). The folder is read again each epoch. ValueError when it has too few crops."""
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, 0 if worker is None else worker.id])
        while True:
            crops = read(self.folder)
            if len(crops.pixels) < self.batch:
                raise ValueError(f"{self.folder} has {len(crops.pixels)} crops: render more, or lower --batch")
            order = rng.permutation(len(crops.pixels))
            for start in range(0, len(order) - self.batch + 1, self.batch):
                chosen = order[start : start + self.batch]
                yield torch.from_numpy(np.stack([crops.pixels[index] for index in chosen]))


def augmented(crops: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Augmented crops uint8 (N, 256, 256, 3) and their ink, float 0 or 1 (N, 256, 256), of crops (N, 256, 256, 4)."""
    count = len(crops)
    quarters = torch.randint(4, (count,), generator=random, device=random.device) * torch.pi / 2
    angles = torch.where(uniform(0, 1, count, random) < 0.3, quarters, torch.zeros_like(quarters))
    angles = angles + 0.1 * torch.randn(count, generator=random, device=random.device)
    frames = leaning(framing(crops[..., 3], angles, uniform(-0.03, 0.2, count, random)), random)
    seen = view(crops, frames, SIZE)
    return recolour(seen[..., :3], random), (seen[..., 3] > INK * 255).float()


def segmentation_loss(logits: Tensor, ink: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy and soft Dice (Milletari et al. 2016, arXiv 1606.04797); both (N, H, W)."""
    entropy = F.binary_cross_entropy_with_logits(logits, ink)
    soft = logits.sigmoid()
    dice = 1 - ((2 * (soft * ink).sum((1, 2)) + 1) / ((soft + ink).sum((1, 2)) + 1)).mean()
    return entropy + dice, {"entropy": entropy.item(), "dice": dice.item()}


def main() -> None:
    """Train, score on held-out crops, write weights and manifest."""
    flags = parser(__doc__ or "")
    flags.add_argument(
        "--crops", type=Path, required=True, help="folder with train/ and test/ of training.synth.crop_shards"
    )
    args = flags.parse_args()
    torch.manual_seed(args.seed)
    run = Run(StampUnet(WIDTH), args)
    random = torch.Generator(run.device).manual_seed(args.seed + run.steps)
    for crops in run.batches(Batches(args.crops / "train", args.batch, args.seed + run.steps)):
        pixels, ink = augmented(crops.to(run.device, non_blocking=True), random)
        with run.autocast():
            logits = run.model(pixels)
        run.step(*segmentation_loss(logits.float(), ink))
    draft = Draft(
        name="stamp-unet",
        version="1.1.0",
        task=Task.SEGMENT,
        architecture="stamp-unet",
        config={"width": WIDTH},
        presets=(Preset.FAST, Preset.ACCURATE),
        input_height=SIZE,
        input_width=SIZE,
    )
    run.export(draft, {"iou": score(run, read(args.crops / "test"))})


def score(run: Run[StampUnet], crops: Crops) -> float:
    """Intersection over union of ink pixels, counts summed over the crops."""
    both = either = 0
    for start in range(0, len(crops.pixels), EVALUATION_BATCH):
        seen = torch.from_numpy(np.stack(crops.pixels[start : start + EVALUATION_BATCH])).to(run.device)
        with torch.inference_mode():
            found = run.average(seen[..., :3].contiguous()) > 0
        ink = seen[..., 3] > INK * 255
        both, either = both + int((found & ink).sum()), either + int((found | ink).sum())
    return both / max(either, 1)


if __name__ == "__main__":
    main()
