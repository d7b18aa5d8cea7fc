"""Trains the pair network: `python -m training.pair.train --library DIR --work DIR --minutes 90`.

On windows of pairs, half of them around what differs, by the truth of every place alone. Resumes from the checkpoint in
--work.
"""

import argparse
import time
from collections.abc import Iterator
from copy import deepcopy
from multiprocessing.queues import Queue
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.multiprocessing import get_context
from torch.nn import functional as F

from stamp2vec.comparison.ink import INK, OTHER, OWN
from stamp2vec.models.stamp_pair import AGREES, CONTRADICTS, NOTHING, StampPair
from training import checkpoint
from training.pair import truth
from training.pair.library import Shelf, read
from training.pair.pairs import WINDOW_PX, Laid, Window, draw, strangers, windows

STRANGERS = 0.06
PAIRS_A_SHELF = 6
SHELVES_OPEN = 12
CHECKPOINT, CHECKPOINT_S = "checkpoint.safetensors", 120.0
AVERAGE_DECAY = 0.998
LEAST_PLACES, WORST_PLACES = 4, 32
PAIRS = 9  # a step


def pairs(folder: Path, rng: np.random.Generator) -> Iterator[Laid]:
    """Endless pairs, of some families at a time; families that are rendered meanwhile join."""
    while True:
        files = sorted(folder.glob("*.npz"))
        chosen = [files[int(place)] for place in rng.choice(len(files), min(SHELVES_OPEN, len(files)), replace=False)]
        shelves = [read(file) for file in chosen]
        for _ in range(PAIRS_A_SHELF * len(shelves)):
            yield one_pair(shelves, rng)


def one_pair(shelves: list[Shelf], rng: np.random.Generator) -> Laid:
    """A pair of one of the families, at times of two."""
    shelf = shelves[int(rng.integers(len(shelves)))]
    if rng.random() < STRANGERS:
        others = [one for one in shelves if one is not shelf and one.kind == shelf.kind] or [
            one for one in shelves if one is not shelf
        ]
        return strangers(shelf, others[int(rng.integers(len(others)))], rng)
    return draw(shelf, rng)


def batches(folder: Path, seed: int, queue: "Queue[tuple[Tensor, Tensor]]") -> None:
    """What another process does: endless batches for training."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    source = pairs(folder, rng)
    while True:
        queue.put(tensors([window for _ in range(PAIRS) for window in windows(next(source), rng)], rng))


def tensors(batch: list[Window], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Inputs uint8 (N, 2 W, W, 3), worn, and the truth of their places, int64 (N, W / 4, W / 4)."""
    planes = torch.from_numpy(np.stack([window.planes for window in batch])).permute(0, 1, 4, 2, 3).float() / 255
    faces = torch.from_numpy(np.stack([window.faces for window in batch])).float() / 255
    planes = worn(planes, rng)
    target = truth.places(faces, planes[:, :, INK])
    images = (planes * 255).round().byte().permute(0, 1, 3, 4, 2).reshape(len(batch), 2 * WINDOW_PX, WINDOW_PX, 3)
    return images, target


def worn(planes: Tensor, rng: np.random.Generator) -> Tensor:
    """Each impression, of (N, 2, 3, W, W), at times paler or fuller, coarser, grey, or with a part missing."""
    planes = planes.clone()
    for pair in planes:
        for shown in pair:
            if rng.random() < 0.5:
                shown[:OTHER].pow_(float(np.exp(rng.normal(0, 0.25))))
            if rng.random() < 0.2:
                side = int(WINDOW_PX * rng.uniform(0.3, 0.9))
                coarse = F.interpolate(shown[None], size=(side, side), mode="area")
                shown.copy_(F.interpolate(coarse, size=shown.shape[1:], mode="bilinear")[0])
            if rng.random() < 0.15:
                torch.maximum(shown[OWN], shown[OTHER], out=shown[OWN])
                shown[OTHER] = 0
            if rng.random() < 0.08:
                y, x = rng.integers(-20, WINDOW_PX, 2).clip(0)
                height, width = rng.integers(20, 140, 2)
                shown[:, y : y + height, x : x + width] = 0
    return planes.clamp(0, 1)


def place_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross entropy, of each window the mean where the dies differ, and the mean of the worst other places.

    So a letter counts as much as an emblem, though it covers a hundredth of the places; and one false alarm, which is
    enough to part two impressions of one die, as much as a letter.
    """
    losses = F.cross_entropy(logits, target, reduction="none", ignore_index=truth.UNKNOWN).flatten(1)
    flat = target.flatten(1)
    differs, other = flat == CONTRADICTS, (flat == NOTHING) | (flat == AGREES)
    counts = differs.sum(1)
    missed = ((losses * differs).sum(1) / counts.clamp(min=1))[counts >= LEAST_PLACES]
    alarms = (losses * other).topk(WORST_PLACES, 1).values.mean(1)
    steady = (losses * other).sum() / other.sum().clamp(min=1)
    return (missed.mean() if len(missed) else losses.new_zeros(())) + 0.5 * alarms.mean() + steady


class Training:
    """The network, its average, the optimiser and the clock; resumes from the checkpoint in `work`."""

    def __init__(self, work: Path, lr: float) -> None:
        self.path = work / CHECKPOINT
        self.network = StampPair().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=lr, weight_decay=0.01)
        self.average = deepcopy(self.network).eval().requires_grad_(False)
        self.lr, self.steps, self.seconds = lr, 0, 0.0
        if self.path.exists():
            kept = checkpoint.load(self.path, self.network, self.average, self.optimizer)
            self.steps, self.seconds = kept["steps"], kept["seconds"]
            print(f"resumed at step {self.steps}, minute {self.seconds / 60:.1f}", flush=True)
        self.before, self.started, self.saved = self.seconds, time.monotonic(), time.monotonic()

    def step(self, loss: Tensor, progress: float) -> None:
        """One update."""
        for group in self.optimizer.param_groups:
            group["lr"] = float(
                self.lr * min(1.0, (self.steps + 1) / 100) * max(0.02, (1 + np.cos(np.pi * progress)) / 2)
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.steps += 1
        decay = min(AVERAGE_DECAY, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            for mean, now in zip(self.average.state_dict().values(), self.network.state_dict().values()):
                mean.lerp_(now, 1 - decay) if mean.is_floating_point() else mean.copy_(now)
        self.seconds = self.before + time.monotonic() - self.started
        if time.monotonic() - self.saved > CHECKPOINT_S:
            self.save()

    def save(self) -> None:
        """Writes the checkpoint."""
        self.saved = time.monotonic()
        note = {"steps": self.steps, "seconds": self.seconds}
        checkpoint.save(self.path, self.network, self.average, self.optimizer, note)


def main() -> None:
    """Train."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--library", type=Path, required=True, help="folder of training.pair.library")
    flags.add_argument("--work", type=Path, required=True, help="folder of the checkpoint")
    flags.add_argument("--minutes", type=float, default=90.0, help="in all, earlier sittings counted in")
    flags.add_argument("--lr", type=float, default=3e-3, help="highest learning rate")
    args = flags.parse_args()
    torch.set_num_threads(1)
    training = Training(args.work, args.lr)
    queue: Queue[tuple[Tensor, Tensor]] = get_context("spawn").Queue(4)
    get_context("spawn").Process(target=batches, args=(args.library, training.steps, queue), daemon=True).start()
    sums: dict[str, float] = {}
    while (progress := training.seconds / 60 / args.minutes) < 1:
        images, target = queue.get()
        training.network.train()
        with torch.autocast("cpu", torch.bfloat16):
            logits = training.network(images)
        loss = place_loss(logits.float(), target)
        training.step(loss, progress)
        for name, value in {"loss": loss.item(), "recall": recall(logits, target)}.items():
            sums[name] = 0.98 * sums.get(name, value) + 0.02 * value
        if training.steps % 25 == 0:
            shown_figures = " ".join(f"{name} {value:.3f}" for name, value in sums.items())
            print(f"step {training.steps} {progress:.1%} {shown_figures}", flush=True)
    training.save()


def recall(logits: Tensor, target: Tensor) -> float:
    """Of the places where the dies differ, the share that is called so; less the share where they agree."""
    said = logits.argmax(1) == CONTRADICTS
    parts = [float(said[target == kind].float().mean()) if (target == kind).any() else 0.0 for kind in (2, 1)]
    return parts[0] - parts[1]


if __name__ == "__main__":
    main()
