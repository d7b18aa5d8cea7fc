"""The pair network: two stamps in one picture to what each place of them says."""

import numpy as np
import pytest
import torch
from torch import nn

from stamp2vec.comparison.evidence import AGREES, CONTRADICTS
from stamp2vec.engines.outputs import places
from stamp2vec.models import build, stamp_pair
from stamp2vec.models.stamp_pair import StampPair
from tests.library.pairs import WIDTH, compare_densities

SIDE = 96


def trained(seed: int = 0) -> StampPair:
    """Random weights, and normalisations as if it had been trained."""
    torch.manual_seed(seed)
    network = StampPair().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for part in (module.weight, module.bias, module.running_mean, module.running_var):
                assert part is not None
                nn.init.uniform_(part, 0.5, 1.0)
    return network


def pairs(count: int, side: int = SIDE) -> torch.Tensor:
    return torch.randint(
        0, 256, (count, 2 * side, side, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(2)
    )


def exchanged(batch: torch.Tensor) -> torch.Tensor:
    first, second = batch.chunk(2, 1)
    return torch.cat([second, first], 1)


@pytest.mark.parametrize("seed", range(3))
def test_it_does_not_matter_which_stamp_is_above(seed: int) -> None:
    network, batch = trained(seed), pairs(2)
    with torch.inference_mode():
        found, other = network(batch), network(exchanged(batch))
    assert found.std() > 1e-3, "it says something"
    torch.testing.assert_close(found, other, rtol=1e-4, atol=1e-4)
    for one, two in zip(places(found.numpy()), places(other.numpy()), strict=True):
        np.testing.assert_allclose(one.astype(int), two.astype(int), atol=1)


@pytest.mark.parametrize("side", [32, 96, 384])
def test_a_place_is_four_by_four_pixels(side: int) -> None:
    with torch.inference_mode():
        assert trained()(pairs(1, side)).shape == (1, 3, side // stamp_pair.PLACE_PX, side // stamp_pair.PLACE_PX)


def test_what_differs_in_one_place_is_said_there() -> None:
    """The network of the tests, whose weights are set by hand."""
    network = build("stamp-pair", {"width": WIDTH}).eval()
    compare_densities(network)
    batch = torch.zeros((1, 2 * SIDE, SIDE, 3), dtype=torch.uint8)
    batch[:, 8:40, 8:40] = batch[:, SIDE + 8 : SIDE + 40, 8:40] = 255
    batch[:, 56:88, 56:88] = 255
    with torch.inference_mode():
        (said,) = places(network(batch).numpy())
    agrees, contradicts = said[..., AGREES], said[..., CONTRADICTS]
    assert agrees[4:8, 4:8].min() > 200
    assert contradicts[4:8, 4:8].max() < 50
    assert contradicts[16:20, 16:20].min() > 200
    assert max(agrees[4:8, 16:20].max(), contradicts[4:8, 16:20].max()) < 50, "paper says nothing"


def test_places_are_the_shares_of_two_of_three_answers() -> None:
    logits = torch.zeros((2, 3, 4, 5))
    logits[0, stamp_pair.AGREES] = 100.0
    logits[1, stamp_pair.CONTRADICTS, 2, 3] = 100.0
    first, second = places(logits.numpy())
    assert first.shape == second.shape == (4, 5, 2)
    assert first.dtype == np.uint8
    assert (first[..., AGREES] == 255).all()
    assert not first[..., CONTRADICTS].any()
    assert second[2, 3].tolist() == [0, 255]
    assert second[0, 0].tolist() == [85, 85], "a third each"
