"""Trains a segmenter: `python -m training.segmenter.train --model stamp-unet --crops DIR --cuts DIR --work DIR`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import IterableDataset, get_worker_info

from stamp2vec import hub
from stamp2vec.engines.torch import tensors
from stamp2vec.models import build
from stamp2vec.models.stamp_unet_lite import StampUnetLite
from stamp2vec.values import Preset, Task
from training.crop_batches import framing, leaning, recolour, uniform, view
from training.run import Draft, Run, begin, parser
from training.segmenter.figures import INK, Counts, count
from training.synth.crop_shards import SIZE, pictures

AS_CUT = 0.5  # share of the crops that keep the frame and the rotation that they were cut with
EVALUATION_BATCH = 64
UNET = Draft(
    name="stamp-unet",
    version="1.2.0",  # stamp-pair has to be calibrated again with it
    task=Task.SEGMENT,
    architecture="stamp-unet",
    config={"width": 28},
    presets=(Preset.FAST,),
    input_height=SIZE,
    input_width=SIZE,
)
RECIPES = {
    "stamp-unet": UNET,
    "stamp-unet-lite": replace(
        UNET, name="stamp-unet-lite", version="1.2.0", architecture="stamp-unet-lite", presets=(Preset.ACCURATE,)
    ),
}
PARTS = {"unet": "stamp-unet", "trunk": "stamp-lite"}  # the models that parts of stamp-unet-lite are taken from


class Batches(IterableDataset[Tensor]):
    """Endless batches of crops with their ink, as many of one folder as of another."""

    def __init__(self, folders: Sequence[Path], batch: int, seed: int) -> None:
        self.folders, self.batch, self.seed = folders, batch, seed

    def __iter__(self) -> Iterator[Tensor]:
        """uint8 (N, 256, 256, 4). A folder is read again each epoch. ValueError when it has too few crops."""
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, 0 if worker is None else worker.id])
        share = self.batch // len(self.folders)
        for parts in zip(*(shuffled(folder, share, rng) for folder in self.folders)):
            yield torch.from_numpy(np.stack([crop for part in parts for crop in part]))


def shuffled(folder: Path, many: int, rng: np.random.Generator) -> Iterator[list[np.ndarray]]:
    """So many crops of a folder at a time, each uint8 (256, 256, 4), in another order each epoch."""
    while True:
        crops = pictures(folder)
        if len(crops) < many:
            raise ValueError(f"{folder} has {len(crops)} crops: render more, or lower --batch")
        order = rng.permutation(len(crops))
        for start in range(0, len(order) - many + 1, many):
            yield [crops[index] for index in order[start : start + many]]


def augmented(crops: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Augmented crops uint8 (N, 256, 256, 3) and their ink, float 0 or 1 (N, 256, 256), of crops (N, 256, 256, 4)."""
    count = len(crops)
    quarters = torch.randint(4, (count,), generator=random, device=random.device) * torch.pi / 2
    angles = torch.where(uniform(0, 1, count, random) < 0.3, quarters, torch.zeros_like(quarters))
    angles = angles + 0.1 * torch.randn(count, generator=random, device=random.device)
    frames = leaning(framing(crops[..., 3], angles, uniform(-0.03, 0.2, count, random)), random)
    as_cut = (uniform(0, 1, count, random) < AS_CUT)[:, None, None]
    seen = view(crops, torch.where(as_cut, torch.eye(2, 3, device=random.device), frames), SIZE)
    return recolour(seen[..., :3], random), (seen[..., 3] > INK * 255).float()


def segmentation_loss(logits: Tensor, ink: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy and soft Dice (Milletari et al. 2016, arXiv 1606.04797); both (N, H, W)."""
    entropy = F.binary_cross_entropy_with_logits(logits, ink)
    soft = logits.sigmoid()
    dice = 1 - ((2 * (soft * ink).sum((1, 2)) + 1) / ((soft + ink).sum((1, 2)) + 1)).mean()
    return entropy + dice, {"entropy": entropy.item(), "dice": dice.item()}


def fresh(name: str, start: str | None) -> tuple[nn.Module, str]:
    """A model to train and where its weights are from: another model, those that its parts are taken from, or none."""
    model = build(RECIPES[name].architecture, RECIPES[name].config)
    if isinstance(model, StampUnetLite):
        sources = [adopt(getattr(model, part), part, reference) for part, reference in PARTS.items()]
        for parameter in model.laterals.parameters():  # nothing at first: the U-Net does as it did
            nn.init.zeros_(parameter)
        # The trunk stays as it is: it takes longer to train than all the rest, and has learnt what stamps look like.
        model.trunk.requires_grad_(False)
        return model, begin(model, start) or ", ".join(sources)
    return model, begin(model, start) or "random"


def adopt(part: nn.Module, name: str, reference: str) -> str:
    """Loads the weights of a part: those of a whole model, or those that a model has by this name; says which."""
    manifest, weights = hub.load(reference)
    inner = {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}
    part.load_state_dict(tensors(inner or weights))
    return f"{name} of {manifest.reference}"


def main() -> None:
    """Train, score on held-out crops, write weights and manifest."""
    flags = parser(__doc__ or "")
    flags.add_argument("--model", choices=RECIPES, default="stamp-unet")
    flags.add_argument("--start", help="a bundled model or a folder with weights to begin with")
    flags.add_argument(
        "--crops", type=Path, required=True, help="folder with train/ and test/ of training.synth.crop_shards"
    )
    flags.add_argument(
        "--cuts", type=Path, required=True, help="folder with train/ and test/ of training.synth.cut_shards"
    )
    args = flags.parse_args()
    torch.manual_seed(args.seed)
    model, start = fresh(args.model, args.start)
    run = Run(model, args, start)
    if isinstance(run.model, StampUnetLite):
        run.model.trunk.eval()
    random = torch.Generator(run.device).manual_seed(args.seed + run.steps)
    folders = [args.crops / "train", args.cuts / "train"]
    for crops in run.batches(Batches(folders, args.batch, args.seed + run.steps)):
        pixels, ink = augmented(crops.to(run.device, non_blocking=True), random)
        with run.autocast():
            logits = run.model(pixels)
        run.step(*segmentation_loss(logits.float(), ink))
    of_crops, of_cuts = (score(run, pictures(folder / "test")) for folder in (args.crops, args.cuts))
    figures = {
        "iou": of_crops.iou,
        "boundary_f": of_crops.boundary_f,
        "iou_on_pages": of_cuts.iou,
        "boundary_f_on_pages": of_cuts.boundary_f,
    }
    run.export(RECIPES[args.model], figures)


def score(run: Run[nn.Module], crops: Sequence[np.ndarray]) -> Counts:
    """What the averaged weights find on crops, uint8 (256, 256, 4) each."""
    total = Counts()
    for start in range(0, len(crops), EVALUATION_BATCH):
        seen = torch.from_numpy(np.stack(crops[start : start + EVALUATION_BATCH])).to(run.device)
        with torch.inference_mode():
            found = run.average(seen[..., :3].contiguous()) > 0
        total = sum(count(seen[..., 3] > INK * 255, found), total)
    return total


if __name__ == "__main__":
    main()
