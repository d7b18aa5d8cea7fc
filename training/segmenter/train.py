"""Trains stamp-unet on rendered crops: `python -m training.segmenter.train --crops DIR --work DIR --minutes 30`."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from stamp2vec.manifest import Preset, Task
from stamp2vec.models.stamp_unet import StampUnet
from training.crop_batches import framing, recolour, view
from training.run import Draft, Run, parser
from training.synth.crop_shards import SIZE, Crops, read

INK = 0.2  # of a pixel covered: from here on it carries ink


class Batches(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless batches of crops with their ink."""

    def __init__(self, folder: Path, batch: int, seed: int) -> None:
        self.folder, self.batch, self.seed = folder, batch, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """uint8 (N, 256, 256, 3) crops and float (N, 256, 256) ink, 0 or 1."""
        rng = np.random.default_rng(self.seed)
        torch.set_num_threads(1)
        while True:
            crops = read(self.folder)
            order = rng.permutation(len(crops.pixels))
            for start in range(0, len(order) - self.batch + 1, self.batch):
                views = []
                for index in order[start : start + self.batch]:
                    crop = np.asarray(crops.pixels[index])
                    angle = rng.normal(0, 0.1) + rng.integers(4) * np.pi / 2 * (rng.random() < 0.3)
                    views.append(view(crop, framing(crop[..., 3], angle, rng.uniform(-0.03, 0.2)), SIZE))
                seen = torch.from_numpy(np.stack(views))
                random = torch.Generator().manual_seed(int(rng.integers(2**31)))
                yield recolour(seen[..., :3], random), (seen[..., 3] > INK * 255).float()


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
    run = Run(StampUnet(), args)
    batches = iter(DataLoader(Batches(args.crops / "train", args.batch, args.seed + run.steps), None, num_workers=1))
    while run.going():
        pixels, ink = (part.to(run.device) for part in next(batches))
        with run.autocast():
            logits = run.model(pixels)
        run.step(*segmentation_loss(logits.float(), ink))
    draft = Draft(
        name="stamp-unet",
        version="1.0.0",
        task=Task.SEGMENT,
        architecture="stamp-unet",
        presets=(Preset.FAST,),
        input_height=SIZE,
        input_width=SIZE,
    )
    run.export(draft, {"iou": score(run, read(args.crops / "test"))})


def score(run: Run[StampUnet], crops: Crops) -> float:
    """Intersection over union of ink pixels, counts summed over the crops."""
    both = either = 0
    for pixels in crops.pixels:
        crop = np.asarray(pixels)
        with torch.inference_mode():
            found = run.average(torch.from_numpy(crop[None, ..., :3].copy()).to(run.device))[0].cpu().numpy() > 0
        ink = crop[..., 3] > INK * 255
        both, either = both + int((found & ink).sum()), either + int((found | ink).sum())
    return both / max(either, 1)


if __name__ == "__main__":
    main()
