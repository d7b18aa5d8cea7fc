"""What every training run shares: flags, time budget, schedule, averaged weights, checkpoints, one log line a step."""

import argparse
import json
import math
import subprocess
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from stamp2vec import hub
from stamp2vec.engines.torch import tensors
from stamp2vec.hub.manifest import Manifest
from stamp2vec.values import Preset, Task, Views
from training import checkpoint

WARM_UP_STEPS = 200
CHECKPOINT_S = 60.0
AVERAGE_DECAY = 0.999
NOT_YET = 64 * "0"  # hub.save puts the checksum in

Model = TypeVar("Model", bound=nn.Module)
Batch = TypeVar("Batch")


def parser(description: str) -> argparse.ArgumentParser:
    """The flags that all trainings have."""
    flags = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    flags.add_argument("--minutes", type=float, default=30.0, help="train this long, earlier runs of --work counted in")
    flags.add_argument("--device", default="auto", help="auto takes the GPU when there is one")
    flags.add_argument("--work", type=Path, required=True, help="folder of the checkpoint; resumes when there is one")
    flags.add_argument("--out", type=Path, default=Path("weights"), help="where <model>/<version>/ is written")
    flags.add_argument("--batch", type=int, default=32, help="items a step")
    flags.add_argument("--lr", type=float, default=2e-3, help="peak learning rate")
    flags.add_argument("--seed", type=int, default=0, help="of the weights and of the order of the data")
    flags.add_argument("--threads", type=int, default=1, help="of one CPU process")
    flags.add_argument("--workers", type=int, default=1, help="processes that read and augment data")
    return flags


@dataclass(frozen=True, slots=True)
class Draft:
    """The part of a manifest that is known before training; see Manifest for what the fields mean."""

    name: str
    version: str
    task: Task
    architecture: str
    presets: tuple[Preset, ...]
    input_height: int
    input_width: int
    config: Mapping[str, int] = field(default_factory=dict)
    threshold: float = 0.0
    vector_size: int = 0
    views: Views = Views.WHOLE


class Run(Generic[Model]):
    """One training: `while run.going(): ...; run.step(loss, figures)`, then `run.export(manifest)`."""

    def __init__(self, model: Model, args: argparse.Namespace, start: str = "random") -> None:
        """Resumes from the checkpoint in `args.work` when there is one; `start` names the source of fresh weights."""
        self.start = start
        torch.set_num_threads(args.threads)
        name = ("cuda" if torch.cuda.is_available() else "cpu") if args.device == "auto" else args.device
        self.device = torch.device(name)
        self.trained_on = torch.cuda.get_device_name(self.device) if name == "cuda" else "CPU"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        self.args = args
        self.budget_s = float(args.minutes) * 60
        self.model: Model = model.to(self.device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.average = deepcopy(self.model).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=args.lr, weight_decay=0.02)
        self.steps = 0
        self.seconds = 0.0
        self.path = args.work / "checkpoint.safetensors"
        if self.path.exists():
            note = checkpoint.load(self.path, self.model, self.average, self.optimizer)
            self.steps, self.seconds = int(note["steps"]), float(note["seconds"])
            self.trained_on = note.get("device", self.trained_on)
            print(f"resumed at step {self.steps}, minute {self.seconds / 60:.1f}", flush=True)
        self.trained_s = self.seconds
        self.started = time.monotonic()
        self.saved = self.started

    @property
    def seconds_so_far(self) -> float:
        """Seconds of training, over all resumed runs."""
        return self.seconds + time.monotonic() - self.started

    @property
    def progress(self) -> float:
        """Share of the time budget that is spent, 0 to 1."""
        return min(1.0, self.seconds_so_far / self.budget_s)

    def going(self) -> bool:
        """Whether there is time for another step."""
        return self.progress < 1.0

    def batches(self, data: IterableDataset[Batch]) -> Iterator[Batch]:
        """Batches, read and augmented by `--workers` processes, for as long as there is time for another step."""
        on_gpu = self.device.type == "cuda"
        loader = DataLoader(data, None, num_workers=self.args.workers, pin_memory=on_gpu, prefetch_factor=4)
        batches = iter(loader)
        while self.going():
            yield next(batches)

    def autocast(self) -> torch.autocast:
        """bfloat16 where the device computes it faster."""
        return autocast(self.device)

    def step(self, loss: torch.Tensor, figures: dict[str, float]) -> None:
        """Back-propagates, updates, averages, prints one line, and saves now and then."""
        lr = (
            self.args.lr
            * min(1.0, (self.steps + 1) / WARM_UP_STEPS)
            * (0.01 + 0.99 * (1 + math.cos(math.pi * self.progress)) / 2)
        )
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), 10.0)
        self.optimizer.step()
        self.steps += 1
        self.trained_s = self.seconds_so_far
        self.update_average()
        shown = " ".join(f"{name} {value:.4f}" for name, value in figures.items())
        print(
            f"step {self.steps} {self.progress:6.1%} loss {loss.item():.4f} {shown} norm {norm.item():.2f} lr {lr:.2e}",
            flush=True,
        )
        if time.monotonic() - self.saved > CHECKPOINT_S or not self.going():
            self.save()

    def update_average(self) -> None:
        """Exponential moving average of the weights; short at first, for the first weights are random."""
        decay = min(AVERAGE_DECAY, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            torch._foreach_lerp_(floats(self.average), floats(self.model), 1 - decay)

    def save(self) -> None:
        """Writes the checkpoint."""
        self.saved = time.monotonic()
        note = {"steps": self.steps, "seconds": self.trained_s, "device": self.trained_on}
        checkpoint.save(self.path, self.model, self.average, self.optimizer, note)

    def export(self, draft: Draft, metrics: dict[str, float]) -> Path:
        """Writes the averaged weights and their manifest to `<out>/<name>/<version>/`, and returns that folder."""
        training: dict[str, Any] = {
            "commit": commit(),
            "data": "python -m training.synth",
            "initial_weights": self.start,
            "steps": self.steps,
            "batch": self.args.batch,
            "minutes": round(self.trained_s / 60, 1),
            "device": self.trained_on,
            "seed": self.args.seed,
        }
        manifest = Manifest(
            **asdict(draft),
            parameters=sum(p.numel() for p in self.average.parameters()),
            sha256=NOT_YET,
            training=training,
            metrics={f"synthetic_{name}": round(value, 4) for name, value in metrics.items()},
            licence="Apache-2.0",
        )
        folder: Path = self.args.out / manifest.name / manifest.version
        hub.save(folder, manifest, self.average.state_dict())
        print(json.dumps({"wrote": str(folder), **manifest.metrics}), flush=True)
        return folder


def begin(model: nn.Module, start: str | None) -> str | None:
    """Loads the weights of `--start`, a folder or a name, and returns their reference; None without it."""
    if start is None:
        return None
    manifest, weights = hub.load(start)
    model.load_state_dict(tensors(weights))
    return manifest.reference


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 where the device computes it faster: GPUs, and CPUs with AVX-512 BF16."""
    fast = device.type == "cuda" or "avx512_bf16" in Path("/proc/cpuinfo").read_text()
    return torch.autocast(device.type, torch.bfloat16, enabled=fast)


def floats(model: nn.Module) -> list[torch.Tensor]:
    """Floating-point state: parameters and running statistics of normalisations, not their counters."""
    return [value for value in model.state_dict().values() if value.is_floating_point()]


def commit() -> str:
    """The commit of the code that trains, with a plus when there are changes on top of it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--abbrev=40", "--dirty=+"], capture_output=True, text=True, check=False
    )
    return described.stdout.strip() or "unknown"
