import pytest
import torch
from torch import nn

from stamp2vec.errors import WeightsError
from stamp2vec.models import ARCHITECTURES, build
from stamp2vec.models.grids import NUMBERS, cell_centres
from stamp2vec.models.stamp_lite import StampLite, imagenet_name
from stamp2vec.models.stamp_yolo import BINS, StampYolo, boxes
from stamp2vec.models.tvae import CLEAN_SIZE, Tvae
from stamp2vec.models.yolo_stamp import YoloStamp, decode
from training.embedder import imagenet

INPUT = {"yolo-stamp": 448, "stamp-yolo": 320, "stamp-unet": 256, "tvae": 128, "stamp-lite": 160}
OUTPUT = {
    "yolo-stamp": (28 * 28 + 14 * 14, NUMBERS),
    "stamp-yolo": (40 * 40 + 20 * 20 + 10 * 10, NUMBERS),
    "stamp-unet": (256, 256),
    "tvae": (128,),
    "stamp-lite": (384,),
}


def seeded(architecture: str) -> nn.Module:
    torch.manual_seed(0)
    return build(architecture, {}).eval()


def pictures(architecture: str, count: int) -> torch.Tensor:
    side = INPUT[architecture]
    return torch.randint(0, 256, (count, side, side, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


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
def test_every_parameter_learns(architecture: str) -> None:
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


def test_the_light_detector_is_light() -> None:
    assert sum(p.numel() for p in YoloStamp().parameters()) <= 150_000


def test_the_heavy_detector_is_not_too_heavy() -> None:
    assert sum(p.numel() for p in StampYolo().parameters()) <= 12_000_000


@pytest.mark.parametrize("architecture", ["tvae", "stamp-lite"])
def test_vectors_have_length_one(architecture: str) -> None:
    with torch.inference_mode():
        vectors = seeded(architecture)(pictures(architecture, 3))
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))


def test_the_trunk_takes_all_that_imagenet_taught() -> None:
    trained = imagenet.weights()
    model = StampLite()
    model.load_imagenet(trained)
    state = model.state_dict()
    taken = {imagenet_name(name): name for name in state if not name.startswith(("fine.", "vector."))}
    assert set(trained) - set(taken) == {"_fc.weight", "_fc.bias"}
    for name, own in taken.items():
        torch.testing.assert_close(state[own], trained[name])


def test_a_draw_spreads_by_the_square_root_of_the_variance() -> None:
    torch.manual_seed(0)
    variance = 4.0
    draws = Tvae().sample(torch.zeros(20_000, 1), torch.full((20_000, 1), variance).log())
    assert draws.std().item() == pytest.approx(variance**0.5, rel=0.05)


def test_a_grid_is_read_row_by_row() -> None:
    assert cell_centres(torch.Size([2, 3]), 16).tolist() == [[8, 8], [24, 8], [40, 8], [8, 24], [24, 24], [40, 24]]


def test_boxes_are_decoded_in_strides() -> None:
    raw = torch.tensor([[[0.0, 0.0, 0.0, 0.0, 7.0], [0.5, -0.5, 1.0, 0.0, -7.0]]])
    e = torch.tensor(1.0).exp().item()
    expected = torch.tensor([[[0.0, 0, 16, 16, 7], [32 - 8 * e, -8, 32 + 8 * e, 8, -7]]])
    torch.testing.assert_close(decode(raw, torch.Size([1, 2]), 16), expected)


def test_a_box_reaches_as_far_as_the_means_of_its_sides_say() -> None:
    sides = torch.full((1, 1, 4, BINS), -30.0)
    for side, step in enumerate((1, 2, 3, 4)):
        sides[0, 0, side, step] = 30.0
    box = boxes(sides, torch.tensor([[100.0, 50.0]]), torch.tensor([[8.0]]))
    torch.testing.assert_close(box[0], torch.tensor([[100.0 - 8, 50 - 16, 100 + 24, 50 + 32]]))


@pytest.mark.parametrize(
    ("architecture", "config", "told"), [("yolo-99", {}, "yolo-stamp"), ("tvae", {"wings": 2}, "wings")]
)
def test_what_cannot_be_built_says_why(architecture: str, config: dict[str, int], told: str) -> None:
    with pytest.raises(WeightsError, match=told):
        build(architecture, config)
