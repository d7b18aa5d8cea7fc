"""stamp-script: what a line of text is written in, and whether it stands on its head."""

import torch
from torch import Tensor, nn

from stamp2vec.models.layers import ConvBnRelu, standardise


class StampScript(nn.Module):
    """uint8 (N, 32, W, 3), a line of dark text on light paper -> (N, 6) float logits: of each of `texts.Writing`, and
    of `this stands on its head`.

    Columns are looked at by themselves and vote, each as much as it has to say: a line may have any width, and paper
    beside it changes nothing.
    """

    def __init__(self, width: int = 24) -> None:
        """`width` is the number of channels at half resolution."""
        super().__init__()
        self.columns = nn.Sequential(
            ConvBnRelu(3, width, stride=2),  # (N, width, 16, W / 2)
            ConvBnRelu(width, width),
            ConvBnRelu(width, width * 2, stride=2),  # (N, 2 width, 8, W / 4)
            ConvBnRelu(width * 2, width * 2),
            ConvBnRelu(width * 2, width * 3, stride=2),  # (N, 3 width, 4, W / 8)
            ConvBnRelu(width * 3, width * 3),
        )
        self.whole_height = nn.Conv2d(width * 3, width * 4, (4, 3), padding=(0, 1))  # (N, 4 width, 1, W / 8)
        self.votes = nn.Conv2d(width * 4, 7, 1)

    def forward(self, lines: Tensor) -> Tensor:
        """The mean of the columns' votes, weighted by the seventh of each."""
        columns = self.columns(standardise(lines))
        votes = self.votes(torch.relu(self.whole_height(columns))).squeeze(2)  # (N, 7, W / 8)
        weights = votes[:, 6:].softmax(2)
        return (votes[:, :6] * weights).sum(2)  # type: ignore[no-any-return]
