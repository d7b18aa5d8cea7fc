"""PyTorch, eager: the reference engine, and that of GPUs."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from stamp2vec.detection.candidates import rank
from stamp2vec.errors import WeightsError
from stamp2vec.hub.manifest import Manifest
from stamp2vec.models import build
from stamp2vec.models.grids import BOX, ROTATION, SCORE, TYPE
from stamp2vec.models.layers import fold_norms
from stamp2vec.models.stamp_pair import AGREES, CONTRADICTS
from stamp2vec.values import Task

State = Mapping[str, "Tensor | np.ndarray"]


class TorchEngine:
    """A network with its weights on a device."""

    def __init__(self, manifest: Manifest, state: State, device: str = "cpu", network: nn.Module | None = None) -> None:
        """`network` is by default the architecture that the manifest names.

        WeightsError when the weights do not fit the architecture.
        """
        self.manifest = manifest
        self._device = torch.device(device)
        fresh = build(manifest.architecture, manifest.config) if network is None else network
        self._network = _ready(fresh, manifest, state).to(self._device)
        self._outputs = OUTPUTS[manifest.task]

    def infer(self, batch: np.ndarray) -> list[np.ndarray]:
        """See Infer."""
        with torch.inference_mode():
            return self._outputs(self._network(torch.from_numpy(batch).to(self._device)))


def tensors(state: State) -> dict[str, Tensor]:
    """What `load_state_dict` takes."""
    return {
        name: torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value
        for name, value in state.items()
    }


def tensor(array: np.ndarray) -> Tensor:
    """A copy on the CPU, for callers that return tensors and do not import torch."""
    return torch.tensor(array)


def candidates(output: Tensor) -> list[np.ndarray]:
    """(N, A, 13) as in `grids` -> the candidates of an item, float32 (K, 7) as in `detection.candidates`, K <= 3000.

    Overlapping ones are not left out: each caller decides how far stamps may overlap.
    """
    cosine, sine = output[..., ROTATION].unbind(-1)
    degrees = torch.rad2deg(torch.atan2(sine, cosine))
    degrees = degrees.masked_fill(degrees <= -180, 180)  # upside down has one name
    kind = output[..., TYPE].argmax(-1)
    score = output[..., SCORE].sigmoid()
    rows = torch.cat([output[..., BOX], torch.stack([score, degrees, kind], -1)], -1).float().cpu().numpy()
    return list(map(rank, rows))


def refinements(output: Tensor) -> list[np.ndarray]:
    """(N, 13) as in `grids`, of one cell -> float32 (8,) an item, as in `detection.refinement`."""
    cosine, sine = output[:, ROTATION].unbind(-1)
    degrees = torch.rad2deg(torch.atan2(sine, cosine))
    degrees = degrees.masked_fill(degrees <= -180, 180)
    probable, kind = torch.hypot(cosine, sine), output[:, TYPE].argmax(-1)
    return list(torch.column_stack([output[:, :5], degrees, probable, kind]).float().cpu().numpy())


def masks(output: Tensor) -> list[np.ndarray]:
    """(N, h, w) logits -> uint8 (h, w) an item."""
    return list((output.sigmoid() * 255.0).round().byte().cpu().numpy())


def vectors(output: Tensor) -> list[np.ndarray]:
    """(N, D) unit vectors -> float32 (D,) an item."""
    return list(output.float().cpu().numpy())


def places(output: Tensor) -> list[np.ndarray]:
    """(N, 3, h, w) logits -> uint8 (h, w, 2) an item: how surely each place agrees, and how surely it contradicts."""
    chance = output.float().softmax(1)[:, [AGREES, CONTRADICTS]].permute(0, 2, 3, 1)
    return list((chance * 255.0).round().byte().cpu().numpy())


def logits(output: Tensor) -> list[np.ndarray]:
    """(N, 6) -> float32 (6,) an item."""
    return list(output.float().cpu().numpy())


OUTPUTS: Mapping[Task, Callable[[Tensor], list[np.ndarray]]] = {
    Task.DETECT: candidates,
    Task.SEGMENT: masks,
    Task.EMBED: vectors,
    Task.VERIFY: places,
    Task.READ: logits,
    Task.REFINE: refinements,
}


def _ready(network: nn.Module, manifest: Manifest, state: State) -> nn.Module:
    try:
        network.load_state_dict(tensors(state))
    except RuntimeError as error:
        raise WeightsError(f"the weights of {manifest.name} do not fit {manifest.architecture}: {error}") from error
    fold_norms(network.eval())
    return network.to(memory_format=torch.channels_last)  # type: ignore[no-any-return, call-overload]
