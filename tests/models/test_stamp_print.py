"""The network that tells print from ink: in numpy as in PyTorch, and of any size."""

import numpy as np
import pytest
import torch

from stamp2vec import hub
from stamp2vec.ink.printed import PrintNetwork, print_planes, share_of_print
from stamp2vec.models import build


def crossed(scale: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Densities of a grey ring over darker lines of strokes, the ring's mask, and where strokes are."""
    side = 320 * scale
    y, x = np.mgrid[0:side, 0:side] / scale - 160
    ring = abs(np.hypot(x, y) - 100) < 7
    strokes = (abs(y % 40 - 20) < 9) & (x % 14 < 3)
    level = np.where(strokes, 2.2, np.where(ring, 0.9, 0.0)).astype(np.float32)
    return level, ring.astype(np.float32), strokes


@pytest.mark.parametrize("size", [(64, 96), (61, 33), (7, 200)])
def test_it_computes_what_pytorch_does(size: tuple[int, int]) -> None:
    manifest, state = hub.load("stamp-print")
    planes = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    network = build(manifest.architecture, manifest.config).eval()
    network.load_state_dict({name: torch.from_numpy(values.copy()) for name, values in state.items()})
    padded = np.pad(planes, ((0, -size[0] % 32), (0, -size[1] % 32), (0, 0)))
    with torch.inference_mode():
        expected = network(torch.from_numpy(padded)[None]).sigmoid()[0, : size[0], : size[1]].numpy()
    np.testing.assert_allclose(PrintNetwork(state)(planes), expected, atol=1e-5)


@pytest.mark.parametrize("scale", [1, 5])
def test_strokes_are_print_and_the_ring_is_not(scale: int) -> None:
    level, ring, strokes = crossed(scale)
    share = share_of_print(level, ring)
    assert share.shape == level.shape
    assert share.dtype == np.float32
    under, alone = (ring > 0) & strokes, (ring > 0) & ~strokes
    assert float(share[under].mean()) > 0.7
    assert float(share[alone].mean()) < 0.3


def test_planes_show_how_dark_the_ink_is() -> None:
    level, ring, _ = crossed()
    planes = print_planes(level, ring)
    assert planes.shape == (*level.shape, 3)
    assert (planes[..., 1] == 255 * ring).all()
    np.testing.assert_allclose(np.median(planes[ring > 0], 0)[2], 255 / 3, atol=1)


def test_a_mask_without_ink_is_no_error() -> None:
    share = share_of_print(np.zeros((40, 50), np.float32), np.zeros((40, 50), np.float32))
    assert share.shape == (40, 50)
    assert np.isfinite(share).all()
