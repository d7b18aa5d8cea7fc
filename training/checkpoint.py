"""The state of a training run as one safetensors file: no pickle, in or out."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn


def save(
    path: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, note: dict[str, Any]
) -> None:
    """Writes weights, averaged weights, optimizer moments and a JSON note; atomically, for a run may end anywhere."""
    tensors: dict[str, Tensor] = {}
    for prefix, module in (("model", model), ("average", average)):
        tensors |= {f"{prefix}.{name}": value for name, value in module.state_dict().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file(
        {name: value.detach().cpu().contiguous() for name, value in tensors.items()},
        partial,
        {"note": json.dumps(note)},
    )
    os.replace(partial, path)


def load(path: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Restores what `save` wrote, in place, and returns the note."""
    states: dict[str, dict[str, Tensor]] = {"model": {}, "average": {}, "optimizer": {}}
    with safe_open(path, framework="pt") as file:
        note = json.loads(file.metadata()["note"])
        for key in file.keys():  # noqa: SIM118 - not a dict
            prefix, name = key.split(".", 1)
            states[prefix][name] = file.get_tensor(key)
    model.load_state_dict(states["model"])
    average.load_state_dict(states["average"])
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in states["optimizer"].items():
        index, name = key.split(".", 1)
        moments.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    return note  # type: ignore[no-any-return]
