import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from stamp2vec.detection.candidates import NUMBERS
from stamp2vec.models import ARCHITECTURES, build
from stamp2vec.models.layers import fold_norms
from stamp2vec.models.stamp_lite import StampLite
from stamp2vec.models.stamp_yolo import StampYolo
from stamp2vec.models.tvae import CLEAN_SIZE, Tvae
from stamp2vec.models.yolo_stamp import YoloStamp, decode
from stamp2vec.reading.alphabet import CLASSES
from training import imagenet

INPUT = {
    "yolo-stamp": 448,
    "stamp-yolo": 320,
    "stamp-unet": 256,
    "stamp-unet-lite": 256,
    "tvae": 128,
    "stamp-lite": 160,
    "stamp-pair": 128,
    "stamp-refine": 128,
    "stamp-print": 64,
    "stamp-text": 40,
}
OUTPUT = {
    "yolo-stamp": (56 * 56 + 28 * 28 + 14 * 14, NUMBERS),
    "stamp-yolo": (40 * 40 + 20 * 20 + 10 * 10, NUMBERS),
    "stamp-unet": (256, 256),
    "stamp-unet-lite": (256, 256),
    "tvae": (128,),
    "stamp-lite": (384,),
    "stamp-pair": (3, 32, 32),
    "stamp-refine": (NUMBERS,),
    "stamp-print": (64, 64),
    "stamp-text": (10, CLASSES),
}


def seeded(architecture: str) -> nn.Module:
    torch.manual_seed(0)
    return build(architecture, {}).eval()


def pictures(architecture: str, count: int) -> torch.Tensor:
    side = INPUT[architecture]
    size = (count, 2 * side if architecture == "stamp-pair" else side, side, 1 if architecture == "stamp-text" else 3)
    return torch.randint(0, 256, size, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_pictures_in_results_out(architecture: str) -> None:
    with torch.inference_mode():
        output = seeded(architecture)(pictures(architecture, 2))
    assert output.shape == (2, *OUTPUT[architecture])
    assert output.dtype == torch.float32
    assert output.isfinite().all()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_item_does_not_depend_on_its_batch(architecture: str) -> None:
    model, batch = seeded(architecture), pictures(architecture, 5)
    with torch.inference_mode():
        together = model(batch)
        alone = torch.cat([model(item[None]) for item in batch])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_folding_normalisations_changes_no_result(architecture: str) -> None:
    model, batch = seeded(architecture), pictures(architecture, 2)
    torch.manual_seed(1)
    for module in model.modules():  # as if trained: fresh normalisations do nothing
        if isinstance(module, nn.BatchNorm2d):
            for part in (module.weight, module.bias, module.running_mean, module.running_var):
                assert part is not None
                nn.init.uniform_(part, 0.5, 1.0)
    with torch.inference_mode():
        expected = model(batch)
        fold_norms(model)
        torch.testing.assert_close(model(batch), expected, rtol=1e-3, atol=1e-3)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_parameter_gets_a_gradient(architecture: str) -> None:
    model = seeded(architecture).train()
    batch = pictures(architecture, 2)
    if isinstance(model, Tvae):
        mean, logvar = model.posterior(batch)
        output = model.reconstruct(model.sample(mean, logvar))
        assert output.shape == (2, CLEAN_SIZE, CLEAN_SIZE)
    else:
        output = model(batch)
    output.pow(2).mean().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_the_fast_detector_is_small() -> None:
    assert sum(p.numel() for p in YoloStamp().parameters()) <= 150_000


def test_boxes_are_exact_where_all_else_is_bfloat16() -> None:
    raw = torch.full((1, 56 * 56, NUMBERS), 0.125, dtype=torch.bfloat16)
    last = decode(raw, torch.Size((56, 56)), 8)[0, -1]
    assert last.dtype == torch.float32
    half = 4 * math.exp(0.125)
    torch.testing.assert_close(last[:4], torch.tensor([445 - half, 445 - half, 445 + half, 445 + half]))


def test_the_accurate_detector_stays_within_its_size() -> None:
    assert sum(p.numel() for p in StampYolo().parameters()) <= 12_000_000


@pytest.mark.parametrize("architecture", ["tvae", "stamp-lite"])
def test_vectors_have_length_one(architecture: str) -> None:
    with torch.inference_mode():
        vectors = seeded(architecture)(pictures(architecture, 3))
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))


@pytest.mark.parametrize("network", [Tvae, StampLite])
def test_half_turn_vectors_are_invariant_to_a_rotation_by_180_degrees(network: type[Tvae | StampLite]) -> None:
    torch.manual_seed(0)
    model = network(half_turn=1).eval()
    batch = pictures("stamp-lite", 3)
    with torch.inference_mode():
        expected = F.normalize(model.one_look(batch) + model.one_look(batch.flip((1, 2))), dim=1)
        torch.testing.assert_close(model(batch), expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model(batch.flip((1, 2))), expected, rtol=1e-4, atol=1e-5)
        model.half_turn = 0
        torch.testing.assert_close(model(batch), model.one_look(batch))


def test_the_trunk_loads_all_imagenet_weights() -> None:
    trained = imagenet.weights()
    model = StampLite()
    imagenet.load(model.trunk, model.top)
    own = {imagenet.package_name(name): value for name, value in model.trunk.state_dict().items()}
    own |= {imagenet.package_name(f"top.{name}"): value for name, value in model.top.state_dict().items()}
    assert set(trained) - set(own) == {"_fc.weight", "_fc.bias"}
    for name, value in own.items():
        torch.testing.assert_close(value, trained[name])
