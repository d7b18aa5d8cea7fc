import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from stamp2vec import hub
from stamp2vec.engines.torch import TorchEngine, tensors
from stamp2vec.models import build
from stamp2vec.pipelines import DetectionPipeline
from stamp2vec.values import Views
from training.detector.calibration import fold, platt
from training.detector.pages import RenderedPage
from training.detector.train import predict, served

SAMPLE = Path(__file__).parents[2] / "docs/sample/page.jpg"


def test_platt_recovers_scale_and_shift() -> None:
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(40_000, generator=random) * 2 - 1
    true = torch.rand(40_000, generator=random) < (1.7 * logits + 0.8).sigmoid()
    scale, shift = platt(logits, true)
    assert scale == pytest.approx(1.7, abs=0.06)
    assert shift == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("architecture", ["yolo-stamp", "stamp-yolo"])
def test_a_folded_calibration_changes_only_the_logits(architecture: str) -> None:
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


def test_calibrated_scores_equal_those_in_service() -> None:
    manifest, weights = hub.load("stamp-yolo")
    model = build("stamp-yolo", {}).eval()
    model.load_state_dict(tensors(weights))
    page = RenderedPage(SAMPLE, np.zeros((0, 8), np.float32), None)
    (found,) = predict(model, [page], 640, torch.device("cpu"), Views.WHOLE_AND_TILES)
    assert len(found) == 3
    fitted = served(found, 1.5, -0.25)
    fold(model, 1.5, -0.25)
    expected = DetectionPipeline(TorchEngine(manifest, model.state_dict()))(SAMPLE, min_score=0.1)
    assert len(expected) >= 4
    np.testing.assert_allclose(fitted[: len(expected)], [[*each.box, each.score] for each in expected], atol=0.01)
    assert not np.allclose(served(found)[: len(expected), 4], fitted[: len(expected), 4], atol=1e-4)
