"""A set of small models with random weights: what they find means nothing, how it is handed on is what is tested.

The pair network alone makes sense: see `pairs`.
"""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from stamp2vec import hub
from stamp2vec.calibration import Verification
from stamp2vec.hub.manifest import Manifest
from stamp2vec.models import build
from stamp2vec.values import Preset, Task
from tests.library.pairs import CALIBRATION, WIDTH, compare_densities

MODELS = (
    ("yolo-stamp", Task.DETECT, {"width": 8}, 448, 0),
    ("stamp-unet", Task.SEGMENT, {"width": 8}, 256, 0),
    ("tvae", Task.EMBED, {"width": 8, "vector_size": 16}, 128, 16),
    ("stamp-pair", Task.VERIFY, {"width": WIDTH}, 384, 0),
)

SHARP = Verification(((0.99, 0.02), (0.999, 0.98)), 0.5, 0.2, {"0.01": 0.999})
"""What the embedder's similarities mean, where dies are to be found: random weights make vectors that are all alike."""


def manifest(name: str, task: Task, config: dict[str, int], side: int, vector_size: int) -> Manifest:
    return Manifest(
        name=name,
        version="0.0.1",
        task=task,
        architecture=name,
        config=config,
        presets=(Preset.FAST,),
        input_height=2 * side if task == Task.VERIFY else side,
        input_width=side,
        threshold=0.7 if task == Task.DETECT else 0.0,
        parameters=0,
        sha256="0" * 64,
        vector_size=vector_size,
        training={},
        metrics={},
        licence="Apache-2.0",
        pair_calibration=CALIBRATION if task == Task.VERIFY else None,
    )


def network(name: str, task: Task, config: dict[str, int]) -> nn.Module:
    """One of the models, with weights that make something of a picture."""
    if task == Task.VERIFY:
        with torch.random.fork_rng(devices=[]):  # it takes no random numbers from the others
            model = build(name, config).eval()
        compare_densities(model)
        return model
    model = build(name, config).eval()
    if task == Task.DETECT:
        sharpen(model)
    return model


def sharpen(detector: nn.Module) -> None:
    """Make fresh weights find something: scores that differ from cell to cell, boxes of about four strides.

    The finest grid has three of four cells and stays silent, and scores lean low: some stamps a page, not hundreds.
    """
    with torch.no_grad():
        for name, weight in detector.named_parameters():
            if name.startswith("heads.0.to_score."):
                weight.fill_(-100.0 if name.endswith("bias") else 0.0)
            elif name.endswith("to_score.weight"):
                weight.mul_(10_000)
            elif name.endswith("to_score.bias"):
                weight.fill_(-3)
            elif name.endswith("to_box.bias"):
                weight[2:] = math.log(4)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the layout of weights/."""
    root = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for name, task, config, side, vector_size in MODELS:
        described = manifest(name, task, config, side, vector_size)
        hub.save(root / name / "0.0.1", described, network(name, task, config).state_dict())
    eraser = hub.find("stamp-print")
    shutil.copytree(eraser, root / "stamp-print" / eraser.name)
    return root


@pytest.fixture
def bundle(weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """These models in the place of the bundled ones."""
    monkeypatch.setattr(hub.weights, "BUNDLED", (weights,))
    return weights


def page_image(seed: int, width: int = 620, height: int = 877) -> Image.Image:
    """A page with marks in many places, so that random weights do not answer everywhere the same."""
    rng = np.random.default_rng(seed)
    page = np.full((height, width, 3), 250, np.uint8)
    for _ in range(40):
        y, x = rng.integers(0, height), rng.integers(0, width)
        page[y : y + rng.integers(4, 60), x : x + rng.integers(4, 60)] = rng.integers(0, 255, 3)
    return Image.fromarray(page)
