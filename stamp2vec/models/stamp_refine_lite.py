"""stamp-refine-lite: stamp-refine on the trunk of the accurate detector, up to stride 16."""

from torch import Tensor, nn
from torch.nn import functional as F

from stamp2vec.models.efficientnet_lite import AT_16, CHANNELS, EfficientNetLite
from stamp2vec.models.layers import to_nchw
from stamp2vec.models.stamp_refine import Heads, Raw, answer


class StampRefineLite(nn.Module):
    """uint8 (N, 128, 128, 3), windows around candidates -> (N, 13) float: see `stamp_refine.answer`."""

    def __init__(self) -> None:
        super().__init__()
        whole = EfficientNetLite()
        self.stem, self.blocks = whole.stem, whole.blocks[: AT_16 + 1]
        self.heads = Heads(CHANNELS[1], 8, 8)

    def raw(self, windows: Tensor) -> Raw:
        """See Raw."""
        return self.heads(self.blocks(F.relu6(self.stem(to_nchw(windows)))))  # type: ignore[no-any-return]

    def forward(self, windows: Tensor) -> Tensor:
        """See `stamp_refine.answer`."""
        return answer(self.raw(windows), windows.shape[1])
