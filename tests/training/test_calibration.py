import copy

import pytest
import torch

from stamp2vec.models import build
from training.detector.calibration import fold, platt


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
