"""PyTorch, eager: the reference engine, and that of GPUs."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from stamp2vec.engines.outputs import OUTPUTS
from stamp2vec.errors import WeightsError
from stamp2vec.hub.manifest import Manifest
from stamp2vec.models import build
from stamp2vec.models.layers import fold_norms

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
            output = self._network(torch.from_numpy(batch).to(self._device))
        return self._outputs(output.float().cpu().numpy())


def tensors(state: State) -> dict[str, Tensor]:
    """What `load_state_dict` takes."""
    return {
        name: torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value
        for name, value in state.items()
    }


def tensor(array: np.ndarray) -> Tensor:
    """A copy on the CPU, for callers that return tensors and do not import torch."""
    return torch.tensor(array)


def _ready(network: nn.Module, manifest: Manifest, state: State) -> nn.Module:
    try:
        network.load_state_dict(tensors(state))
    except RuntimeError as error:
        raise WeightsError(f"the weights of {manifest.name} do not fit {manifest.architecture}: {error}") from error
    fold_norms(network.eval())
    return network.to(memory_format=torch.channels_last)  # type: ignore[no-any-return, call-overload]
