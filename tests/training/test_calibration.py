import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stamp2vec.manifest import Preset, Task
from stamp2vec.models import build
from stamp2vec.pipelines import YoloStampPipeline
from tests.library.conftest import manifest
from training.detector.calibration import fold, platt
from training.detector.pages import RenderedPage
from training.detector.train import look, stamps_of


def test_platt_finds_the_line_that_made_the_labels() -> None:
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(40_000, generator=random) * 2 - 1
    true = torch.rand(40_000, generator=random) < (1.7 * logits + 0.8).sigmoid()
    scale, shift = platt(logits, true)
    assert scale == pytest.approx(1.7, abs=0.06)
    assert shift == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("architecture", ["yolo-stamp", "stamp-yolo"])
def test_a_folded_calibration_moves_the_logits_and_nothing_else(architecture: str) -> None:
    torch.manual_seed(0)
    model = build(architecture, {}).eval()
    calibrated = copy.deepcopy(model)
    fold(calibrated, 1.5, -0.25)
    pages = torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8)
    with torch.inference_mode():
        before, after = model(pages), calibrated(pages)
    torch.testing.assert_close(after[..., :4], before[..., :4])
    torch.testing.assert_close(after[..., 5:], before[..., 5:])
    torch.testing.assert_close(after[..., 4], before[..., 4] * 1.5 - 0.25)


def test_what_is_calibrated_is_what_is_served(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build("stamp-yolo", {"width": 4}).eval()
    for name, layer in model.named_modules():
        if name.endswith("to_score"):
            torch.nn.init.normal_(layer.get_parameter("weight"), std=3.0)
            torch.nn.init.constant_(layer.get_parameter("bias"), -1.0)
    pixels = np.random.default_rng(0).integers(0, 256, (15, 11, 3), np.uint8)
    Image.fromarray(pixels).resize((440, 600), Image.Resampling.NEAREST).save(tmp_path / "page.png")
    page = RenderedPage(tmp_path / "page.png", np.zeros((0, 8), np.float32), None)
    (looks,) = look(model, [page], 320, torch.device("cpu"), tiled=True)
    assert len(looks) == 3
    fitted = stamps_of(looks, 1.5, -0.25)
    fold(model, 1.5, -0.25)
    described = replace(manifest("stamp-yolo", Task.DETECT, {"width": 4}, 320, 0), presets=(Preset.ACCURATE,))
    served = YoloStampPipeline(described, model.state_dict())(page.path, min_score=0.0)
    np.testing.assert_allclose(fitted[:20], [[*each.box, each.score] for each in served[:20]], atol=0.01)
    assert not np.allclose(stamps_of(looks)[:20, 4], fitted[:20, 4], atol=0.01)
