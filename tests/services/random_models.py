"""Models with random weights: made at once, and as fast as trained ones."""

from pathlib import Path

import torch

from stamp2vec import hub
from stamp2vec.hub.manifest import Manifest
from stamp2vec.models import build
from stamp2vec.values import Preset, Task


def save_model(folder: Path, name: str, task: Task, size: int, vector_size: int = 0) -> str:
    """Saves it below a folder, in the fast preset, and returns the reference; `size` is the width of its input."""
    torch.manual_seed(0)
    model = build(name, {})
    manifest = Manifest(
        name=name,
        version="0.0.1",
        task=task,
        architecture=name,
        config={},
        presets=(Preset.FAST,),
        input_height=2 * size if task is Task.VERIFY else size,
        input_width=size,
        threshold=0.3 if task is Task.DETECT else 0.0,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        sha256="0" * 64,
        vector_size=vector_size,
        training={},
        metrics={},
        licence="Apache-2.0",
    )
    state = model.state_dict()
    for key in state:
        if key.endswith("to_score.bias"):
            state[key].zero_()  # initial weights predict few stamps; random ones must find some,
        elif key.endswith("to_score.weight"):
            state[key].mul_(3000)  # with distinct scores, as rounding would reorder equal ones
    hub.save(folder / name, manifest, state)
    return str(folder / name)
