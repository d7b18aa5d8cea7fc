"""One architecture a file; `build` makes the one that a manifest names."""

from collections.abc import Callable, Mapping

from torch import nn

from stamp2vec.errors import WeightsError
from stamp2vec.models.stamp_lite import StampLite
from stamp2vec.models.stamp_pair import StampPair
from stamp2vec.models.stamp_print import StampPrint
from stamp2vec.models.stamp_refine import StampRefine
from stamp2vec.models.stamp_text import StampText
from stamp2vec.models.stamp_unet import StampUnet
from stamp2vec.models.stamp_unet_lite import StampUnetLite
from stamp2vec.models.stamp_yolo import StampYolo
from stamp2vec.models.tvae import Tvae
from stamp2vec.models.yolo_stamp import YoloStamp

ARCHITECTURES: Mapping[str, Callable[..., nn.Module]] = {
    "yolo-stamp": YoloStamp,
    "stamp-yolo": StampYolo,
    "stamp-unet": StampUnet,
    "stamp-unet-lite": StampUnetLite,
    "tvae": Tvae,
    "stamp-lite": StampLite,
    "stamp-pair": StampPair,
    "stamp-refine": StampRefine,
    "stamp-print": StampPrint,
    "stamp-text": StampText,
}


def build(architecture: str, config: Mapping[str, int]) -> nn.Module:
    """A model with fresh weights. WeightsError when the architecture or one of its options is unknown."""
    if architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise WeightsError(f"unknown architecture {architecture!r}: this version of stamp2vec knows {known}")
    try:
        return ARCHITECTURES[architecture](**config)
    except TypeError as error:
        raise WeightsError(f"{architecture} does not take the options {dict(config)}: {error}") from error
