"""Trains stamp-unet on rendered crops: `python -m training.segmenter.train --crops DIR --found DIR --work DIR`.

Half of what it learns from is stamps, half what a detector found on drawn pages, whether a stamp or not.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import IterableDataset, get_worker_info

from stamp2vec.manifest import Preset, Task
from stamp2vec.models.stamp_unet import StampUnet, both
from training.crop_batches import framing, leaning, recolour, uniform, view
from training.run import Draft, Run, begin, parser
from training.synth.crop_shards import SIZE, read_pixels

INK = 0.2  # of a pixel covered: from here on it carries ink
WIDTH = 28
PRESENCE_WEIGHT = 0.5
SCORED_AT_ONCE = 64


class Batches(IterableDataset[Tensor]):
    """Endless batches of crops with their ink, as many of one folder as of the other."""

    def __init__(self, folders: Sequence[Path], batch: int, seed: int) -> None:
        self.folders, self.batch, self.seed = folders, batch, seed

    def __iter__(self) -> Iterator[Tensor]:
        """uint8 (N, 256, 256, 4)."""
        worker = get_worker_info()
        streams = [
            shuffled(
                folder,
                self.batch // len(self.folders),
                np.random.default_rng([self.seed, index, worker.id if worker else 0]),
            )
            for index, folder in enumerate(self.folders)
        ]
        while True:
            yield torch.from_numpy(np.stack([crop for stream in streams for crop in next(stream)]))


def shuffled(folder: Path, count: int, rng: np.random.Generator) -> Iterator[list[np.ndarray]]:
    """Endlessly `count` crops of a folder, which is read anew after each round. ValueError when it has too few."""
    while True:
        crops = read_pixels(folder)
        if len(crops) < count:
            raise ValueError(f"{folder} has {len(crops)} crops: render more, or lower --batch")
        order = rng.permutation(len(crops))
        for start in range(0, len(order) - count + 1, count):
            yield [crops[index] for index in order[start : start + count]]


def augmented(crops: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Crops uint8 (N, 256, 256, 4), framed and lit anew, and their ink: uint8 (N, 256, 256, 3) and float 0 or 1."""
    count = len(crops)
    quarters = torch.randint(4, (count,), generator=random, device=random.device) * torch.pi / 2
    angles = torch.where(uniform(0, 1, count, random) < 0.3, quarters, torch.zeros_like(quarters))
    angles = angles + 0.1 * torch.randn(count, generator=random, device=random.device)
    frames = leaning(framing(crops[..., 3], angles, uniform(-0.03, 0.2, count, random)), random)
    seen = view(crops, frames, SIZE)
    return recolour(seen[..., :3], random), (seen[..., 3] > INK * 255).float()


def segmentation_loss(ink_logits: Tensor, presence: Tensor, ink: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy and soft Dice (Milletari et al. 2016, arXiv 1606.04797) of the ink, cross-entropy of its presence.

    ink_logits (N, H, W) and presence (N,) as StampUnet.look gives them; ink (N, H, W), 0 or 1.
    """
    logits = both(ink_logits, presence)
    entropy = F.binary_cross_entropy_with_logits(logits, ink)
    soft = logits.sigmoid()
    dice = 1 - ((2 * (soft * ink).sum((1, 2)) + 1) / ((soft + ink).sum((1, 2)) + 1)).mean()
    stamp = F.binary_cross_entropy_with_logits(presence, ink.amax((1, 2)))
    parts = {"entropy": entropy, "dice": dice, "presence": PRESENCE_WEIGHT * stamp}
    return entropy + dice + parts["presence"], {name: part.item() for name, part in parts.items()}


def main() -> None:
    """Train, score on held-out crops, write weights and manifest."""
    flags = parser(__doc__ or "")
    flags.add_argument(
        "--crops", type=Path, required=True, help="folder with train/ and test/ of training.synth.crop_shards"
    )
    flags.add_argument(
        "--found", type=Path, required=True, help="folder with train/ and test/ of training.segmenter.found"
    )
    flags.add_argument("--start", help="segmenter whose weights are begun with")
    args = flags.parse_args()
    torch.manual_seed(args.seed)
    model = StampUnet(WIDTH)
    run = Run(model, args, begin(model, args.start) or "random")
    random = torch.Generator(run.device).manual_seed(args.seed + run.steps)
    folders = [args.crops / "train", args.found / "train"]
    for crops in run.batches(Batches(folders, args.batch, args.seed + run.steps)):
        pixels, ink = augmented(crops.to(run.device, non_blocking=True), random)
        with run.autocast():
            ink_logits, presence = run.model.look(pixels)
        run.step(*segmentation_loss(ink_logits.float(), presence.float(), ink))
    draft = Draft(
        name="stamp-unet",
        version="1.2.0",
        task=Task.SEGMENT,
        architecture="stamp-unet",
        config={"width": WIDTH},
        presets=(Preset.FAST, Preset.ACCURATE),
        input_height=SIZE,
        input_width=SIZE,
    )
    held_out = {"iou": args.crops / "test", "iou_found": args.found / "test"}
    run.export(draft, {name: score(run, read_pixels(folder)) for name, folder in held_out.items()})


def score(run: Run[StampUnet], crops: Sequence[np.ndarray]) -> float:
    """Intersection over union of ink pixels, counts summed over the crops."""
    both = either = 0
    for start in range(0, len(crops), SCORED_AT_ONCE):
        seen = torch.from_numpy(np.stack(crops[start : start + SCORED_AT_ONCE])).to(run.device)
        with torch.inference_mode():
            found = run.average(seen[..., :3].contiguous()) > 0
        ink = seen[..., 3] > INK * 255
        both, either = both + int((found & ink).sum()), either + int((found | ink).sum())
    return both / max(either, 1)


if __name__ == "__main__":
    main()
