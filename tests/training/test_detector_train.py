import pytest
import torch

from stamp2vec.models.stamp_yolo import StampYolo
from stamp2vec.models.yolo_stamp import YoloStamp
from training.detector.loss import Stamps, detection_loss
from training.detector.train import ask, hold_trunk


def test_a_held_trunk_stays_and_the_rest_learns() -> None:
    model = StampYolo().train()
    hold_trunk(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    box = torch.tensor([[[8.0, 8.0, 40.0, 30.0]]])
    truth = Stamps(box, torch.tensor([[[1.0, 0.0]]]), torch.zeros(1, 1, dtype=torch.long), torch.ones(1, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    detection_loss(ask(model, torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8)), truth)[0].backward()
    optimizer.step()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert not any(name.startswith("trunk.") for name in changed)
    assert any(name.startswith("heads.") for name in changed)
    assert any(name.startswith("up3.") for name in changed)


def test_only_a_model_with_a_trunk_can_hold_it() -> None:
    with pytest.raises(ValueError, match="yolo-stamp has no trunk"):
        hold_trunk(YoloStamp())
